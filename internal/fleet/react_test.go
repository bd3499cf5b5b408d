package fleet_test

import (
	"context"
	"testing"
	"time"

	"chasqui/internal/fleet"
	"chasqui/internal/guard"
	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// stubborn lets every client online once; later attempts get no answer.
func stubborn(_ *fleet.WorkerOptions, n *network) {
	n.onConnect = func(ctx context.Context, s *session) error {
		if n.connects(s.number.Client) > 1 {
			<-ctx.Done()
			return ctx.Err()
		}
		s.comeOnline()
		return nil
	}
}

// Every signal that a session may tell ends up where people and programs look
// for it: in the client's row, in the feed, and in the line.
func TestEverySignalIsWrittenDown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.worker(w.url, stubborn, func(o *fleet.WorkerOptions, _ *network) { o.Login = time.Minute })
	clients := map[provider.Signal]wa.ClientID{}
	for _, s := range provider.Signals() {
		if s == provider.PairFailed || s == provider.PairHint {
			clients[s] = w.unpaired()
			_, err := w.Pair(t.Context(), w.by, clients[s], wa.PairQR, "")
			w.must(err)
			continue
		}
		clients[s] = w.linked()
	}
	for s, id := range clients {
		if s == provider.PairFailed || s == provider.PairHint {
			w.awaitCode(id)
			continue
		}
		w.await(id, wa.ClientConnected)
		w.awaitOpen(r, id)
	}
	for _, s := range provider.Signals() {
		t.Run(string(s), func(t *testing.T) { w.checkSignal(t, r, clients[s], s) })
	}
}

func (w *world) checkSignal(t *testing.T, r *running, id wa.ClientID, s provider.Signal) {
	t.Helper()
	before, feed := w.row(id), w.events(id)
	state := provider.StateChanged{Signal: s, Code: "799", Reason: "so they say", Count: 2, Until: time.Now().Add(time.Hour).UTC().Truncate(time.Second)}
	now := time.Now()
	want := guard.React(state, now, guard.History{LeaseHeld: true})
	r.net.last(t, id).say(state)
	var got store.ClientRow
	testkit.Eventually(t, patience, "the status "+string(want.Status), func() bool {
		got = w.row(id)
		return want.Status == "" || (got.Status == want.Status && (got.StatusReason == want.Reason || before.Status == want.Status))
	})
	if want.Status == "" && got.Status != before.Status {
		t.Errorf("%s: became %s, want %s as before", s, got.Status, before.Status)
	}
	if until := want.Until; !until.IsZero() && (got.Until == nil || !got.Until.Equal(until)) {
		t.Errorf("%s: until %v, want %s", s, got.Until, until)
	}
	if want.Forget && (got.JID != "" || got.Desire != wa.WantNothing) {
		t.Errorf("%s: still linked as %q and wanted %s", s, got.JID, got.Desire)
	}
	if !want.NoPairBefore.IsZero() && (got.Until == nil || got.Until.Before(now.Add(23*time.Hour))) {
		t.Errorf("%s: pairing is possible again at %v", s, got.Until)
	}
	var told []string
	if want.Event != "" && want.EventAfter == 0 && s != provider.Connected { // that was told before
		told = []string{string(want.Event)}
	}
	testkit.Eventually(t, patience, "its event", func() bool { return len(w.events(id)) >= len(feed)+len(told) })
	if all := w.events(id); len(all) != len(feed)+len(told) || (len(told) == 1 && all[len(feed)] != told[0]) {
		t.Errorf("%s: told %v, want %v", s, all[len(feed):], told)
	}
	open := before.Status == wa.ClientConnected && want.Queue != guard.Hold
	testkit.Eventually(t, patience, "the line as it should be", func() bool { return r.open(id) == open })
	if _, flow, _ := r.hold(id).Line(); open && want.Queue == guard.HoldNew && flow != guard.HoldNew {
		t.Errorf("%s: the line is %s", s, flow)
	}
}

