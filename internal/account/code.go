package account

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"strings"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// How long a code that was sent is good, and how soon the next may be sent.
const (
	codeLife = 5 * time.Minute
	codeRest = 30 * time.Second
)

// How many codes go to one number, and from one org, on a day (UTC): they cost
// the org's own number its good name, and whoever has the other their peace.
const (
	codesToNumber = 10
	codesOfOrg    = 500
)

// What codes are for.
const (
	forSignIn = "sign_in"
	forPhone  = "phone"
)

// sendsCodes reports whether a person can be sent codes: their number is
// confirmed, and the org says which of its clients sends.
func (s *Service) sendsCodes(ctx context.Context, m store.Member) (bool, error) {
	if s.opt.Send == nil || m.FullPhone == "" {
		return false, nil
	}
	p, err := s.policy(ctx, m.OrgID)
	return !p.CodeClient.IsZero(), err
}

func (s *Service) policy(ctx context.Context, org wa.OrgID) (p store.PolicyRow, err error) {
	err = s.db.InOrg(ctx, org, func(tx *store.Tx) error {
		p, err = tx.SignInPolicy(ctx, org)
		return err
	})
	return p, err
}

// SendCode sends a code to whom a challenge is for, by WhatsApp, from one of the
// org's own clients.
func (s *Service) SendCode(ctx context.Context, challenge wa.Secret) error {
	m, err := s.challenged(ctx, challenge)
	if err != nil {
		return err
	}
	return s.sendCode(ctx, m, forSignIn, m.FullPhone)
}

func (s *Service) sendCode(ctx context.Context, m store.Member, purpose string, to wa.Phone) error {
	p, err := s.policy(ctx, m.OrgID)
	if err != nil {
		return err
	}
	if s.opt.Send == nil || p.CodeClient.IsZero() || to == "" {
		return wa.Errorf(wa.Unsupported, "no client of your organisation sends codes, or your number is not confirmed")
	}
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return fmt.Errorf("draw code: %w", err)
	}
	code, now := fmt.Sprintf("%06d", n), s.now()
	err = s.db.InOrg(ctx, m.OrgID, func(tx *store.Tx) error {
		kept, err := tx.KeepOneTimeCode(ctx, m.OrgID, m.ID, store.OneTimeCode{
			Purpose: purpose, Hash: s.codeHash(m.ID, purpose+code), Phone: to, SentAt: now, ExpiresAt: now.Add(codeLife),
		}, now.Add(-codeRest))
		if err == nil && !kept {
			return &wa.Error{Code: wa.RateLimited, Message: "a code was sent a moment ago", RetryAfter: codeRest}
		}
		if err != nil {
			return err
		}
		return s.countCode(ctx, tx, m.OrgID, to, now)
	})
	if err != nil {
		return err
	}
	return s.opt.Send(ctx, m.OrgID, p.CodeClient, to, code+" is your code to sign in to chasqui. It is good for five minutes. Give it to nobody.")
}

// countCode counts a code before it is sent. It is RateLimited when the number
// or the org had enough of them today.
func (s *Service) countCode(ctx context.Context, tx *store.Tx, org wa.OrgID, to wa.Phone, now time.Time) error {
	day := now.UTC().Truncate(24 * time.Hour)
	for _, c := range []struct {
		subject string
		most    int
		words   string
	}{
		{"codes to|" + string(to), codesToNumber, "this number was sent enough codes today"},
		{"codes of|" + org.UUID(), codesOfOrg, "your organisation has sent enough codes today"},
	} {
		n, err := tx.CountCode(ctx, org, s.subject(c.subject), day)
		if err != nil {
			return err
		}
		if n > c.most {
			return &wa.Error{Code: wa.RateLimited, Message: c.words, RetryAfter: day.Add(24 * time.Hour).Sub(now)}
		}
	}
	return nil
}

// proveCode uses up a code that was sent.
func (s *Service) proveCode(ctx context.Context, tx *store.Tx, m store.Member, code wa.Secret) (bool, error) {
	_, err := s.takeCode(ctx, tx, m, forSignIn, code)
	if wa.CodeOf(err) == wa.NotFound {
		return false, nil
	}
	return err == nil, err
}

func (s *Service) takeCode(ctx context.Context, tx *store.Tx, m store.Member, purpose string, code wa.Secret) (wa.Phone, error) {
	text := strings.ReplaceAll(strings.TrimSpace(code.Reveal()), " ", "")
	return tx.TakeOneTimeCode(ctx, m.OrgID, m.ID, purpose, s.codeHash(m.ID, purpose+text), s.now())
}

// StartPhone sends a code to the number that the actor wants codes at.
func (s *Service) StartPhone(ctx context.Context, by wa.Actor, phone wa.Phone) error {
	m, err := s.self(ctx, by)
	if err != nil {
		return err
	}
	if err := needsFresh(by); err != nil {
		return err
	}
	if !m.SecondFactor {
		return wa.Errorf(wa.Conflict, "set up an authenticator app first: codes by WhatsApp stand in for it")
	}
	return s.sendCode(ctx, m, forPhone, phone)
}

// ConfirmPhone keeps the number that a code was sent to.
func (s *Service) ConfirmPhone(ctx context.Context, by wa.Actor, code wa.Secret) error {
	m, err := s.self(ctx, by)
	if err != nil {
		return err
	}
	if _, err := s.try(ctx, s.factorSubject(m.ID)); err != nil {
		return err
	}
	return s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		phone, err := s.takeCode(ctx, tx, m, forPhone, code)
		if wa.CodeOf(err) == wa.NotFound {
			return wa.InvalidField("code", "is wrong, too old, or was used before")
		}
		if err != nil {
			return err
		}
		if err := tx.ForgiveAttempts(ctx, s.factorSubject(m.ID)); err != nil {
			return err
		}
		if err := tx.SetPhone(ctx, by.Org, by.User, phone); err != nil {
			return err
		}
		return tx.Audit(by, wa.AuditUserChanged, by.User.String(), map[string]string{"phone": m.Phone}, map[string]string{"phone": string(phone)})
	})
}

// DropPhone forgets the actor's number.
func (s *Service) DropPhone(ctx context.Context, by wa.Actor) error {
	m, err := s.self(ctx, by)
	if err != nil {
		return err
	}
	if err := needsFresh(by); err != nil {
		return err
	}
	return s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if err := tx.SetPhone(ctx, by.Org, by.User, ""); err != nil {
			return err
		}
		return tx.Audit(by, wa.AuditUserChanged, by.User.String(), map[string]string{"phone": m.Phone}, map[string]string{"phone": ""})
	})
}
