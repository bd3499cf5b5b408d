package queue_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"chasqui/internal/queue"
	"chasqui/internal/wa"
)

// hookLines notes who was woken.
type hookLines struct {
	mu    sync.Mutex
	woken []wa.EndpointID
	open  map[wa.EndpointID]time.Time
}

func (h *hookLines) Wake(id wa.EndpointID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.woken = append(h.woken, id)
}

func (h *hookLines) OpenUntil(_ context.Context, id wa.EndpointID) (time.Time, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.open[id], nil
}

func (h *hookLines) count(id wa.EndpointID) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, w := range h.woken {
		if w == id {
			n++
		}
	}
	return n
}

func TestHooksAreWokenByTheirBells(t *testing.T) {
	t.Parallel()
	url := redisURL(t)
	rdb := open(t, url, false)
	good, shut := wa.NewEndpointID(), wa.NewEndpointID()
	lines := &hookLines{open: map[wa.EndpointID]time.Time{shut: time.Now().Add(time.Hour)}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- queue.ServeHooks(ctx, rdb, lines, discard()) }()
	r := ringer(open(t, url, true))
	ring := func(jobs ...wa.Job) { r.Ring(t.Context(), jobs) }
	ring(wa.DeliverTicket{Endpoint: good}, wa.DeliverTicket{Endpoint: shut, Slow: true})
	eventually(t, "the line is woken", func() bool { return lines.count(good) == 1 })
	eventually(t, "the ticket's id is free again", func() bool {
		ring(wa.DeliverTicket{Endpoint: good})
		return lines.count(good) > 1
	})
	eventually(t, "the slow one waits where operators see it", func() bool {
		tasks, err := inspector(t, rdb).ListRetryTasks("webhook:slow")
		return err == nil && len(tasks) == 1 && tasks[0].LastErr != "" && tasks[0].Retried == 0 && tasks[0].State == asynq.TaskStateRetry
	})
	if n := lines.count(shut); n != 0 {
		t.Errorf("an endpoint that does not answer was woken %d times", n)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
