package fleet

import (
	"context"
	"sync"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// lease is what this process knows of its slot, by its own monotonic clock and
// counted from before each renewal was sent: never later than the database
// counts.
type lease struct {
	mu      sync.Mutex
	slot    store.Slot
	renewed time.Time // start of the last renewal that succeeded
	steady  time.Time // since when renewals have come without a gap
}

func (l *lease) start(s store.Slot, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slot, l.renewed, l.steady = s, at, at
}

func (l *lease) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slot = store.Slot{}
}

// renew notes a renewal that was sent at that time.
func (l *lease) renew(at time.Time, ttl time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at.Sub(l.renewed) >= ttl {
		l.steady = at
	}
	l.renewed = at
}

// fresh reports whether the slot is surely ours: renewed within limit.
func (l *lease) fresh(limit time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.slot.Number != 0 && time.Since(l.renewed) < limit
}

// inherits reports whether this worker may take the clients of a dead one: only
// after it has itself renewed without a gap for a whole TTL. When the database
// was away every lease has run out, and every live worker gets time to renew
// before anybody calls it dead.
func (l *lease) inherits(ttl time.Duration) bool {
	if plantTakeover {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.renewed) < ttl && l.renewed.Sub(l.steady) >= ttl
}

func (l *lease) age() (slot int, age time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.slot.Number, time.Since(l.renewed)
}

// heartbeat renews the lease until beat ends. Finding that somebody else has
// the slot ends everything that stands on it.
func (w *Worker) heartbeat(beat context.Context, slot store.Slot, run context.Context, lose context.CancelCauseFunc) {
	tick := time.NewTicker(w.opt.Heartbeat)
	defer tick.Stop()
	frozen, stopping := false, run.Done()
	for {
		select {
		case <-tick.C:
		case <-stopping: // the others count without us from now on
			stopping = nil
		case <-beat.Done():
			return
		}
		held := w.renew(beat, slot, run.Err() != nil)
		if !held && beat.Err() == nil {
			w.log.ErrorContext(beat, "worker slot lost", "slot", slot.Number)
			w.lease.end() // from this moment no line is open
			lose(errSlotLost)
			return
		}
		if now := !w.lease.fresh(w.opt.Freeze); now != frozen {
			frozen = now
			w.tellFrozen(beat, frozen)
		}
	}
}

func (w *Worker) tellFrozen(ctx context.Context, frozen bool) {
	if frozen {
		workerFrozen.Set(1)
		w.log.WarnContext(ctx, "frozen: the lease could not be renewed in time, nothing leaves until it is")
		return
	}
	workerFrozen.Set(0)
	w.log.InfoContext(ctx, "the lease is good again")
	w.nudgeAll()
}

// renew reports false only when somebody else holds the slot.
func (w *Worker) renew(ctx context.Context, slot store.Slot, draining bool) bool {
	ctx, cancel := context.WithTimeout(ctx, w.opt.Heartbeat)
	defer cancel()
	began := time.Now()
	held := true
	defer func() {
		_, age := w.lease.age()
		leaseAge.Set(age.Seconds())
	}()
	err := w.db.InTx(ctx, func(tx *store.Tx) (err error) {
		held, err = tx.RenewSlot(ctx, slot, w.opt.TTL, draining)
		return err
	})
	if err != nil {
		w.log.WarnContext(ctx, "lease not renewed", "code", wa.CodeOf(err), "error", err)
		return true
	}
	if held {
		w.lease.renew(began, w.opt.TTL)
	}
	return held
}
