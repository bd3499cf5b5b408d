package message

import (
	"context"
	"time"

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
			l.resend(ctx, session, m)
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
		l.resend(ctx, session, m)
		if ctx.Err() != nil {
			return 0, true
		}
	}
	l.swept = true
	return 0, true
}

// resend sends a message in flight once more, with the same id and content.
func (l *line) resend(ctx context.Context, session provider.Session, m store.Claimed) {
	var ours bool
	err := l.s.db.InOrg(ctx, m.OrgID, func(tx *store.Tx) (err error) {
		if ours, err = tx.Reclaim(ctx, m.OrgID, m.ClientID, m.ID, l.h.Epoch()); err != nil || !ours {
			return err
		}
		return tx.Step(m.OrgID, m.ID, wa.Sending, "sent again under the same id: its first sending was never confirmed", nil)
	})
	if err != nil || !ours {
		l.due[m.ID] = l.s.opt.Now().Add(time.Second)
		return
	}
	m.Attempts++
	l.send(ctx, session, m)
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