// A line that is back soon was never news; one that stays away is told once.
func TestAShortBreakIsNotTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	back, away := w.linked(), w.linked()
	r := w.worker(w.url, func(o *fleet.WorkerOptions, n *network) {
		o.Login = time.Minute
		n.onConnect = func(ctx context.Context, s *session) error {
			if s.number.Client == away && n.connects(away) > 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			s.comeOnline()
			return nil
		}
	})
	for _, id := range []wa.ClientID{back, away} {
		w.await(id, wa.ClientConnected)
		w.awaitOpen(r, id)
		r.net.last(t, id).say(provider.StateChanged{Signal: provider.Disconnected})
		r.net.last(t, id).say(provider.StateChanged{Signal: provider.Disconnected})
	}
	broke := time.Now()
	w.await(away, wa.ClientConnecting)
	testkit.Eventually(t, patience, "the line is back", func() bool { return w.told(back, wa.ClientIsConnected) == 2 })
	testkit.Eventually(t, 40*time.Second, "the break is told", func() bool { return w.told(away, wa.ClientIsDisconnected) == 1 })
	if d := time.Since(broke); d < 29*time.Second {
		t.Errorf("a break was told after %s", d)
	}
	time.Sleep(2 * time.Second)
	if n := w.told(back, wa.ClientIsDisconnected); n != 0 {
		t.Errorf("a short break was told %d times", n)
	}
	if n := w.told(away, wa.ClientIsDisconnected); n != 1 {
		t.Errorf("a long break was told %d times", n)
	}
}

// News of a good line that come after the line's end do not make a client look
// online.
func TestLateNewsDoNotBringAClientBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url, stubborn)
	w.await(id, wa.ClientConnected)
	s := r.net.last(t, id)
	s.say(provider.StateChanged{Signal: provider.Disconnected})
	w.await(id, wa.ClientConnecting)
	for _, late := range []provider.Signal{provider.KeepAliveRestored, provider.KeepAliveLost, provider.Restricted, provider.RestrictionLifted} {
		s.say(provider.StateChanged{Signal: late, Count: 1, Until: time.Now().Add(time.Hour)})
	}
	s.say(provider.OwnName{Name: "a mark that is written after them"})
	testkit.Eventually(t, patience, "the mark", func() bool { return w.row(id).PushName != "" })
	time.Sleep(200 * time.Millisecond)
	if row := w.row(id); row.Status != wa.ClientConnecting || r.open(id) {
		t.Errorf("the client is %s, its line open: %v", row.Status, r.open(id))
	}
}

// Signals of a session that was closed are about nothing that is in use.
func TestOldSessionsAreNotHeard(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url)
	w.await(id, wa.ClientConnected)
	old := r.net.last(t, id)
	w.must(w.disconnectClient(id)())
	w.await(id, wa.ClientDisconnected)
	w.must(w.connectClient(id)())
	w.await(id, wa.ClientConnected)
	w.must(old.sink.Take(t.Context(), provider.StateChanged{Signal: provider.LoggedOut, Code: "401"}))
	time.Sleep(300 * time.Millisecond)
	if row := w.row(id); row.Status != wa.ClientConnected || row.JID == "" {
		t.Errorf("the client is %s", row.Status)
	}
}

// Three lost pings are a dead line that nobody closed.
func TestADeadLineIsHungUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url)
	w.await(id, wa.ClientConnected)
	s := r.net.last(t, id)
	s.say(provider.StateChanged{Signal: provider.KeepAliveLost, Count: 1})
	w.await(id, wa.ClientDegraded)
	if !r.open(id) {
		t.Error("one lost ping closed the line")
	}
	s.say(provider.StateChanged{Signal: provider.KeepAliveLost, Count: 3})
	testkit.Eventually(t, patience, "connected again", func() bool { return r.net.connects(id) == 2 && r.open(id) })
	if s.hangups == 0 {
		t.Error("the dead line was not hung up")
	}
	w.await(id, wa.ClientConnected)
}

// While new chats are forbidden only people who wrote before are written to.
func TestRestrictedOutlivesReconnectsAndOwners(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url)
	w.await(id, wa.ClientConnected)
	until := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	r.hold(id).Restrict(t.Context(), until, "463")
	w.await(id, wa.ClientRestricted)
	r.net.last(t, id).say(provider.StateChanged{Signal: provider.Disconnected})
	testkit.Eventually(t, patience, "online again", func() bool { return w.told(id, wa.ClientIsConnected) == 2 })
	if row := w.await(id, wa.ClientRestricted); row.Until == nil || !row.Until.Equal(until) {
		t.Errorf("restricted until %v, want %s", row.Until, until)
	}
	r.stop()
	next := w.worker(w.url)
	w.awaitOpen(next, id)
	if _, flow, ok := next.hold(id).Line(); !ok || flow != guard.HoldNew {
		t.Errorf("the next owner's line is %s", flow)
	}
	next.net.last(t, id).say(provider.StateChanged{Signal: provider.RestrictionLifted})
	w.await(id, wa.ClientConnected)
	if n := w.told(id, wa.ClientIsUnrestricted); n != 1 {
		t.Errorf("client.restriction_lifted told %d times", n)
	}
}
