package guard_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"chasqui/internal/guard"
	"chasqui/internal/wa"
)

// serve picks n times from lanes that never run dry and gives the initials.
func serve(p *guard.Pace, turns *guard.Turns, waiting [3]bool, n int) string {
	var b strings.Builder
	now := at(0)
	for range n {
		lane, d, ok := p.Pick(waiting, turns, now)
		if !ok {
			return b.String() + "."
		}
		now = d.At
		turns.Took(lane)
		p.Began(now)
		p.Ended(now)
		b.WriteByte(lane.String()[0])
	}
	return b.String()
}

func TestPickSharesTheRoad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		waiting [3]bool
		want    string
	}{
		{"nothing waits", [3]bool{}, "."},
		{"urgent goes before all", [3]bool{true, true, true}, "uuuuuuuuuu"},
		{"normal and bulk share three to one", [3]bool{false, true, true}, "nnnbnnnbnn"},
		{"bulk alone takes what it can", [3]bool{false, false, true}, "bbbbbbbbbb"},
		{"normal alone", [3]bool{false, true, false}, "nnnnnnnnnn"},
	} {
		var turns guard.Turns
		if got := serve(guard.NewPace(wa.Limits{}, 1), &turns, c.waiting, 10); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func TestBulkThatMustWaitHoldsUpNobody(t *testing.T) {
	t.Parallel()
	p := guard.NewPace(limits(10, 1000, 1000), 1)
	var turns guard.Turns
	// Bulk may start while 8 of 10 are used; the last two places are not for it.
	if got := serve(p, &turns, [3]bool{false, true, true}, 10); got != "nnnbnnnbnn" {
		t.Fatalf("served %s", got)
	}
	p = guard.NewPace(limits(10, 1000, 1000), 1)
	for range 8 {
		send(p, 0, 0)
	}
	turns = guard.Turns{}
	for range 3 {
		turns.Took(wa.Normal) // it is bulk's turn
	}
	lane, d, ok := p.Pick([3]bool{false, true, true}, &turns, at(0))
	if !ok || lane != wa.Normal || d.Why != wa.NoWait {
		t.Errorf("picked %s for %q, want normal at once", lane, d.Why)
	}
	lane, d, _ = p.Pick([3]bool{false, false, true}, &turns, at(0))
	if lane != wa.Bulk || d.Why != wa.WaitMinuteCap || !d.At.Equal(at(60)) {
		t.Errorf("bulk alone: %s at %v for %q", lane, d.At, d.Why)
	}
}

func TestPickIsNeverLaterThanAnyLane(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := guard.NewPace(anyLimits().Draw(t, "limits"), 1)
		var turns guard.Turns
		now := at(0)
		for range 60 {
			waiting := [3]bool{rapid.Bool().Draw(t, "u"), rapid.Bool().Draw(t, "n"), rapid.Bool().Draw(t, "b")}
			lane, d, ok := p.Pick(waiting, &turns, now)
			if ok != (waiting != [3]bool{}) {
				t.Fatalf("ok is %v for %v", ok, waiting)
			}
			if !ok {
				continue
			}
			for _, other := range wa.Lanes() {
				if waiting[other] && p.Next(other, now).At.Before(d.At) {
					t.Fatalf("%s was picked although %s may go sooner", lane, other)
				}
			}
			if urgent := waiting[wa.Urgent]; !waiting[lane] || urgent && lane != wa.Urgent {
				t.Fatalf("picked %s of %v", lane, waiting)
			}
			turns.Took(lane)
			p.Began(d.At)
			now = d.At.Add(time.Second)
			p.Ended(now)
		}
	})
}
