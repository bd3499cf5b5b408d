package queue

import (
	"sync"
	"time"
)

// When to stop ringing, and for how long.
const (
	tripAfter = 3
	tripRest  = 5 * time.Second
)

// trip stops the ringing after several failures in a row, so that requests do
// not each wait for a Redis that does not answer. After a rest one bell tries
// for all.
type trip struct {
	mu       sync.Mutex
	failures int
	until    time.Time // no ringing before
}

// allows reports whether to ring now.
func (t *trip) allows(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failures < tripAfter {
		return true
	}
	if now.Before(t.until) {
		return false
	}
	t.until = now.Add(2 * ringBudget) // the others wait for this one's result
	return true
}

// note learns how ringing went, and reports whether this stopped it.
func (t *trip) note(err error, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.failures = 0
		return false
	}
	t.failures++
	if t.failures >= tripAfter {
		t.until = now.Add(tripRest)
	}
	return t.failures == tripAfter
}
