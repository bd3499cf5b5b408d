package fleet_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chasqui/internal/fleet"
	"chasqui/internal/message"
	"chasqui/internal/provider"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// All attempts go through the gate: few at a time, and not too many a second.
func TestReconnectsGoThroughTheGate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.many(12)
	var mu sync.Mutex
	var starts []time.Time
	inside, most := 0, 0
	failing := atomic.Bool{}
	failing.Store(true)
	w.worker(w.url, func(o *fleet.WorkerOptions, n *network) {
		o.Gate = fleet.NewGate(2, 20)
		n.onConnect = func(_ context.Context, s *session) error {
			mu.Lock()
			inside++
			most = max(most, inside)
			starts = append(starts, time.Now())
			mu.Unlock()
			time.Sleep(20 * time.Millisecond)
			mu.Lock()
			inside--
			mu.Unlock()
			if failing.Load() {
				return errors.New("refused")
			}
			s.comeOnline()
			return nil
		}
	})
	w.linkAll()
	testkit.Eventually(t, patience, "a second round", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(starts) > 20
	})
	failing.Store(false)
	for _, id := range ids {
		w.await(id, wa.ClientConnected)
	}
	mu.Lock()
	defer mu.Unlock()
	if most > 2 {
		t.Errorf("%d connected at once", most)
	}
	for i := 20; i < len(starts); i++ {
		if d := starts[i].Sub(starts[i-20]); d < 900*time.Millisecond {
			t.Errorf("21 attempts within %s", d)
		}
	}
}

// A login that gets no answer is an attempt that failed.
func TestALoginWithoutAnswerIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	var tries atomic.Int32
	r := w.worker(w.url, func(o *fleet.WorkerOptions, n *network) {
		o.Login = 300 * time.Millisecond
		n.onConnect = func(_ context.Context, s *session) error {
			if tries.Add(1) > 2 {
				s.comeOnline()
			}
			return nil
		}
	})
	w.await(id, wa.ClientConnected)
	if s := r.net.last(t, id); tries.Load() != 3 || s.hangups < 2 {
		t.Errorf("%d attempts, hung up %d times", tries.Load(), s.hangups)
	}
}

// Keys that are used elsewhere are not fought over.
func TestReplacedIsNotFoughtOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url)
	w.await(id, wa.ClientConnected)
	s := r.net.last(t, id)
	s.say(provider.StateChanged{Signal: provider.Replaced})
	w.await(id, wa.ClientReplaced)
	time.Sleep(1500 * time.Millisecond)
	if n := r.net.connects(id); n != 1 || r.open(id) {
		t.Fatalf("connected %d times, line open: %v", n, r.open(id))
	}
	w.must(w.connectClient(id)()) // the try within the next minute is planned already
	s.comeOnline()
	w.await(id, wa.ClientConnected)
	s.say(provider.StateChanged{Signal: provider.Replaced})
	w.await(id, wa.ClientReplaced)
	w.must(w.connectClient(id)()) // now a person decides
	testkit.Eventually(t, patience, "connected on request", func() bool { return r.net.connects(id) == 2 && r.open(id) })
}

// Whoever takes over a number whose keys are used elsewhere does not connect at
// once, and one that was stopped only when a person asks.
func TestANewOwnerMindsWhyANumberIsOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	replaced, stopped, revived := w.linked(), w.linked(), w.linked()
	w.sql(`UPDATE clients SET status = 'replaced' WHERE id = $1`, replaced.UUID())
	w.sql(`UPDATE clients SET status = 'stopped' WHERE id = ANY($1)`, []string{stopped.UUID(), revived.UUID()})
	w.must(w.connectClient(revived)())
	r := w.worker(w.url)
	w.await(revived, wa.ClientConnected)
	time.Sleep(time.Second)
	if a, b := r.net.connects(replaced), r.net.connects(stopped); a != 0 || b != 0 {
		t.Errorf("the replaced one was connected %d times, the stopped one %d times", a, b)
	}
	if w.row(replaced).Status != wa.ClientReplaced || w.row(stopped).Status != wa.ClientStopped {
		t.Error("the reason was forgotten")
	}
	w.must(w.connectClient(stopped)())
	w.await(stopped, wa.ClientConnected)
}

// A banned number connects when the ban is over, whoever asks before.
func TestATemporaryBanEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	until := time.Now().Add(2500 * time.Millisecond)
	w.sql(`UPDATE clients SET status = 'temp_banned', until = $2 WHERE id = $1`, id.UUID(), until)
	r := w.worker(w.url)
	w.must(w.connectClient(id)())
	testkit.Eventually(t, patience, "held", func() bool { return r.hold(id) != nil })
	if row := w.row(id); row.Status != wa.ClientTempBanned || row.Until == nil {
		t.Errorf("the client is %s until %v", row.Status, row.Until)
	}
	w.await(id, wa.ClientConnected)
	if at := r.net.last(t, id).dials()[0]; at.Before(until) {
		t.Errorf("connected %s before the ban's end", until.Sub(at))
	}
}

func TestABanForbidsConnectingOnRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url)
	w.await(id, wa.ClientConnected)
	r.net.last(t, id).say(provider.StateChanged{Signal: provider.TempBanned, Until: time.Now().Add(time.Hour)})
	w.await(id, wa.ClientTempBanned)
	w.must(w.disconnectClient(id)())
	w.await(id, wa.ClientDisconnected)
	w.must(w.connectClient(id)())
	time.Sleep(500 * time.Millisecond)
	if n := r.net.connects(id); n != 1 {
		t.Errorf("a banned number was connected %d times", n-1)
	}
}

// WhatsApp refuses the library: every number of the worker stands still, and
// once it is taken again those that waited for it reconnect, and only those.
func TestOutdatedStopsTheFleet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	refused, online := w.linked(), w.linked()
	r := w.worker(w.url)
	for _, id := range []wa.ClientID{refused, online} {
		w.await(id, wa.ClientConnected)
	}
	banned := w.linked()
	w.await(banned, wa.ClientConnected)
	r.net.last(t, banned).say(provider.StateChanged{Signal: provider.TempBanned, Until: time.Now().Add(time.Hour)})
	w.await(banned, wa.ClientTempBanned)
	r.net.last(t, refused).say(provider.StateChanged{Signal: provider.Outdated, Code: "405"})
	w.await(refused, wa.ClientOutdated)
	late := w.linked()
	w.await(late, wa.ClientConnecting)
	time.Sleep(time.Second)
	if a, b := r.net.connects(refused), r.net.connects(late); a != 1 || b != 0 {
		t.Fatalf("the refused one connected %d times, another %d times", a, b)
	}
	// A number that is taken, as a probe would be.
	r.net.last(t, online).say(provider.StateChanged{Signal: provider.Connected})
	w.await(late, wa.ClientConnected)
	w.await(refused, wa.ClientConnected)
	time.Sleep(500 * time.Millisecond)
	if n := r.net.connects(banned); n != 1 {
		t.Error("a banned number was connected with the others")
	}
}

// A number that was unlinked keeps what waits; a new pairing sends it.
func TestLoggedOutKeepsItsQueue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url)
	w.await(id, wa.ClientConnected)
	messages := message.New(w.db, message.Options{})
	a, err := messages.Accept(t.Context(), w.by, id, wa.Draft{To: "+51900000009", Type: wa.KindText, Text: &wa.Text{Body: "waits"}, Lane: wa.Normal}, wa.IdempotencyKey{})
	w.must(err)
	r.net.last(t, id).say(provider.StateChanged{Signal: provider.LoggedOut, Code: "401"})
	w.await(id, wa.ClientLoggedOut)
	w.freed(id)
	place, err := messages.Place(t.Context(), w.by, a.Message)
	w.must(err)
	if place.BlockedBy == nil || *place.BlockedBy != wa.WaitUnpaired {
		t.Errorf("the message waits for %v", place.BlockedBy)
	}
	w.must(w.pair(id, wa.PairQR, ""))
	w.awaitCode(id)
	s := r.net.last(t, id)
	w.must(s.sink.Take(t.Context(), provider.Paired{JID: "jid2", Phone: "+51900000001"}))
	s.comeOnline()
	w.await(id, wa.ClientConnected)
	m, err := messages.Wait(t.Context(), w.by, a.ID, time.Millisecond, nil)
	w.must(err)
	if m.Status != wa.Queued {
		t.Errorf("the message is %s", m.Status)
	}
}

// A supervisor survives a panicking provider.
func TestAPanickingProviderIsContained(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bad, good := w.linked(), w.linked()
	var opened atomic.Int32
	w.worker(w.url, func(_ *fleet.WorkerOptions, n *network) {
		n.onOpen = func(number provider.Number) error {
			if number.Client == bad && opened.Add(1) == 1 {
				panic("cannot be opened")
			}
			return nil
		}
	})
	w.await(good, wa.ClientConnected)
	w.await(bad, wa.ClientConnected)
}

// A worker that stood still does not know that another one has its client. To
// connect would take the line from it.
func TestAClientOfOthersIsNotConnected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url, func(o *fleet.WorkerOptions, _ *network) { o.Poll = time.Hour })
	w.await(id, wa.ClientConnected)
	w.sql(`UPDATE clients SET epoch = epoch + 1 WHERE id = $1`, id.UUID())
	r.net.last(t, id).say(provider.StateChanged{Signal: provider.Disconnected})
	time.Sleep(2500 * time.Millisecond)
	if n := r.net.connects(id); n != 1 {
		t.Fatalf("connected %d times", n)
	}
	w.sql(`UPDATE clients SET epoch = epoch - 1 WHERE id = $1`, id.UUID())
	testkit.Eventually(t, patience, "connected as the owner", func() bool { return r.net.connects(id) == 2 })
}
