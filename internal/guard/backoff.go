package guard

import (
	"math/rand/v2"
	"time"
)

// The bounds of a number's reconnects.
const (
	backoffFirst  = time.Second
	backoffMost   = 5 * time.Minute
	backoffStable = time.Minute
)

// Backoff spaces the reconnects of one number: a random delay below a ceiling
// that doubles from 1 s to 5 min. The whole delay is random, so that a
// thousand numbers cut off at once do not come back at once. The zero value is
// ready; it is not safe for concurrent use.
type Backoff struct {
	tries int
	up    time.Time
}

// Next is how long to wait before the next attempt; it never is below floor.
// Ask once for each attempt.
func (b *Backoff) Next(now time.Time, floor time.Duration, r *rand.Rand) time.Duration {
	if b.Stable(now) {
		b.tries = 0
	}
	b.up = time.Time{}
	ceiling := max(backoffFirst, floor) << min(b.tries, 16)
	b.tries++
	ceiling = max(floor, min(ceiling, backoffMost))
	if floor > 0 && ceiling < 2*floor {
		ceiling = 2 * floor // at the floor itself everybody would come at once
	}
	return floor + time.Duration(r.Int64N(int64(ceiling-floor)+1))
}

// Connected says that the line is up. Delays start over only after it has
// stayed up for a minute: a line that breaks at once is not a good line.
func (b *Backoff) Connected(now time.Time) { b.up = now }

// Stable reports whether the line has been up for a minute.
func (b *Backoff) Stable(now time.Time) bool {
	return !b.up.IsZero() && now.Sub(b.up) >= backoffStable
}
