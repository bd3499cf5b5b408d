package message

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Bounds of erasing. What a request does not manage is left to the clock.
const (
	eraseMost    = 500             // messages in a transaction
	eraseWalk    = 5000            // events that one looks at
	eraseKept    = 100_000         // answers to requests; each look sorts all of the org's day
	eraseTalk    = 500             // messages of groups that one searches
	eraseAtOnce  = 5 * time.Second // for a request
	eraseOnClock = 20 * time.Second
	erasuresOpen = 100
)

// The stages of an erasure, in order. First the messages go: nothing can be told
// of them then, and what was told lies before the end of the feed. Each stage
// that is repeated does no harm.
const (
	eraseMessages = "messages"
	eraseEvents   = "events"
	eraseReplies  = "replies"
	eraseMentions = "mentions"
	eraseRest     = "rest"
)

// eraseStep does a part of a stage. It gives the stage that follows, which is
// the same while there is more to do.
type eraseStep func(s *Service, ctx context.Context, tx *store.Tx, e *store.Erasing) (next string, err error)

var eraseSteps = map[string]eraseStep{ //nolint:gochecknoglobals // a table that nobody writes
	eraseMessages: (*Service).eraseMessages, eraseEvents: (*Service).eraseEvents, eraseReplies: (*Service).eraseReplies,
	eraseMentions: (*Service).eraseMentions, eraseRest: (*Service).eraseRest,
}

// errErasureWaits says that an erasure can go on only when a message under way
// has had its outcome.
var errErasureWaits = errors.New("a message to them is under way")

// Erase takes away a person: who they are at once, all that was said as far as
// that is quick, and the rest by the clock (see GoOnErasing). It gives the
// receipt as it is by then. What waits to be sent to them is cancelled.
func (s *Service) Erase(ctx context.Context, by wa.Actor, id wa.ContactID) (e wa.Erasure, err error) {
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if e, err = tx.BeginErasure(ctx, by.Org, id, by.User); err != nil {
			return err
		}
		told := wa.EventErased{ErasureID: e.ID}
		told.Contact.ID = e.ContactID
		if err := tx.Audit(by, wa.AuditContactErased, e.ContactID.String(), nil, erasedLine{e.ID}); err != nil {
			return err
		}
		return tx.Emit(by.Org, wa.ClientID{}, wa.ContactErased, told)
	})
	if err != nil {
		return e, err
	}
	// Whoever asked need not wait for it to go on.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eraseAtOnce)
	defer cancel()
	if err := s.eraseOn(ctx, e); err != nil {
		s.opt.Log.InfoContext(ctx, "erasing goes on by the clock", "erasure", e.ID, "error", err)
	}
	return s.erasure(context.WithoutCancel(ctx), by.Org, e.ID)
}

// erasedLine is what the audit log keeps of an erasure.
type erasedLine struct {
	Erasure wa.ErasureID `json:"erasure_id"`
}

func (s *Service) erasure(ctx context.Context, org wa.OrgID, id wa.ErasureID) (e wa.Erasure, err error) {
	err = s.db.InOrg(ctx, org, func(tx *store.Tx) error {
		e, err = tx.Erasure(ctx, org, id)
		return err
	})
	return e, err
}

// GoOnErasing goes on with what erasures are not done, of every org, by turns.
func (s *Service) GoOnErasing(ctx context.Context) error {
	var open []wa.Erasure
	err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		open, err = tx.OpenErasures(ctx, erasuresOpen)
		return err
	})
	if err != nil {
		return err
	}
	return s.erasing.run(ctx, eraseOnClock, open, func(ctx context.Context, e wa.Erasure) (bool, error) {
		done, err := s.eraseOnce(ctx, e)
		if errors.Is(err, errErasureWaits) {
			return true, nil // for this time
		}
		if err != nil {
			err = fmt.Errorf("erasure %s: %w", e.ID, err)
		}
		return done, err
	})
}

// SweepErased forgets what erased messages counted for, when nothing asks for it
// any more.
func (s *Service) SweepErased(ctx context.Context) error {
	return s.db.InTx(ctx, func(tx *store.Tx) error {
		_, err := tx.SweepErasedSends(ctx, 25*time.Hour, 100_000)
		return err
	})
}

// eraseOn goes on with one erasure until it is done, waits, or ctx ends.
func (s *Service) eraseOn(ctx context.Context, e wa.Erasure) error {
	for {
		done, err := s.eraseOnce(ctx, e)
		if done || err != nil {
			return err
		}
	}
}

