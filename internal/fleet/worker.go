package fleet

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"chasqui/internal/guard"
	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Inbox keeps what numbers are told about messages and people.
type Inbox interface {
	Receive(ctx context.Context, c wa.Client, u provider.Update) error
	Recall(ctx context.Context, c wa.Client, wireID string) ([]byte, error)
}

// WorkerOptions tune a Worker. Zero durations have the defaults named.
type WorkerOptions struct {
	Providers map[string]provider.Provider
	Inbox     Inbox
	// Deliver works the line of a held client until ctx ends.
	Deliver func(ctx context.Context, h *Hold)
	// Tell tells people what was read of theirs, until nothing is left or ctx
	// ends. It runs once at a time for a held client; it may be nil.
	Tell func(ctx context.Context, h *Hold)
	// Serve runs beside a slot for as long as it is held; it may be nil.
	Serve func(ctx context.Context, slot int) error

	Capacity int // how many clients at most; 0 means 1,000
	Gate     *Gate
	Log      *slog.Logger

	TTL       time.Duration // of the slot's lease: 8 s
	Heartbeat time.Duration // between renewals: 2 s
	Freeze    time.Duration // nothing leaves when the last renewal is older: 6 s
	Claim     time.Duration // between looks for clients without an owner: 1 s
	Poll      time.Duration // between looks at the own clients' work: 1 s
	Halt      time.Duration // between looks at the kill switch: 500 ms
	Drain     time.Duration // for messages under way at shutdown: 8 s
	Login     time.Duration // for a connection to become a login: 60 s
}

func (o *WorkerOptions) fill() {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Gate == nil {
		o.Gate = NewGate(10, 5)
	}
	if o.Capacity == 0 {
		o.Capacity = 1000
	}
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&o.TTL, 8 * time.Second},
		{&o.Heartbeat, 2 * time.Second},
		{&o.Freeze, 6 * time.Second},
		{&o.Claim, time.Second},
		{&o.Poll, time.Second},
		{&o.Halt, 500 * time.Millisecond},
		{&o.Drain, 8 * time.Second},
		{&o.Login, 60 * time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
}

// Worker holds numbers: it leases a slot, takes clients that nobody holds,
// keeps them online and lets their lines deliver. It stops sending the moment
// it cannot be sure that a client is still its own.
type Worker struct {
	db  *store.DB
	opt WorkerOptions
	log *slog.Logger

	lease  lease
	halts  atomic.Pointer[halts]
	assign chan struct{} // somebody needs an owner now

	breakerMu sync.Mutex
	breaker   guard.Breaker

	mu     sync.Mutex
	holds  map[wa.ClientID]*Hold
	paused bool // the operator paused this worker's queues
}

// NewWorker makes a worker that holds nothing yet.
func NewWorker(db *store.DB, o WorkerOptions) *Worker {
	o.fill()
	return &Worker{db: db, opt: o, log: o.Log, assign: make(chan struct{}, 1), holds: map[wa.ClientID]*Hold{}}
}

// Run holds a slot and its clients until ctx ends, then gives them back one by
// one. A slot that was lost is replaced by another.
func (w *Worker) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		slot, err := w.takeSlot(ctx)
		if err != nil {
			return nil //nolint:nilerr // being stopped is no failure
		}
		w.serve(ctx, slot)
	}
	return nil
}

// takeSlot tries until there is a slot or ctx ends.
func (w *Worker) takeSlot(ctx context.Context) (store.Slot, error) {
	instance := uuid.New()
	for {
		began := time.Now()
		var slot store.Slot
		err := w.db.InTx(ctx, func(tx *store.Tx) (err error) {
			slot, err = tx.TakeSlot(ctx, instance, w.opt.Capacity, w.opt.TTL)
			return err
		})
		if err == nil {
			w.lease.start(slot, began)
			w.log.InfoContext(ctx, "worker slot taken", "slot", slot.Number, "epoch", slot.Epoch)
			return slot, nil
		}
		w.log.WarnContext(ctx, "no worker slot to be had", "error", err)
		if !sleep(ctx, time.Second) {
			return slot, ctx.Err()
		}
	}
}

