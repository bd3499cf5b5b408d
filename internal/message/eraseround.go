package message

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"chasqui/internal/wa"
)

// eraseTurn is how long one erasure goes on before the next one's turn; in the
// last eraseSpare of the clock's time no step is begun that might not be over.
const (
	eraseTurn  = 2 * time.Second
	eraseSpare = 3 * time.Second
)

// eraseRounds shares the clock's time among erasures. Each has a turn, and who
// is not done by then has another one after all others. Whoever fails has none
// any more this time, and comes last the next time.
type eraseRounds struct {
	mu     sync.Mutex
	failed map[wa.ErasureID]bool
}

// eraseOne does a step of an erasure.
type eraseOne func(context.Context, wa.Erasure) (done bool, err error)

// run goes round for so long, until all are done or have failed. A step that
// hangs is given up while there still is time for the others: it may take a
// third of what is left.
func (r *eraseRounds) run(ctx context.Context, most time.Duration, open []wa.Erasure, step eraseOne) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortStableFunc(open, func(a, b wa.Erasure) int { return rank(r.failed[a.ID]) - rank(r.failed[b.ID]) })
	r.failed = map[wa.ErasureID]bool{}
	var all error
	for len(open) > 0 && roomLeft(ctx) > 0 {
		e := open[0]
		open = open[1:]
		switch done, err := eraseInTurn(ctx, e, len(open) == 0, step); {
		case err != nil:
			r.failed[e.ID] = true
			all = errors.Join(all, err)
		case !done:
			open = append(open, e)
		}
	}
	return all
}

// roomLeft is for how long steps may be begun.
func roomLeft(ctx context.Context) time.Duration {
	end, _ := ctx.Deadline()
	if ctx.Err() != nil {
		return 0
	}
	return time.Until(end) - eraseSpare
}

func rank(late bool) int {
	if late {
		return 1
	}
	return 0
}

// eraseInTurn does steps of one erasure for a turn: none is begun after it.
func eraseInTurn(ctx context.Context, e wa.Erasure, alone bool, step eraseOne) (done bool, err error) {
	for until := time.Now().Add(eraseTurn); !done && err == nil && time.Now().Before(until) && roomLeft(ctx) > 0; {
		done, err = eraseBounded(ctx, e, alone, step)
	}
	return done, err
}

func eraseBounded(ctx context.Context, e wa.Erasure, alone bool, step eraseOne) (bool, error) {
	if alone {
		return step(ctx, e)
	}
	end, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeout(ctx, time.Until(end)/3)
	defer cancel()
	return step(ctx, e)
}
