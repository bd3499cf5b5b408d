package webhook

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

const (
	settleAt    = 64                    // outcomes that are written at once
	settleAfter = 10 * time.Millisecond // how long the first of them waits
	troubleWait = time.Second           // after the database failed
	leaveIn     = 3 * time.Second       // for the last outcomes of a line
	slowAnswer  = 5 * time.Second
	slowAfter   = 2 // failures in a row
)

// line delivers to one endpoint for as long as this process holds it. Its
// goroutine owns everything but what is atomic.
type line struct {
	d    *Dispatcher
	id   wa.EndpointID
	wake chan struct{}
	done chan landed
	lost chan struct{}
	once sync.Once

	running, idle atomic.Bool

	known    store.HookLine
	circuit  breaker
	to       target
	limit    *rate.Limiter
	ready    []store.Due
	flying   int
	busy     map[wa.DeliveryID]bool // ready, flying or not yet written down
	landed   []landed
	since    time.Time // when the oldest of landed came
	hungry   bool      // there may be more than is ready
	failures int       // in a row
	lazy     time.Duration
	dirty    bool // known has something to be written down
}

// landed is a delivery and the answer to it.
type landed struct {
	due store.Due
	answer
}

func newLine(d *Dispatcher, id wa.EndpointID) *line {
	return &line{
		d: d, id: id, wake: make(chan struct{}, 1), done: make(chan landed, wa.MaxInFlight), lost: make(chan struct{}),
		busy: map[wa.DeliveryID]bool{}, hungry: true,
	}
}

func (l *line) ring() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

func (l *line) lose() { l.once.Do(func() { close(l.lost) }) }

// run delivers until nothing was due for a while, the circuit opens, the
// endpoint is switched off, the line is lost or the process stops.
func (l *line) run(ctx context.Context) {
	l.running.Store(true)
	defer l.running.Store(false)
	l.begin()
	quietSince := time.Now()
	for l.goesOn() {
		if l.hungry && len(l.ready) == 0 && l.room() > 0 && !l.fetch(ctx) {
			break
		}
		pause := l.launch(ctx)
		if l.flying > 0 || len(l.ready) > 0 || len(l.landed) > 0 {
			quietSince = time.Now()
		} else if time.Since(quietSince) > lingerFor {
			break
		}
		l.wait(ctx, pause)
		if !l.settleDue(ctx) {
			break
		}
	}
	l.end(ctx)
}

// begin picks up what the last holder knew.
func (l *line) begin() {
	l.circuit.recall(l.known.Recent)
	l.circuit.trips = l.known.Trips
	if l.known.OpenUntil != nil {
		l.circuit.openUntil = *l.known.OpenUntil
	}
}

// goesOn reports whether there is any sense in staying.
func (l *line) goesOn() bool {
	select {
	case <-l.lost:
		return false
	case <-l.d.stop:
		return false
	default:
	}
	return l.circuit.state(l.d.s.now()) != open
}

// room is how many more requests may go out now.
func (l *line) room() int {
	most := wa.DefaultInFlight
	if l.to.MaxInFlight > 0 {
		most = l.to.MaxInFlight
	}
	if l.circuit.state(l.d.s.now()) == halfOpen {
		most = 1
	}
	return most - l.flying
}

