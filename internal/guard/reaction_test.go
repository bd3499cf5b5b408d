package guard_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"chasqui/internal/guard"
	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

var (
	never   = guard.Reconnect{How: guard.Never}
	backoff = guard.Reconnect{How: guard.ByBackoff}
	banEnd  = epoch.Add(36 * time.Hour)
)

// offline is the reaction of a line that mends itself.
func offline(r guard.Reconnect) guard.Reaction {
	return guard.Reaction{
		Status: wa.ClientConnecting, Queue: guard.Hold, Reconnect: r, Event: wa.ClientIsDisconnected,
		EventAfter: 30 * time.Second, Alert: true, AlertAfter: 5 * time.Minute,
	}
}

func stop(status wa.ClientStatus, event wa.EventType) guard.Reaction {
	return guard.Reaction{Status: status, Queue: guard.Hold, Reconnect: never, Event: event, Alert: true}
}

func with(r guard.Reaction, change func(*guard.Reaction)) guard.Reaction {
	change(&r)
	return r
}

// past is a history of signals, a minute apart, the last a minute ago.
func past(h guard.History, signals ...provider.Signal) guard.History {
	for i, s := range signals {
		now := epoch.Add(-time.Duration(len(signals)-i) * time.Minute)
		h = h.After(provider.StateChanged{Signal: s}, now)
	}
	return h
}

var held = guard.History{LeaseHeld: true}

func once(in, jitter time.Duration) guard.Reconnect {
	return guard.Reconnect{How: guard.Once, At: epoch.Add(in), Jitter: jitter}
}

func refusedIn(d time.Duration) guard.Reaction {
	return with(stop(wa.ClientConnecting, wa.ClientHadError), func(r *guard.Reaction) { r.Reconnect = once(d, d/10) })
}

