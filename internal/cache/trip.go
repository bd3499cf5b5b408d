package cache

import (
	"context"
	"sync"
	"time"
)

// When Redis counts as away, and how often it is looked for then.
const (
	tripAfter = 2
	lookEvery = 500 * time.Millisecond
)

// trip keeps requests from waiting for a Redis that does not answer: after some
// failures in a row nobody asks it any more, and somebody in the background
// looks whether it is back. No request ever tries for the others.
type trip struct {
	ping   func(context.Context) error
	change func(away bool)

	mu       sync.Mutex
	failures int
	away     bool
	stop     context.CancelFunc // of the looking; nil when nobody looks
	looking  sync.WaitGroup
	closed   bool
}

// allows reports whether Redis may be asked.
func (t *trip) allows() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.away
}

// note learns how a question went.
func (t *trip) note(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.failures = 0
		return
	}
	t.failures++
	if t.failures < tripAfter || t.away || t.closed {
		return
	}
	t.away = true
	t.change(true)
	ctx, stop := context.WithCancel(context.Background())
	t.stop = stop
	t.looking.Go(func() { t.look(ctx) })
}

// look waits for Redis to answer.
func (t *trip) look(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		within, cancel := context.WithTimeout(ctx, askWithin)
		err := t.ping(within)
		cancel()
		if err == nil {
			t.back()
			return
		}
	}
}

func (t *trip) back() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stop()
	t.away, t.failures, t.stop = false, 0, nil
	t.change(false)
}

// close ends the looking.
func (t *trip) close() {
	t.mu.Lock()
	t.closed = true
	if t.stop != nil {
		t.stop()
	}
	t.mu.Unlock()
	t.looking.Wait()
}
