package cache

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"chasqui/internal/wa"
)

// Whatever comes, no window of any length sees more than what may pass at once
// and what grows back in it.
func TestNoWindowSeesMore(t *testing.T) {
	t.Parallel()
	for _, r := range []wa.Rate{{Count: 1, Per: time.Second}, {Count: 7, Per: time.Minute}, {Count: 100, Per: 15 * time.Minute}, {Count: 700_000, Per: time.Second}} {
		rnd := rand.New(rand.NewPCG(1, uint64(r.Count)))
		var tat time.Time
		var passed []time.Time
		now := time.Unix(1_800_000_000, 0)
		for range 3000 {
			now = now.Add(time.Duration(rnd.Int64N(int64(r.Per) / int64(r.Count) * 2)))
			var v Verdict
			if tat, v = gcra(tat, now, r); v.OK {
				passed = append(passed, now)
			} else if v.RetryAfter <= 0 {
				t.Fatalf("%s: refused for %s", r, v.RetryAfter)
			}
		}
		each := r.Per / time.Duration(r.Count)
		for i := range passed {
			j := min(len(passed)-1, i+r.Count)
			if grown := int(passed[j].Sub(passed[i])/each) + 1; j-i+1 > r.Count+grown {
				t.Fatalf("%s: %d passed within %s", r, j-i+1, passed[j].Sub(passed[i]))
			}
		}
	}
}

// Too many callers to count: where it matters nobody passes, elsewhere everybody.
func TestTooManyToCount(t *testing.T) {
	t.Parallel()
	l := local{tat: map[string]time.Time{}}
	now := time.Unix(1_800_000_000, 0)
	r := wa.Rate{Count: 2, Per: time.Hour}
	for i := range mostLocal {
		l.take(fmt.Sprint(i), r, true, now)
	}
	if v := l.take("one more", r, true, now); v.OK {
		t.Error("a limit that fails closed lets the uncounted pass")
	}
	if v := l.take("one more", r, false, now); !v.OK {
		t.Error("a limit that fails open refuses the uncounted")
	}
	if v := l.take("0", r, true, now); !v.OK {
		t.Error("who is counted is refused")
	}
	if v := l.take("one more", r, true, now.Add(2*time.Hour)); !v.OK || len(l.tat) != 1 {
		t.Errorf("%d are still counted an hour later: %+v", len(l.tat), v)
	}
}

// A slow caller takes one at a time, a busy one up to the bound.
func TestLeasesGrowWithUse(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	r := wa.Rate{Count: 60_000, Per: time.Minute}
	l := &lease{}
	use := func() (asked int) {
		if _, known := l.spend(r, now); known {
			return 0
		}
		asked = l.want(leaseLimit(r), now)
		l.refill(answer{granted: asked, rest: 1000, reset: time.Second}, now)
		if v, _ := l.spend(r, now); !v.OK {
			t.Fatal("refused")
		}
		return asked
	}
	for range 5 {
		if n := use(); n != 1 {
			t.Fatalf("one a second takes %d at once", n)
		}
		now = now.Add(time.Second)
	}
	most := 0
	for range 1000 {
		most = max(most, use())
	}
	if most != 100 {
		t.Errorf("a busy caller takes up to %d at once, a tenth of a second's worth is 100", most)
	}
	l.inHand = 97 // three were used
	now = now.Add(2 * time.Second)
	if n := use(); n != 3 && n != 2 && n != 1 {
		t.Errorf("after a rest %d are taken", n)
	}
}