// rows is the whole table as a person would check it: what comes in, after
// what, and what follows. says is a part of the sentence that people read.
var rows = []struct {
	name string
	s    provider.StateChanged
	h    guard.History
	want guard.Reaction
	says string
}{
	{
		"online",
		provider.StateChanged{Signal: provider.Connected},
		held,
		guard.Reaction{Status: wa.ClientConnected, Queue: guard.Go, Event: wa.ClientIsConnected},
		"Online",
	},
	{
		"online, still restricted",
		provider.StateChanged{Signal: provider.Connected},
		held.RestrictUntil(banEnd),
		guard.Reaction{Status: wa.ClientRestricted, Until: banEnd, Queue: guard.HoldNew, Event: wa.ClientIsConnected},
		"replies are sent",
	},
	{
		"online, restriction over",
		provider.StateChanged{Signal: provider.Connected},
		held.RestrictUntil(epoch),
		guard.Reaction{Status: wa.ClientConnected, Queue: guard.Go, Event: wa.ClientIsConnected},
		"Online",
	},
	{"line broke", provider.StateChanged{Signal: provider.Disconnected}, held, offline(backoff), "by itself"},

	{
		"one lost ping",
		provider.StateChanged{Signal: provider.KeepAliveLost, Count: 1},
		held,
		guard.Reaction{Status: wa.ClientDegraded},
		"slowly",
	},
	{
		"two lost pings",
		provider.StateChanged{Signal: provider.KeepAliveLost, Count: 2},
		held,
		guard.Reaction{Status: wa.ClientDegraded, Queue: guard.Hold},
		"slowly",
	},
	{
		"three lost pings",
		provider.StateChanged{Signal: provider.KeepAliveLost, Count: 3},
		held,
		with(offline(backoff), func(r *guard.Reaction) { r.Hangup = true }), "stopped answering",
	},
	{
		"pings again",
		provider.StateChanged{Signal: provider.KeepAliveRestored},
		held,
		guard.Reaction{Status: wa.ClientConnected, Queue: guard.Go},
		"Online",
	},

	{
		"server busy",
		provider.StateChanged{Signal: provider.ServerBusy, Code: "503"},
		held,
		offline(guard.Reconnect{How: guard.ByBackoff, Floor: 5 * time.Second}), "503",
	},
	{
		"unknown stream error",
		provider.StateChanged{Signal: provider.StreamError, Code: "599"},
		held,
		with(stop(wa.ClientConnecting, wa.ClientHadError), func(r *guard.Reaction) { r.Reconnect = backoff }), "599",
	},
	{
		"the fifth in ten minutes",
		provider.StateChanged{Signal: provider.StreamError},
		past(held, provider.StreamError, provider.StreamError, provider.Connected, provider.StreamError, provider.StreamError),
		stop(wa.ClientStopped, wa.ClientHadError), "5 times in 10 minutes",
	},

	{
		"replaced, number is ours",
		provider.StateChanged{Signal: provider.Replaced},
		held,
		with(stop(wa.ClientReplaced, wa.ClientIsReplaced), func(r *guard.Reaction) { r.Reconnect = once(30*time.Second, 30*time.Second) }), "once more",
	},
	{
		"replaced again",
		provider.StateChanged{Signal: provider.Replaced},
		past(held, provider.Replaced, provider.Connected),
		stop(wa.ClientReplaced, wa.ClientIsReplaced), "Find the other program",
	},
	{
		"replaced, number is not ours",
		provider.StateChanged{Signal: provider.Replaced},
		guard.History{},
		with(stop(wa.ClientReplaced, wa.ClientIsReplaced), func(r *guard.Reaction) { r.Alert = false }), "Another worker",
	},

	{
		"unlinked",
		provider.StateChanged{Signal: provider.LoggedOut},
		held,
		with(stop(wa.ClientLoggedOut, wa.ClientIsLoggedOut), func(r *guard.Reaction) { r.Forget = true }), "Pair it again",
	},
	{
		"phone logged out",
		provider.StateChanged{Signal: provider.Locked, Code: "403"},
		held,
		with(stop(wa.ClientLoggedOut, wa.ClientIsLoggedOut), func(r *guard.Reaction) { r.Forget = true }), "may be banned",
	},
	{
		"banned",
		provider.StateChanged{Signal: provider.Banned},
		held,
		with(stop(wa.ClientBanned, wa.ClientIsBanned), func(r *guard.Reaction) { r.Forget, r.NoPairBefore = true, epoch.Add(24*time.Hour) }), "ask for a review",
	},
	{
		"banned for a time",
		provider.StateChanged{Signal: provider.TempBanned, Until: banEnd, Code: "101", Reason: "too many messages to strangers"},
		held,
		with(stop(wa.ClientTempBanned, wa.ClientIsTempBanned), func(r *guard.Reaction) {
			r.Until, r.Reconnect = banEnd, once(36*time.Hour, 5*time.Minute)
		}), "until 23 November 2026 21:00 UTC",
	},
	{
		"banned for an unknown time",
		provider.StateChanged{Signal: provider.TempBanned},
		held,
		with(stop(wa.ClientTempBanned, wa.ClientIsTempBanned), func(r *guard.Reaction) {
			r.Until, r.Reconnect = epoch.Add(24*time.Hour), once(24*time.Hour, 5*time.Minute)
		}), "connects once",
	},

	{
		"library too old",
		provider.StateChanged{Signal: provider.Outdated},
		held,
		with(stop(wa.ClientOutdated, wa.PlatformOutdated), func(r *guard.Reaction) { r.Reconnect = guard.Reconnect{How: guard.FleetStop} }), "Update chasqui",
	},
	{"bad identity", provider.StateChanged{Signal: provider.BadIdentity}, held, stop(wa.ClientStopped, wa.ClientHadError), "device settings"},
	{"first refusal", provider.StateChanged{Signal: provider.Refused, Code: "418"}, held, refusedIn(time.Minute), "in 1 minute"},
	{"second refusal", provider.StateChanged{Signal: provider.Refused}, past(held, provider.Refused), refusedIn(5 * time.Minute), "in 5 minutes"},
	{"third refusal", provider.StateChanged{Signal: provider.Refused}, past(held, provider.Refused, provider.Refused), refusedIn(15 * time.Minute), "in 15 minutes"},
	{
		"fourth refusal",
		provider.StateChanged{Signal: provider.Refused},
		past(held, provider.Refused, provider.Refused, provider.Refused),
		stop(wa.ClientStopped, wa.ClientHadError), "4 times",
	},
	{
		"refusal after a good login",
		provider.StateChanged{Signal: provider.Refused},
		past(held, provider.Refused, provider.Refused, provider.Refused, provider.Connected), refusedIn(time.Minute), "in 1 minute",
	},

	{
		"no new chats",
		provider.StateChanged{Signal: provider.Restricted, Until: banEnd},
		held,
		guard.Reaction{Status: wa.ClientRestricted, Until: banEnd, Queue: guard.HoldNew, Event: wa.ClientIsRestricted, Alert: true},
		"Replies are sent",
	},
	{
		"new chats again",
		provider.StateChanged{Signal: provider.RestrictionLifted},
		held,
		guard.Reaction{Status: wa.ClientConnected, Queue: guard.Go, Event: wa.ClientIsUnrestricted},
		"again",
	},
	{
		"pairing failed",
		provider.StateChanged{Signal: provider.PairFailed},
		held,
		guard.Reaction{Status: wa.ClientNew, Queue: guard.Hold, Reconnect: never, Event: wa.ClientPairingFailed},
		"Start it again",
	},
	{
		"pairing again failed",
		provider.StateChanged{Signal: provider.PairFailed},
		guard.History{Unpaired: wa.ClientLoggedOut},
		guard.Reaction{Status: wa.ClientLoggedOut, Queue: guard.Hold, Reconnect: never, Event: wa.ClientPairingFailed},
		"Start it again",
	},
	{
		"pairing needs a hand",
		provider.StateChanged{Signal: provider.PairHint, Reason: "Switch on multi-device."},
		held,
		guard.Reaction{Event: wa.ClientPairingStep},
		"Switch on multi-device.",
	},
}

