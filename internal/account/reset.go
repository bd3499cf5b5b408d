package account

import (
	"context"
	"strings"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// linkLife is how long a mailed link works.
const linkLife = time.Hour

// linkRest is how soon the next may be asked for: nobody fills somebody's
// letter box, or makes the link they are about to follow worthless.
const linkRest = 2 * time.Minute

// What links are for.
const (
	forReset  = "reset"
	forUnlock = "unlock"
)

// Forgot mails a link for a new password to the holder of an address. It is
// answered before anybody is looked for: neither the answer nor its time tells
// whether the address is known.
func (s *Service) Forgot(_ context.Context, email string, from wa.Caller) error {
	if s.opt.Mail == nil {
		return wa.Errorf(wa.Unsupported, "this installation sends no mail: ask an admin")
	}
	email = strings.ToLower(strings.TrimSpace(email))
	return s.afterwards(func(ctx context.Context) {
		m, err := s.member(ctx, email)
		if err == nil && !m.ID.IsZero() && m.Status == wa.UserActive {
			err = s.mailReset(ctx, m, from)
		}
		if err != nil {
			s.opt.Log.WarnContext(ctx, "a link for a new password was not made", "error", err)
		}
	})
}

func (s *Service) mailReset(ctx context.Context, m store.Member, from wa.Caller) error {
	_, err := s.newLink(ctx, m, forReset, s.now().Add(-linkRest), actorOf(m, from), func(token wa.Secret) wa.Letter {
		return resetLetter(m.Email, s.link("reset-password", token))
	})
	return err
}

// newLink makes a link for a person, unless one was made after a time (the zero
// time: whatever was made): then the zero token. The ones before it work until one of them is used.
// Where there is something to write about it, it is mailed.
func (s *Service) newLink(ctx context.Context, m store.Member, purpose string, unlessAfter time.Time, by wa.Actor, write func(wa.Secret) wa.Letter) (token wa.Secret, err error) {
	box, err := s.mailBox(ctx, m.OrgID)
	if err != nil {
		return wa.Secret{}, err
	}
	err = s.db.InOrg(ctx, m.OrgID, func(tx *store.Tx) error {
		if _, err := tx.LockMember(ctx, m.OrgID, m.ID); err != nil { // of two that ask at once, one waits
			return err
		}
		l := store.MailedLink{OrgID: m.OrgID, UserID: m.ID, Purpose: purpose}
		if recent, err := tx.LinkedAfter(ctx, l, unlessAfter); err != nil || recent && !unlessAfter.IsZero() {
			return err
		}
		made, hash := newLinkToken()
		now := s.now()
		if err := tx.InsertLink(ctx, l, hash, now, now.Add(linkLife)); err != nil {
			return err
		}
		token = made
		if box != nil && write != nil {
			if err := s.mailLink(ctx, tx, box, m, write(made)); err != nil {
				return err
			}
		}
		if purpose == forUnlock {
			return nil
		}
		return tx.Audit(by, wa.AuditPasswordAsked, m.ID.String(), nil, nil)
	})
	s.nudge()
	return token, err
}

func (s *Service) mailLink(ctx context.Context, tx *store.Tx, box Box, m store.Member, l wa.Letter) error {
	mail, err := s.letter(box, m.OrgID, l, s.now().Add(linkLife))
	if err != nil {
		return err
	}
	return tx.InsertMail(ctx, mail, s.now())
}

// Reset sets a new password by a mailed link and lets the person in. Every
// session of before is over, and so is a lock. A second factor is asked for all
// the same.
func (s *Service) Reset(ctx context.Context, token, password wa.Secret, from wa.Caller) (Entered, error) {
	var m store.Member
	err := s.db.InTx(ctx, func(tx *store.Tx) error {
		l, err := tx.FindLink(ctx, forReset, linkHash(token), s.now())
		if err != nil {
			return overLink(err)
		}
		m, err = tx.Member(ctx, l.OrgID, l.UserID)
		return err
	})
	if err != nil {
		return Entered{}, err
	}
	if err := checkPassword(password.Reveal(), m.Email); err != nil {
		return Entered{}, err
	}
	hash, err := s.hash(ctx, password)
	if err != nil {
		return Entered{}, err
	}
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		if _, err := tx.LockMember(ctx, m.OrgID, m.ID); err != nil { // before the links: two of them may be followed at once
			return err
		}
		if _, err := tx.TakeLink(ctx, forReset, linkHash(token), s.now()); err != nil {
			return overLink(err)
		}
		if err := tx.ForgiveAttempts(ctx, s.addressSubject(m.Email)); err != nil {
			return err
		}
		return s.setPassword(ctx, tx, &m, hash, wa.SessionID{}, actorOf(m, from), wa.AuditPasswordReset)
	})
	s.forgetSeats()
	if err != nil {
		return Entered{}, err
	}
	if m.Status != wa.UserActive {
		return Entered{}, badSignIn()
	}
	return s.enter(ctx, m, wa.ByReset, from)
}

