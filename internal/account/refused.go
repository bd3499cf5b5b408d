package account

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// strangersNoted is how many sign-ins to addresses that nobody has are written
// down in a minute by one process: that log is for good, and strangers must not
// be able to fill the disk with it. The metric counts all of them.
const strangersNoted = 60

// strangers counts what was written down of them in the minute that began.
type strangers struct {
	mu    sync.Mutex
	began time.Time
	n     int
}

// note reports whether one more is written down.
func (s *strangers) note(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.began) >= time.Minute {
		s.began, s.n = now, 0
	}
	s.n++
	return s.n <= strangersNoted
}

// noteRefused writes down a sign-in that was refused: in the log of the person's
// org, or, of somebody that nobody is, in the installation's own. There it does
// not say the address, which may be a mistyped one, but what tells two of them
// apart.
func (s *Service) noteRefused(ctx context.Context, m store.Member, subject []byte, locks bool, from wa.Caller) error {
	if !m.ID.IsZero() {
		return s.noteFailure(ctx, m, wa.AuditSignInFailed, locks, from)
	}
	if !s.strangers.note(s.now()) {
		return nil
	}
	return s.db.InTx(ctx, func(tx *store.Tx) error {
		return tx.Audit(wa.Actor{Name: nobodyKnown, From: from}, wa.AuditSignInUnknown, "address_"+hex.EncodeToString(subject[:6]), nil, nil)
	})
}

// nobodyKnown is who acts when nobody knows who it is.
const nobodyKnown = "somebody unknown"

// noteFailure writes a failed attempt into the log of the person's org.
func (s *Service) noteFailure(ctx context.Context, m store.Member, action wa.AuditAction, locks bool, from wa.Caller) error {
	by := actorOf(m, from)
	return s.db.InOrg(ctx, m.OrgID, func(tx *store.Tx) error {
		if err := tx.Audit(by, action, m.ID.String(), nil, nil); err != nil {
			return err
		}
		if !locks {
			return nil
		}
		return tx.Audit(by, wa.AuditSignInLocked, m.ID.String(), nil, nil)
	})
}

// noteVouchRefused writes down that an org's provider sent somebody back whom we
// did not let in, and why. It gives cause.
func (s *Service) noteVouchRefused(ctx context.Context, org wa.OrgID, cause error, from wa.Caller) error {
	why := ""
	if known := new(wa.Error); errors.As(cause, &known) {
		why = known.Message
	}
	err := s.db.InOrg(ctx, org, func(tx *store.Tx) error {
		by := wa.Actor{Org: org, Name: nobodyKnown, From: from}
		return tx.Audit(by, wa.AuditSignInFailed, "", nil, map[string]any{"how": wa.ByOIDC, "why": why})
	})
	if err != nil {
		return err
	}
	return cause
}
