package fleet

import (
	"context"
	"errors"
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/store"
)

// dropDial gives up an attempt to connect, also one that waits for its turn.
func (h *Hold) dropDial() {
	if h.sup.giveUp != nil {
		h.sup.giveUp()
		h.sup.giveUp = nil
	}
}

// connect makes one attempt, through the gate, without holding up the
// supervisor.
func (h *Hold) connect(now time.Time) {
	if ok, again := h.w.mayConnect(now); !ok {
		h.sup.connectAt, h.sup.forFleet = again, true
		return
	}
	session := h.currentSession()
	h.dropDial()
	h.sup.connectAt, h.sup.forFleet, h.sup.connecting, h.sup.deadline = time.Time{}, false, true, time.Time{}
	h.sup.attempt++
	attempt := h.sup.attempt
	ctx, giveUp := context.WithCancel(h.ctx)
	h.sup.giveUp = giveUp
	go func() {
		defer giveUp()
		if err := h.dial(ctx, session); ctx.Err() == nil {
			h.signals.put(dialled{attempt: attempt, err: err})
		}
	}()
}

// dial connects a session when its turn comes, unless ctx ends before. The dial
// itself is bounded: one that hangs must not keep others from theirs.
func (h *Hold) dial(ctx context.Context, session provider.Session) error {
	release, err := h.w.opt.Gate.Acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	bounded, cancel := context.WithTimeout(ctx, h.w.opt.Login)
	defer cancel()
	if err := h.stillOurs(bounded); err != nil {
		return err
	}
	result := "dialled"
	if err = session.Connect(bounded); err != nil {
		result = "failed"
	}
	connectsTotal.WithLabelValues(result).Inc()
	return err
}

var errNotOurs = errors.New("the client is not ours any more")

// stillOurs asks the database: a process that stood still does not know yet that
// others have its clients, and to connect would take the line from them. They
// would take it for a stranger's doing, and wait a minute.
func (h *Hold) stillOurs(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	var row store.ClientRow
	err := h.w.db.InOrg(ctx, h.org, func(tx *store.Tx) (err error) {
		row, err = tx.ClientRow(ctx, h.org, h.id)
		return err
	})
	if err == nil && row.Epoch != h.epoch.Load() {
		err = errNotOurs
	}
	return err
}

// dialled is the end of Connect itself; being online is told apart.
type dialled struct {
	attempt int
	err     error
}

func (w *Worker) mayConnect(now time.Time) (bool, time.Time) {
	w.breakerMu.Lock()
	defer w.breakerMu.Unlock()
	return w.breaker.Allow(now)
}

func (w *Worker) trip(now time.Time) {
	w.breakerMu.Lock()
	defer w.breakerMu.Unlock()
	w.breaker.Trip(now)
	outdatedGauge.Set(1)
}

func (w *Worker) resetBreaker() {
	w.breakerMu.Lock()
	defer w.breakerMu.Unlock()
	if w.breaker.Open() {
		w.breaker.Reset()
		outdatedGauge.Set(0)
		w.log.Info("WhatsApp takes this version of the library again: every number may reconnect")
		w.kickAll()
	}
}

// kickAll makes every hold look again, in its own time.
func (w *Worker) kickAll() {
	go func() {
		for _, h := range w.list() {
			h.signals.put(retry{})
		}
	}()
}

// retry asks a supervisor to connect soon if it waits for the fleet.
type retry struct{}