// setPassword keeps a new password, and ends every session but one.
func (s *Service) setPassword(ctx context.Context, tx *store.Tx, m *store.Member, hash string, but wa.SessionID, by wa.Actor, action wa.AuditAction) error {
	version, err := tx.SetPassword(ctx, m.OrgID, m.ID, hash, s.now())
	if err != nil {
		return err
	}
	m.SessionVersion, m.PasswordHash = version, hash
	if err := tx.DropLinks(ctx, store.MailedLink{OrgID: m.OrgID, UserID: m.ID, Purpose: forReset}); err != nil {
		return err
	}
	if _, err := tx.EndSessions(ctx, m.OrgID, m.ID, but, string(action), s.now()); err != nil {
		return err
	}
	if !but.IsZero() {
		if err := tx.KeepSession(ctx, m.OrgID, but, version); err != nil {
			return err
		}
	}
	return tx.Audit(by, action, m.ID.String(), nil, nil)
}

// ChangePassword sets the actor's password; the old one must be right. Their
// other sessions are over.
func (s *Service) ChangePassword(ctx context.Context, by wa.Actor, old, fresh wa.Secret) error {
	m, err := s.self(ctx, by)
	if err != nil {
		return err
	}
	locks, err := s.try(ctx, s.factorSubject(m.ID))
	if err != nil {
		return err
	}
	right, _, err := s.matches(ctx, old, m.PasswordHash)
	if err != nil {
		return s.unmade(ctx, s.factorSubject(m.ID), locks, err)
	}
	if !right {
		if err := s.noteFailure(ctx, m, wa.AuditStepUpFailed, locks, by.From); err != nil {
			return err
		}
		return wa.InvalidField("old_password", "is wrong")
	}
	if err := checkPassword(fresh.Reveal(), m.Email); err != nil {
		return err
	}
	hash, err := s.hash(ctx, fresh)
	if err != nil {
		return err
	}
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if err := tx.ForgiveAttempts(ctx, s.factorSubject(m.ID)); err != nil {
			return err
		}
		return s.setPassword(ctx, tx, &m, hash, by.Session, by, wa.AuditPasswordChange)
	})
	s.forgetSeats()
	return err
}

// offerUnlock mails a way out to somebody who is locked out.
func (s *Service) offerUnlock(m store.Member) {
	if s.opt.Mail == nil {
		return
	}
	err := s.afterwards(func(ctx context.Context) {
		_, err := s.newLink(ctx, m, forUnlock, time.Time{}, wa.Actor{}, func(token wa.Secret) wa.Letter {
			return unlockLetter(m.Email, s.link("unlock", token))
		})
		if err != nil {
			s.opt.Log.WarnContext(ctx, "a link to unlock was not made", "error", err)
		}
	})
	if err != nil {
		s.opt.Log.Warn("a mail to unlock was not sent", "error", err)
	}
}

// Unlock lets somebody try their password again by the link they were mailed. It
// forgives no wrong second factors: who reads their mail must not guess on.
func (s *Service) Unlock(ctx context.Context, token wa.Secret, from wa.Caller) error {
	return s.db.InTx(ctx, func(tx *store.Tx) error {
		l, err := tx.FindLink(ctx, forUnlock, linkHash(token), s.now())
		if err != nil {
			return overLink(err)
		}
		m, err := tx.LockMember(ctx, l.OrgID, l.UserID) // before the links: two of them may be followed at once
		if err != nil {
			return err
		}
		if _, err := tx.TakeLink(ctx, forUnlock, linkHash(token), s.now()); err != nil {
			return overLink(err)
		}
		if err := tx.DropLinks(ctx, l); err != nil {
			return err
		}
		return s.unlock(ctx, tx, m, actorOf(m, from), s.addressSubject(m.Email))
	})
}

// unlockAll is what admins and operators do, who know whom they help.
func (s *Service) unlockAll(ctx context.Context, tx *store.Tx, m store.Member, by wa.Actor) error {
	return s.unlock(ctx, tx, m, by, s.addressSubject(m.Email), s.factorSubject(m.ID))
}

func (s *Service) unlock(ctx context.Context, tx *store.Tx, m store.Member, by wa.Actor, subjects ...[]byte) error {
	for _, subject := range subjects {
		if err := tx.ForgiveAttempts(ctx, subject); err != nil {
			return err
		}
	}
	return tx.Audit(by, wa.AuditUserUnlocked, m.ID.String(), nil, nil)
}
