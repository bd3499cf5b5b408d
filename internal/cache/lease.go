package cache

import (
	"sync"
	"time"

	"chasqui/internal/wa"
)

// Bounds of what is taken out of a limit in advance.
const (
	leaseFor   = time.Second // what is not used by then is void
	leaseParts = 64          // a lease is at most this part of what may pass at once
	leaseMost  = 256
	mostLeases = 50_000
)

// leaseLimit is how much of a rate is taken at once at most: as much as a caller
// at full rate uses in a tenth of a second, and 1 for small limits, which are
// thus counted one by one.
func leaseLimit(r wa.Rate) int {
	tenth := int(int64(r.Count) * int64(100*time.Millisecond) / int64(r.Per))
	return max(1, min(tenth, r.Count/leaseParts, leaseMost))
}

// lease is what this process holds of one caller's limit, and what it knows of
// the rest.
type lease struct {
	mu     sync.Mutex // held while Redis is asked: the others of this caller wait for the answer
	inHand int
	taken  int       // what was in hand after Redis was last asked
	void   time.Time // when what is in hand runs out
	rest   int       // what was left in Redis besides
	reset  time.Time
	closed time.Time // nothing passes before: Redis said so
}

// spend judges one more by what is known here; known is false when Redis must be
// asked.
func (l *lease) spend(r wa.Rate, now time.Time) (v Verdict, known bool) {
	if now.Before(l.closed) {
		return Verdict{Limit: r.Count, RetryAfter: l.closed.Sub(now), Reset: max(0, l.reset.Sub(now))}, true
	}
	if l.inHand == 0 || !now.Before(l.void) {
		return Verdict{}, false
	}
	l.inHand--
	return Verdict{OK: true, Limit: r.Count, Remaining: l.inHand + l.rest, Reset: max(0, l.reset.Sub(now))}, true
}

// want is how much to take now: twice as much as was used up in time, else as
// much as was used. So a slow caller takes one at a time, and what runs out
// unused is never more than what was used.
func (l *lease) want(most int, now time.Time) int {
	n := 2 * l.taken
	if !now.Before(l.void) {
		n = l.taken - l.inHand
	}
	return max(1, min(n, most))
}

// refill notes what Redis gave.
func (l *lease) refill(a answer, now time.Time) {
	l.taken = a.granted
	l.inHand, l.rest, l.void, l.reset = a.granted, a.rest, now.Add(leaseFor), now.Add(a.reset)
	l.closed = time.Time{}
	if a.granted == 0 {
		l.closed = now.Add(a.retry)
	}
}

// idle reports whether the lease says nothing that Redis would not say.
func (l *lease) idle(now time.Time) bool {
	if !l.mu.TryLock() {
		return false
	}
	defer l.mu.Unlock()
	return !now.Before(l.void) && !now.Before(l.closed)
}

// leases are the leases of all callers.
type leases struct {
	mu sync.Mutex
	of map[string]*lease
}

// get gives a caller's lease.
func (l *leases) get(key string, now time.Time) *lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known, ok := l.of[key]; ok {
		return known
	}
	if len(l.of) >= mostLeases {
		l.sweep(now)
	}
	fresh := &lease{}
	l.of[key] = fresh
	return fresh
}

// sweep makes room. Should all be in use, all are forgotten: that costs what is
// in hand, never a limit.
func (l *leases) sweep(now time.Time) {
	for key, of := range l.of {
		if of.idle(now) {
			delete(l.of, key)
		}
	}
	if len(l.of) >= mostLeases {
		clear(l.of)
	}
}
