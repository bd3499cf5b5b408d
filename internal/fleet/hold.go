package fleet

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"chasqui/internal/guard"
	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Hold is a client in the hands of this worker: its session, a supervisor that
// keeps it as people want it, and a line that delivers.
type Hold struct {
	w     *Worker
	id    wa.ClientID
	org   wa.OrgID
	log   *slog.Logger
	since time.Time // when this worker took it

	epoch   atomic.Int64 // 0 once it is not ours any more
	version atomic.Int64 // of what people want, as last read

	ctx      context.Context // ends with the hold
	cancel   context.CancelFunc
	lineCtx  context.Context // ends first: nothing new is claimed
	stopLine context.CancelFunc
	lineDone chan struct{}
	done     chan struct{} // the supervisor has ended

	kicked  chan struct{}
	nudges  chan wa.Nudge
	signals *inbox

	mu       sync.Mutex
	client   wa.Client
	session  provider.Session
	flow     guard.Flow
	online   time.Time // since when; zero while not
	caughtUp bool
	nextAt   time.Time
	nextWhy  wa.Wait
	telling  bool           // Tell runs
	tells    sync.WaitGroup // ends with it

	sup supervisor // the supervisor's own; nobody else touches it
}

func nudge(source string) wa.Nudge { return wa.Nudge{Source: source, At: time.Now()} }

func newHold(w *Worker, c store.ClientRow) *Hold {
	h := &Hold{
		w: w, id: c.ID, org: c.OrgID, log: w.log.With("client", c.ID.String()), since: time.Now(), client: c.Client, flow: guard.Hold,
		lineDone: make(chan struct{}), done: make(chan struct{}), kicked: make(chan struct{}, 1), nudges: make(chan wa.Nudge, 1),
		signals: newInbox(),
	}
	h.epoch.Store(c.Epoch)
	h.version.Store(-1) // whatever is wanted is news
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.lineCtx, h.stopLine = context.WithCancel(h.ctx)
	h.sup.rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	return h
}

func (h *Hold) start() {
	go h.supervise()
	go func() {
		defer close(h.lineDone)
		h.w.opt.Deliver(h.lineCtx, h)
	}()
}

// Client is the client as last read.
func (h *Hold) Client() wa.Client {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.client
	c.Stopped = h.w.stopped(h)
	return c
}

// Epoch fences every claim; 0 means that the client is not ours any more.
func (h *Hold) Epoch() int64 { return h.epoch.Load() }

// Line gives the session when messages may leave at this moment: the client is
// surely ours, online, and nobody stopped it.
func (h *Hold) Line() (provider.Session, guard.Flow, bool) {
	if h.epoch.Load() == 0 || !h.w.lease.fresh(h.w.opt.Freeze) || h.w.isPaused() || h.w.stopped(h) != wa.NotHalted {
		return nil, guard.Hold, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	ok := h.session != nil && !h.online.IsZero() && h.flow != guard.Hold && !h.client.Paused
	return h.session, h.flow, ok
}

// OnlineSince is when the session came online, and whether everything that
// waited at the server has been told since.
func (h *Hold) OnlineSince() (time.Time, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.online, h.caughtUp
}

// Wake receives when there may be work or something changed.
func (h *Hold) Wake() <-chan wa.Nudge { return h.nudges }

// Forecast tells when the next message leaves and why not sooner.
func (h *Hold) Forecast(at time.Time, why wa.Wait) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.nextAt, h.nextWhy = at, why
}

func (h *Hold) forecast() (time.Time, wa.Wait) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.nextAt, h.nextWhy
}

// Restrict notes that WhatsApp forbids new chats until then, as a refused
// message told.
func (h *Hold) Restrict(_ context.Context, until time.Time, reason string) {
	h.signals.put(provider.StateChanged{Signal: provider.Restricted, Code: "463", Reason: reason, Until: until})
}

// nudge wakes the line. Nudges that it has not seen yet melt into one.
func (h *Hold) nudge(n wa.Nudge) {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case old := <-h.nudges:
		for i := range n.Lanes {
			n.Lanes[i] = n.Lanes[i] || old.Lanes[i]
		}
		n.Flying = n.Flying && old.Flying
		if old.Source == "ring" {
			n.Source, n.At = old.Source, old.At
		}
	default:
	}
	h.nudges <- n // room for one, and only this function fills it
}

func (h *Hold) kickNow() {
	select {
	case h.kicked <- struct{}{}:
	default:
	}
}

// release finishes the message under way, hangs up and gives the client back.
func (h *Hold) release(ctx context.Context) {
	h.stopLine()
	select {
	case <-h.lineDone:
	case <-time.After(h.w.opt.Drain):
		h.log.WarnContext(ctx, "a message under way did not end in time; the next owner resolves it")
	}
	h.end()
	epoch := h.epoch.Swap(0)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	err := h.w.db.InOrg(ctx, h.org, func(tx *store.Tx) error {
		row, err := tx.ClientRow(ctx, h.org, h.id)
		if err != nil {
			return err
		}
		if row.Status.Online() {
			if _, err := tx.SetStatus(ctx, h.org, h.id, epoch, wa.Standing{
				Status: wa.ClientConnecting, Reason: "Moving to another worker.", Until: h.until(wa.ClientConnecting, time.Time{}),
			}); err != nil {
				return err
			}
		}
		return tx.ReleaseClient(ctx, h.org, h.id, epoch)
	})
	if err != nil {
		h.log.WarnContext(ctx, "client not given back; its lease runs out by itself", "error", err)
	}
	h.w.forget(h)
}

// drop lets go at once: the client may be somebody else's.
func (h *Hold) drop() {
	h.epoch.Store(0)
	h.end()
	h.w.forget(h)
}

// end stops the supervisor and the line and hangs up for good.
func (h *Hold) end() {
	h.stopLine()
	h.cancel()
	h.mu.Lock()
	session := h.session
	h.session, h.online = nil, time.Time{}
	h.mu.Unlock()
	if session != nil {
		session.Close()
	}
	<-h.done
	h.tells.Wait()
}

// tell has people told what was read of theirs, beside the line and unless that
// is under way. What is written down at its very end is found by the next poll.
func (h *Hold) tell() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.w.opt.Tell == nil || h.telling || h.lineCtx.Err() != nil {
		return
	}
	h.telling = true
	h.tells.Go(func() {
		h.w.opt.Tell(h.lineCtx, h)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.telling = false
	})
}
