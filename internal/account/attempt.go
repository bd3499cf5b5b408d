package account

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// attempts are the same for every secret that people could guess: three are
// free, then each waits longer, and the tenth locks.
var attempts = store.AttemptLimits{Free: 3, Most: 10, Longest: 30 * time.Second, Lock: 15 * time.Minute}

// subjects of attempts. They are hashes: what people mistype is nobody's
// business, and there need be nobody behind an address.
func (s *Service) addressSubject(email string) []byte { return s.subject("address|" + email) }

func (s *Service) factorSubject(id wa.UserID) []byte { return s.subject("second factor|" + id.UUID()) }

func (s *Service) subject(what string) []byte {
	mac := hmac.New(sha256.New, derive(s.pepper, "chasqui sign-in attempts"))
	mac.Write([]byte(what))
	return mac.Sum(nil)
}

// try counts an attempt before it is made. It is refused with RateLimited while
// the subject is locked or has to wait; locks tells that one more wrong answer,
// this one, shuts the door.
func (s *Service) try(ctx context.Context, subject []byte) (locks bool, err error) {
	var a store.Attempt
	now := s.now()
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		a, err = tx.TakeAttempt(ctx, subject, now, attempts)
		return err
	})
	if err != nil || a.Taken {
		return a.LockedUntil != nil, err
	}
	wait := time.Second
	switch {
	case a.LockedUntil != nil:
		wait = a.LockedUntil.Sub(now)
	case a.Count >= attempts.Free:
		wait = a.TriedAt.Add(min(time.Second<<(a.Count-attempts.Free), attempts.Longest)).Sub(now)
	}
	return false, &wa.Error{
		Code: wa.RateLimited, Reason: "too_many_attempts", Message: "too many attempts: wait before the next one", RetryAfter: max(wait, time.Second),
	}
}

// returnWithin bounds giving an attempt back, whose caller may have gone.
const returnWithin = 5 * time.Second

// unmade gives an attempt back that failed with cause before the secret was
// looked at, because nobody could be hashed for: else a crowd would lock people
// out who did nothing wrong. It gives cause.
func (s *Service) unmade(ctx context.Context, subject []byte, locks bool, cause error) error {
	if wa.CodeOf(cause) != wa.Unavailable {
		return cause
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), returnWithin)
	defer cancel()
	err := s.db.InTx(ctx, func(tx *store.Tx) error { return tx.ReturnAttempt(ctx, subject, locks) })
	if err != nil {
		s.opt.Log.WarnContext(ctx, "an attempt that was not made stays counted", "error", err)
	}
	return cause
}

// forgive forgets the attempts of a subject that proved who it is.
func (s *Service) forgive(ctx context.Context, subject []byte) error {
	return s.db.InTx(ctx, func(tx *store.Tx) error { return tx.ForgiveAttempts(ctx, subject) })
}
