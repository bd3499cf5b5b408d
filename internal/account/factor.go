package account

import (
	"context"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// challenge asks a person, whose first factor was right, for the second.
func (s *Service) challenge(ctx context.Context, m store.Member) (Entered, error) {
	token, err := s.tokens.sign(challengeToken, claims{Org: m.OrgID, User: m.ID, Version: m.SessionVersion}, challengeLife)
	if err != nil {
		return Entered{}, err
	}
	methods := []Method{TOTP, RecoveryCode}
	sends, err := s.sendsCodes(ctx, m)
	if sends {
		methods = append(methods, WhatsApp)
	}
	return Entered{Challenge: &Challenge{Token: token, Methods: methods}}, err
}

// challenged finds whom a challenge is for, as they are now.
func (s *Service) challenged(ctx context.Context, token wa.Secret) (m store.Member, err error) {
	c, err := s.tokens.read(challengeToken, token)
	if err != nil {
		return m, err
	}
	err = s.db.InOrg(ctx, c.Org, func(tx *store.Tx) error {
		m, err = tx.Member(ctx, c.Org, c.User)
		return err
	})
	if wa.CodeOf(err) == wa.NotFound || (err == nil && (m.Status != wa.UserActive || m.SessionVersion != c.Version || !m.SecondFactor)) {
		return m, &wa.Error{Code: wa.Unauthorized, Reason: "token_invalid", Message: "this question is over: sign in again"}
	}
	return m, err
}

// SecondFactor answers a challenge. Wrong codes are counted like wrong
// passwords.
func (s *Service) SecondFactor(ctx context.Context, token wa.Secret, method Method, code wa.Secret, from wa.Caller) (Granted, error) {
	m, err := s.challenged(ctx, token)
	if err != nil {
		return Granted{}, err
	}
	locks, err := s.try(ctx, s.factorSubject(m.ID))
	if err != nil {
		return Granted{}, err
	}
	var g Granted
	right := false
	err = s.db.InOrg(ctx, m.OrgID, func(tx *store.Tx) error {
		if right, err = s.prove(ctx, tx, m, method, code, from); err != nil || !right {
			return err
		}
		g, err = s.begin(ctx, tx, m, proof{wa.ByPassword, true, s.now()}, from)
		return err
	})
	if err != nil {
		return Granted{}, err
	}
	if !right {
		if err := s.noteFailure(ctx, m, wa.AuditSignInFailed, locks, from); err != nil {
			return Granted{}, err
		}
		return Granted{}, &wa.Error{Code: wa.Unauthorized, Reason: "code_wrong", Message: "this code is wrong, too old, or was used before"}
	}
	return g, s.forgive(ctx, s.factorSubject(m.ID))
}

// prove takes a second factor, once.
func (s *Service) prove(ctx context.Context, tx *store.Tx, m store.Member, method Method, code wa.Secret, from wa.Caller) (bool, error) {
	switch method {
	case TOTP:
		return s.proveTOTP(ctx, tx, m, code)
	case RecoveryCode:
		return s.proveRecovery(ctx, tx, m, code, from)
	case WhatsApp:
		return s.proveCode(ctx, tx, m, code)
	}
	return false, wa.InvalidField("method", "is not a second factor")
}

// StepUp proves anew who the actor is, by their password or a second factor,
// and gives an access token that says so everywhere at once.
func (s *Service) StepUp(ctx context.Context, by wa.Actor, password wa.Secret, method Method, code wa.Secret) (Granted, error) {
	if err := onlyPeople(by); err != nil {
		return Granted{}, err
	}
	m, err := s.self(ctx, by)
	if err != nil {
		return Granted{}, err
	}
	subject := s.factorSubject(m.ID)
	locks, err := s.try(ctx, subject)
	if err != nil {
		return Granted{}, err
	}
	right, err := s.proves(ctx, m, password, method, code, by.From)
	if err != nil && !password.IsZero() {
		err = s.unmade(ctx, subject, locks, err)
	}
	if err != nil {
		return Granted{}, err
	}
	if !right {
		if err := s.noteFailure(ctx, m, wa.AuditStepUpFailed, locks, by.From); err != nil {
			return Granted{}, err
		}
		return Granted{}, &wa.Error{Code: wa.Forbidden, Reason: "step_up_failed", Message: "the password or the code is wrong"}
	}
	var row store.SessionRow
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if err := tx.ForgiveAttempts(ctx, subject); err != nil {
			return err
		}
		if err := tx.FreshenSession(ctx, by.Org, by.Session, password.IsZero(), s.now()); err != nil {
			return err
		}
		v, err := tx.Seat(ctx, by.Org, by.Session)
		if err != nil {
			return err
		}
		row = v.Session
		return tx.Audit(by, wa.AuditSteppedUp, by.Session.String(), nil, nil)
	})
	s.forgetSeats()
	if err != nil {
		return Granted{}, err
	}
	access, err := s.tokens.sign(accessToken, claims{Org: by.Org, User: by.User, Session: by.Session, Proved: row.FreshAt.Unix()}, AccessLife)
	return Granted{Access: access, ExpiresIn: AccessLife, User: m.User}, err
}

// proves takes a password, or a second factor.
func (s *Service) proves(ctx context.Context, m store.Member, password wa.Secret, method Method, code wa.Secret, from wa.Caller) (right bool, err error) {
	if !password.IsZero() {
		right, _, err = s.matches(ctx, password, m.PasswordHash)
		return right, err
	}
	err = s.db.InOrg(ctx, m.OrgID, func(tx *store.Tx) error {
		right, err = s.prove(ctx, tx, m, method, code, from)
		return err
	})
	return right, err
}

// self reads the actor.
func (s *Service) self(ctx context.Context, by wa.Actor) (m store.Member, err error) {
	if err := onlyPeople(by); err != nil {
		return m, err
	}
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		m, err = tx.Member(ctx, by.Org, by.User)
		return err
	})
	return m, err
}

// needsFresh asks for a recent password or second factor.
func needsFresh(by wa.Actor) error {
	if by.Fresh {
		return nil
	}
	return &wa.Error{Code: wa.Forbidden, Reason: "step_up_required", Message: "prove again who you are: POST /api/v1/auth/step-up"}
}
