package message

import (
	"context"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// batch is how many rows one pass of a reconciler moves: the locks it takes
// are short.
const batch = 1000

// PromoteDue queues the messages whose time has come (R3) and tells how many.
func (s *Service) PromoteDue(ctx context.Context) (int, error) {
	return s.sweepMoved(ctx, func(ctx context.Context, tx *store.Tx) ([]store.Moved, error) {
		return tx.PromoteDue(ctx, batch)
	}, wa.MessageQueued, "its time has come")
}

// ExpireDue ends the messages that were not sent in time (R4).
func (s *Service) ExpireDue(ctx context.Context) (int, error) {
	return s.sweepMoved(ctx, func(ctx context.Context, tx *store.Tx) ([]store.Moved, error) {
		return tx.ExpireDue(ctx, batch)
	}, wa.MessageExpired, "not sent before it expired")
}

// sweepMoved moves rows in one transaction, writes their steps and events, and
// rings the owners once each.
func (s *Service) sweepMoved(ctx context.Context, move func(context.Context, *store.Tx) ([]store.Moved, error), kind wa.EventType, note string) (int, error) {
	var moved []store.Moved
	err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		if moved, err = move(ctx, tx); err != nil {
			return err
		}
		rung := map[wa.ClientID]bool{}
		for _, v := range moved {
			m := v.Message
			if err := tx.Step(m.OrgID, m.ID, m.Status, note, nil); err != nil {
				return err
			}
			if err := tx.Emit(m.OrgID, m.ClientID, kind, wa.EventMessage{Message: m}); err != nil {
				return err
			}
			if m.Status == wa.Queued && v.Slot != 0 && !rung[m.ClientID] {
				rung[m.ClientID] = true
				tx.Ring(wa.DrainTicket{Version: 1, Client: m.ClientID, Slot: v.Slot})
			}
		}
		return nil
	})
	if err == nil && kind == wa.MessageExpired {
		finalTotal.WithLabelValues(string(wa.Expired), string(wa.FailValidityExpired)).Add(float64(len(moved)))
	}
	return len(moved), err
}

// RingLate rings again for urgent messages that wait although their client is
// held (R6). The worker's poll finds them too; this is for the operator's view.
func (s *Service) RingLate(ctx context.Context) error {
	return s.db.InTx(ctx, func(tx *store.Tx) error {
		late, err := tx.LateUrgent(ctx, 5*time.Second, batch)
		for _, t := range late {
			t.Version, t.Lane = 1, wa.Urgent
			tx.Ring(t)
		}
		return err
	})
}

// Sweep forgets what is only kept for a time, and counts what should have ended
// by now (R11).
func (s *Service) Sweep(ctx context.Context) (stuck int, err error) {
	var untold int64
	err = s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		if _, err := tx.SweepReplies(ctx, 24*time.Hour, 10*batch); err != nil {
			return err
		}
		if untold, err = tx.SweepReads(ctx, tellAge, 10*batch); err != nil {
			return err
		}
		stuck, err = tx.Stuck(ctx)
		return err
	})
	if err == nil {
		readReceipts.WithLabelValues(readGivenUp).Add(float64(untold))
	}
	return stuck, err
}
