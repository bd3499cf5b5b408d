package fleet

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"chasqui/internal/guard"
	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// supervisor is what one client's supervisor remembers.
type supervisor struct {
	history guard.History
	backoff guard.Backoff
	rand    *rand.Rand

	ear        *sink     // of the session in use; what others tell is old news
	connectAt  time.Time // when to try next; zero: not
	forFleet   bool      // connectAt is what it is because the fleet stands still
	bannedTill time.Time // a ban's end: no attempt before
	heldTill   time.Time // the end of a restriction: it outlives lines and owners
	halted     bool      // a former owner gave up; only a person starts it again
	connecting bool      // an attempt is under way
	attempt    int       // counts attempts
	giveUp     context.CancelFunc
	deadline   time.Time // when an attempt that is under way has failed
	pairing    int64     // start of the pairing attempt that was passed on
	answered   []byte    // the passkey answer that was passed on
	confirmed  string    // the code whose confirmation was passed on
	retryWish  time.Time // when to try again what somebody wants
	wishFailed int

	later []delayed
}

// delayed is something to tell unless the line is back by then.
type delayed struct {
	at    time.Time
	event wa.EventType
	state provider.StateChanged
	alert bool
	why   string
}

// supervise keeps the client as people want it until the hold ends.
func (h *Hold) supervise() {
	defer close(h.done)
	h.adopt()
	for h.ctx.Err() == nil {
		h.guarded(h.act)
		timer := time.NewTimer(h.nextMoment())
		select {
		case <-h.kicked:
			h.guarded(h.reload)
		case <-h.signals.ready:
			for _, u := range h.signals.drain() {
				h.guarded(func() { h.react(u) })
			}
		case <-timer.C:
		case <-h.ctx.Done():
		}
		timer.Stop()
	}
}

// guarded contains a panic: one number's trouble is not another's.
func (h *Hold) guarded(fn func()) {
	defer func() {
		if p := recover(); p != nil {
			h.log.ErrorContext(h.ctx, "the supervision of a client panicked", "panic", fmt.Sprintf("%T", p))
			sleep(h.ctx, time.Second)
		}
	}()
	fn()
}

// adopt starts from what the last owner wrote down.
func (h *Hold) adopt() {
	c, now := h.Client(), time.Now()
	switch {
	case c.Until != nil && c.Until.After(now) && mayBeRestricted(c.Status):
		h.sup.heldTill = *c.Until
		h.sup.history = h.sup.history.RestrictUntil(*c.Until)
	case c.Status == wa.ClientTempBanned && c.Until != nil && c.Until.After(now):
		h.sup.bannedTill = *c.Until
	case c.Status == wa.ClientReplaced:
		// One try, as if it had happened to us: two in a row are a fight.
		again := provider.StateChanged{Signal: provider.Replaced}
		h.sup.history.LeaseHeld = true
		h.plan(guard.React(again, now, h.sup.history), now)
		h.sup.history = h.sup.history.After(again, now)
	case c.Status == wa.ClientStopped:
		h.sup.halted = true
	}
	h.reload()
	h.sup.halted = false // what is wanted from now on, a person wants
}

// mayBeRestricted reports whether a client's "until" speaks of a restriction:
// it is kept while the line comes and goes.
func mayBeRestricted(s wa.ClientStatus) bool {
	return s.Online() || s == wa.ClientConnecting || s == wa.ClientDisconnected
}

// until is what a client's row says of the end of a ban or restriction, for a
// status that has none of its own.
func (h *Hold) until(s wa.ClientStatus, own time.Time) *time.Time {
	if own.IsZero() && mayBeRestricted(s) && h.sup.heldTill.After(time.Now()) {
		own = h.sup.heldTill
	}
	if own.IsZero() {
		return nil
	}
	return &own
}

// reload reads the client's row and turns to what is wanted now.
func (h *Hold) reload() {
	var row store.ClientRow
	err := h.w.db.InOrg(h.ctx, h.org, func(tx *store.Tx) (err error) {
		row, err = tx.ClientRow(h.ctx, h.org, h.id)
		return err
	})
	if err != nil || row.Epoch != h.epoch.Load() {
		return // the poll sorts it out
	}
	news := h.version.Swap(row.Version) != row.Version
	h.mu.Lock()
	h.client = row.Client
	h.mu.Unlock()
	if news {
		h.sup.retryWish, h.sup.wishFailed = time.Time{}, 0
		h.wish()
		h.nudge(nudge("change"))
	}
}

// nextMoment is how long nothing is due.
func (h *Hold) nextMoment() time.Duration {
	next := time.Now().Add(time.Minute)
	for _, t := range []time.Time{h.sup.connectAt, h.sup.deadline, h.sup.retryWish} {
		if !t.IsZero() && t.Before(next) {
			next = t
		}
	}
	for _, d := range h.sup.later {
		if d.at.Before(next) {
			next = d.at
		}
	}
	return max(time.Until(next), time.Millisecond)
}

// act does what is due.
func (h *Hold) act() {
	now := time.Now()
	if due(h.sup.retryWish, now) {
		h.sup.retryWish = time.Time{}
		h.wish()
	}
	if due(h.sup.connectAt, now) && !h.sup.connecting {
		h.connect(now)
	}
	if due(h.sup.deadline, now) {
		h.sup.deadline, h.sup.connecting = time.Time{}, false
		h.currentSession().Disconnect()
		h.onState(provider.StateChanged{Signal: provider.Disconnected, Reason: "WhatsApp did not answer the login in time"})
	}
	h.tellDelayed(now)
}

func due(at, now time.Time) bool { return !at.IsZero() && !at.After(now) }

// currentSession opens the number's session if need be.
func (h *Hold) currentSession() provider.Session {
	h.mu.Lock()
	s, c := h.session, h.client
	h.mu.Unlock()
	if s != nil {
		return s
	}
	p, ok := h.w.opt.Providers[c.Provider]
	if !ok || h.ctx.Err() != nil {
		return closedSession{}
	}
	// Opening reads keys and may take its time: others go on asking about the
	// client meanwhile.
	ear := &sink{h}
	s, err := p.Open(h.ctx, provider.Number{Client: h.id, Org: h.org, Epoch: h.epoch.Load(), JID: c.JID, Device: c.Device}, ear)
	if err != nil {
		h.log.ErrorContext(h.ctx, "session not opened", "error", err)
		return closedSession{}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() != nil {
		s.Close() // the hold ended meanwhile, and nobody else knows of this one
		return closedSession{}
	}
	h.session, h.sup.ear = s, ear
	return s
}

// closeSession hangs up and forgets the session, so that the next one starts
// from the client's row.
func (h *Hold) closeSession() {
	h.mu.Lock()
	s := h.session
	h.session, h.online, h.caughtUp = nil, time.Time{}, false
	h.mu.Unlock()
	if s != nil {
		s.Close()
	}
	h.sup.ear, h.sup.connecting, h.sup.deadline, h.sup.connectAt = nil, false, time.Time{}, time.Time{}
	h.dropDial()
}

// closedSession stands in for a session that cannot be had.
type closedSession struct{}

func (closedSession) Connect(context.Context) error { return errNoSession }
func (closedSession) Disconnect()                   {}
func (closedSession) Close()                        {}
func (closedSession) Send(context.Context, provider.Outgoing) (provider.Ack, error) {
	return provider.Ack{}, &provider.Failure{Class: provider.NotSent, Code: wa.FailNotConnected, Err: errNoSession}
}
