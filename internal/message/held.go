package message

import (
	"context"
	"errors"
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

var (
	errHeld    = errors.New("the kill switch was thrown")
	errNotOurs = errors.New("the client is not surely ours")
)

// shut says why nothing leaves a line at the moment.
func (l *line) shut(ctx context.Context) {
	c := l.h.Client()
	if c.Stopped == wa.NotHalted {
		l.h.Forecast(time.Time{}, c.Status.Wait())
		return
	}
	l.h.Forecast(time.Time{}, wa.WaitStopped)
	l.explainHeld(ctx, c)
}

// explainHeld writes into the timeline of the message at the head of the line
// that the kill switch holds it, once for each time.
func (l *line) explainHeld(ctx context.Context, c wa.Client) {
	if l.held || l.waiting == [3]bool{} {
		return
	}
	err := l.s.db.InOrgRelaxed(ctx, c.OrgID, func(tx *store.Tx) error {
		head, err := tx.Head(ctx, c.OrgID, c.ID, wa.Lanes())
		if err != nil {
			return err
		}
		return tx.Step(c.OrgID, head.ID, wa.Queued, "held: "+string(wa.WaitStopped)+" by the kill switch ("+string(c.Stopped)+")", nil)
	})
	if err == nil {
		l.held = true
		return
	}
	if wa.CodeOf(err) != wa.NotFound {
		l.logFailure(ctx, "explain a stop", err)
	}
}

// back puts a claimed message back that must not leave any more: the lease may
// have gone stale since the claim, or somebody threw the kill switch.
func (l *line) back(ctx context.Context, m claimed) {
	why := errNotOurs
	if l.h.Client().Stopped != wa.NotHalted {
		why = errHeld
	} else {
		fenceRejections.Inc()
	}
	l.lay(ctx)
	l.settle(ctx, m, &provider.Failure{Class: provider.NotSent, Code: wa.FailNotConnected, Err: why})
}
