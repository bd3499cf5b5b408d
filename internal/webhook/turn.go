package webhook

import (
	"context"
	"time"

	"golang.org/x/time/rate"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// A line asks the database in turns: what came of its requests is written down,
// and what is due is read, in one transaction for many. Turns keep apart, or a
// steady flow would have one for each event; a line that was quiet, and one
// that has fallen behind, do not wait.
const (
	turnEvery    = 50 * time.Millisecond
	orderedEvery = 5 * time.Millisecond // the next of a chat waits for the turn
	landedMost   = 128                  // outcomes that wait for a turn
	readyMost    = 128                  // deliveries that are read at once
)

// untilTurn tells how long it is to the next turn: 0 for now.
func (l *line) untilTurn() time.Duration {
	eats := l.hungry && len(l.ready) == 0 && l.room() > 0
	switch {
	case len(l.landed) == 0 && !eats:
		return time.Hour
	case len(l.landed) >= landedMost || eats && l.full:
		return 0
	case l.to.Ordered:
		return orderedEvery - time.Since(l.turned)
	}
	return turnEvery - time.Since(l.turned)
}

// turn writes down and reads. False: the endpoint is off or the line is lost,
// or the database is away.
func (l *line) turn(ctx context.Context) bool {
	l.idle.Store(false)
	most := 0
	if len(l.ready) == 0 && l.room() > 0 {
		most = min(readyMost, max(8, 16*l.room()))
	}
	if l.circuit.state(l.d.s.now()) == halfOpen {
		most = min(most, 1)
	}
	return l.ask(ctx, most)
}

// ask takes a turn, again and again until the database answers or the process
// ends: what was sent must be known.
func (l *line) ask(ctx context.Context, most int) bool {
	for {
		on, err := l.exchange(ctx, most)
		l.turned = time.Now()
		if err == nil {
			return on
		}
		l.d.complain(ctx, "cannot take a turn", err)
		if !sleep(ctx, troubleWait) || isClosed(l.lost) || len(l.landed) == 0 {
			return false
		}
	}
}

// exchange is one transaction: outcomes, attempts, what they mean for the
// endpoint, and what is due. It tells whether the endpoint is on.
func (l *line) exchange(ctx context.Context, most int) (on bool, err error) {
	org := l.known.OrgID
	known, v, outcomes := l.judge()
	turn := store.HookTurn{Org: org, Endpoint: l.id, Ahead: l.d.s.opt.Ahead(), Outcomes: outcomes, Most: most}
	for id := range l.flying {
		turn.Flying = append(turn.Flying, id)
	}
	var state store.HookState
	var due []store.Due
	to, version := l.to, l.version
	err = l.d.s.db.InOrgRelaxed(ctx, org, func(tx *store.Tx) (err error) {
		if state, due, err = tx.TakeHookTurn(ctx, turn); err != nil {
			return err
		}
		if on = state.Enabled; on && !state.Version.Equal(version) {
			if to, err = l.d.s.target(ctx, tx, org, l.id); err != nil {
				return err
			}
		}
		if err := tx.AddRest(ctx, org, l.id, due, to.Batch-1); err != nil {
			return err
		}
		if l.dirty || worthKeeping(l.known, known) {
			if err := tx.KeepHookLine(ctx, l.id, l.d.holder, known, false); err != nil {
				return err
			}
		}
		if len(outcomes) == 0 {
			return nil
		}
		off, err := l.tell(ctx, tx, v, known, outcomes)
		on = on && !off
		return err
	})
	if err != nil {
		return false, err
	}
	if !l.dirty && state.OpenUntil == nil && l.circuit.state(l.d.s.now()) != closed {
		l.circuit = breaker{} // somebody closed it
		known.OpenUntil = nil
	}
	l.known, l.dirty, l.landed = known, false, l.landed[:0]
	l.configure(to, state.Version)
	if most > 0 {
		l.ready, l.full, l.hungry = due, len(due) == most, len(due) == most
	} else {
		l.hungry = true
	}
	return on, nil
}

// judge weighs the answers that came: what is to be kept of the line, what they
// mean for the endpoint, and each outcome.
func (l *line) judge() (known store.HookLine, v verdict, outcomes []store.HookOutcome) {
	known, now := l.known, l.d.s.now()
	for _, x := range l.landed {
		outcomes = append(outcomes, judge(l.to.Endpoint, x.due, x.answer))
		weigh := v.weigh
		if l.to.Callback {
			weigh = v.ofHost
		}
		weigh(&known, x.due, x.answer, now)
	}
	if len(outcomes) == 0 && !l.dirty {
		return known, v, nil
	}
	known.OpenUntil, known.Trips, known.Recent = nil, l.circuit.trips, l.circuit.remember()
	if !l.circuit.openUntil.IsZero() {
		until := l.circuit.openUntil
		known.OpenUntil = &until
	}
	return known, v, outcomes
}

// configure takes in the endpoint as it is now.
func (l *line) configure(to target, version time.Time) {
	l.to, l.version = to, version
	switch {
	case to.Rate == nil:
		l.limit = nil
	case l.limit == nil:
		l.limit = rate.NewLimiter(rate.Limit(*to.Rate), 1)
	case l.limit.Limit() != rate.Limit(*to.Rate):
		l.limit.SetLimit(rate.Limit(*to.Rate))
	}
}

// target reads everything that requests to an endpoint take.
func (s *Service) target(ctx context.Context, tx *store.Tx, org wa.OrgID, id wa.EndpointID) (t target, err error) {
	row, err := tx.LineEndpoint(ctx, org, id)
	if err != nil {
		return t, err
	}
	t.Endpoint = row.Endpoint
	if t.headers, err = s.headers(ctx, row); err != nil {
		return t, err
	}
	t.keys, err = s.signing(ctx, tx, org, id)
	return t, err
}

// worthKeeping tells changes that matter from the ticking of the clock.
func worthKeeping(before, after store.HookLine) bool {
	const often = 10 * time.Second
	return (before.FailingSince == nil) != (after.FailingSince == nil) || before.FailingTold != after.FailingTold ||
		moved(before.LastSuccessAt, after.LastSuccessAt, often) || moved(before.LastFailureAt, after.LastFailureAt, often)
}

func moved(before, after *time.Time, by time.Duration) bool {
	return after != nil && (before == nil || after.Sub(*before) >= by)
}

// tell emits what the outcomes mean for the endpoint, and switches it off.
func (l *line) tell(ctx context.Context, tx *store.Tx, v verdict, known store.HookLine, outcomes []store.HookOutcome) (off bool, err error) {
	org, last := l.known.OrgID, l.landed[len(l.landed)-1].answer
	about := wa.EventEndpoint{EndpointID: l.id, URL: l.to.URL, Since: known.FailingSince, LastStatus: last.Status}
	say := func(kind wa.EventType, data any) {
		if err == nil {
			err = tx.Emit(org, wa.ClientID{}, kind, data)
		}
	}
	if v.recovered {
		say(wa.EndpointRecovered, about)
	}
	if v.failing {
		say(wa.EndpointFailing, about)
	}
	for i, o := range outcomes {
		if due := l.landed[i].due; o.Result == wa.DeliveryGivenUp && !quiet(due.EventType) && !due.Gone {
			say(wa.DeliveryExhausted, wa.EventDelivery{
				EndpointID: l.id, DeliveryID: due.ID, EventID: due.EventID, EventType: due.EventType, Attempts: o.Number,
			})
		}
	}
	if v.disable == "" || err != nil {
		return false, err
	}
	if _, err := tx.DisableEndpoint(ctx, org, l.id, v.disable); err != nil {
		return false, err
	}
	by := wa.Actor{Org: org, Name: "system"}
	if err := tx.Audit(by, wa.AuditWebhookDisabled, l.id.String(), nil, switchedOff{v.disable}); err != nil {
		return false, err
	}
	about.Reason = v.disable
	say(wa.EndpointDisabled, about)
	return true, err
}
