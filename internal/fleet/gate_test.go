package fleet_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"chasqui/internal/fleet"
)

// pass sends n callers through g, each staying for hold, and gives the start
// of each and the most that were inside at once.
func pass(t *testing.T, g *fleet.Gate, n int, hold time.Duration) (starts []time.Time, most int) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	inside := 0
	for range n {
		wg.Go(func() {
			release, err := g.Acquire(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			mu.Lock()
			inside++
			most = max(most, inside)
			starts = append(starts, time.Now())
			mu.Unlock()
			time.Sleep(hold)
			mu.Lock()
			inside--
			mu.Unlock()
		})
	}
	wg.Wait()
	return starts, most
}

func TestGateKeepsToItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		starts, _ := pass(t, fleet.NewGate(10, 5), 500, 100*time.Millisecond)
		if len(starts) != 500 {
			t.Fatalf("%d of 500 passed", len(starts))
		}
		for i := 5; i < len(starts); i++ {
			if d := starts[i].Sub(starts[i-5]); d < time.Second {
				t.Fatalf("six starts within %v", d)
			}
		}
		if took := time.Since(begin); took > 101*time.Second {
			t.Errorf("500 took %v: the rate is not used", took)
		}
	})
}

func TestGateKeepsToItsPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if _, most := pass(t, fleet.NewGate(3, 1000), 30, time.Second); most != 3 {
			t.Errorf("%d were inside at once, want 3", most)
		}
	})
}

func TestGateGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := fleet.NewGate(1, 1)
		release, err := g.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if _, err := g.Acquire(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("a full gate let us in: %v", err)
		}
		release()
		release() // frees nothing that is not ours
		soon, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer stop()
		if _, err := g.Acquire(soon); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("a start came before its moment: %v", err)
		}
		// The place of the one who gave up while waiting for its moment is free again.
		again, err := g.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		again()
	})
}
