package whatsmeow

import (
	"context"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

var noJID = types.EmptyJID

// onMessage passes on an inbound message, or a copy of what the own phone sent.
func (l *line) onMessage(ctx context.Context, e *events.Message) bool {
	if !readable(e.Info) {
		return true
	}
	d, ok := decode(e.RawMessage)
	if !ok {
		return true
	}
	from, group := l.whence(ctx, e.Info.MessageSource)
	if from == (provider.Peer{}) && group == "" {
		return true
	}
	at := cleanTime(e.Info.Timestamp, time.Now())
	return l.s.give(provider.Received{
		WireID: e.Info.ID, From: from, Group: group, FromMe: e.Info.IsFromMe,
		PushName: nameIn(e.Info), At: at, Offline: l.waited(at),
		Content: d.content, Type: d.kind, QuotedID: d.quotedID, Mentions: l.phones(ctx, d.mentions),
	})
}

// readable sorts out what is no conversation: status posts, channels, and what
// the own phone sends to keep its devices in step.
func readable(info types.MessageInfo) bool {
	switch info.Chat.Server {
	case types.NewsletterServer, types.MessengerServer, types.InteropServer:
		return false
	case types.BroadcastServer:
		return info.Chat != types.StatusBroadcastJID && !info.IsFromMe && cleanID(info.ID)
	}
	return info.Category != "peer" && cleanID(info.ID)
}

func nameIn(info types.MessageInfo) string {
	if info.IsFromMe || info.PushName == "-" {
		return ""
	}
	return cleanName(info.PushName)
}

// whence tells who wrote and in which group. Of a message of our own it tells
// who it is for.
func (l *line) whence(ctx context.Context, src types.MessageSource) (from provider.Peer, group string) {
	if src.Chat.Server == types.GroupServer {
		return knownPeer(ctx, l.device, src.Sender, src.SenderAlt), src.Chat.User
	}
	if src.IsFromMe {
		return knownPeer(ctx, l.device, src.Chat, src.RecipientAlt), ""
	}
	return knownPeer(ctx, l.device, src.Sender, src.SenderAlt), ""
}

func (l *line) phones(ctx context.Context, jids []types.JID) []wa.Phone {
	var phones []wa.Phone
	for _, jid := range jids {
		if p := knownPeer(ctx, l.device, jid, noJID); p.Phone != "" {
			phones = append(phones, p.Phone)
		}
	}
	return phones
}

// onReceipt passes on how far messages of ours got. Receipts of our own other
// devices say nothing about the recipient.
func (l *line) onReceipt(ctx context.Context, e *events.Receipt) bool {
	kind, ok := receiptKinds[e.Type]
	ids := cleanIDs(e.MessageIDs)
	if !ok || e.IsFromMe || len(ids) == 0 {
		return true
	}
	from, group := l.whence(ctx, e.MessageSource)
	return l.s.give(provider.Receipt{WireIDs: ids, Kind: kind, From: from, Group: group, At: cleanTime(e.Timestamp, time.Now())})
}

// receiptKinds are the receipts that move a message. The others come from our
// own devices, ask for a repetition (the library answers), or report a device
// on which nobody looks.
var receiptKinds = map[types.ReceiptType]provider.ReceiptKind{
	types.ReceiptTypeDelivered:   provider.ReceiptDelivered,
	types.ReceiptTypeRead:        provider.ReceiptRead,
	types.ReceiptTypePlayed:      provider.ReceiptPlayed,
	types.ReceiptTypeServerError: provider.ReceiptServerError,
}

// onUndecryptable tells of a message that could not be read. The library has
// acknowledged it and asked the sender to send it again, so it is told once.
func (l *line) onUndecryptable(ctx context.Context, e *events.UndecryptableMessage) {
	if !readable(e.Info) || e.DecryptFailMode == events.DecryptFailHide {
		return
	}
	from, group := l.whence(ctx, e.Info.MessageSource)
	l.s.tell(provider.Undecryptable{WireID: e.Info.ID, From: from, Group: group, At: cleanTime(e.Info.Timestamp, time.Now())})
}

func (l *line) onContact(ctx context.Context, jid, alt types.JID, pushName, name string) {
	peer := knownPeer(ctx, l.device, jid, alt)
	pushName, name = cleanName(pushName), cleanName(name)
	if peer == (provider.Peer{}) || (pushName == "" && name == "") {
		return
	}
	l.s.tell(provider.ContactSeen{Peer: peer, PushName: pushName, Name: name})
}

// onIdentityChange forgets a person's sessions when they have a new phone. The
// library does so for the address it was told only, but sessions live under the
// hidden one: the next message would be written for the old phone's keys. An
// implicit change was noticed by a message that has set up the new session
// already.
func (l *line) onIdentityChange(ctx context.Context, e *events.IdentityChange) {
	peer := knownPeer(ctx, l.device, e.JID, noJID)
	if peer == (provider.Peer{}) {
		return
	}
	if !e.Implicit {
		for _, jid := range bothJIDs(peer) {
			l.forgetKeys(ctx, jid)
		}
		l.forgetDevices(ctx, e.JID)
	}
	l.s.tell(provider.IdentityChanged{Peer: peer})
}

func (l *line) forgetKeys(ctx context.Context, jid types.JID) {
	user := jid.SignalAddressUser()
	if err := l.device.Sessions.DeleteAllSessions(ctx, user); err != nil {
		l.s.log.Warn("sessions of a new phone not forgotten", "error", scrub(err.Error()))
	}
	if err := l.device.Identities.DeleteAllIdentities(ctx, user); err != nil {
		l.s.log.Warn("identity of a new phone not forgotten", "error", scrub(err.Error()))
	}
}
