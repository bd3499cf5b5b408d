package message

import (
	"context"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Cancel withdraws a message that has not left. Once it is on its way the
// answer is Conflict: whichever came first, the claim or the cancel, has won.
func (s *Service) Cancel(ctx context.Context, by wa.Actor, id wa.MessageID) (wa.Message, error) {
	return s.change(ctx, by, id, "it cannot be cancelled any more", func(tx *store.Tx) (bool, error) {
		return tx.Cancel(ctx, by.Org, id)
	}, func(tx *store.Tx, m wa.Message) error {
		if err := tx.Step(by.Org, id, wa.Cancelled, "cancelled by "+by.Lasting(), nil); err != nil {
			return err
		}
		return tx.Emit(by.Org, m.ClientID, wa.MessageCancelled, wa.EventMessage{Message: m})
	})
}

// Retry puts a failed message back into its line, under the id it had, so that
// a recipient who has it after all sees it once.
func (s *Service) Retry(ctx context.Context, by wa.Actor, id wa.MessageID) (wa.Message, error) {
	expires := s.opt.Now().Add(wa.DefaultValidity)
	return s.change(ctx, by, id, "only a failed message can be tried again", func(tx *store.Tx) (bool, error) {
		return tx.Redrive(ctx, by.Org, id, expires)
	}, func(tx *store.Tx, m wa.Message) error {
		if err := tx.Step(by.Org, id, wa.Queued, "tried again by "+by.Lasting(), nil); err != nil {
			return err
		}
		c, err := tx.Client(ctx, by.Org, m.ClientID)
		if err != nil {
			return err
		}
		if c.Slot != nil {
			tx.Ring(wa.DrainTicket{Version: 1, Client: c.ID, Slot: *c.Slot})
		}
		return tx.Emit(by.Org, m.ClientID, wa.MessageQueued, wa.EventMessage{Message: m})
	})
}

// change makes one guarded move and tells of it. A message that is not where
// the move starts is a Conflict that names where it is.
func (s *Service) change(ctx context.Context, by wa.Actor, id wa.MessageID, refusal string,
	move func(*store.Tx) (bool, error), tell func(*store.Tx, wa.Message) error,
) (wa.Message, error) {
	var m wa.Message
	err := s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		moved, err := move(tx)
		if err != nil {
			return err
		}
		if m, err = tx.Message(ctx, by.Org, id); err != nil {
			return err
		}
		if !moved {
			return wa.Errorf(wa.Conflict, "the message is %s: %s", m.Status, refusal)
		}
		return tell(tx, m)
	})
	return m, err
}

// Wait holds on until a message has left or ended, at most for upTo, and gives
// it as it was when it was looked at last. turn does each look when it is the
// caller's turn; nil does it at once.
func (s *Service) Wait(ctx context.Context, by wa.Actor, id wa.MessageID, upTo time.Duration, turn func(context.Context, func() error) error) (m wa.Message, err error) {
	ctx, cancel := context.WithTimeout(ctx, upTo)
	defer cancel()
	if turn == nil {
		turn = func(_ context.Context, look func() error) error { return look() }
	}
	for began := time.Now(); ; {
		err := turn(ctx, func() (err error) {
			m, err = s.message(context.WithoutCancel(ctx), by.Org, id)
			return err
		})
		if ctx.Err() != nil && !m.ID.IsZero() {
			return m, nil
		}
		if err != nil || m.Status.Final() {
			return m, err
		}
		select {
		case <-time.After(lookAgain(time.Since(began))):
		case <-ctx.Done():
			return m, nil
		}
	}
}

// lookAgain is how long a message is not looked at again that has been waited
// for: most are sent within a second, and the others take what they take.
func lookAgain(waited time.Duration) time.Duration {
	switch {
	case waited < time.Second:
		return 50 * time.Millisecond
	case waited < 5*time.Second:
		return 250 * time.Millisecond
	}
	return time.Second
}

func (s *Service) message(ctx context.Context, org wa.OrgID, id wa.MessageID) (m wa.Message, err error) {
	err = s.db.InOrg(ctx, org, func(tx *store.Tx) error {
		m, err = tx.Message(ctx, org, id)
		return err
	})
	return m, err
}
