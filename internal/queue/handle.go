package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"chasqui/internal/wa"
)

const (
	awaitFor     = 10 * time.Second // how long a ticket waits for its message
	stoppingFor  = time.Second      // when tickets come back that a stopping worker let go
	offlineEvery = 15 * time.Second // how often tickets look at a line that has no next moment
	drainEvery   = 15 * time.Second // how often an operator gets new figures
)

// hopHeader marks a ticket that was sent on: it is not sent on again.
const hopHeader = "hop"

// handlers does what tickets ask for: it wakes, waits and tells. It changes
// nothing itself, so a ticket that runs twice, or twice at once, does no harm.
type handlers struct {
	board   Board
	slot    int
	rdb     *redis.Client
	places  *places
	closing context.Context // ends when the worker stops
	log     *slog.Logger
}

func (h *handlers) mux() mux {
	m := mux{}
	on(m, h.send)
	on(m, h.drain)
	on(m, h.control)
	on(m, h.assign)
	return m
}

// send wakes the line of a message and stays to see it leave.
func (h *handlers) send(ctx context.Context, t *asynq.Task, j wa.SendTicket) error {
	if !h.board.Ring(j.Client, j.Lane) {
		return h.elsewhere(ctx, t, j.Client, func(slot int) wa.Job { j.Slot = slot; return j })
	}
	at, why := h.board.Forecast(j.Client)
	now := time.Now()
	switch {
	case at.IsZero() && why != wa.NoWait:
		return &ErrPaced{Until: now.Add(offlineEvery), Why: why}
	case at.Sub(now) > awaitFor:
		return &ErrPaced{Until: at, Next: at, Why: why}
	case !h.places.take(j.Client):
		return &ErrPaced{Until: spread(now), Next: at, Why: why, Text: "behind others"}
	}
	defer h.places.leave(j.Client)
	return h.await(ctx, t, j, now)
}

// await waits for a message's outcome, and gives the ticket's.
func (h *handlers) await(ctx context.Context, t *asynq.Task, j wa.SendTicket, began time.Time) error {
	within, cancel := context.WithTimeout(ctx, awaitFor)
	defer cancel()
	defer context.AfterFunc(h.closing, cancel)()
	status, code, wireID, ok := h.board.Await(within, j.Client, j.Message)
	switch {
	case !ok && h.closing.Err() != nil:
		return &ErrPaced{Until: time.Now().Add(stoppingFor), Text: "the worker stops"}
	case !ok:
		return h.unanswered(j.Client)
	case status == wa.Failed:
		return never(code)
	case !status.Final():
		at, why := h.board.Forecast(j.Client)
		return &ErrPaced{Until: spread(time.Now()), Next: at, Why: why, Text: string(status)}
	}
	return h.tell(t, result{Status: status, WireID: wireID, Millis: time.Since(began).Milliseconds()})
}

// unanswered is for a ticket that waited in vain. With nothing in line its
// message left before anybody asked.
func (h *handlers) unanswered(c wa.ClientID) error {
	at, why := h.board.Forecast(c)
	if at.IsZero() && why == wa.NoWait {
		return fmt.Errorf("nothing waits: %w", asynq.RevokeTask)
	}
	return &ErrPaced{Until: later(at, time.Now().Add(stoppingFor)), Next: at, Why: why}
}

// result is what operators see of a finished ticket.
type result struct {
	Status wa.Status `json:"status"`
	WireID string    `json:"wa_id,omitempty"`
	Millis int64     `json:"ms"`
}

func (h *handlers) tell(t *asynq.Task, r result) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode result: %w", err)
	}
	if _, err := t.ResultWriter().Write(raw); err != nil {
		h.log.Debug("result of a ticket is lost", "error", err)
	}
	return nil
}

// drain wakes a client's line and shows how much is left, until nothing is.
func (h *handlers) drain(ctx context.Context, t *asynq.Task, j wa.DrainTicket) error {
	held := false
	for _, lane := range wa.Lanes() { // the ticket does not say which lanes have work
		held = h.board.Ring(j.Client, lane)
	}
	if !held {
		return h.elsewhere(ctx, t, j.Client, func(slot int) wa.Job { j.Slot = slot; return j })
	}
	left, err := h.board.Backlog(ctx, j.Client)
	if err != nil {
		return &ErrNotReady{err}
	}
	if left == 0 {
		return nil
	}
	at, why := h.board.Forecast(j.Client)
	return &ErrPaced{
		Until: later(at, time.Now().Add(drainEvery)), Next: at, Why: why, Text: message.NewPrinter(language.English).Sprintf("%d left", left),
	}
}

// control has the owner look at what somebody wants of a client.
func (h *handlers) control(ctx context.Context, t *asynq.Task, j wa.ControlTicket) error {
	if h.board.Kick(j.Client) {
		return nil
	}
	return h.elsewhere(ctx, t, j.Client, func(slot int) wa.Job { j.Slot = slot; return j })
}

// assign has this worker look for clients without an owner.
func (h *handlers) assign(_ context.Context, _ *asynq.Task, j wa.AssignTicket) error {
	h.board.Assign(j.Client)
	return nil
}

// elsewhere sends a ticket on, once, to the worker that holds the client now,
// and forgets it here. Its id is free again: it may come back.
func (h *handlers) elsewhere(ctx context.Context, t *asynq.Task, c wa.ClientID, to func(slot int) wa.Job) error {
	if t.Headers()[hopHeader] != "" {
		return fmt.Errorf("nobody holds the client: %w", asynq.RevokeTask)
	}
	slot, ok := h.board.Owner(ctx, c)
	if !ok || slot == h.slot || slot < 1 {
		return fmt.Errorf("nobody else holds the client: %w", asynq.RevokeTask)
	}
	// A client of its own: one that lives longer would not list the queue again after a wipe.
	err := enqueue(ctx, asynq.NewClientFromRedisClient(h.rdb), to(slot), map[string]string{hopHeader: "1"})
	if err != nil {
		h.log.DebugContext(ctx, "ticket not sent on", "slot", slot, "error", err)
	}
	return fmt.Errorf("sent on: %w", asynq.RevokeTask)
}

// spread is when a ticket that found no place looks again: not all at once.
func spread(now time.Time) time.Time {
	return now.Add(offlineEvery + rand.N(offlineEvery))
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
