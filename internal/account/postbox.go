package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Mails wait in Postgres, written in the transaction of what they tell of and
// sealed, because the links in them open accounts. Any process sends them, as
// often as it takes until they are not worth it any more; a process that dies
// between sending one and forgetting it has it sent twice, under the same id, by
// which receivers know the second.

const (
	mailsEvery  = 5 * time.Second  // how often it is looked for mails that nobody told of
	mailWithin  = 30 * time.Second // for one attempt
	mailTaken   = 2 * time.Minute  // for how long nobody else tries
	mailRest    = time.Minute      // before the second attempt; doubled for each one after that
	mailRestMax = 2 * time.Hour    // at most
	alertWorth  = 24 * time.Hour   // for how long an alert is worth mailing
	drainWithin = 5 * time.Second  // for what was asked for when a process ends
)

// letter seals a letter of an org's, for sending until a time.
func (s *Service) letter(box Box, org wa.OrgID, l wa.Letter, until time.Time) (store.Mail, error) {
	raw, err := json.Marshal(l)
	if err != nil {
		return store.Mail{}, fmt.Errorf("write a mail: %w", err)
	}
	m := store.Mail{ID: uuid.NewString(), Org: org, EndsAt: until}
	m.Sealed, err = box.Seal(mailPlace(m), raw)
	return m, err
}

func mailPlace(m store.Mail) string { return seal.Place("mails", "sealed", m.ID, m.Org.UUID()) }

// mailBox is the org's box where mails are sent, and nil where none are.
func (s *Service) mailBox(ctx context.Context, org wa.OrgID) (Box, error) {
	if s.opt.Mail == nil {
		return nil, nil //nolint:nilnil // there is nothing to seal
	}
	return s.box(ctx, org)
}

// Post has a letter sent to somebody of an org, within a day.
func (s *Service) Post(ctx context.Context, org wa.OrgID, l wa.Letter) error {
	box, err := s.mailBox(ctx, org)
	if err != nil || box == nil {
		return err
	}
	m, err := s.letter(box, org, l, s.now().Add(alertWorth))
	if err != nil {
		return err
	}
	err = s.db.InOrg(ctx, org, func(tx *store.Tx) error { return tx.InsertMail(ctx, m, s.now()) })
	s.nudge()
	return err
}

// nudge has this process look for mails at once. Others do so by themselves.
func (s *Service) nudge() {
	select {
	case s.mails <- struct{}{}:
	default:
	}
}

// deliver sends mails until ctx ends.
func (s *Service) deliver(ctx context.Context) {
	tick := time.NewTicker(mailsEvery)
	defer tick.Stop()
	for {
		for more := true; more && ctx.Err() == nil; {
			var err error
			if more, err = s.sendNext(ctx); err != nil && ctx.Err() == nil {
				s.opt.Log.WarnContext(ctx, "mails wait", "code", wa.CodeOf(err), "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-s.mails:
		case <-tick.C:
		}
	}
}

// sendNext sends the mail that is due for longest; false when none is.
func (s *Service) sendNext(ctx context.Context) (bool, error) {
	var m store.Mail
	err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		m, err = tx.TakeMail(ctx, s.now(), s.now().Add(mailTaken))
		return err
	})
	if wa.CodeOf(err) == wa.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	failed := s.sendMail(ctx, m)
	if failed != nil && ctx.Err() == nil {
		mailsTotal.WithLabelValues("failed").Inc()
		s.opt.Log.WarnContext(ctx, "a mail was not sent", "tries", m.Tries, "error", failed)
	}
	return true, s.settleMail(context.WithoutCancel(ctx), m, failed)
}

func (s *Service) sendMail(ctx context.Context, m store.Mail) error {
	if !s.now().Before(m.EndsAt) {
		return errMailOver
	}
	box, err := s.box(ctx, m.Org)
	if err != nil {
		return err
	}
	raw, err := box.Open(mailPlace(m), m.Sealed)
	if err != nil {
		return err
	}
	var l wa.Letter
	if err := json.Unmarshal(raw, &l); err != nil {
		return fmt.Errorf("read a mail: %w", err)
	}
	l.ID = m.ID
	ctx, cancel := context.WithTimeout(ctx, mailWithin)
	defer cancel()
	if err := s.opt.Mail.Mail(ctx, l); err != nil {
		return err
	}
	mailsTotal.WithLabelValues("sent").Inc()
	return nil
}

var errMailOver = errors.New("the mail is not worth sending any more")

// settleMail forgets a mail that was sent or is over, and has another one tried
// again.
func (s *Service) settleMail(ctx context.Context, m store.Mail, failed error) error {
	ctx, cancel := context.WithTimeout(ctx, mailWithin)
	defer cancel()
	rest := min(mailRest<<min(m.Tries-1, 10), mailRestMax)
	next := s.now().Add(rest)
	return s.db.InOrg(ctx, m.Org, func(tx *store.Tx) error {
		if failed == nil || !next.Before(m.EndsAt) {
			return tx.DropMail(ctx, m)
		}
		return tx.PutMailOff(ctx, m, next)
	})
}
