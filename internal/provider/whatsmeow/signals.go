package whatsmeow

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"chasqui/internal/provider"
)

// onSignal follows an event about the line or the number.
func (l *line) onSignal(evt any) {
	if _, dropped := evt.(*events.Disconnected); dropped {
		if l.dropped() {
			l.s.tell(provider.StateChanged{Signal: provider.Disconnected, Reason: "WhatsApp ended the connection."})
		}
		return
	}
	state, ended := signalOf(evt, time.Now())
	if _, ok := evt.(*events.LoggedOut); ok {
		l.lost.Store(true)
	}
	if ended {
		// The library still holds the socket, and would refuse to dial again.
		l.hangUp()
	}
	l.s.noteLock(state)
	l.s.tell(state)
}

// signalOf is the table from the library's events to signals. ended tells that
// the line is of no use any more.
func signalOf(evt any, now time.Time) (state provider.StateChanged, ended bool) {
	switch e := evt.(type) {
	case *events.KeepAliveTimeout:
		return provider.StateChanged{Signal: provider.KeepAliveLost, Count: e.ErrorCount}, false
	case *events.KeepAliveRestored:
		return provider.StateChanged{Signal: provider.KeepAliveRestored}, false
	case *events.StreamReplaced:
		return provider.StateChanged{Signal: provider.Replaced, Reason: "The same keys connected elsewhere."}, true
	case *events.StreamError:
		return streamError(e.Code)
	case *events.LoggedOut:
		return loggedOut(e), true
	case *events.TemporaryBan:
		return temporaryBan(e, now), true
	case *events.ClientOutdated:
		return provider.StateChanged{
			Signal: provider.Outdated, Code: "405",
			Reason: "WhatsApp refuses this version of the client. Update it, or set a newer web version.",
		}, true
	case *events.ConnectFailure:
		return connectFailure(e), true
	case *events.CATRefreshError:
		return provider.StateChanged{Signal: provider.Refused, Reason: "WhatsApp asked for a Messenger token."}, true
	case *events.NotifyAccountReachoutTimelock:
		return reachout(e), false
	}
	return provider.StateChanged{Signal: provider.StreamError, Reason: fmt.Sprintf("unexpected %T", evt)}, false
}

func streamError(code string) (provider.StateChanged, bool) {
	code = cleanName(code)
	signal := provider.StreamError
	if code == "500" || code == "503" {
		signal = provider.ServerBusy
	}
	return provider.StateChanged{Signal: signal, Code: code, Reason: "WhatsApp ended the connection with an error."}, true
}

func loggedOut(e *events.LoggedOut) provider.StateChanged {
	state := provider.StateChanged{Signal: provider.LoggedOut, Code: "401", Reason: "The number was unlinked on its phone."}
	switch e.Reason {
	case events.ConnectFailureMainDeviceGone:
		state = provider.StateChanged{
			Signal: provider.Locked, Code: "403",
			Reason: "The phone itself is logged out. This happens with bans and with a change of phone.",
		}
	case events.ConnectFailureUnknownLogout:
		state = provider.StateChanged{Signal: provider.Banned, Code: "406", Reason: "WhatsApp banned the number."}
	}
	return state
}

var banReasons = map[events.TempBanReason]string{
	events.TempBanSentToTooManyPeople:    "too many messages to people who do not have the number in their contacts",
	events.TempBanBlockedByUsers:         "too many people blocked the number",
	events.TempBanCreatedTooManyGroups:   "too many groups with people who do not have the number in their contacts",
	events.TempBanSentTooManySameMessage: "the same message to too many people",
	events.TempBanBroadcastList:          "too many messages to a broadcast list",
}

func temporaryBan(e *events.TemporaryBan, now time.Time) provider.StateChanged {
	why := banReasons[e.Code]
	if why == "" {
		why = "a breach of the terms of service"
	}
	state := provider.StateChanged{Signal: provider.TempBanned, Code: strconv.Itoa(int(e.Code)), Reason: "WhatsApp gives as reason: " + why + "."}
	if e.Expire > 0 {
		state.Until = now.Add(e.Expire).UTC()
	}
	return state
}

func connectFailure(e *events.ConnectFailure) provider.StateChanged {
	state := provider.StateChanged{Signal: provider.Refused, Code: e.Reason.NumberString(), Reason: "WhatsApp refused the login."}
	switch e.Reason {
	case events.ConnectFailureBadUserAgent:
		state.Signal, state.Reason = provider.BadIdentity, "WhatsApp refuses the device identity."
	case events.ConnectFailureInternalServerError, events.ConnectFailureServiceUnavailable:
		state.Signal, state.Reason = provider.ServerBusy, "WhatsApp is busy."
	}
	if said := scrub(cleanName(e.Message)); said != "" {
		state.Reason += " It says: " + said
	}
	return state
}

func reachout(e *events.NotifyAccountReachoutTimelock) provider.StateChanged {
	if !e.IsActive {
		return provider.StateChanged{Signal: provider.RestrictionLifted}
	}
	return provider.StateChanged{
		Signal: provider.Restricted, Code: cleanName(e.EnforcementType), Until: e.TimeEnforcementEnds.UTC(),
		Reason: "WhatsApp forbids the number new chats until then.",
	}
}

// noteLock remembers until when new chats are forbidden: a refusal to send
// means something else then.
func (s *session) noteLock(state provider.StateChanged) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state.Signal {
	case provider.Restricted:
		s.lockedUntil = state.Until
	case provider.RestrictionLifted:
		s.lockedUntil = time.Time{}
	}
}

// onConnected tells that the number is online. The library says so also when
// the line broke during the last steps of the login.
func (l *line) onConnected(ctx context.Context) {
	if !l.cameOnline() {
		return
	}
	l.s.tell(provider.StateChanged{Signal: provider.Connected})
	l.showPresence(ctx)
}

// showPresence lets WhatsApp know the number's name, without which others see
// "-". The name is only known after the phone has told it; we do not make one
// up, because recipients would see it. Delivery receipts do not depend on this:
// they are forced to be active.
func (l *line) showPresence(ctx context.Context) {
	if l.device.PushName == "" {
		return
	}
	if err := l.cli.SendPresence(ctx, types.PresenceAvailable); err != nil {
		l.s.log.Debug("presence not sent", "error", scrub(err.Error()))
	}
}

func (l *line) onOwnName(ctx context.Context, name string) {
	if name = cleanName(name); name == "" {
		return
	}
	l.s.tell(provider.OwnName{Name: name})
	if l.loggedIn() {
		l.showPresence(ctx)
	}
}

func (l *line) onCaughtUp(count int) {
	l.caughtUp()
	l.s.tell(provider.CaughtUp{Count: max(count, 0)})
}

func nameOfEvent(evt any) string { return strings.TrimPrefix(fmt.Sprintf("%T", evt), "*") }
