package fleet

import (
	"context"
	"errors"
	"time"

	"chasqui/internal/guard"
	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

var errNoSession = errors.New("this client has no session")

// react follows one thing that the session told.
func (h *Hold) react(u any) {
	switch u := u.(type) {
	case dialled:
		h.onDialled(u)
	case retry:
		if h.sup.forFleet && !h.sup.connectAt.IsZero() {
			h.sup.connectAt = time.Now().Add(time.Duration(h.sup.rand.Int64N(int64(10 * time.Second))))
			h.sup.forFleet = false
		}
	case heard:
		if u.from == h.sup.ear {
			h.onState(u.state)
		}
	case pairedNow:
		h.afterPairing(u.to)
	case provider.StateChanged:
		h.onState(u)
	}
}

func (h *Hold) onDialled(d dialled) {
	if !h.sup.connecting || d.attempt != h.sup.attempt {
		return // the login was faster, or somebody wants something else by now
	}
	if d.err == nil {
		h.sup.deadline = time.Now().Add(h.w.opt.Login)
		return
	}
	h.log.InfoContext(h.ctx, "not connected", "error", d.err)
	h.onState(provider.StateChanged{Signal: provider.Disconnected, Reason: "the connection could not be made"})
}

// onState looks the signal up in the table of reactions and does what it says.
func (h *Hold) onState(s provider.StateChanged) {
	now := time.Now()
	signalsTotal.WithLabelValues(string(s.Signal)).Inc()
	h.sup.history.LeaseHeld = h.w.lease.fresh(h.w.opt.Freeze) && h.epoch.Load() != 0
	h.sup.history.Unpaired = wa.ClientNew
	if h.Client().Phone != "" {
		h.sup.history.Unpaired = wa.ClientLoggedOut
	}
	r := guard.React(s, now, h.sup.history)
	h.sup.history = h.sup.history.After(s, now)
	switch s.Signal {
	case provider.Restricted:
		h.sup.heldTill = r.Until
	case provider.RestrictionLifted:
		h.sup.heldTill = time.Time{}
	}
	if h.late(s) {
		return
	}
	h.noteLine(s, now)
	if r.Hangup {
		h.hangUp()
	}
	h.setFlow(r.Queue)
	h.plan(r, now)
	if h.Client().Desire != wa.WantConnected && r.Status == wa.ClientConnecting {
		return // it was hung up on purpose, or never was to stay online
	}
	h.write(s, r)
	h.schedule(s, r, now)
}

// late reports news of a good line that came after the line's end. A client
// must not look online because of it; a restriction is remembered.
func (h *Hold) late(s provider.StateChanged) bool {
	switch s.Signal {
	case provider.KeepAliveLost, provider.KeepAliveRestored, provider.Restricted, provider.RestrictionLifted:
		since, _ := h.OnlineSince()
		return since.IsZero()
	}
	return false
}

// hangUp drops a line that looks open and is not.
func (h *Hold) hangUp() {
	h.mu.Lock()
	h.online = time.Time{}
	h.mu.Unlock()
	h.currentSession().Disconnect()
}

// noteLine keeps the facts about the line that others ask for.
func (h *Hold) noteLine(s provider.StateChanged, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch s.Signal {
	case provider.Connected:
		h.online, h.caughtUp = now, false
		h.sup.connecting, h.sup.deadline, h.sup.later = false, time.Time{}, nil
		h.sup.backoff.Connected(now)
		connectsTotal.WithLabelValues("online").Inc()
		takeoverSeconds.Observe(now.Sub(h.since).Seconds())
		go h.w.resetBreaker()
	case provider.KeepAliveLost, provider.KeepAliveRestored, provider.Restricted, provider.RestrictionLifted, provider.PairHint, provider.PairFailed:
	case provider.Replaced:
		streamReplaced.Inc()
		h.online, h.sup.connecting, h.sup.deadline = time.Time{}, false, time.Time{}
	default:
		h.online, h.sup.connecting, h.sup.deadline = time.Time{}, false, time.Time{}
	}
}

func (h *Hold) setFlow(f guard.Flow) {
	if f == guard.KeepFlow {
		return
	}
	h.mu.Lock()
	h.flow = f
	h.mu.Unlock()
	h.nudge(nudge("change"))
}

// plan sets the next attempt to connect. What people want comes first: a client
// that shall be offline is not reconnected.
func (h *Hold) plan(r guard.Reaction, now time.Time) {
	h.sup.forFleet = r.Reconnect.How == guard.FleetStop || (h.sup.forFleet && r.Reconnect.How == guard.Stay)
	if r.Status == wa.ClientTempBanned {
		h.sup.bannedTill = r.Until
	}
	switch r.Reconnect.How {
	case guard.Never:
		h.sup.connectAt = time.Time{}
	case guard.ByBackoff:
		h.sup.connectAt = now.Add(h.sup.backoff.Next(now, r.Reconnect.Floor, h.sup.rand))
	case guard.Once:
		h.sup.connectAt = r.Reconnect.At.Add(time.Duration(h.sup.rand.Float64() * float64(r.Reconnect.Jitter)))
	case guard.FleetStop:
		h.w.trip(now)
		h.sup.connectAt = now.Add(guard.ProbeEvery)
	case guard.Stay:
		return
	}
	if h.Client().Desire != wa.WantConnected {
		h.sup.connectAt = time.Time{}
	}
}

// write records the new state and tells of it, in one transaction.
func (h *Hold) write(s provider.StateChanged, r guard.Reaction) {
	if r.Status == "" && r.Event == "" {
		return
	}
	until := r.Until
	if !r.NoPairBefore.IsZero() {
		until = r.NoPairBefore
	}
	h.persist(func(tx *store.Tx) error {
		if current, err := h.sameAttempt(tx, s); err != nil || !current {
			return err
		}
		moved, err := h.writeStatus(tx, r, until)
		if err != nil {
			return err
		}
		if s.Signal == provider.PairFailed {
			if err := tx.FailPairing(h.ctx, h.org, h.id, r.Reason); err != nil {
				return err
			}
			if err := tx.Desired(h.ctx, h.org, h.id, wa.WantPairing, wa.WantNothing); err != nil {
				return err
			}
		}
		if r.Event == "" || r.EventAfter > 0 || !(moved || s.Signal == provider.PairFailed || s.Signal == provider.PairHint) {
			return nil
		}
		return h.emit(tx, r.Event, s.Code, r.Reason)
	})
	if r.Forget {
		h.closeSession()
	}
	h.reload()
}

// sameAttempt reports whether news of a failed pairing are about the attempt
// that people wait for, and not about one that was replaced by it.
func (h *Hold) sameAttempt(tx *store.Tx, s provider.StateChanged) (bool, error) {
	if s.Signal != provider.PairFailed {
		return true, nil
	}
	p, err := tx.Pairing(h.ctx, h.org, h.id)
	if wa.CodeOf(err) == wa.NotFound {
		return true, nil
	}
	return p.StartedAt.UnixNano() == h.sup.pairing, err
}

func (h *Hold) writeStatus(tx *store.Tx, r guard.Reaction, until time.Time) (bool, error) {
	to := wa.Standing{Status: r.Status, Reason: r.Reason, Until: h.until(r.Status, until), Event: r.Event}
	switch {
	case r.Forget:
		return tx.SetUnpaired(h.ctx, h.org, h.id, h.epoch.Load(), to)
	case r.Status != "":
		return tx.SetStatus(h.ctx, h.org, h.id, h.epoch.Load(), to)
	}
	return true, nil
}

func (h *Hold) emit(tx *store.Tx, kind wa.EventType, code, reason string) error {
	row, err := tx.ClientRow(h.ctx, h.org, h.id)
	if err != nil {
		return err
	}
	if kind == wa.ClientIsLoggedOut || kind == wa.ClientIsBanned {
		if err := tx.Audit(itself(h.org), wa.AuditClientUnlinked, h.id.String(), nil, happened{reason}); err != nil {
			return err
		}
	}
	return tx.Emit(h.org, h.id, kind, wa.EventClient{Client: row.Client, Code: code, Reason: reason})
}

// schedule keeps what shall be told only if it still stands later.
func (h *Hold) schedule(s provider.StateChanged, r guard.Reaction, now time.Time) {
	if r.Event != "" && r.EventAfter == 0 {
		h.sup.later = nil // this says more than what was kept to be told later
	}
	if r.EventAfter > 0 && !h.planned(r.Event) {
		h.sup.later = append(h.sup.later, delayed{at: now.Add(r.EventAfter), event: r.Event, state: s, why: r.Reason})
	}
	if !r.Alert {
		return
	}
	if r.AlertAfter > 0 {
		if !h.planned("") {
			h.sup.later = append(h.sup.later, delayed{at: now.Add(r.AlertAfter), alert: true, state: s, why: r.Reason})
		}
		return
	}
	h.log.WarnContext(h.ctx, "a client needs a look", "signal", s.Signal, "code", s.Code, "reason", r.Reason)
}

func (h *Hold) planned(e wa.EventType) bool {
	for _, d := range h.sup.later {
		if d.event == e {
			return true
		}
	}
	return false
}

// tellDelayed tells what has stood long enough.
func (h *Hold) tellDelayed(now time.Time) {
	var rest []delayed
	for _, d := range h.sup.later {
		switch {
		case d.at.After(now):
			rest = append(rest, d)
		case d.alert:
			h.log.WarnContext(h.ctx, "a client needs a look", "signal", d.state.Signal, "reason", d.why)
		default:
			h.persist(func(tx *store.Tx) error { return h.emit(tx, d.event, d.state.Code, d.why) })
		}
	}
	h.sup.later = rest
}

// persist writes until Postgres takes it or the client is not ours any more.
func (h *Hold) persist(fn func(*store.Tx) error) {
	for delay := 50 * time.Millisecond; h.ctx.Err() == nil && h.epoch.Load() != 0; delay = min(2*delay, 2*time.Second) {
		err := h.w.db.InOrg(h.ctx, h.org, fn)
		if err == nil || h.ctx.Err() != nil {
			return
		}
		h.log.WarnContext(h.ctx, "a client's state waits for the database", "error", err)
		if wa.CodeOf(err) != wa.Unavailable || !sleep(h.ctx, delay) {
			return
		}
	}
}

// detached is for what must be written although the hold is ending.
func (h *Hold) detached(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(h.ctx), d)
}
