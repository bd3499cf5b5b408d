package account

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"

	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// totpStep is how long a code of an authenticator app is shown. The one before
// and the one after are taken too: clocks differ.
const totpStep = 30

func seedPlace(org wa.OrgID, user wa.UserID) string {
	return seal.Place("users", "totp_seed", user.UUID(), org.UUID())
}

// NewApp is what an authenticator app needs, shown until it is confirmed.
type NewApp struct {
	Secret wa.Secret // base32
	URL    wa.Secret // otpauth://…, for a QR code
}

// StartTOTP makes a seed for the actor's authenticator app. It counts once a
// code of it was shown.
func (s *Service) StartTOTP(ctx context.Context, by wa.Actor) (NewApp, error) {
	m, err := s.self(ctx, by)
	if err != nil {
		return NewApp{}, err
	}
	if err := needsFresh(by); err != nil {
		return NewApp{}, err
	}
	box, err := s.box(ctx, by.Org)
	if err != nil {
		return NewApp{}, err
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: "chasqui", AccountName: m.Email, Period: totpStep, SecretSize: 20, Rand: rand.Reader})
	if err != nil {
		return NewApp{}, fmt.Errorf("make seed: %w", err)
	}
	sealed, err := box.Seal(seedPlace(by.Org, by.User), []byte(key.Secret()))
	if err != nil {
		return NewApp{}, err
	}
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		kept, err := tx.KeepSeed(ctx, by.Org, by.User, sealed)
		if err == nil && !kept {
			return wa.Errorf(wa.Conflict, "there is an authenticator app already: take it away first")
		}
		return err
	})
	return NewApp{Secret: wa.NewSecret(key.Secret()), URL: wa.NewSecret(key.URL())}, err
}

// ConfirmTOTP switches the second factor on by a code of the new app, and gives
// recovery codes, which are shown once. The session that asks counts as having
// given it; the person's others, which did not, are over.
func (s *Service) ConfirmTOTP(ctx context.Context, by wa.Actor, code wa.Secret) ([]wa.Secret, error) {
	m, err := s.self(ctx, by)
	if err != nil {
		return nil, err
	}
	if len(m.SealedSeed) == 0 || m.SecondFactor {
		return nil, wa.Errorf(wa.Conflict, "no authenticator app waits to be confirmed: start with POST /api/v1/me/totp")
	}
	if _, err := s.try(ctx, s.factorSubject(m.ID)); err != nil {
		return nil, err
	}
	step, err := s.stepOf(ctx, m, code)
	if err != nil {
		return nil, err
	}
	if step == 0 {
		return nil, wa.InvalidField("code", "is wrong: is the phone's clock right?")
	}
	codes, hashes := s.newRecoveryCodes(m.ID)
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if on, err := tx.ConfirmSeed(ctx, by.Org, by.User, step, s.now()); err != nil || !on {
			return orConflict(err, "the authenticator app was confirmed already")
		}
		if err := tx.ReplaceRecoveryCodes(ctx, by.Org, by.User, hashes); err != nil {
			return err
		}
		if err := tx.ForgiveAttempts(ctx, s.factorSubject(m.ID)); err != nil {
			return err
		}
		if _, err := tx.EndSessions(ctx, by.Org, by.User, by.Session, string(wa.AuditTOTPOn), s.now()); err != nil {
			return err
		}
		if err := tx.FreshenSession(ctx, by.Org, by.Session, true, s.now()); err != nil {
			return err
		}
		return tx.Audit(by, wa.AuditTOTPOn, by.User.String(), nil, nil)
	})
	s.forgetSeats()
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// StopTOTP takes the actor's second factors away, unless their role must have
// one.
func (s *Service) StopTOTP(ctx context.Context, by wa.Actor) error {
	if err := onlyPeople(by); err != nil {
		return err
	}
	if err := needsFresh(by); err != nil {
		return err
	}
	err := s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		policy, err := tx.SignInPolicy(ctx, by.Org)
		if err != nil {
			return err
		}
		if policy.AsksSecondFactor(by.Role) {
			return wa.Errorf(wa.Conflict, "your organisation asks for a second factor of everybody with your role")
		}
		if had, err := tx.DropFactors(ctx, by.Org, by.User); err != nil || !had {
			return err
		}
		return tx.Audit(by, wa.AuditTOTPOff, by.User.String(), nil, nil)
	})
	s.forgetSeats()
	return err
}

// proveTOTP takes a code of the app; each step once.
func (s *Service) proveTOTP(ctx context.Context, tx *store.Tx, m store.Member, code wa.Secret) (bool, error) {
	step, err := s.stepOf(ctx, m, code)
	if err != nil || step == 0 {
		return false, err
	}
	return tx.TakeStep(ctx, m.OrgID, m.ID, step)
}

// stepOf finds the time step that a code belongs to: this one, the one before
// or the one after; 0 when none.
func (s *Service) stepOf(ctx context.Context, m store.Member, code wa.Secret) (int64, error) {
	text := strings.ReplaceAll(strings.TrimSpace(code.Reveal()), " ", "")
	if len(text) != int(otp.DigitsSix) || len(m.SealedSeed) == 0 {
		return 0, nil
	}
	box, err := s.box(ctx, m.OrgID)
	if err != nil {
		return 0, err
	}
	seed, err := box.Open(seedPlace(m.OrgID, m.ID), m.SealedSeed)
	if err != nil {
		return 0, fmt.Errorf("open seed: %w", err)
	}
	now := s.now().Unix() / totpStep
	for _, step := range []int64{now, now - 1, now + 1} {
		right, err := hotp.ValidateCustom(text, uint64(step), string(seed), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, fmt.Errorf("compare code: %w", err)
		}
		if right {
			return step, nil
		}
	}
	return 0, nil
}
