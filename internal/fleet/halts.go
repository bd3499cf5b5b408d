package fleet

import (
	"context"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// halts are the throws of the kill switch as last read.
type halts struct {
	all     bool
	orgs    map[wa.OrgID]bool
	clients map[wa.ClientID]bool
}

func haltsOf(all []wa.Halt) *halts {
	h := &halts{orgs: map[wa.OrgID]bool{}, clients: map[wa.ClientID]bool{}}
	for _, one := range all {
		switch one.Scope {
		case wa.HaltAll:
			h.all = true
		case wa.HaltOrg:
			h.orgs[one.OrgID] = true
		case wa.HaltClient:
			h.clients[one.ClientID] = true
		}
	}
	return h
}

// of is what holds a client; the widest counts. Nothing read yet holds nobody:
// claims ask the database anyway.
func (h *halts) of(org wa.OrgID, client wa.ClientID) wa.HaltScope {
	switch {
	case h == nil:
		return wa.NotHalted
	case h.all:
		return wa.HaltAll
	case h.orgs[org]:
		return wa.HaltOrg
	case h.clients[client]:
		return wa.HaltClient
	}
	return wa.NotHalted
}

// same reports whether nobody is held or free who was not before.
func (h *halts) same(other *halts) bool {
	if h == nil || other == nil {
		return h == other
	}
	return h.all == other.all && sameKeys(h.orgs, other.orgs) && sameKeys(h.clients, other.clients)
}

func sameKeys[K comparable](a, b map[K]bool) bool {
	for k := range a {
		if !b[k] {
			return false
		}
	}
	return len(a) == len(b)
}

// stopped is what holds a client of this worker.
func (w *Worker) stopped(h *Hold) wa.HaltScope { return w.halts.Load().of(h.org, h.id) }

// haltLoop keeps up with the kill switch. Claims ask the database themselves;
// this closes the lines, so that what was claimed and not begun goes back, and
// nobody is shown typing.
func (w *Worker) haltLoop(ctx context.Context) {
	tick := time.NewTicker(w.opt.Halt)
	defer tick.Stop()
	for {
		if err := w.readHalts(ctx); err != nil && ctx.Err() == nil {
			w.log.WarnContext(ctx, "the kill switch could not be read; what was last read stands", "error", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (w *Worker) readHalts(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	var all []wa.Halt
	err := w.db.InTx(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Halts(ctx)
		return err
	})
	if err != nil {
		return err
	}
	now := haltsOf(all)
	if before := w.halts.Swap(now); !now.same(before) && (before != nil || len(all) > 0) {
		w.log.InfoContext(ctx, "the kill switch moved", "in_force", len(all))
		w.nudgeAll()
	}
	return nil
}
