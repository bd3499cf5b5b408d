package message

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	"chasqui/internal/guard"
	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Outcome is how an attempt to send ended, for those who wait for it.
type Outcome struct {
	Status wa.Status
	Code   wa.FailCode
	WireID string
}

// poisonAfter is how many panics one message may cause before it is given up.
const poisonAfter = 3

// send hands a claimed message to the network and settles what came of it. From
// here on the worker's shutdown waits: the send timeout bounds it.
func (l *line) send(ctx context.Context, session provider.Session, m claimed) {
	ctx = context.WithoutCancel(ctx)
	if _, _, ok := l.h.Line(); !ok {
		l.back(ctx, m)
		return
	}
	ctx, span := l.s.traced(ctx, &m.Message, "send")
	defer span.End()
	l.pace.Began(l.s.opt.Now())
	l.noteUse()
	began := time.Now()
	meanwhile := l.meanwhile(ctx, m)
	ack, err := l.attempt(ctx, session, m)
	sendSeconds.Observe(time.Since(began).Seconds())
	l.pace.Ended(l.s.opt.Now())
	meanwhile.join(l)
	went := landed{claimed: m, ack: ack, answered: l.s.opt.Now()} // not the network's whole seconds: the pace is rebuilt from it
	if err == nil {
		l.blocked = 0
		delete(l.due, m.ID)
	}
	if err != nil {
		span.Fail(failureOf(err))
	}
	if err == nil && l.next != nil {
		l.late = &went
		return
	}
	l.lay(ctx)
	var f *provider.Failure
	switch {
	case err == nil:
		l.markSent(ctx, went)
	case errors.As(err, &f):
		l.settle(ctx, m, f)
	default:
		l.poisoned(ctx, m, err)
	}
}

// attempt calls the provider, contains its panics, and comes back when its time
// is over although the provider may not.
func (l *line) attempt(ctx context.Context, session provider.Session, m claimed) (provider.Ack, error) {
	ctx, cancel := context.WithTimeout(ctx, l.s.opt.SendTimeout)
	type answer struct {
		ack provider.Ack
		err error
	}
	answered := make(chan answer, 1)
	go func() {
		defer cancel()
		var a answer
		defer func() { answered <- a }()
		defer l.contain(ctx, m, &a.err)
		a.ack, a.err = session.Send(ctx, l.outgoing(m))
	}()
	overdue := time.NewTimer(l.s.opt.SendTimeout + sendGrace)
	defer overdue.Stop()
	select {
	case a := <-answered:
		return a.ack, a.err
	case <-overdue.C:
		l.log.ErrorContext(ctx, "a provider did not come back from sending", "message", m.ID)
		return provider.Ack{}, &provider.Failure{Class: provider.Ambiguous, Code: wa.FailUnconfirmed, Err: context.DeadlineExceeded}
	}
}

// sendGrace is what a provider gets to notice that its time is over.
const sendGrace = time.Second