// fetch reads the endpoint as it is now and what is due. False: the endpoint
// is off, or the database is away.
func (l *line) fetch(ctx context.Context) bool {
	l.idle.Store(false)
	want := max(8, 4*l.room())
	if l.circuit.state(l.d.s.now()) == halfOpen {
		want = 1
	}
	flying := make([]wa.DeliveryID, 0, len(l.busy))
	for id := range l.busy {
		flying = append(flying, id)
	}
	var row store.EndpointRow
	err := l.d.s.db.InOrg(ctx, l.known.OrgID, func(tx *store.Tx) (err error) {
		if row, err = tx.LineEndpoint(ctx, l.known.OrgID, l.id); err != nil {
			return err
		}
		if l.to.keys, err = l.d.s.keys(ctx, tx, l.known.OrgID, l.id); err != nil {
			return err
		}
		l.ready, err = tx.DueDeliveries(ctx, l.known.OrgID, l.id, l.d.s.opt.Ahead(), flying, want)
		return err
	})
	if err == nil {
		err = l.configure(row)
	}
	if err != nil {
		if wa.CodeOf(err) != wa.NotFound {
			l.d.complain(ctx, "cannot read what is due", err)
			sleep(ctx, troubleWait)
		}
		return false
	}
	if row.Health.OpenUntil == nil && l.circuit.state(l.d.s.now()) != closed {
		l.circuit = breaker{} // somebody closed it
		l.known.OpenUntil = nil
	}
	for _, d := range l.ready {
		l.busy[d.ID] = true
	}
	l.hungry = len(l.ready) == want
	return true
}

func (l *line) configure(row store.EndpointRow) (err error) {
	l.to.Endpoint = row.Endpoint
	l.to.headers, err = l.d.s.headers(row)
	switch {
	case row.Rate == nil:
		l.limit = nil
	case l.limit == nil:
		l.limit = rate.NewLimiter(rate.Limit(*row.Rate), 1)
	case l.limit.Limit() != rate.Limit(*row.Rate):
		l.limit.SetLimit(rate.Limit(*row.Rate))
	}
	return err
}

// launch sends what is ready, as far as there is room and the rate allows, and
// tells after how long to come again.
func (l *line) launch(ctx context.Context) time.Duration {
	for len(l.ready) > 0 && l.room() > 0 {
		if l.limit != nil {
			if r := l.limit.Reserve(); r.Delay() > 0 {
				wait := r.Delay()
				r.Cancel()
				return wait
			}
		}
		d := l.ready[0]
		l.ready = l.ready[1:]
		l.flying++
		to, slow := l.to, l.slow() // a later fetch replaces them
		go func() { l.done <- landed{d, l.d.send(ctx, to, d, slow)} }()
	}
	return time.Hour
}

// slow reports whether the endpoint's requests must keep to the places that
// are set apart for those that do not answer.
func (l *line) slow() bool {
	return l.failures >= slowAfter || l.lazy > slowAnswer || l.circuit.state(l.d.s.now()) == halfOpen
}

// send makes one attempt when there is a place for it.
func (d *Dispatcher) send(ctx context.Context, to target, due store.Due, slow bool) answer {
	lane, org := d.fast, d.orgOf(to.OrgID)
	if slow {
		lane = d.slow
	}
	if !org.enter(ctx) {
		return answer{}
	}
	defer org.leave()
	if !lane.enter(ctx) {
		return answer{}
	}
	defer lane.leave()
	if due.Attempts == 0 && due.Trigger == wa.TriggerAuto {
		deliverySeconds.Observe(max(0, time.Since(due.Event.CreatedAt)).Seconds())
	}
	out := d.s.post(ctx, to, due)
	if ctx.Err() != nil && !out.good() {
		return answer{} // it was us who hung up
	}
	return out
}

// wait sleeps until something happens: an answer, a bell, the time to write
// outcomes down or to send again.
func (l *line) wait(ctx context.Context, pause time.Duration) {
	if len(l.landed) > 0 {
		pause = min(pause, settleAfter-time.Since(l.since))
	} else if l.flying == 0 && len(l.ready) == 0 {
		if l.hungry {
			return
		}
		pause = min(pause, lingerFor)
		l.idle.Store(true)
	}
	if len(l.landed) > 0 && l.flying == 0 && len(l.ready) == 0 {
		return
	}
	timer := time.NewTimer(max(0, pause))
	defer timer.Stop()
	select {
	case v := <-l.done:
		l.land(v)
		l.landMore()
	case <-l.wake:
		l.hungry = true
	case <-timer.C:
	case <-l.lost:
	case <-l.d.stop:
	case <-ctx.Done():
	}
}

func (l *line) landMore() {
	for {
		select {
		case v := <-l.done:
			l.land(v)
		default:
			return
		}
	}
}

