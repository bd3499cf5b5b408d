package fleet_test

import (
	"context"
	"testing"
	"time"

	"chasqui/internal/fleet"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func (w *world) many(n int) (ids []wa.ClientID) {
	w.t.Helper()
	for range n {
		ids = append(ids, w.unpaired())
	}
	return ids
}

// linkAll makes clients want an owner, all at the same moment.
func (w *world) linkAll() {
	w.t.Helper()
	w.sql(`UPDATE clients SET jid = 'jid-' || id, phone = '51900000001', desire = 'connected', version = version + 1`)
}

func (r *running) held() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, h := range r.holds {
		if h.Epoch() != 0 {
			n++
		}
	}
	return n
}

func TestTwoWorkersShareFairly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.worker(w.url), w.worker(w.url)
	for _, r := range []*running{a, b} {
		testkit.Eventually(t, patience, "a slot", func() bool { _, ok := r.Health(); return ok })
	}
	ids := w.many(20)
	w.linkAll()
	for _, id := range ids {
		w.await(id, wa.ClientConnected)
	}
	if x, y := a.held(), b.held(); x+y != 20 || x > 11 || y > 11 {
		t.Errorf("20 clients are shared %d to %d", x, y)
	}
	for _, id := range ids {
		if n := a.net.connects(id) + b.net.connects(id); n != 1 {
			t.Errorf("a client connected %d times", n)
		}
	}
}

// Numbers are taken 50 a second, however often somebody rings for an owner.
func TestClaimsAreRamped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.many(150)
	w.linkAll()
	r := w.worker(w.url, func(o *fleet.WorkerOptions, _ *network) { o.Claim = 200 * time.Millisecond })
	testkit.Eventually(t, patience, "the first client", func() bool { return r.held() > 0 })
	began := time.Now()
	testkit.Eventually(t, patience, "100 clients", func() bool {
		r.Assign(wa.ClientID{})
		return r.held() >= 100
	})
	if d := time.Since(began); d < 800*time.Millisecond {
		t.Errorf("100 clients were taken in %s", d)
	}
}

// A worker that is told to stop gives back what is idle at once, finishes the
// message under way, and counts for the others as gone from the first moment.
func TestAGracefulStopHandsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ids := w.many(8)
	slow := ids[3]
	finished := make(chan struct{})
	steady := func(o *fleet.WorkerOptions, _ *network) {
		o.TTL, o.Heartbeat, o.Freeze = 8*time.Second, 3*time.Second, 6*time.Second
	}
	underWay := func(o *fleet.WorkerOptions, _ *network) {
		o.Drain = 10 * time.Second
		o.Deliver = func(ctx context.Context, h *fleet.Hold) {
			<-ctx.Done()
			if h.Client().ID == slow {
				time.Sleep(2 * time.Second)
				close(finished)
			}
		}
	}
	a := w.worker(w.url, steady, underWay)
	w.linkAll()
	for _, id := range ids {
		w.await(id, wa.ClientConnected)
	}
	b := w.worker(w.url, steady)
	testkit.Eventually(t, patience, "a slot", func() bool { _, ok := b.Health(); return ok })
	began := time.Now()
	go a.stop()
	testkit.Eventually(t, patience, "seven clients moved", func() bool { return b.held() == 7 })
	if d := time.Since(began); d > 1500*time.Millisecond {
		t.Errorf("idle clients moved after %s", d)
	}
	select {
	case <-finished:
		t.Error("the message under way was over already: nothing is proven")
	default:
	}
	if row := w.row(slow); row.Slot == nil || a.hold(slow).Epoch() == 0 || a.net.last(t, slow).isClosed() {
		t.Error("the number with a message under way was given back before it ended")
	}
	w.awaitOpen(b, slow)
	<-finished
}

// A message that does not end in time does not keep a worker from stopping.
func TestADrainIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	release := make(chan struct{})
	r := w.worker(w.url, func(o *fleet.WorkerOptions, _ *network) {
		o.Drain = 300 * time.Millisecond
		o.Deliver = func(context.Context, *fleet.Hold) { <-release }
	})
	defer close(release)
	w.await(id, wa.ClientConnected)
	began := time.Now()
	r.stop()
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("stopping took %s", d)
	}
	if w.row(id).Slot != nil || r.hold(id).Epoch() != 0 {
		t.Error("the client was not given back")
	}
}
