package whatsim

import (
	"sync"
	"time"
)

// delayed holds what will happen later, such as receipts. At the end it happens at once, so that nothing is lost when a
// simulator stops and starts again.
type delayed struct {
	mu      sync.Mutex
	pending map[*time.Timer]func()
	closed  bool
}

// after runs fn after the delay, or at once when there is none.
func (s *Server) after(wait time.Duration, fn func()) {
	if wait <= 0 {
		fn()
		return
	}
	if !s.delayed.hold(wait, fn) {
		fn()
	}
}

// hold keeps fn for later; after flush it refuses.
func (d *delayed) hold(wait time.Duration, fn func()) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return false
	}
	if d.pending == nil {
		d.pending = map[*time.Timer]func(){}
	}
	var t *time.Timer
	t = time.AfterFunc(wait, func() {
		d.mu.Lock()
		_, mine := d.pending[t]
		delete(d.pending, t)
		d.mu.Unlock()
		if mine {
			fn()
		}
	})
	d.pending[t] = fn
	return true
}

// flush runs everything that waits; what comes later is not delayed any more.
func (d *delayed) flush() {
	d.mu.Lock()
	pending := d.pending
	d.pending, d.closed = nil, true
	d.mu.Unlock()
	for t, fn := range pending {
		t.Stop()
		fn()
	}
}
