package message

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"chasqui/internal/wa"
)

// Bounds of what one org may hand in to one process: far above honest use, so
// that one tenant's runaway loop does not take the database from the others.
const (
	orgRate  = 10_000 // messages a second, lasting
	orgBurst = 50_000 // messages at once
)

// buckets is one token bucket an org.
type buckets struct {
	mu sync.Mutex
	of map[wa.OrgID]*rate.Limiter
}

// take lets n messages of an org pass, or says when to come back.
func (b *buckets) take(org wa.OrgID, n int, now time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	l, ok := b.of[org]
	if !ok {
		if len(b.of) > 10_000 {
			clear(b.of) // a full bucket for everybody costs less than remembering all
		}
		l = rate.NewLimiter(orgRate, orgBurst)
		b.of[org] = l
	}
	r := l.ReserveN(now, n)
	wait := r.DelayFrom(now)
	if wait == 0 {
		return nil
	}
	r.CancelAt(now)
	return &wa.Error{
		Code: wa.RateLimited, Reason: "rate_limited", RetryAfter: max(wait, time.Second),
		Message: "this org hands in messages faster than it may",
	}
}
