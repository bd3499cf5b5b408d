package message

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"chasqui/internal/guard"
	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Hold is a client in the hands of this worker, as far as delivering needs it.
type Hold interface {
	// Client is the client as last read; its limits may change under way.
	Client() wa.Client
	// Epoch fences: every claim names it.
	Epoch() int64
	// Line gives the session when messages may leave at this moment: the client
	// is surely ours, online, and not stopped. flow says whether only people who
	// have written before may be written to.
	Line() (s provider.Session, flow guard.Flow, ok bool)
	// OnlineSince is when the session came online, zero when it is not, and
	// whether everything that waited at the server has been told since.
	OnlineSince() (since time.Time, caughtUp bool)
	// Wake receives when there may be work or something changed.
	Wake() <-chan wa.Nudge
	// Restrict notes that WhatsApp forbids new chats until then.
	Restrict(ctx context.Context, until time.Time, reason string)
	// Forecast tells when the next message leaves and why not sooner.
	Forecast(at time.Time, why wa.Wait)
}

// idle is how long a line with nothing to do sleeps before it looks again by
// itself; the worker's poll wakes it within a second when there is work.
const idle = 30 * time.Second

// mostRestored bounds what is read to rebuild a pace. It is above the largest
// daily limit by no accident: limits may be raised after more was sent.
const mostRestored = 1 << 20

// line delivers the messages of one client, one at a time.
type line struct {
	s       *Service
	h       Hold
	log     *slog.Logger
	pace    *guard.Pace
	limits  wa.Limits
	turns   guard.Turns
	waiting [3]bool // lanes that may have work
	source  string  // what last woke the line
	rungAt  time.Time
	told    wa.MessageID // whose wait was last explained, and by what
	toldWhy wa.Wait
	toldAt  time.Time                  // when that was looked at last
	held    bool                       // that the kill switch holds the line was explained
	typed   wa.MessageID               // whose typing is on show, or was
	typing  time.Time                  // when that one is typed
	due     map[wa.MessageID]time.Time // unconfirmed messages, and when to send them again
	swept   bool                       // what earlier owners left in flight is resolved
	blocked int                        // how often in a row the number was told to slow down
	next    *store.Claimed             // taken while, or in the transaction that, the last one ended
	late    *landed                    // went, and is not written down yet; never without a next
	ended   func() bool                // nothing new is to be taken
}

// claimed is a message that this line has taken. resent says that an earlier
// sending of it was never answered.
type claimed struct {
	store.Claimed
	resent bool
}

// Deliver works a client's line until ctx ends. A message under way is
// finished first, within the send timeout.
func (s *Service) Deliver(ctx context.Context, h Hold) {
	c := h.Client()
	l := &line{
		s: s, h: h, limits: c.Limits, pace: guard.NewPaceScaled(c.Limits, rand.Uint64(), s.opt.PaceFactor),
		log: s.opt.Log.With("client", c.ID), due: map[wa.MessageID]time.Time{}, waiting: [3]bool{true, true, true},
		ended: func() bool { return ctx.Err() != nil },
	}
	if !l.restore(ctx) {
		return
	}
	for ctx.Err() == nil {
		if wait := l.guarded(ctx); wait > 0 {
			l.sleep(ctx, wait)
		}
	}
	l.lay(context.WithoutCancel(ctx))
}

// mayTakeNext reports whether the next message may be taken in the transaction
// that ends the present one, and of which lane. That saves a transaction for
// each message where numbers go as fast as they can; with a pace there is a
// pause in between, and much may change meanwhile.
func (l *line) mayTakeNext() (wa.Lane, bool) {
	_, _, open := l.h.Line()
	if !open || l.limits.Enabled || l.h.Client().Limits != l.limits || !l.swept || len(l.due) > 0 || l.ended() {
		return 0, false
	}
	l.hear()
	now := l.s.opt.Now()
	lane, d, ok := l.pace.Pick(l.waiting, &l.turns, now)
	return lane, ok && !d.At.After(now)
}

// hear takes up, without waiting, which lanes got work. A line that never has to
// sleep would not know otherwise, and what is urgent would wait until it does.
func (l *line) hear() {
	select {
	case n := <-l.h.Wake():
		l.learn(n)
	default:
	}
}

// learn remembers what woke the line and which lanes have work.
func (l *line) learn(n wa.Nudge) {
	l.source, l.rungAt = n.Source, n.At
	for lane, has := range n.Lanes {
		l.waiting[lane] = l.waiting[lane] || has
	}
}

