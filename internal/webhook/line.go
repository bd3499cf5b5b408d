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
	troubleWait = time.Second     // after the database failed
	leaveIn     = 3 * time.Second // for the last outcomes of a line
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
	flying   map[wa.DeliveryID]bool
	landed   []landed  // not yet written down
	hungry   bool      // there may be more than is ready
	full     bool      // there was more than was asked for
	turned   time.Time // when the database was last asked
	version  time.Time // of the endpoint as it is in to
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
		flying: map[wa.DeliveryID]bool{}, hungry: true,
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
		if l.untilTurn() <= 0 && !l.turn(ctx) {
			break
		}
		pause := l.launch(ctx)
		if len(l.flying) > 0 || len(l.ready) > 0 || len(l.landed) > 0 {
			quietSince = time.Now()
		} else if time.Since(quietSince) > lingerFor {
			break
		}
		l.wait(ctx, pause)
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
	return most - len(l.flying)
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
		l.flying[d.ID] = true
		to, slow := l.to, l.slow() // a later turn replaces them
		go func() { l.done <- l.d.send(ctx, to, d, slow) }()
	}
	return time.Hour
}

// slow reports whether the endpoint's requests must keep to the places that
// are set apart for those that do not answer.
func (l *line) slow() bool {
	return l.failures >= slowAfter || l.lazy > slowAnswer || l.circuit.state(l.d.s.now()) == halfOpen
}

// send makes one attempt when there is a place for it.
func (d *Dispatcher) send(ctx context.Context, to target, due store.Due, slow bool) landed {
	lane, org := d.fast, d.orgOf(to.OrgID)
	if slow {
		lane = d.slow
	}
	if !org.enter(ctx) {
		return landed{due: due}
	}
	defer org.leave()
	if !lane.enter(ctx) {
		return landed{due: due}
	}
	defer lane.leave()
	due.Rest = d.bodies.together(due, to.Payload)
	if due.Attempts == 0 && due.Trigger == wa.TriggerAuto {
		deliverySeconds.Observe(max(0, time.Since(due.Event.CreatedAt)).Seconds())
	}
	ctx, span := d.s.traced(ctx, due)
	out := d.s.post(ctx, to, due, &d.bodies)
	answered(span, out)
	if ctx.Err() != nil && !out.good() {
		return landed{due: due} // it was us who hung up
	}
	return landed{due, out}
}

// wait sleeps until something happens: an answer, a bell, the time to ask the
// database or to send again.
func (l *line) wait(ctx context.Context, pause time.Duration) {
	if len(l.flying) == 0 && len(l.ready) == 0 && len(l.landed) == 0 {
		pause = min(pause, lingerFor)
		l.idle.Store(true)
	}
	pause = min(pause, l.untilTurn())
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
	delete(l.flying, v.due.ID)
	if v.Number == 0 {
		return
	}
	l.landed = append(append(l.landed, v), v.rest()...)
	l.lazy = time.Duration(v.DurationMS) * time.Millisecond
	l.failures++
	works := v.good() || l.to.Callback && v.unwanted() // a host that turns down one message's address is there
	if works {
		l.failures = 0
	}
	if v.Error != wa.AttemptUnreadable && l.circuit.note(works, l.d.s.now()) {
		l.dirty = true
	}
	result := string(v.Error)
	if v.good() {
		result = "ok"
	}
	attemptsTotal.WithLabelValues(result).Inc()
}

// end waits for what is under way, writes it down and lets go of the line.
func (l *line) end(ctx context.Context) {
	l.idle.Store(false)
	for len(l.flying) > 0 {
		l.land(<-l.done)
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveIn)
	defer cancel()
	if len(l.landed) > 0 {
		l.ready = nil
		l.ask(within, 0)
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
