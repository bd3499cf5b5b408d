package fleet_test

import (
	"context"
	"testing"
	"time"

	"chasqui/internal/fleet"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func TestAWorkerHoldsAClientAndBringsItOnline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url)
	row := w.await(id, wa.ClientConnected)
	if row.Slot == nil || row.Epoch == 0 {
		t.Errorf("held by slot %v in epoch %d", row.Slot, row.Epoch)
	}
	w.awaitOpen(r, id)
	if state, ok := r.Health(); !ok {
		t.Errorf("health: %s", state)
	}
	if n := w.told(id, wa.ClientIsConnected); n != 1 {
		t.Errorf("client.connected told %d times", n)
	}
	r.stop()
	row = w.row(id)
	if row.Slot != nil || row.Status != wa.ClientConnecting {
		t.Errorf("after a graceful stop: slot %v, %s", row.Slot, row.Status)
	}
	if !r.net.last(t, id).isClosed() {
		t.Error("the session is still open")
	}
}

// Somebody else has the slot: everything that stands on it ends at once, and
// the worker starts over with another epoch.
func TestALostSlotDropsEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url)
	w.await(id, wa.ClientConnected)
	before, first := w.row(id), r.hold(id)
	w.sql(`UPDATE workers SET epoch = epoch + 1, instance = gen_random_uuid(), expires_at = now() + interval '1 second' WHERE slot = $1`, *before.Slot)
	testkit.Eventually(t, patience, "the first hold to end", func() bool { return first.Epoch() == 0 })
	if _, _, ok := first.Line(); ok {
		t.Error("messages may leave over a hold that ended")
	}
	testkit.Eventually(t, patience, "another epoch", func() bool { return w.row(id).Epoch > before.Epoch && r.open(id) })
	if !r.net.of(id)[0].isClosed() {
		t.Error("the first session is still open")
	}
}

// Bells that hang on at the end of a slot must not keep its lines open.
func TestALostSlotStopsLinesBeforeBells(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	release := make(chan struct{})
	r := w.worker(w.url, func(o *fleet.WorkerOptions, _ *network) {
		o.Freeze = 10 * time.Second // the lease looks fresh for long
		o.Serve = func(ctx context.Context, _ int) error {
			<-ctx.Done()
			<-release
			return nil
		}
	})
	t.Cleanup(func() { r.stop() })
	defer close(release)
	w.await(id, wa.ClientConnected)
	w.awaitOpen(r, id)
	w.sql(`UPDATE workers SET epoch = epoch + 1, instance = gen_random_uuid(), expires_at = now() + interval '1 hour' WHERE slot = $1`, *w.row(id).Slot)
	testkit.Eventually(t, 3*time.Second, "the line to close", func() bool { return !r.open(id) })
	testkit.Eventually(t, 3*time.Second, "the session to close", func() bool { return r.net.of(id)[0].isClosed() })
}

// A client that another worker has by now is dropped within a poll.
func TestAClientThatIsNotOursIsDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, other := w.linked(), w.linked()
	r := w.worker(w.url)
	w.await(id, wa.ClientConnected)
	w.await(other, wa.ClientConnected)
	h := r.hold(id)
	w.sql(`UPDATE clients SET slot = 31, worker_epoch = 1, epoch = epoch + 1 WHERE id = $1`, id.UUID())
	w.sql(`UPDATE workers SET instance = gen_random_uuid(), epoch = 1, expires_at = now() + interval '1 hour' WHERE slot = 31`)
	testkit.Eventually(t, patience, "the client to be dropped", func() bool { return h.Epoch() == 0 })
	if r.net.connects(id) != 1 || !r.net.of(id)[0].isClosed() {
		t.Error("the session was not closed, or connected again")
	}
	if !r.open(other) {
		t.Error("another client was dropped with it")
	}
}

// While Postgres does not answer nothing leaves, sessions stay as they are, and
// everything goes on afterwards.
func TestSilenceFreezes(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*proxy){"silent": (*proxy).silence, "cut": (*proxy).cut} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.linked()
			p := newProxy(t, w.url)
			r := w.worker(p.url)
			w.await(id, wa.ClientConnected)
			w.awaitOpen(r, id)
			epoch := w.row(id).Epoch
			fault(p)
			testkit.Eventually(t, 3*time.Second, "frozen", func() bool { return !r.open(id) })
			if _, ok := r.Health(); ok {
				t.Error("a frozen worker calls itself healthy")
			}
			time.Sleep(2500 * time.Millisecond) // the lease runs out
			s := r.net.last(t, id)
			if s.isClosed() || len(s.dials()) != 1 {
				t.Error("the session did not stay open")
			}
			p.restore()
			w.awaitOpen(r, id)
			if now := w.row(id).Epoch; now != epoch {
				t.Errorf("the client changed owners: epoch %d, then %d", epoch, now)
			}
			if len(r.net.of(id)) != 1 || r.net.connects(id) != 1 {
				t.Error("the session was made anew")
			}
		})
	}
}

// When the database was away for longer than a lease lives, every lease has run
// out. Nobody may call the others dead before they had time to renew.
func TestNoClientMovesAfterALongOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newProxy(t, w.url)
	var ids []wa.ClientID
	for range 6 {
		ids = append(ids, w.linked())
	}
	small := func(o *fleet.WorkerOptions, _ *network) { o.Capacity = 3 }
	workers := []*running{w.worker(p.url, small), w.worker(p.url, small)}
	for _, id := range ids {
		w.await(id, wa.ClientConnected)
	}
	// Room for the other's clients, and time to be trusted with them.
	before := map[wa.ClientID]int64{}
	for _, id := range ids {
		before[id] = w.row(id).Epoch
	}
	time.Sleep(2200 * time.Millisecond)
	p.cut()
	time.Sleep(3 * time.Second)
	// Somebody new starts as the database comes back.
	late := w.worker(p.url)
	p.restore()
	time.Sleep(4500 * time.Millisecond)
	for _, id := range ids {
		if now := w.row(id).Epoch; now != before[id] {
			t.Errorf("a client moved: epoch %d, then %d", before[id], now)
		}
		if n := workers[0].net.connects(id) + workers[1].net.connects(id) + late.net.connects(id); n != 1 {
			t.Errorf("a client connected %d times", n)
		}
	}
}

// The clients of a worker that died move to another within the lease's life and
// a little.
func TestADeadWorkersClientsMove(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := newProxy(t, w.url)
	dying := w.worker(p.url)
	ids := []wa.ClientID{w.linked(), w.linked(), w.linked()}
	for _, id := range ids {
		w.await(id, wa.ClientConnected)
	}
	heir := w.worker(w.url)
	testkit.Eventually(t, patience, "the heir to be ready", func() bool { _, ok := heir.Health(); return ok })
	time.Sleep(2200 * time.Millisecond)
	p.cut()
	began := time.Now()
	for _, id := range ids {
		w.awaitOpen(heir, id)
	}
	if d := time.Since(began); d > 4*time.Second {
		t.Errorf("the takeover took %s", d)
	}
	for _, id := range ids {
		if dying.open(id) {
			t.Error("two workers may send for one client")
		}
	}
	// The dead one comes back to life and finds that they are not its own.
	p.restore()
	testkit.Eventually(t, patience, "the former owner to let go", func() bool {
		for _, id := range ids {
			if dying.hold(id).Epoch() != 0 || !dying.net.of(id)[0].isClosed() {
				return false
			}
		}
		return true
	})
	for _, id := range ids {
		if !heir.open(id) {
			t.Error("the heir lost a client")
		}
	}
}
