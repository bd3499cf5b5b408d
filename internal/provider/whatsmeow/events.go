package whatsmeow

import (
	"context"
	"runtime/debug"

	"go.mau.fi/whatsmeow/types/events"
)

// handle is where everything comes in that the library has to tell. The result
// says whether the network may be told that we have it; it matters for messages
// and receipts only. It must be short: the library hands a number's next stanza
// over when this one is done.
func (l *line) handle(evt any) (stored bool) {
	defer func() {
		if r := recover(); r != nil {
			l.s.log.Error("event handler panicked", "event", nameOfEvent(evt), "stack", string(debug.Stack()))
			stored = false
		}
	}()
	if l.s.ctx.Err() != nil {
		return false
	}
	if l.pairing != nil && !l.pairing.over() && l.duringPairing(evt) {
		return true
	}
	return l.follow(l.s.ctx, evt)
}

// follow names every event of the library, also those that mean nothing to us:
// a test compares the list with the library's own.
func (l *line) follow(ctx context.Context, evt any) (stored bool) {
	switch e := evt.(type) {
	// What people do. The answer decides whether WhatsApp repeats it.
	case *events.Message:
		return l.onMessage(ctx, e)
	case *events.Receipt:
		return l.onReceipt(ctx, e)
	case *events.UndecryptableMessage:
		l.onUndecryptable(ctx, e)

	// What becomes known of people.
	case *events.PushName:
		l.onContact(ctx, e.JID, e.JIDAlt, e.NewPushName, "")
	case *events.BusinessName:
		l.onContact(ctx, e.JID, noJID, e.NewBusinessName, "")
	case *events.Contact:
		l.onContact(ctx, e.JID, noJID, "", e.Action.GetFullName())
	case *events.IdentityChange:
		l.onIdentityChange(ctx, e)
	case *events.PushNameSetting:
		l.onOwnName(ctx, e.Action.GetName())

	// The state of the line and of the number.
	case *events.Connected:
		l.onConnected(ctx)
	case *events.OfflineSyncCompleted:
		l.onCaughtUp(e.Count)
	case *events.Disconnected, *events.KeepAliveTimeout, *events.KeepAliveRestored, *events.StreamReplaced,
		*events.StreamError, *events.LoggedOut, *events.TemporaryBan, *events.ClientOutdated, *events.ConnectFailure,
		*events.CATRefreshError, *events.NotifyAccountReachoutTimelock:
		l.onSignal(evt)

	// Pairing: the attempt under way hears these; outside of one they are late.
	case *events.QR, *events.PairSuccess, *events.PairError, *events.PairPasskeyRequest, *events.PairPasskeyError,
		*events.PairPasskeyConfirmation, *events.QRScannedWithoutMultidevice:

	// The restart that follows a pairing is ours to make (pair.go). At any
	// other time the end of the line follows by itself.
	case *events.ManualLoginReconnect:
		if l.pairing != nil { // the attempt has succeeded and waits for this
			l.pairing.hear(evt)
		}

	// Only the end of catching up matters.
	case *events.OfflineSyncPreview:

	// Not read yet: history, groups, profiles, presence, settings, calls,
	// channels, Messenger.
	case *events.HistorySync:
	case *events.FBMessage:
	case *events.ChatPresence, *events.Presence:
	case *events.JoinedGroup, *events.GroupInfo:
	case *events.Picture, *events.UserAbout:
	case *events.PrivacySettings, *events.Blocklist:
	case *events.MediaRetry:
	case *events.NewsletterJoin, *events.NewsletterLeave, *events.NewsletterMuteChange, *events.NewsletterLiveUpdate:
	case *events.CallOffer, *events.CallAccept, *events.CallPreAccept, *events.CallTransport, *events.CallOfferNotice,
		*events.CallRelayLatency, *events.CallTerminate, *events.CallReject, *events.UnknownCallEvent:

	// Not read yet: what the phone's owner does with chats.
	case *events.Pin, *events.Star, *events.DeleteForMe, *events.Mute, *events.Archive, *events.MarkChatAsRead,
		*events.ClearChat, *events.DeleteChat, *events.UnarchiveChatsSetting, *events.UserStatusMute,
		*events.LabelEdit, *events.LabelAssociationChat, *events.LabelAssociationMessage,
		*events.AppState, *events.AppStateSyncComplete, *events.AppStateSyncError:

	default:
		l.s.log.Warn("unknown event of the library", "event", nameOfEvent(evt))
	}
	return true
}

// duringPairing hands an attempt what concerns it and reports whether that was
// all there is to do with the event.
func (l *line) duringPairing(evt any) bool {
	switch evt.(type) {
	case *events.QR, *events.PairSuccess, *events.PairError, *events.PairPasskeyRequest, *events.PairPasskeyError,
		*events.PairPasskeyConfirmation, *events.QRScannedWithoutMultidevice, *events.ManualLoginReconnect,
		*events.Disconnected:
		l.pairing.hear(evt)
		return true
	case *events.ClientOutdated:
		l.onSignal(evt) // concerns every number, not just this attempt
		l.pairing.hear(evt)
		return true
	case *events.ConnectFailure, *events.LoggedOut, *events.TemporaryBan, *events.StreamError, *events.StreamReplaced:
		l.pairing.hear(evt)
		return true
	}
	return false
}