// land takes in an answer. A request that the process's end cut off is as if
// it had never been made.
func (l *line) land(v landed) {
	l.flying--
	if v.Number == 0 {
		delete(l.busy, v.due.ID)
		return
	}
	if len(l.landed) == 0 {
		l.since = time.Now()
	}
	l.landed = append(l.landed, v)
	l.lazy = time.Duration(v.DurationMS) * time.Millisecond
	l.failures++
	if v.good() {
		l.failures = 0
	}
	if v.Error != wa.AttemptUnreadable && l.circuit.note(v.good(), l.d.s.now()) {
		l.dirty = true
	}
	result := string(v.Error)
	if v.good() {
		result = "ok"
	}
	attemptsTotal.WithLabelValues(result).Inc()
}

// settleDue writes outcomes down when it is time to. False: that failed for
// good, and the line must be left.
func (l *line) settleDue(ctx context.Context) bool {
	if len(l.landed) == 0 {
		return true
	}
	if len(l.landed) < settleAt && time.Since(l.since) < settleAfter && (l.flying > 0 || len(l.ready) > 0) {
		return true
	}
	return l.settle(ctx)
}

// settle writes down what came of the requests, again and again until the
// database takes it or the process ends.
func (l *line) settle(ctx context.Context) bool {
	for {
		off, err := l.write(ctx)
		if err == nil {
			for _, v := range l.landed {
				delete(l.busy, v.due.ID)
			}
			l.landed = l.landed[:0]
			l.hungry = true
			return !off
		}
		l.d.complain(ctx, "cannot write outcomes", err)
		if !sleep(ctx, troubleWait) || isClosed(l.lost) {
			return false
		}
	}
}

// write is one transaction: outcomes, attempts, and what they mean for the
// endpoint. off tells that the endpoint was switched off.
func (l *line) write(ctx context.Context) (off bool, err error) {
	known, now := l.known, l.d.s.now()
	var v verdict
	outcomes := make([]store.HookOutcome, len(l.landed))
	for i, x := range l.landed {
		outcomes[i] = judge(l.to.Endpoint, x.due, x.answer)
		v.weigh(&known, x.due, x.answer, now)
	}
	known.OpenUntil, known.Trips, known.Recent = nil, l.circuit.trips, l.circuit.remember()
	if !l.circuit.openUntil.IsZero() {
		until := l.circuit.openUntil
		known.OpenUntil = &until
	}
	org := l.known.OrgID
	err = l.d.s.db.InOrgRelaxed(ctx, org, func(tx *store.Tx) error {
		if err := tx.SettleDeliveries(ctx, org, l.id, l.d.s.opt.Ahead(), outcomes); err != nil {
			return err
		}
		if l.dirty || worthKeeping(l.known, known) {
			if err := tx.KeepHookLine(ctx, l.id, l.d.holder, known, false); err != nil {
				return err
			}
		}
		off, err = l.tell(ctx, tx, v, known, outcomes)
		return err
	})
	if err == nil {
		l.known, l.dirty = known, false
	}
	return off, err
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
	about.Reason = v.disable
	say(wa.EndpointDisabled, about)
	return true, err
}

// end waits for what is under way, writes it down and lets go of the line.
func (l *line) end(ctx context.Context) {
	l.idle.Store(false)
	for l.flying > 0 {
		l.land(<-l.done)
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveIn)
	defer cancel()
	if len(l.landed) > 0 {
		l.settle(within)
	}
	err := l.d.s.db.InTxRelaxed(within, func(tx *store.Tx) error {
		if recent := l.circuit.remember(); !slices.Equal(recent, l.known.Recent) || l.dirty {
			known := l.known
			known.Recent = recent
			return tx.KeepHookLine(within, l.id, l.d.holder, known, true)
		}
		return tx.LeaveHookLine(within, l.id, l.d.holder)
	})
	if err != nil {
		l.d.log.DebugContext(ctx, "line not left; its lease runs out", "error", err)
	}
}

// sleep waits; false when ctx ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