func TestReact(t *testing.T) {
	t.Parallel()
	for _, row := range rows {
		got := guard.React(row.s, epoch, row.h)
		if diff := cmp.Diff(row.want, got, cmpopts.IgnoreFields(guard.Reaction{}, "Reason")); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", row.name, diff)
		}
		if !strings.Contains(got.Reason, row.says) || !strings.HasSuffix(got.Reason, ".") || strings.Contains(got.Reason, "..") {
			t.Errorf("%s: reads %q, want a sentence with %q", row.name, got.Reason, row.says)
		}
	}
}

// A new signal of a provider needs a row in the table and a row here.
func TestEverySignalHasARow(t *testing.T) {
	t.Parallel()
	for _, s := range provider.Signals() {
		tested := false
		for _, row := range rows {
			tested = tested || row.s.Signal == s
		}
		if !tested {
			t.Errorf("signal %q is not in the table of this test", s)
		}
		r := guard.React(provider.StateChanged{Signal: s}, epoch, held)
		if r.Reason == "" || strings.Contains(r.Reason, "does not know") {
			t.Errorf("signal %q has no reaction: %q", s, r.Reason)
		}
		if r.Reconnect.How == guard.Stay && !(r.Status == "" || r.Status.Online()) {
			t.Errorf("signal %q leaves the client %s and nobody reconnects it", s, r.Status)
		}
		known := r.Event == ""
		for _, e := range wa.EventTypes() {
			known = known || e.Type == r.Event
		}
		if !known {
			t.Errorf("signal %q announces %q, which is no event", s, r.Event)
		}
	}
	if r := guard.React(provider.StateChanged{Signal: "new"}, epoch, held); !r.Alert || r.Status != "" {
		t.Errorf("an unknown signal gave %+v", r)
	}
}

func TestStreamErrorsAreForgottenAfterTenMinutes(t *testing.T) {
	t.Parallel()
	h := held
	s := provider.StateChanged{Signal: provider.StreamError}
	now := epoch
	for i := range 20 { // four in any ten minutes
		if r := guard.React(s, now, h); r.Reconnect.How != guard.ByBackoff {
			t.Fatalf("error %d stopped the number: %s", i, r.Reason)
		}
		h, now = h.After(s, now), now.Add(151*time.Second)
	}
}

func TestReplacedIsForgottenAfterAnHour(t *testing.T) {
	t.Parallel()
	s := provider.StateChanged{Signal: provider.Replaced}
	h := held.After(s, epoch)
	if r := guard.React(s, epoch.Add(59*time.Minute), h); r.Reconnect.How != guard.Never {
		t.Errorf("within the hour: %+v", r.Reconnect)
	}
	if r := guard.React(s, epoch.Add(time.Hour), h); r.Reconnect.How != guard.Once {
		t.Errorf("after the hour: %+v", r.Reconnect)
	}
}

func TestARestrictionIsRemembered(t *testing.T) {
	t.Parallel()
	h := held.After(provider.StateChanged{Signal: provider.Restricted}, epoch)
	up := provider.StateChanged{Signal: provider.Connected}
	if r := guard.React(up, epoch.Add(time.Hour), h); r.Status != wa.ClientRestricted || !r.Until.Equal(epoch.Add(24*time.Hour)) {
		t.Errorf("an hour later: %s until %v", r.Status, r.Until)
	}
	if r := guard.React(up, epoch.Add(25*time.Hour), h); r.Status != wa.ClientConnected {
		t.Errorf("a day later: %s", r.Status)
	}
	h = h.After(provider.StateChanged{Signal: provider.RestrictionLifted}, epoch)
	if r := guard.React(up, epoch, h); r.Status != wa.ClientConnected {
		t.Errorf("lifted: %s", r.Status)
	}
}

func TestAfterLeavesTheOldHistoryAlone(t *testing.T) {
	t.Parallel()
	s := provider.StateChanged{Signal: provider.StreamError}
	h := past(held, provider.StreamError, provider.StreamError, provider.StreamError)
	h.After(s, epoch)
	h.After(s, epoch)
	if r := guard.React(s, epoch, h); r.Reconnect.How != guard.ByBackoff {
		t.Errorf("forgotten branches count: %s", r.Reason)
	}
}
