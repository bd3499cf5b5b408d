package guard

import (
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

// Reaction is what follows from something that happened to a line. The zero
// value changes nothing.
type Reaction struct {
	Status wa.ClientStatus // "" keeps the status
	Until  time.Time       // when a ban or restriction ends, for people to see; zero if none
	Queue  Flow            // "" keeps the flow

	Reconnect Reconnect
	Hangup    bool // drop the line first: it looks open and is not

	Event      wa.EventType  // "" announces nothing
	EventAfter time.Duration // announce only if it still stands after this
	Alert      bool          // somebody should look
	AlertAfter time.Duration // only if it still stands after this

	Forget       bool      // the device is gone: drop its keys, the client is unpaired
	NoPairBefore time.Time // refuse to pair the number again before; zero allows it
	// Reason says in plain words what happened and what to do.
	Reason string
}

// Flow is what a number's queue does. Holding never fails a message: it waits
// until its own expiry.
type Flow string

// The flows.
const (
	KeepFlow Flow = ""
	Go       Flow = "go"
	Hold     Flow = "hold"
	// HoldNew holds messages to people who never wrote to the number; replies go.
	HoldNew Flow = "hold_new"
)

// Reconnect is how a number gets back online.
type Reconnect struct {
	How How
	// At is the earliest time of the attempt, for Once; the caller adds a
	// random part of Jitter.
	At     time.Time
	Jitter time.Duration
	// Floor is the shortest delay, for Backoff.
	Floor time.Duration
}

// How is a way to reconnect.
type How string

// The ways.
const (
	Stay      How = ""           // nothing to do: the line is up, or this signal does not concern it
	Never     How = "never"      // not until a person acts
	ByBackoff How = "backoff"    // soon, with growing random delays
	Once      How = "once"       // one attempt At
	FleetStop How = "fleet_stop" // every number stops; see Breaker
)

// What the table's rows count with.
const (
	busyFloor        = 5 * time.Second
	disconnectQuiet  = 30 * time.Second // a line that is back sooner was never news
	disconnectAlarm  = 5 * time.Minute
	deadPings        = 3
	slowPings        = 2
	replacedWait     = 30 * time.Second
	replacedMemory   = time.Hour
	streamErrorSpan  = 10 * time.Minute
	streamErrorLimit = 5
	unknownEnd       = 24 * time.Hour // a ban or restriction whose end we are not told
	banJitter        = 5 * time.Minute
	bannedRest       = 24 * time.Hour
)

// refusalDelays are the tries after an unexplained refusal at login.
var refusalDelays = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute}

// React is the reaction to a signal. h is what happened to the number before,
// without s; afterwards the caller keeps h.After(s, now). A signal that is not
// in the table changes nothing and asks for attention.
func React(s provider.StateChanged, now time.Time, h History) Reaction {
	row, ok := reactions[s.Signal]
	if !ok {
		return Reaction{Alert: true, Reason: "WhatsApp sent a signal that chasqui does not know: " + string(s.Signal)}
	}
	return row(s, now, h)
}

type reaction func(s provider.StateChanged, now time.Time, h History) Reaction

// reactions is the whole table. A test walks provider.Signals() over it.
var reactions = map[provider.Signal]reaction{
	provider.Connected:         onConnected,
	provider.Disconnected:      onDisconnected,
	provider.KeepAliveLost:     onKeepAliveLost,
	provider.KeepAliveRestored: onKeepAliveRestored,
	provider.ServerBusy:        onServerBusy,
	provider.StreamError:       onStreamError,
	provider.Replaced:          onReplaced,
	provider.LoggedOut:         onLoggedOut,
	provider.Locked:            onLocked,
	provider.Banned:            onBanned,
	provider.TempBanned:        onTempBanned,
	provider.Outdated:          onOutdated,
	provider.BadIdentity:       onBadIdentity,
	provider.Refused:           onRefused,
	provider.Restricted:        onRestricted,
	provider.RestrictionLifted: onRestrictionLifted,
	provider.PairFailed:        onPairFailed,
	provider.PairHint:          onPairHint,
}
