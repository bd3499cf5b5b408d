package webhook

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// How the lines are kept and found. What has no bell is found by the poll, so
// that Redis being away costs a second and nothing else.
const (
	leaseFor    = 10 * time.Second
	renewEvery  = 3 * time.Second
	pollEvery   = time.Second
	lookEvery   = 100 * time.Millisecond // at lines that are held and idle
	lingerFor   = 2 * time.Second        // how long an idle line is kept
	elsewhereOf = 300 * time.Millisecond // how long another's line is not asked for again
	pollMost    = 256
	takeAtOnce  = 16
	fastPlaces  = 256 // requests that wait cost little; more than this are a flood
	slowPlaces  = 32
	orgPlaces   = 128
	finishIn    = 5 * time.Second // requests under way when the process stops
)

// Dispatcher delivers what is due. Any number of processes may run one: each
// endpoint's line is held by one of them at a time.
type Dispatcher struct {
	s      *Service
	log    *slog.Logger
	holder uuid.UUID
	fast   places
	slow   places
	taking places
	bodies bodies
	stop   chan struct{} // closed when no new request may go out

	mu        sync.Mutex
	lines     map[wa.EndpointID]*line
	elsewhere map[wa.EndpointID]time.Time
	orgs      map[wa.OrgID]places
	requests  context.Context // of requests under way; ends some time after stop
	wg        sync.WaitGroup
}

// places bound how much goes on at a time.
type places chan struct{}

func (p places) enter(ctx context.Context) bool {
	select {
	case p <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (p places) leave() { <-p }

// NewDispatcher makes a dispatcher; Run starts it.
func NewDispatcher(s *Service) *Dispatcher {
	return &Dispatcher{
		s: s, log: s.opt.Log, holder: uuid.New(),
		fast: make(places, fastPlaces), slow: make(places, slowPlaces), taking: make(places, takeAtOnce),
		stop: make(chan struct{}), lines: map[wa.EndpointID]*line{}, elsewhere: map[wa.EndpointID]time.Time{},
		orgs: map[wa.OrgID]places{},
	}
}

// Run delivers until ctx ends; requests under way get five seconds more. What
// is not finished then is sent again by whoever takes the line.
func (d *Dispatcher) Run(ctx context.Context) {
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	d.mu.Lock()
	d.requests = requests
	d.mu.Unlock()
	var loops sync.WaitGroup
	loops.Go(func() { every(ctx, pollEvery, d.poll) })
	loops.Go(func() { every(ctx, lookEvery, d.look) })
	loops.Go(func() { every(ctx, renewEvery, d.renew) })
	loops.Go(func() { every(ctx, pollEvery, d.recover) })
	<-ctx.Done()
	d.mu.Lock()
	close(d.stop)
	d.mu.Unlock()
	defer time.AfterFunc(finishIn, cancel).Stop()
	loops.Wait()
	d.wg.Wait()
}

func every(ctx context.Context, period time.Duration, do func(context.Context)) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			do(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// Wake has an endpoint's line look for what is due.
func (d *Dispatcher) Wake(id wa.EndpointID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.requests == nil || d.stopping() {
		return
	}
	if l := d.lines[id]; l != nil {
		l.ring()
		return
	}
	if time.Now().Before(d.elsewhere[id]) {
		return // whoever holds it looks by himself
	}
	l := newLine(d, id)
	d.lines[id] = l
	d.wg.Go(func() { d.serve(l) })
}

func (d *Dispatcher) stopping() bool {
	select {
	case <-d.stop:
		return true
	default:
		return false
	}
}

// serve runs a line from taking it to leaving it.
func (d *Dispatcher) serve(l *line) {
	ctx := wa.WithLog(d.requests, slog.String("endpoint", l.id.String()))
	held, err := d.take(ctx, l)
	if held {
		linesHeld.Inc()
		l.run(ctx)
		linesHeld.Dec()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.lines, l.id)
	if !held && err == nil {
		d.elsewhere[l.id] = time.Now().Add(elsewhereOf)
	}
}

func (d *Dispatcher) take(ctx context.Context, l *line) (bool, error) {
	if !d.taking.enter(ctx) {
		return false, ctx.Err()
	}
	defer d.taking.leave()
	err := d.s.db.InTxRelaxed(ctx, func(tx *store.Tx) (err error) {
		l.known, err = tx.TakeHookLine(ctx, l.id, d.holder, leaseFor)
		return err
	})
	if wa.CodeOf(err) == wa.NotFound {
		return false, nil
	}
	return err == nil, err
}

// poll wakes the lines of endpoints that have something due and that nobody
// holds (R7): bells that were lost, tries whose time has come, the lines of a
// process that died.
func (d *Dispatcher) poll(ctx context.Context) {
	var ids []wa.EndpointID
	err := d.s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		ids, err = tx.FreeHookLines(ctx, d.s.opt.Ahead(), pollMost)
		return err
	})
	d.complain(ctx, "cannot look for due deliveries", err)
	for _, id := range ids {
		d.Wake(id)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, until := range d.elsewhere {
		if time.Now().After(until) {
			delete(d.elsewhere, id)
		}
	}
}

// look wakes the lines that are held and idle when something is due: events of
// other processes, whose bells do not come here.
func (d *Dispatcher) look(ctx context.Context) {
	ids := d.held(func(l *line) bool { return l.idle.Load() })
	if len(ids) == 0 {
		return
	}
	var busy []wa.EndpointID
	err := d.s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		busy, err = tx.BusyHookLines(ctx, ids, d.s.opt.Ahead())
		return err
	})
	d.complain(ctx, "cannot look at idle lines", err)
	for _, id := range busy {
		d.Wake(id)
	}
}

// renew keeps the leases, and stops the lines that were lost.
func (d *Dispatcher) renew(ctx context.Context) {
	ids := d.held(func(l *line) bool { return l.running.Load() })
	if len(ids) == 0 {
		return
	}
	var ours []wa.EndpointID
	err := d.s.db.InTxRelaxed(ctx, func(tx *store.Tx) (err error) {
		ours, err = tx.RenewHookLines(ctx, d.holder, ids, leaseFor)
		return err
	})
	if err != nil {
		d.complain(ctx, "cannot keep lines", err)
		return
	}
	kept := map[wa.EndpointID]bool{}
	for _, id := range ours {
		kept[id] = true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, id := range ids {
		if l := d.lines[id]; l != nil && !kept[id] {
			l.lose()
		}
	}
}

func (d *Dispatcher) held(which func(*line) bool) []wa.EndpointID {
	d.mu.Lock()
	defer d.mu.Unlock()
	var ids []wa.EndpointID
	for id, l := range d.lines {
		if which(l) {
			ids = append(ids, id)
		}
	}
	return ids
}

// orgOf gives the places that all endpoints of an org share in this process.
func (d *Dispatcher) orgOf(org wa.OrgID) places {
	d.mu.Lock()
	defer d.mu.Unlock()
	p := d.orgs[org]
	if p == nil {
		p = make(places, orgPlaces)
		d.orgs[org] = p
	}
	return p
}

func (d *Dispatcher) complain(ctx context.Context, what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) && ctx.Err() == nil {
		d.log.WarnContext(ctx, "webhooks wait", "why", what, "code", wa.CodeOf(err), "error", err)
	}
}
