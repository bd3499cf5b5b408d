package fleet

import (
	"context"
	"sync"
	"time"
)

// Gate is the door through which a process's numbers connect: a few at a time
// and not too many a second, so that a restart does not look like an attack
// and does not drown the machine in handshakes. It is safe for concurrent use.
type Gate struct {
	places chan struct{}
	every  time.Duration

	mu   sync.Mutex
	next time.Time // when the next one may start
}

// NewGate lets at most `most` connect at once and starts at most perSecond
// (usual: 10 and 5). Numbers below one count as one.
func NewGate(most, perSecond int) *Gate {
	return &Gate{
		places: make(chan struct{}, max(1, most)),
		every:  time.Second / time.Duration(max(1, perSecond)),
	}
}

// Acquire waits for a place and for its moment. release frees the place when
// the attempt is over; calling it again does nothing. The error is ctx's.
func (g *Gate) Acquire(ctx context.Context) (release func(), err error) {
	select {
	case g.places <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	release = sync.OnceFunc(func() { <-g.places })
	timer := time.NewTimer(time.Until(g.reserve()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return release, nil
	case <-ctx.Done():
		release()
		return nil, ctx.Err()
	}
}

// reserve takes the next free moment. A caller who gives up leaves its moment
// unused; the others are later by that much and never too early.
func (g *Gate) reserve() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	start := time.Now()
	if g.next.After(start) {
		start = g.next
	}
	g.next = start.Add(g.every)
	return start
}
