package fleet

import (
	"context"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Bounds of one look for clients without an owner.
const (
	claimAtOnce = 100
	claimRamp   = 50 // a second
)

// queryLimit bounds one look at the database: over a connection that fell
// silent an answer may never come.
const queryLimit = 5 * time.Second

func (w *Worker) claimLoop(ctx context.Context, slot store.Slot) {
	tick := time.NewTicker(w.opt.Claim)
	defer tick.Stop()
	ramp := ramp{}
	for {
		if w.lease.fresh(w.opt.Freeze) {
			if err := w.claim(ctx, slot, &ramp); err != nil && ctx.Err() == nil {
				w.log.WarnContext(ctx, "no clients claimed", "error", err)
			}
		}
		select {
		case <-tick.C:
		case <-w.assign:
		case <-ctx.Done():
			return
		}
	}
}

// ramp spreads the taking of clients over time: a second's worth at once at
// most, however often somebody rings for an owner.
type ramp struct {
	left float64
	at   time.Time
}

// room is how many clients may be taken now.
func (r *ramp) room(now time.Time) int {
	r.left = min(claimRamp, r.left+now.Sub(r.at).Seconds()*claimRamp)
	r.at = now
	return int(r.left)
}

// claim takes clients that nobody holds, up to this worker's fair share.
func (w *Worker) claim(ctx context.Context, slot store.Slot, ramp *ramp) error {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	var claimed []store.ClientRow
	err := w.db.InTx(ctx, func(tx *store.Tx) error {
		share, err := tx.FairShare(ctx)
		if err != nil {
			return err
		}
		room := min(w.opt.Capacity, share) - len(w.list())
		limit := min(room, claimAtOnce, ramp.room(time.Now()))
		if limit <= 0 {
			return nil
		}
		claimed, err = tx.ClaimClients(ctx, slot, limit, w.lease.inherits(w.opt.TTL))
		return err
	})
	if err != nil {
		return err
	}
	ramp.left -= float64(len(claimed))
	for _, c := range claimed {
		takeovers.Inc()
		w.take(c)
	}
	return nil
}

// take starts holding a client.
func (w *Worker) take(c store.ClientRow) {
	h := newHold(w, c)
	w.mu.Lock()
	former := w.holds[c.ID]
	if former != nil && former.epoch.Load() == c.Epoch {
		w.mu.Unlock()
		return // the poll was faster than the answer to the claim
	}
	w.holds[c.ID] = h
	clientsOwned.WithLabelValues(slotLabel(*c.Slot)).Set(float64(len(w.holds)))
	w.mu.Unlock()
	if former != nil {
		former.drop()
	}
	h.start()
}

// pollLoop asks once a second which of the held clients have work and are still
// ours. It is what makes lost bells harmless.
func (w *Worker) pollLoop(ctx context.Context, slot store.Slot) {
	tick := time.NewTicker(w.opt.Poll)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := w.poll(ctx, slot); err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "own clients not polled", "error", err)
		}
	}
}

func (w *Worker) poll(ctx context.Context, slot store.Slot) error {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	asked := time.Now()
	var owned []store.Owned
	err := w.db.InTx(ctx, func(tx *store.Tx) (err error) {
		owned, err = tx.OwnedClients(ctx, slot)
		return err
	})
	if err != nil {
		return err
	}
	ours := make(map[wa.ClientID]bool, len(owned))
	for _, o := range owned {
		ours[o.ID] = true
		w.look(ctx, o)
	}
	held := map[wa.ClientStatus]int{}
	for _, h := range w.list() {
		held[h.Client().Status]++
		if !ours[h.id] && h.since.Before(asked) {
			w.log.WarnContext(ctx, "a client is not ours any more", "client", h.id)
			go h.drop()
		}
	}
	for _, status := range wa.ClientStatuses() {
		sessionsByStatus.WithLabelValues(string(status)).Set(float64(held[status]))
	}
	return nil
}

// look compares what the database says of a client with what we hold.
func (w *Worker) look(ctx context.Context, o store.Owned) {
	h := w.hold(o.ID)
	if h != nil && h.epoch.Load() == 0 {
		return // on its way out; taken again, if need be, when it is gone
	}
	if h == nil || h.epoch.Load() != o.Epoch {
		w.adopt(ctx, o)
		return
	}
	if h.version.Load() != o.Version {
		h.kickNow()
	}
	if o.Reading {
		h.tell()
	}
	if o.Flying || o.Waiting != [3]bool{} {
		n := nudge("poll")
		n.Lanes, n.Flying = o.Waiting, o.Flying
		h.nudge(n)
	}
}

// adopt starts holding a client that is ours in the database only: the answer
// to its claim was lost.
func (w *Worker) adopt(ctx context.Context, o store.Owned) {
	var row store.ClientRow
	err := w.db.InOrg(ctx, o.OrgID, func(tx *store.Tx) (err error) {
		row, err = tx.ClientRow(ctx, o.OrgID, o.ID)
		return err
	})
	if err != nil || row.Epoch != o.Epoch || row.Slot == nil {
		return
	}
	w.take(row)
}
