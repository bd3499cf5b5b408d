package message

import (
	"context"
	"errors"
	"time"

	"chasqui/internal/guard"
	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// resolve deals with messages whose sending began and whose outcome nobody
// knows: after a change of owner, a crash, or an answer that never came. A
// receipt settles them; else they are sent once more under the same id, before
// anything else of the client after a change of owner, so that the order holds.
// busy means that the line must not go on yet, for wait.
func (l *line) resolve(ctx context.Context, session provider.Session) (wait time.Duration, busy bool) {
	now := l.s.opt.Now()
	if l.swept && !l.anyDue(now) {
		return 0, false
	}
	flying, err := l.inFlight(ctx)
	if err != nil {
		l.logFailure(ctx, "look for messages in flight", err)
		return time.Second, true
	}
	if !l.swept {
		return l.sweep(ctx, session, flying, now)
	}
	l.forgetLanded(flying)
	for _, m := range flying {
		if at, ok := l.due[m.ID]; ok && !at.After(now) {
			if at := l.pace.Next(m.Lane, now).At; at.After(now) {
				l.due[m.ID] = at // a repeat counts like any other message
				continue
			}
			l.again(ctx, session, m)
			return 0, true
		}
	}
	return 0, false
}

// sweep resolves what earlier owners, or this one before it lost its way, left
// in flight. Receipts that wait at the server come first.
func (l *line) sweep(ctx context.Context, session provider.Session, flying []store.Claimed, now time.Time) (time.Duration, bool) {
	if len(flying) == 0 {
		l.swept = true
		return 0, false
	}
	since, caughtUp := l.h.OnlineSince()
	if left := l.s.opt.CatchUp - now.Sub(since); !caughtUp && left > 0 {
		return left, true
	}
	for _, m := range flying {
		if at, ok := l.due[m.ID]; ok && at.After(now) {
			continue
		}
		now = l.s.opt.Now()
		if at := l.pace.Next(m.Lane, now).At; at.After(now) {
			l.h.Forecast(at, wa.WaitGap)
			return at.Sub(now), true
		}
		if !l.again(ctx, session, m) {
			return resendPause, true // the others wait: the order holds
		}
		if ctx.Err() != nil {
			return 0, true
		}
	}
	l.swept = true
	return 0, true
}

// resendPause is how long a line waits when it could not send again.
const resendPause = time.Second

// again decides about one message in flight: it is sent once more, unless it was
// tried too often or for too long already. It reports whether that was possible
// at this moment.
func (l *line) again(ctx context.Context, session provider.Session, m store.Claimed) bool {
	unknown := &provider.Failure{Class: provider.Ambiguous, Code: wa.FailUnconfirmed, Err: errUnanswered}
	tries := guard.Tries{Attempt: m.Attempts, First: m.FirstClaim}
	if o := guard.Settle(unknown, tries, l.s.opt.Now()); o.Signal == wa.Reject {
		m.ClaimEpoch = l.h.Epoch()
		l.reject(ctx, claimed{Claimed: m, resent: true}, *o.Failure)
		return true
	}
	return l.resend(ctx, session, m)
}

var errUnanswered = errors.New("its sending was never answered")

// resend sends a message in flight once more, with the same id and content. It
// reports whether it could try.
func (l *line) resend(ctx context.Context, session provider.Session, m store.Claimed) bool {
	if _, _, open := l.h.Line(); !open {
		l.due[m.ID] = l.s.opt.Now().Add(resendPause)
		return false
	}
	var ours bool
	epoch := l.h.Epoch()
	err := l.s.db.InOrg(ctx, m.OrgID, func(tx *store.Tx) (err error) {
		if ours, err = tx.Reclaim(ctx, m.OrgID, m.ClientID, m.ID, epoch); err != nil || !ours {
			return err
		}
		return tx.Step(m.OrgID, m.ID, wa.Sending, "sent again under the same id: its first sending was never confirmed", nil)
	})
	if err != nil || !ours {
		l.due[m.ID] = l.s.opt.Now().Add(resendPause)
		return false
	}
	m.Attempts++
	m.ClaimEpoch = epoch
	if plantNewID {
		m.WireID = wa.WireID(m.ClientID, wa.NewMessageID())
	}
	l.send(ctx, session, claimed{Claimed: m, resent: true})
	return true
}

func (l *line) anyDue(now time.Time) bool {
	for _, at := range l.due {
		if !at.After(now) {
			return true
		}
	}
	return false
}

// forgetLanded drops what receipts have settled meanwhile.
func (l *line) forgetLanded(flying []store.Claimed) {
	still := make(map[wa.MessageID]bool, len(flying))
	for _, m := range flying {
		still[m.ID] = true
	}
	for id := range l.due {
		if !still[id] {
			delete(l.due, id)
			ambiguousTotal.WithLabelValues("receipt").Inc()
		}
	}
}

func (l *line) inFlight(ctx context.Context) (flying []store.Claimed, err error) {
	c := l.h.Client()
	err = l.s.db.InOrg(ctx, c.OrgID, func(tx *store.Tx) (err error) {
		flying, err = tx.InFlight(ctx, c.OrgID, c.ID)
		return err
	})
	return flying, err
}