// serve works with a slot until it is lost or ctx ends.
func (w *Worker) serve(ctx context.Context, slot store.Slot) {
	lost, lose := context.WithCancelCause(ctx)
	defer lose(nil)
	// The heartbeat outlives ctx: what is being drained must stay ours.
	beat, stopBeat := context.WithCancel(context.WithoutCancel(ctx))
	var loops sync.WaitGroup
	loops.Go(func() { w.heartbeat(beat, slot, ctx, lose) })
	var bells sync.WaitGroup
	if w.opt.Serve != nil {
		bells.Go(func() {
			if err := w.opt.Serve(lost, slot.Number); err != nil && lost.Err() == nil {
				w.log.ErrorContext(ctx, "bells stopped; the poll goes on finding work", "error", err)
			}
		})
	}
	w.work(lost, slot)
	// Bells may take their time to fall silent; the numbers do not wait for them.
	if ctx.Err() != nil {
		w.drain(context.WithoutCancel(ctx))
	} else {
		w.dropAll()
	}
	bells.Wait()
	stopBeat()
	loops.Wait()
	w.lease.end()
	if ctx.Err() != nil {
		w.giveBack(context.WithoutCancel(ctx), slot)
	}
}

func (w *Worker) giveBack(ctx context.Context, slot store.Slot) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if err := w.db.InTx(ctx, func(tx *store.Tx) error { return tx.DropSlot(ctx, slot) }); err != nil {
		w.log.WarnContext(ctx, "slot not given back; it runs out by itself", "error", err)
	}
}

// work claims and polls until the slot is lost or the worker stops.
func (w *Worker) work(ctx context.Context, slot store.Slot) {
	var loops sync.WaitGroup
	loops.Go(func() { w.claimLoop(ctx, slot) })
	loops.Go(func() { w.pollLoop(ctx, slot) })
	loops.Go(func() { w.haltLoop(ctx) })
	<-ctx.Done()
	loops.Wait()
}

// Health tells how the worker stands, and whether it can do its work.
func (w *Worker) Health() (state string, ok bool) {
	slot, age := w.lease.age()
	switch {
	case slot == 0:
		return "waiting for a slot", false
	case age > w.opt.Freeze:
		return "frozen: the database has not answered for too long", false
	}
	return "holding numbers", true
}

// Ring wakes the line of a client that this worker holds; false otherwise.
func (w *Worker) Ring(client wa.ClientID, lane wa.Lane) bool {
	h := w.hold(client)
	if h == nil {
		return false
	}
	n := nudge("ring")
	n.Lanes[lane] = true
	h.nudge(n)
	return true
}

// Kick makes the worker look at what is wanted of a held client now; false when
// it does not hold it.
func (w *Worker) Kick(client wa.ClientID) bool {
	h := w.hold(client)
	if h == nil {
		return false
	}
	h.kickNow()
	h.tell()
	return true
}

// Assign makes the worker look for clients without an owner now.
func (w *Worker) Assign(wa.ClientID) {
	select {
	case w.assign <- struct{}{}:
	default:
	}
}

// Forecast tells when a held client's next message leaves, and why not sooner.
func (w *Worker) Forecast(client wa.ClientID) (time.Time, wa.Wait) {
	if h := w.hold(client); h != nil {
		return h.forecast()
	}
	return time.Time{}, wa.WaitOffline
}

// SetPaused stops or resumes everything that leaves this worker.
func (w *Worker) SetPaused(paused bool) {
	w.mu.Lock()
	changed := w.paused != paused
	w.paused = paused
	w.mu.Unlock()
	if changed {
		w.nudgeAll()
	}
}

func (w *Worker) nudgeAll() {
	for _, h := range w.list() {
		h.nudge(nudge("change"))
	}
}

func (w *Worker) isPaused() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.paused
}

func (w *Worker) hold(id wa.ClientID) *Hold {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.holds[id]
}

func (w *Worker) list() []*Hold {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make([]*Hold, 0, len(w.holds))
	for _, h := range w.holds {
		all = append(all, h)
	}
	return all
}

// drain lets every number finish the message under way, closes its socket and
// gives it back as that happens, all at once.
func (w *Worker) drain(ctx context.Context) {
	var all sync.WaitGroup
	for _, h := range w.list() {
		all.Go(func() { h.release(ctx) })
	}
	all.Wait()
}

// dropAll lets go of numbers that may be somebody else's by now.
func (w *Worker) dropAll() {
	var all sync.WaitGroup
	for _, h := range w.list() {
		all.Go(func() { h.drop() })
	}
	all.Wait()
}

func (w *Worker) forget(h *Hold) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.holds[h.id] == h {
		delete(w.holds, h.id)
	}
	slotNumber, _ := w.lease.age()
	clientsOwned.WithLabelValues(slotLabel(slotNumber)).Set(float64(len(w.holds)))
}

// sleep waits for d; false when ctx ended first.
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

var errSlotLost = errors.New("another worker took the slot")
