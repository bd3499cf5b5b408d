package account

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// maxLater is how many questions for mails may wait.
const maxLater = 256

// How long one of them may take, and how often what is over is forgotten.
const (
	laterWithin = 30 * time.Second
	sweepEvery  = time.Hour
)

// Run sends mails, does what was put off and forgets what is over, until ctx
// ends; what was asked for by then is still done.
func (s *Service) Run(ctx context.Context) error {
	var sending sync.WaitGroup
	defer sending.Wait()
	if s.opt.Mail != nil {
		sending.Go(func() { s.deliver(ctx) })
	}
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			s.drain(context.WithoutCancel(ctx))
			return nil
		case work := <-s.later:
			within, cancel := context.WithTimeout(ctx, laterWithin)
			work(within)
			cancel()
		case <-tick.C:
			err := s.db.InTx(ctx, func(tx *store.Tx) error { return tx.SweepPeople(ctx, s.now()) })
			if err != nil && ctx.Err() == nil {
				s.opt.Log.WarnContext(ctx, "what is over of sign-ins was not forgotten", "error", err)
			}
		}
	}
}

// drain does what was put off before the process ends: it takes no more than a
// few statements each.
func (s *Service) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	for {
		select {
		case work := <-s.later:
			work(ctx)
		default:
			return
		}
	}
}

// afterwards does something when nobody waits for it: neither does it hold up
// an answer, nor does the time it takes tell anything.
func (s *Service) afterwards(work func(context.Context)) error {
	select {
	case s.later <- work:
		return nil
	default:
		return &wa.Error{Code: wa.Unavailable, Message: "too many mails wait to be sent", RetryAfter: laterWithin}
	}
}

func trimSlash(url string) string { return strings.TrimRight(url, "/") }

func inviteLetter(to, org, by string, link wa.Secret) wa.Letter {
	return wa.Letter{To: to, Subject: "You are invited to " + org, Body: fmt.Sprintf(
		"%s invites you to join %s on chasqui.\n\nFollow this link within seven days to choose a password:\n\n%s\n\nIf you expected nothing like this, do nothing.\n",
		by, org, link.Reveal())}
}

func resetLetter(to string, link wa.Secret) wa.Letter {
	return wa.Letter{To: to, Subject: "A new password", Body: fmt.Sprintf(
		"Somebody, you we hope, asked for a new password.\n\nFollow this link within an hour to choose one:\n\n%s\n\nIf it was not you, do nothing: your password stays.\n",
		link.Reveal())}
}

func unlockLetter(to string, link wa.Secret) wa.Letter {
	return wa.Letter{To: to, Subject: "Too many sign-ins failed", Body: fmt.Sprintf(
		"Somebody gave a wrong password for your account ten times, so nobody can sign in to it for a quarter of an hour.\n\n"+
			"If it was you, follow this link within an hour to try again at once:\n\n%s\n\n"+
			"If it was not you, your account is safe: the password was not found out.\n", link.Reveal())}
}