// eraseOnce does one step of an erasure, in a transaction of its own. done also
// when somebody else is at it.
func (s *Service) eraseOnce(ctx context.Context, of wa.Erasure) (done bool, err error) {
	err = s.db.InOrg(ctx, of.OrgID, func(tx *store.Tx) error {
		e, err := tx.TakeErasure(ctx, of.OrgID, of.ID)
		if wa.CodeOf(err) == wa.NotFound && err != nil {
			done = true
			return nil
		}
		if err != nil {
			return err
		}
		step, known := eraseSteps[e.Stage]
		if !known {
			return fmt.Errorf("an erasure has no stage %q", e.Stage)
		}
		next, err := step(s, ctx, tx, &e)
		if err != nil {
			return err
		}
		if next != e.Stage {
			e.Stage, e.Mark = next, ""
		}
		if done = e.Status == wa.ErasureDone; done {
			s.opt.Log.InfoContext(ctx, "a contact was erased", slog.String("erasure", e.ID.String()), slog.Int("messages", e.Removed.Messages))
		}
		return tx.KeepErasure(ctx, e)
	})
	return done && err == nil, err
}

// eraseMessages cancels what has not left, tells so, and deletes what nobody
// works on.
func (s *Service) eraseMessages(ctx context.Context, tx *store.Tx, e *store.Erasing) (string, error) {
	cancelled, err := tx.CancelErased(ctx, *e, eraseMost)
	if err != nil {
		return "", err
	}
	why := wa.NewFailure(wa.FailContactErased, "", nil)
	for _, m := range cancelled {
		m.Error = &why
		if err := tx.Emit(m.OrgID, m.ClientID, wa.MessageCancelled, wa.EventMessage{Message: m.Nameless()}); err != nil {
			return "", err
		}
	}
	gone, err := tx.DeleteErased(ctx, *e, eraseMost)
	if err != nil {
		return "", err
	}
	e.Removed.Messages += int(gone)
	e.Removed.Cancelled += len(cancelled)
	left, err := tx.AnyErased(ctx, *e)
	switch {
	case err != nil:
		return "", err
	case !left:
		return eraseEvents, nil
	case gone == 0 && len(cancelled) == 0:
		return "", errErasureWaits
	}
	return eraseMessages, nil
}

func (s *Service) eraseEvents(ctx context.Context, tx *store.Tx, e *store.Erasing) (string, error) {
	chats, err := tx.ErasedChats(ctx, *e)
	if err != nil {
		return "", err
	}
	w, err := tx.ForgetErasedEvents(ctx, *e, chats, eraseWalk)
	e.Removed.Events += w.Changed
	e.Removed.Answers += w.Answers
	return walked(e, w, err, eraseWalk, eraseEvents, eraseReplies)
}

func (s *Service) eraseReplies(ctx context.Context, tx *store.Tx, e *store.Erasing) (string, error) {
	chats, err := tx.ErasedChats(ctx, *e)
	if err != nil {
		return "", err
	}
	w, err := tx.ForgetErasedReplies(ctx, *e, chats, eraseKept)
	e.Removed.Replies += w.Changed
	return walked(e, w, err, eraseKept, eraseReplies, eraseMentions)
}

func (s *Service) eraseMentions(ctx context.Context, tx *store.Tx, e *store.Erasing) (string, error) {
	w, err := tx.ForgetMentions(ctx, *e, eraseTalk)
	e.Removed.Mentions += w.Changed
	return walked(e, w, err, eraseTalk, eraseMentions, eraseRest)
}

// walked notes how far a walk came, and gives the stage that follows.
func walked(e *store.Erasing, w store.Walked, err error, most int, stage, next string) (string, error) {
	if err != nil {
		return "", err
	}
	e.Mark = w.Mark
	if w.Rows < most {
		return next, nil
	}
	return stage, nil
}

// eraseRest takes away what devices know, the conversations and the contact. A
// message that was being accepted when the erasure began may have come since:
// then it starts again.
func (s *Service) eraseRest(ctx context.Context, tx *store.Tx, e *store.Erasing) (string, error) {
	left, err := tx.AnyErased(ctx, *e)
	if err != nil || left {
		return eraseMessages, err
	}
	keys, err := tx.ForgetErasedKeys(ctx, *e)
	if err != nil {
		return "", err
	}
	chats, err := tx.EraseContact(ctx, *e)
	if err != nil {
		return "", err
	}
	e.Removed.Keys, e.Removed.Chats = e.Removed.Keys+int(keys), e.Removed.Chats+int(chats)
	e.Status = wa.ErasureDone
	return eraseRest, nil
}
