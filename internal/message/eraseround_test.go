package message

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"chasqui/internal/wa"
)

// openErasures makes erasures, oldest first.
func openErasures(n int) (all []wa.Erasure) {
	for range n {
		all = append(all, wa.Erasure{ID: wa.NewErasureID()})
	}
	return all
}

// One erasure that takes for ever is gone on with, and so are all others.
func TestALongErasureLeavesTimeToOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r eraseRounds
		open := openErasures(3)
		steps := map[wa.ErasureID]int{}
		err := r.run(t.Context(), eraseOnClock, slices.Clone(open), func(_ context.Context, e wa.Erasure) (bool, error) {
			time.Sleep(500 * time.Millisecond)
			steps[e.ID]++
			return e.ID != open[0].ID && steps[e.ID] == 6, nil // 3 s: two turns
		})
		if err != nil || steps[open[1].ID] != 6 || steps[open[2].ID] != 6 {
			t.Errorf("the others made %d and %d steps, %v", steps[open[1].ID], steps[open[2].ID], err)
		}
		if n := steps[open[0].ID]; n != 22 { // the rest of 20 s, but for what is spared
			t.Errorf("the long one made %d steps", n)
		}
	})
}

// What hangs or fails is left alone for this time, and comes last the next time.
func TestAStuckErasureLeavesTimeToOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r eraseRounds
		open := openErasures(6)
		hangs, fails := map[wa.ErasureID]bool{open[0].ID: true, open[2].ID: true}, errors.New("fails")
		tick := func() (order []wa.ErasureID, err error) {
			err = r.run(t.Context(), eraseOnClock, slices.Clone(open), func(ctx context.Context, e wa.Erasure) (bool, error) {
				order = append(order, e.ID)
				switch {
				case hangs[e.ID]:
					<-ctx.Done()
					return false, ctx.Err()
				case e.ID == open[1].ID:
					return false, fails
				}
				return true, nil
			})
			return order, err
		}
		at := func(of ...int) (ids []wa.ErasureID) {
			for _, i := range of {
				ids = append(ids, open[i].ID)
			}
			return ids
		}
		first, err := tick()
		if want := at(0, 1, 2, 3, 4, 5); !slices.Equal(want, first) || !errors.Is(err, fails) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want %v: %v", first, want, err)
		}
		second, _ := tick()
		if want := at(3, 4, 5, 0, 1, 2); !slices.Equal(want, second) {
			t.Errorf("%v, want %v", second, want)
		}
	})
}
