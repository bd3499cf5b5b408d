package guard

import (
	"fmt"
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

// The rows of the table about the account: what WhatsApp decided about the
// number, and what a person has to know of it.

// stopped is a line that nobody tries again until a person acts.
func stopped(status wa.ClientStatus, event wa.EventType, reason string) Reaction {
	return Reaction{Status: status, Queue: Hold, Reconnect: Reconnect{How: Never}, Event: event, Alert: true, Reason: reason}
}

// Keys used elsewhere are never fought over: whoever lost the number stays
// off, whoever holds it tries once, in case the other was its own past self.
func onReplaced(s provider.StateChanged, now time.Time, h History) Reaction {
	r := stopped(wa.ClientReplaced, wa.ClientIsReplaced, "")
	switch {
	case !h.LeaseHeld:
		r.Alert = false
		r.Reason = "Another worker holds this number now. Nothing to do."
	case len(since(h.replaced, now.Add(-replacedMemory))) == 0:
		r.Reconnect = Reconnect{How: Once, At: now.Add(replacedWait), Jitter: replacedWait}
		r.Reason = said("The keys of this number connected from somewhere else. chasqui tries once more within a minute.", s)
	default:
		r.Reason = said("The keys of this number are in use somewhere else, so chasqui stays off. "+
			"Find the other program that runs with a copy of this session and stop it, then connect the client again.", s)
	}
	return r
}

func onLoggedOut(s provider.StateChanged, _ time.Time, _ History) Reaction {
	r := stopped(wa.ClientLoggedOut, wa.ClientIsLoggedOut,
		said("The client was unlinked on its phone. Pair it again; waiting messages keep until they expire.", s))
	r.Forget = true
	return r
}

func onLocked(s provider.StateChanged, _ time.Time, _ History) Reaction {
	r := stopped(wa.ClientLoggedOut, wa.ClientIsLoggedOut,
		said("The phone itself was logged out of WhatsApp: it was replaced, or the number may be banned. "+
			"Open WhatsApp on the phone; when it works there, pair the client again.", s))
	r.Forget = true
	return r
}

func onBanned(s provider.StateChanged, now time.Time, _ History) Reaction {
	r := stopped(wa.ClientBanned, wa.ClientIsBanned,
		said("WhatsApp banned this number. Open WhatsApp on the phone to ask for a review. Pairing again is closed for 24 hours.", s))
	r.Forget, r.NoPairBefore = true, now.Add(bannedRest)
	return r
}

func onTempBanned(s provider.StateChanged, now time.Time, _ History) Reaction {
	until := endOf(s, now)
	r := stopped(wa.ClientTempBanned, wa.ClientIsTempBanned,
		said(fmt.Sprintf("WhatsApp banned this number until %s. chasqui connects once after that; messages wait. "+
			"Send less, and only to people who expect it.", clock(until)), s))
	r.Until, r.Reconnect = until, Reconnect{How: Once, At: until, Jitter: banJitter}
	return r
}

func onOutdated(s provider.StateChanged, _ time.Time, _ History) Reaction {
	r := stopped(wa.ClientOutdated, wa.PlatformOutdated,
		said("WhatsApp refuses this version of the library, so no number reconnects. Update chasqui, or set a newer "+
			"WhatsApp web version; one number is tried every 15 minutes.", s))
	r.Reconnect = Reconnect{How: FleetStop}
	return r
}

func onBadIdentity(s provider.StateChanged, _ time.Time, _ History) Reaction {
	return stopped(wa.ClientStopped, wa.ClientHadError,
		said("WhatsApp refuses the device that this client claims to be. Check the client's device settings, then connect it again.", s))
}

func onRefused(s provider.StateChanged, now time.Time, h History) Reaction {
	if h.refusals >= len(refusalDelays) {
		return stopped(wa.ClientStopped, wa.ClientHadError,
			said(fmt.Sprintf("WhatsApp refused the login %d times, so chasqui stopped trying. "+
				"Check the number on its phone, then connect the client again.", h.refusals+1), s))
	}
	wait := refusalDelays[h.refusals]
	r := stopped(wa.ClientConnecting, wa.ClientHadError,
		said(fmt.Sprintf("WhatsApp refused the login. chasqui tries again in %s; messages wait.", minutes(wait)), s))
	r.Reconnect = Reconnect{How: Once, At: now.Add(wait), Jitter: wait / 10}
	return r
}

func onRestricted(s provider.StateChanged, now time.Time, _ History) Reaction {
	until := endOf(s, now)
	return Reaction{
		Status: wa.ClientRestricted, Until: until, Queue: HoldNew, Event: wa.ClientIsRestricted, Alert: true,
		Reason: said(fmt.Sprintf("WhatsApp forbids this number to start new chats until %s. Replies are sent; "+
			"messages to new people wait.", clock(until)), s),
	}
}

func onRestrictionLifted(_ provider.StateChanged, _ time.Time, _ History) Reaction {
	return Reaction{Status: wa.ClientConnected, Queue: Go, Event: wa.ClientIsUnrestricted, Reason: "This number may start new chats again."}
}

// A failed pairing leaves the client as it was before: unpaired.
func onPairFailed(s provider.StateChanged, _ time.Time, h History) Reaction {
	status := h.Unpaired
	if status == "" {
		status = wa.ClientNew
	}
	return Reaction{
		Status: status, Queue: Hold, Reconnect: Reconnect{How: Never}, Event: wa.ClientPairingFailed,
		Reason: said("Pairing did not succeed. Start it again and follow the steps on the phone.", s),
	}
}

func onPairHint(s provider.StateChanged, _ time.Time, _ History) Reaction {
	return Reaction{Event: wa.ClientPairingStep, Reason: said("Something has to be done on the phone before it can be linked.", s)}
}
