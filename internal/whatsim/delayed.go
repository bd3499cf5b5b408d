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
	d := &s.delayed
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
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
}

// flush runs everything that waits and accepts nothing more.
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
