package whatsmeow

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"chasqui/internal/provider"
)

// maxWaiting bounds what a session keeps while its sink cannot store. Only
// courtesies are dropped beyond it (see droppable).
const maxWaiting = 1000

// outbox tells the sink what the network does not repeat: it keeps the order
// and tries until the sink has stored it. A goroutine runs only while there is
// something to tell.
type outbox struct {
	sink provider.Sink
	log  *slog.Logger

	mu      sync.Mutex
	waiting []told
	running bool
}

type told struct {
	update provider.Update
	done   chan struct{} // closed when stored; may be nil
}

// tell queues an update.
func (o *outbox) tell(ctx context.Context, u provider.Update) { o.push(ctx, told{update: u}) }

// tellAndWait returns when the update is stored, or with ctx's error.
func (o *outbox) tellAndWait(ctx context.Context, u provider.Update) error {
	done := make(chan struct{})
	o.push(ctx, told{update: u, done: done})
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (o *outbox) push(ctx context.Context, t told) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) >= maxWaiting && droppable(t.update) {
		return
	}
	o.waiting = append(o.waiting, t)
	if !o.running {
		o.running = true
		go o.run(ctx)
	}
}

func droppable(u provider.Update) bool {
	switch u.(type) {
	case provider.ContactSeen, provider.OwnName, provider.Undecryptable, provider.CaughtUp:
		return true
	}
	return false
}

func (o *outbox) run(ctx context.Context) {
	for {
		next, ok := o.first()
		if !ok {
			return
		}
		if !o.deliver(ctx, next.update) {
			o.stop()
			return
		}
		o.mu.Lock()
		o.waiting = o.waiting[1:]
		o.mu.Unlock()
		if next.done != nil {
			close(next.done)
		}
	}
}

func (o *outbox) first() (told, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		o.running, o.waiting = false, nil
		return told{}, false
	}
	return o.waiting[0], true
}

func (o *outbox) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.running, o.waiting = false, nil
}

// deliver tries until the sink has it; false means that ctx ended first.
func (o *outbox) deliver(ctx context.Context, u provider.Update) bool {
	for pause := 200 * time.Millisecond; ; pause = min(2*pause, 15*time.Second) {
		err := take(ctx, o.sink, u, o.log)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		o.log.Warn("update not stored, trying again", "update", nameOf(u), "error", scrub(err.Error()))
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false
		}
	}
}