// claim takes the next message of a lane, beside the one that is under way, if
// one is; nil when there is none.
func (l *line) claim(ctx context.Context, tx *store.Tx, lane wa.Lane, underWay wa.MessageID) (*store.Claimed, error) {
	c := l.h.Client()
	_, flow, _ := l.h.Line()
	m, err := tx.ClaimBeside(ctx, c.OrgID, c.ID, l.h.Epoch(), []wa.Lane{lane}, flow == guard.HoldNew, underWay)
	if wa.CodeOf(err) == wa.NotFound {
		// Beside another one, some are passed over that can be taken later.
		l.waiting[lane] = !underWay.IsZero()
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := tx.Step(m.OrgID, m.ID, wa.Sending, "on its way to WhatsApp", nil); err != nil {
		return nil, err
	}
	return &m, tx.Emit(m.OrgID, m.ClientID, wa.MessageSending, wa.EventMessage{Message: m.Message})
}

// restore rebuilds the number's pace from its rows; without it nothing may be
// sent, so it is tried until it works.
func (l *line) restore(ctx context.Context) bool {
	if plantForgets {
		return true
	}
	c := l.h.Client()
	for ctx.Err() == nil {
		var ages []time.Duration
		err := l.s.db.InOrg(ctx, c.OrgID, func(tx *store.Tx) (err error) {
			ages, err = tx.SentAges(ctx, c.OrgID, c.ID, 24*time.Hour, mostRestored)
			return err
		})
		if err == nil {
			now := l.s.opt.Now()
			sent := make([]time.Time, len(ages))
			for i, age := range ages {
				sent[i] = now.Add(-age)
			}
			l.pace.Restore(sent, now)
			return true
		}
		l.sleep(ctx, time.Second)
	}
	return false
}

// sleep waits for d or a nudge.
func (l *line) sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case n := <-l.h.Wake():
		l.learn(n)
		if n.Flying && len(l.due) == 0 {
			l.swept = false // nothing is: this line sleeps
		}
	case <-timer.C:
		l.source = "timer"
	case <-ctx.Done():
	}
}

// step does one thing at most and says how long there is nothing to do; zero
// means look again at once.
func (l *line) step(ctx context.Context) time.Duration {
	session, flow, ok := l.h.Line()
	if m := l.next; m != nil {
		l.next, l.source = nil, "timer" // what rang may have been for this one
		workFoundBy.WithLabelValues("line").Inc()
		l.send(ctx, session, claimed{Claimed: *m})
		return 0
	}
	if !ok {
		l.shut(ctx)
		return idle
	}
	l.held = false
	l.adoptLimits()
	if wait, busy := l.resolve(ctx, session); busy {
		return wait
	}
	l.hear()
	now := l.s.opt.Now()
	lane, d, ok := l.pace.Pick(l.waiting, &l.turns, now)
	if !ok {
		l.h.Forecast(time.Time{}, wa.NoWait)
		return l.untilDue(idle, now)
	}
	start := d.At
	if flow != guard.HoldNew { // who is next is not known then: some are passed over
		start = l.typeFirst(ctx, session, lane, d.At, now)
	}
	if wait := start.Sub(now); wait > 0 {
		l.h.Forecast(start, d.Why)
		if d.Why != wa.NoWait {
			paceWait.WithLabelValues(string(d.Why)).Observe(wait.Seconds())
		}
		l.explain(ctx, lane, start, d.Why, wait)
		// Looking that up took its time, by which the sleep is shorter.
		return l.untilDue(max(start.Sub(l.s.opt.Now()), time.Millisecond), now)
	}
	return l.serve(ctx, session, lane)
}

// worthTelling is a wait that a message's timeline explains; shorter ones are
// the ordinary pace.
const worthTelling = 10 * time.Second

// explain writes into the timeline of the message at the head of a lane why it
// waits, once for each reason.
func (l *line) explain(ctx context.Context, lane wa.Lane, start time.Time, why wa.Wait, wait time.Duration) {
	now := l.s.opt.Now()
	if why == wa.NoWait || why == wa.WaitGap || wait < worthTelling || (why == l.toldWhy && now.Sub(l.toldAt) < worthTelling) {
		return
	}
	l.toldAt = now
	c := l.h.Client()
	err := l.s.db.InOrgRelaxed(ctx, c.OrgID, func(tx *store.Tx) error {
		head, err := tx.Head(ctx, c.OrgID, c.ID, []wa.Lane{lane})
		if err != nil || (head.ID == l.told && why == l.toldWhy) {
			return err
		}
		l.told, l.toldWhy = head.ID, why
		return tx.Step(c.OrgID, head.ID, wa.Queued, "held: "+string(why)+", next slot "+start.UTC().Format(time.TimeOnly)+" UTC", nil)
	})
	if err != nil && wa.CodeOf(err) != wa.NotFound {
		l.logFailure(ctx, "explain a wait", err)
	}
}

// untilDue shortens a wait to the moment an unconfirmed message is due.
func (l *line) untilDue(wait time.Duration, now time.Time) time.Duration {
	for _, at := range l.due {
		wait = min(wait, max(at.Sub(now), time.Millisecond))
	}
	return wait
}

func (l *line) adoptLimits() {
	if limits := l.h.Client().Limits; limits != l.limits {
		l.limits = limits
		l.pace.SetLimits(limits)
	}
}

// serve takes the next message of a lane and sends it.
func (l *line) serve(ctx context.Context, session provider.Session, lane wa.Lane) time.Duration {
	var m *store.Claimed
	err := l.s.db.InOrgRelaxed(ctx, l.h.Client().OrgID, func(tx *store.Tx) (err error) {
		m, err = l.claim(ctx, tx, lane, wa.MessageID{})
		return err
	})
	switch {
	case err != nil:
		l.logFailure(ctx, "claim", err)
		return time.Second
	case m == nil:
		return 0
	}
	workFoundBy.WithLabelValues(l.source).Inc()
	if l.source == "ring" {
		ringToClaim.Observe(time.Since(l.rungAt).Seconds())
	}
	l.source = "timer"
	l.turns.Took(lane)
	l.send(ctx, session, claimed{Claimed: *m})
	return 0
}

func (l *line) logFailure(ctx context.Context, doing string, err error) {
	if ctx.Err() == nil {
		l.log.WarnContext(ctx, "line cannot go on for now", "doing", doing, "error", err)
	}
}
