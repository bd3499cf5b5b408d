package message

import (
	"context"
	"sync"

	"chasqui/internal/wa"
)

// outcomes lets the handlers of tickets wait for the line to get to their
// message. It is for the operator's view: nothing depends on it.
type outcomes struct {
	mu      sync.Mutex
	waiters map[wa.MessageID][]chan Outcome
}

// Await waits for the outcome of a message that this process delivers; false
// when ctx ended first.
func (s *Service) Await(ctx context.Context, id wa.MessageID) (Outcome, bool) {
	ch := make(chan Outcome, 1)
	s.outcomes.add(id, ch)
	defer s.outcomes.remove(id, ch)
	select {
	case o := <-ch:
		return o, true
	case <-ctx.Done():
		return Outcome{}, false
	}
}

func (o *outcomes) add(id wa.MessageID, ch chan Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiters[id] = append(o.waiters[id], ch)
}

func (o *outcomes) remove(id wa.MessageID, ch chan Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	var rest []chan Outcome
	for _, c := range o.waiters[id] {
		if c != ch {
			rest = append(rest, c)
		}
	}
	if len(rest) == 0 {
		delete(o.waiters, id)
		return
	}
	o.waiters[id] = rest
}

func (o *outcomes) publish(id wa.MessageID, out Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.waiters[id] {
		c <- out
	}
	delete(o.waiters, id)
}