// contain turns a panic into an error.
func (l *line) contain(ctx context.Context, m claimed, err *error) {
	if p := recover(); p != nil {
		poisonTotal.Inc()
		l.log.ErrorContext(ctx, "sending a message panicked", "message", m.ID, "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
		*err = fmt.Errorf("panic while sending: %T", p)
	}
}

// guarded is step, with its panics contained: one bad row must not end a line.
func (l *line) guarded(ctx context.Context) (wait time.Duration) {
	defer func() {
		if p := recover(); p != nil {
			poisonTotal.Inc()
			l.log.ErrorContext(ctx, "a line panicked", "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			wait = time.Second
		}
	}()
	return l.step(ctx)
}

func (l *line) outgoing(m claimed) provider.Outgoing {
	out := provider.Outgoing{ID: m.ID, WireID: m.WireID, To: peer(m.Claimed), Content: m.Content()}
	for _, text := range m.Mentions {
		if p, err := wa.ParsePhone(text); err == nil {
			out.Mentions = append(out.Mentions, p)
		}
	}
	if q := m.Quoted; q != nil {
		out.Quoted = &provider.Quoted{
			WireID: q.WireID, FromMe: q.Direction == wa.Outbound, Text: q.Text,
			From: provider.Peer{Phone: q.Phone, LID: q.LID},
		}
	}
	return out
}

// markSent writes down that a message went and takes the next one with it, where
// that saves a transaction.
func (l *line) markSent(ctx context.Context, m landed) {
	lane, ahead := l.mayTakeNext()
	l.next = l.wrote(ctx, m, lane, ahead, wa.MessageID{})
	if l.next != nil {
		l.turns.Took(lane)
	}
}

// wrote writes down that a message went and, when asked to, takes the next one
// of a lane in the same transaction.
func (l *line) wrote(ctx context.Context, m landed, lane wa.Lane, ahead bool, underWay wa.MessageID) (next *store.Claimed) {
	if m.resent {
		ambiguousTotal.WithLabelValues("resend").Inc()
	}
	written := l.record(ctx, m.claimed, wa.Accept, func(tx *store.Tx) error {
		next = nil
		at, moved, err := tx.FinishSent(ctx, m.OrgID, m.ID, l.s.opt.Now().Sub(m.answered), m.ack.Payload, "WhatsApp's server took it")
		if err == nil && moved {
			sent := m.Message
			sent.Status, sent.SentAt, sent.UpdatedAt = wa.Sent, &at, at
			err = tx.Emit(m.OrgID, m.ClientID, wa.MessageSent, wa.EventMessage{Message: sent})
		}
		if err != nil || !ahead {
			return err
		}
		ahead = false // once: should it be what fails, the outcome is written without it
		next, err = l.claim(ctx, tx, lane, underWay)
		return err
	})
	if !written {
		next = nil // whether it was taken is not known either
	}
	finalTotal.WithLabelValues(string(wa.Sent), "").Inc()
	acceptToSent.WithLabelValues(m.Lane.String()).Observe(m.answered.Sub(m.CreatedAt).Seconds())
	l.s.outcomes.publish(m.ID, Outcome{Status: wa.Sent, WireID: m.WireID})
	return next
}

// settle does what a failed attempt means for the message and its number.
func (l *line) settle(ctx context.Context, m claimed, f *provider.Failure) {
	now := l.s.opt.Now()
	if f.Class == provider.Blocked {
		l.blocked++
	} else {
		l.blocked = 0
	}
	o := guard.Settle(f, guard.Tries{Attempt: m.Attempts, First: m.FirstClaim, Blocked: l.blocked}, now)
	if o.CoolDown > 0 {
		coolDowns.WithLabelValues(string(f.Code)).Inc()
		l.pace.CoolDown(now.Add(o.CoolDown), now)
	}
	if o.RestrictNewContacts {
		l.h.Restrict(ctx, o.RestrictUntil, f.Provider.Raw)
	}
	l.move(ctx, m, f, o)
}

// move writes a failed attempt's outcome down.
func (l *line) move(ctx context.Context, m claimed, f *provider.Failure, o guard.Outcome) {
	org, id := m.OrgID, m.ID
	switch o.Signal {
	case wa.Requeue:
		if m.resent {
			// This try left nothing, but an earlier one may have: it is not known to wait.
			l.due[m.ID] = l.s.opt.Now().Add(resendPause)
			return
		}
		l.waiting[m.Lane] = true
		l.record(ctx, m, o.Signal, func(tx *store.Tx) error {
			moved, err := tx.Requeue(ctx, org, id)
			return told(moved, err, func() error { return tx.Step(org, id, wa.Queued, holdNote(f, o), nil) })
		})
	case wa.Delay:
		l.record(ctx, m, o.Signal, func(tx *store.Tx) error {
			moved, err := tx.Delay(ctx, org, id, o.NotBefore, false)
			return told(moved, err, func() error {
				return tx.Step(org, id, wa.RetryWait, "a passing failure: "+string(f.Code)+"; next try "+o.NotBefore.UTC().Format(time.RFC3339), nil)
			})
		})
	case wa.Reject:
		l.reject(ctx, m, *o.Failure)
	default:
		l.unconfirmed(ctx, m, o.NotBefore)
	}
}

func holdNote(f *provider.Failure, o guard.Outcome) string {
	if errors.Is(f.Err, errHeld) {
		return "back in line: " + errHeld.Error()
	}
	if o.CoolDown > 0 {
		return "WhatsApp asked this number to slow down; it rests for " + o.CoolDown.Round(time.Second).String()
	}
	return "back in line: " + string(f.Code)
}

func (l *line) unconfirmed(ctx context.Context, m claimed, again time.Time) {
	l.due[m.ID] = again
	l.record(ctx, m, "", func(tx *store.Tx) error {
		moved, err := tx.MarkUnconfirmed(ctx, m.OrgID, m.ID)
		return told(moved, err, func() error {
			return tx.Step(m.OrgID, m.ID, wa.Sending, "no answer from WhatsApp: waiting for a receipt, else sent again under the same id at "+
				again.UTC().Format(time.RFC3339), nil)
		})
	})
}

func (l *line) reject(ctx context.Context, m claimed, failure wa.Failure) {
	delete(l.due, m.ID)
	l.record(ctx, m, wa.Reject, func(tx *store.Tx) error {
		moved, err := tx.Reject(ctx, m.OrgID, m.ID, failure)
		return told(moved, err, func() error {
			failed := m.Message
			failed.Status, failed.Error = wa.Failed, &failure
			if err := tx.Step(m.OrgID, m.ID, wa.Failed, failure.Title, failure); err != nil {
				return err
			}
			return tx.Emit(m.OrgID, m.ClientID, wa.MessageFailed, wa.EventMessage{Message: failed})
		})
	})
	if failure.Code == wa.FailUnconfirmed {
		ambiguousTotal.WithLabelValues("unknown").Inc()
	}
	finalTotal.WithLabelValues(string(wa.Failed), string(failure.Code)).Inc()
	l.s.outcomes.publish(m.ID, Outcome{Status: wa.Failed, Code: failure.Code})
}

// poisoned deals with a message that broke its handler: later, and never again
// after the third time. The rest of the line goes on.
func (l *line) poisoned(ctx context.Context, m claimed, cause error) {
	if m.Crashes+1 >= poisonAfter {
		l.reject(ctx, m, wa.NewFailure(wa.FailPoison, "", nil))
		return
	}
	until := l.s.opt.Now().Add(time.Duration(m.Crashes+1) * 5 * time.Second)
	l.log.ErrorContext(ctx, "a message broke its handler", "message", m.ID, "error", cause)
	l.record(ctx, m, wa.Delay, func(tx *store.Tx) error {
		moved, err := tx.Delay(ctx, m.OrgID, m.ID, until, true)
		return told(moved, err, func() error {
			return tx.Step(m.OrgID, m.ID, wa.RetryWait, "it broke its handler, time "+strconv.Itoa(m.Crashes+1), nil)
		})
	})
}

func told(moved bool, err error, tell func() error) error {
	if err != nil || !moved {
		return err
	}
	return tell()
}

// record writes an outcome down, again and again while Postgres is away: what
// was sent must be known to be sent. It gives up with the lease, and after some
// tries when the database refuses: the row is in flight then, and is resolved as
// such by this line or by the next owner.
func (l *line) record(ctx context.Context, m claimed, sig wa.Signal, fn func(*store.Tx) error) bool {
	refused := 0
	for delay := 50 * time.Millisecond; ; delay = min(2*delay, 2*time.Second) {
		err := l.write(ctx, m, sig, fn)
		if err == nil {
			return true
		}
		markRetries.Inc()
		l.log.WarnContext(ctx, "an outcome waits for the database", "message", m.ID, "signal", sig, "error", err)
		if wa.CodeOf(err) != wa.Unavailable {
			refused++
		}
		if refused >= maxRefused || !l.pause(delay) {
			l.swept = false
			return false
		}
	}
}

// maxRefused is how often a database may refuse an outcome for a reason that
// waiting does not mend.
const maxRefused = 3

// write runs fn, fenced: only that a message was sent may be written by an owner
// who has lost the client, because it is a fact whoever owns it.
func (l *line) write(ctx context.Context, m claimed, sig wa.Signal, fn func(*store.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, writeLimit)
	defer cancel()
	return l.s.db.InOrg(ctx, m.OrgID, func(tx *store.Tx) error {
		if sig != wa.Accept {
			c, err := tx.ClientRow(ctx, m.OrgID, m.ClientID)
			if err != nil || c.Epoch != m.ClaimEpoch {
				return err
			}
		}
		return fn(tx)
	})
}

// writeLimit bounds one try: over a connection that fell silent an answer may
// never come.
const writeLimit = 20 * time.Second

// pause sleeps and reports whether the client is still held.
func (l *line) pause(d time.Duration) bool {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end) && l.h.Epoch() != 0; {
		<-tick.C
	}
	return l.h.Epoch() != 0
}
