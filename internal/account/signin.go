package account

import (
	"context"
	"strings"
	"unicode/utf8"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Challenge asks for a second factor.
type Challenge struct {
	Token   wa.Secret
	Methods []Method
}

// Method is a kind of second factor.
type Method string

// The second factors.
const (
	TOTP         Method = "totp"
	RecoveryCode Method = "recovery_code"
	WhatsApp     Method = "whatsapp"
)

// Entered is what signing in comes to: tokens, or a question.
type Entered struct {
	Granted   *Granted
	Challenge *Challenge
}

// badSignIn is the one answer to everything that does not fit.
func badSignIn() error {
	return &wa.Error{Code: wa.Unauthorized, Reason: "sign_in_failed", Message: "the e-mail address or the password is wrong"}
}

// SignIn lets a person in by their password, or asks for their second factor.
// An address that nobody has is answered like a wrong password, and as slowly.
func (s *Service) SignIn(ctx context.Context, email string, password wa.Secret, from wa.Caller) (Entered, error) {
	e, err := s.signIn(ctx, email, password, from)
	countSignIn(e, err)
	return e, err
}

func (s *Service) signIn(ctx context.Context, email string, password wa.Secret, from wa.Caller) (Entered, error) {
	email = strings.ToLower(strings.TrimSpace(email))
	subject := s.addressSubject(email)
	locks, err := s.try(ctx, subject)
	if err != nil {
		return Entered{}, err
	}
	m, err := s.member(ctx, email)
	if err != nil {
		return Entered{}, err
	}
	right, stale, err := s.matches(ctx, password, m.PasswordHash)
	if err != nil {
		return Entered{}, s.unmade(ctx, subject, locks, err)
	}
	if !right || m.Status != wa.UserActive {
		if err := s.noteRefused(ctx, m, subject, locks, from); err != nil {
			return Entered{}, err
		}
		if locks && m.Status == wa.UserActive { // nobody's status is neither
			s.offerUnlock(m)
		}
		return Entered{}, badSignIn()
	}
	if stale {
		if err := s.rehash(ctx, m, password); err != nil {
			return Entered{}, err
		}
	}
	if err := s.forgive(ctx, subject); err != nil {
		return Entered{}, err
	}
	return s.enter(ctx, m, wa.ByPassword, from)
}

// enter goes on once a password, an invitation or a link has been right.
func (s *Service) enter(ctx context.Context, m store.Member, how wa.SignedIn, from wa.Caller) (Entered, error) {
	if m.SecondFactor {
		return s.challenge(ctx, m)
	}
	var g Granted
	err := s.db.InOrg(ctx, m.OrgID, func(tx *store.Tx) (err error) {
		g, err = s.begin(ctx, tx, m, proof{how, false, s.now()}, from)
		return err
	})
	return Entered{Granted: &g}, err
}

// member finds whom an address belongs to; the zero member when nobody.
func (s *Service) member(ctx context.Context, email string) (m store.Member, err error) {
	if !utf8.ValidString(email) || strings.ContainsRune(email, 0) {
		email = "" // Postgres cannot even be asked for it; nobody has this one either
	}
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		m, err = tx.MemberByEmail(ctx, email)
		return err
	})
	if wa.CodeOf(err) == wa.NotFound {
		return store.Member{}, nil
	}
	return m, err
}

func (s *Service) rehash(ctx context.Context, m store.Member, password wa.Secret) error {
	fresh, err := s.hashed(ctx, password) // also one that may not be chosen any more
	if err != nil {
		return err
	}
	return s.db.InOrg(ctx, m.OrgID, func(tx *store.Tx) error { return tx.Rehash(ctx, m.OrgID, m.ID, m.PasswordHash, fresh) })
}
