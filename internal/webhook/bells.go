package webhook

import (
	"context"
	"sync"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// calmFor is how long an endpoint is not rung for again. Its line looks for
// more by itself for longer than that.
const calmFor = 100 * time.Millisecond

// Ring rings jobs.
type Ring func(ctx context.Context, jobs []wa.Job)

// Local gives a ring that wakes this process' own lines, without Redis, and
// leaves every other job to next.
func (d *Dispatcher) Local(next Ring) Ring {
	return func(ctx context.Context, jobs []wa.Job) {
		others := jobs[:0:0]
		for _, j := range jobs {
			if t, ok := j.(wa.DeliverTicket); ok {
				if !t.Slow {
					d.Wake(t.Endpoint)
				}
				continue
			}
			others = append(others, j)
		}
		if len(others) > 0 {
			next(ctx, others)
		}
	}
}

// Calm gives a ring that does not ring twice in a row for the same endpoint:
// requests that cause events must not pay for each of them.
func Calm(next Ring) Ring {
	c := calm{rung: map[wa.EndpointID]time.Time{}}
	return func(ctx context.Context, jobs []wa.Job) {
		if kept := c.thin(jobs); len(kept) > 0 {
			next(ctx, kept)
		}
	}
}

type calm struct {
	mu   sync.Mutex
	rung map[wa.EndpointID]time.Time
}

func (c *calm) thin(jobs []wa.Job) []wa.Job {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	kept := jobs[:0:0]
	for _, j := range jobs {
		t, ok := j.(wa.DeliverTicket)
		if ok && now.Sub(c.rung[t.Endpoint]) < calmFor {
			continue
		}
		if ok {
			c.rung[t.Endpoint] = now
		}
		kept = append(kept, j)
	}
	if len(c.rung) > 10_000 {
		clear(c.rung)
	}
	return kept
}

// OpenUntil tells until when nothing is sent to an endpoint; zero when nothing
// holds it up.
func (d *Dispatcher) OpenUntil(ctx context.Context, id wa.EndpointID) (until time.Time, err error) {
	err = d.s.db.InTx(ctx, func(tx *store.Tx) error {
		until, err = tx.OpenUntil(ctx, id)
		return err
	})
	if wa.CodeOf(err) == wa.NotFound {
		return time.Time{}, nil // it was deleted: its line finds nothing
	}
	return until, err
}
