package guard

import (
	"fmt"
	"strings"
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

// The rows of the table about the line: what comes and goes and usually mends
// itself.

func onConnected(_ provider.StateChanged, now time.Time, h History) Reaction {
	r := online(now, h)
	r.Event = wa.ClientIsConnected
	return r
}

func onKeepAliveRestored(_ provider.StateChanged, now time.Time, h History) Reaction {
	return online(now, h)
}

// online is the state of a good line: a restriction outlives a reconnect.
func online(now time.Time, h History) Reaction {
	if h.restrictedUntil.After(now) {
		return Reaction{
			Status: wa.ClientRestricted, Until: h.restrictedUntil, Queue: HoldNew,
			Reason: "Online. WhatsApp forbids new chats for now; replies are sent.",
		}
	}
	return Reaction{Status: wa.ClientConnected, Queue: Go, Reason: "Online."}
}

func onDisconnected(s provider.StateChanged, _ time.Time, _ History) Reaction {
	return Reaction{
		Status: wa.ClientConnecting, Queue: Hold, Reconnect: Reconnect{How: ByBackoff},
		Event: wa.ClientIsDisconnected, EventAfter: disconnectQuiet, Alert: true, AlertAfter: disconnectAlarm,
		Reason: said("The line to WhatsApp broke. It is being set up again by itself; messages wait.", s),
	}
}

// A lost ping or two is a slow line; three are a dead one that nobody closed.
func onKeepAliveLost(s provider.StateChanged, _ time.Time, _ History) Reaction {
	if s.Count >= deadPings {
		return Reaction{
			Status: wa.ClientConnecting, Queue: Hold, Hangup: true, Reconnect: Reconnect{How: ByBackoff},
			Event: wa.ClientIsDisconnected, EventAfter: disconnectQuiet, Alert: true, AlertAfter: disconnectAlarm,
			Reason: "WhatsApp stopped answering. The line is being set up again by itself; messages wait.",
		}
	}
	r := Reaction{Status: wa.ClientDegraded, Reason: "WhatsApp answers slowly. Nothing to do: the line mends itself or is renewed."}
	if s.Count >= slowPings {
		r.Queue = Hold
	}
	return r
}

func onServerBusy(s provider.StateChanged, _ time.Time, _ History) Reaction {
	return Reaction{
		Status: wa.ClientConnecting, Queue: Hold, Reconnect: Reconnect{How: ByBackoff, Floor: busyFloor},
		Event: wa.ClientIsDisconnected, EventAfter: disconnectQuiet, Alert: true, AlertAfter: disconnectAlarm,
		Reason: said("WhatsApp's servers are busy. chasqui tries again by itself; messages wait.", s),
	}
}

func onStreamError(s provider.StateChanged, now time.Time, h History) Reaction {
	r := Reaction{
		Status: wa.ClientConnecting, Queue: Hold, Reconnect: Reconnect{How: ByBackoff}, Event: wa.ClientHadError, Alert: true,
		Reason: said("WhatsApp ended the line with an unknown error. chasqui tries again by itself; messages wait.", s),
	}
	if len(since(h.streamErrors, now.Add(-streamErrorSpan)))+1 >= streamErrorLimit {
		r.Status, r.Reconnect = wa.ClientStopped, Reconnect{How: Never}
		r.Reason = said(fmt.Sprintf("WhatsApp ended the line with an unknown error %d times in %s, so chasqui stopped trying. "+
			"Read the error, then connect the client again.", streamErrorLimit, minutes(streamErrorSpan)), s)
	}
	return r
}

// said appends what WhatsApp itself said, if anything.
func said(sentence string, s provider.StateChanged) string {
	word := strings.TrimSpace(s.Reason)
	switch {
	case word != "" && s.Code != "":
		return fmt.Sprintf("%s WhatsApp said: %s (%s).", sentence, strings.TrimRight(word, "."), s.Code)
	case word != "":
		return fmt.Sprintf("%s WhatsApp said: %s.", sentence, strings.TrimRight(word, "."))
	case s.Code != "":
		return fmt.Sprintf("%s WhatsApp's code: %s.", sentence, s.Code)
	}
	return sentence
}

// minutes words a duration of whole minutes.
func minutes(d time.Duration) string {
	if d == time.Minute {
		return "1 minute"
	}
	return fmt.Sprintf("%d minutes", int(d.Minutes()))
}

// clock words a time for people.
func clock(t time.Time) string { return t.UTC().Format("2 January 2006 15:04 UTC") }
