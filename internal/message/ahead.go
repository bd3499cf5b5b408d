package message

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// landed is a message that WhatsApp's server took.
type landed struct {
	claimed
	ack      provider.Ack
	answered time.Time
}

// aside is what a line without pauses does in the database while a message is
// under way: it writes down that the one before went, and takes the one after.
// So the network and the database are busy at the same time, and still nothing
// leaves before the outcome of what left before it is known.
type aside struct {
	lane wa.Lane
	next *store.Claimed
	done chan struct{}
}

// meanwhile begins what can be done while m is under way; nil when that is
// nothing. Until join, the line's state is the aside's.
func (l *line) meanwhile(ctx context.Context, m claimed) *aside {
	lane, may := l.mayTakeNext()
	may = may && !m.resent
	late := l.late
	if l.late = nil; !may && late == nil {
		return nil
	}
	a := &aside{lane: lane, done: make(chan struct{})}
	go func() {
		defer close(a.done)
		defer func() {
			if p := recover(); p != nil {
				poisonTotal.Inc()
				l.log.ErrorContext(ctx, "a line panicked", "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
				a.next, l.swept = nil, false
			}
		}()
		if late != nil {
			a.next = l.wrote(ctx, *late, lane, may, m.ID)
			return
		}
		err := l.s.db.InOrgRelaxed(ctx, m.OrgID, func(tx *store.Tx) (err error) {
			a.next, err = l.claim(ctx, tx, lane, m.ID)
			return err
		})
		if err != nil {
			a.next, l.swept = nil, false // whether it was taken is not known
			l.logFailure(ctx, "claim ahead", err)
		}
	}()
	return a
}

// join waits for the aside and takes over what it took.
func (a *aside) join(l *line) {
	if a == nil {
		return
	}
	<-a.done
	if l.next = a.next; l.next != nil {
		l.turns.Took(a.lane)
	}
}

// lay lays out of hand what the line holds besides the message under way: the
// one that went is written down, the one that was to go next goes back.
func (l *line) lay(ctx context.Context) {
	if m := l.late; m != nil {
		l.late = nil
		l.wrote(ctx, *m, 0, false, wa.MessageID{})
	}
	m := l.next
	if m == nil {
		return
	}
	l.next, l.waiting[m.Lane] = nil, true
	l.record(ctx, claimed{Claimed: *m}, wa.Requeue, func(tx *store.Tx) error {
		moved, err := tx.Requeue(ctx, m.OrgID, m.ID)
		return told(moved, err, func() error { return tx.Step(m.OrgID, m.ID, wa.Queued, "back in line: it was not begun", nil) })
	})
}
