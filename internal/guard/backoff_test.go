package guard_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"chasqui/internal/guard"
)

func TestBackoffGrowsToFiveMinutes(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	ceiling := time.Second
	for try := range 40 {
		longest, sum := time.Duration(0), time.Duration(0)
		const n = 400
		for range n {
			b := guard.Backoff{}
			for range try {
				b.Next(epoch, 0, r)
			}
			d := b.Next(epoch, 0, r)
			longest, sum = max(longest, d), sum+d
		}
		if longest > ceiling || longest < ceiling*9/10 {
			t.Errorf("try %d: the longest of many delays is %v, want just below %v", try, longest, ceiling)
		}
		if mean := sum / n; mean < ceiling*4/10 || mean > ceiling*6/10 {
			t.Errorf("try %d: mean %v of a ceiling of %v: the jitter is not full", try, mean, ceiling)
		}
		ceiling = min(2*ceiling, 5*time.Minute)
	}
}

func TestBackoffKeepsItsFloor(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, floor := range []time.Duration{5 * time.Second, 10 * time.Minute} {
		var b guard.Backoff
		seen := map[time.Duration]bool{}
		for try := range 30 {
			d := b.Next(epoch, floor, r)
			if d < floor || d > max(2*floor, 5*time.Minute) {
				t.Errorf("try %d with floor %v: %v", try, floor, d)
			}
			if try == 0 && d > 2*floor {
				t.Errorf("the first delay is %v, want close to %v", d, floor)
			}
			seen[d] = true
		}
		if len(seen) < 29 {
			t.Errorf("floor %v: only %d different delays: everybody comes at once", floor, len(seen))
		}
	}
}

func TestBackoffStartsOverAfterAStableMinute(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	var b guard.Backoff
	tired := func() {
		for range 12 {
			b.Next(epoch, 0, r)
		}
	}
	longest := func(up time.Duration) (d time.Duration) {
		for range 50 {
			tired()
			b.Connected(epoch)
			d = max(d, b.Next(epoch.Add(up), 0, r))
		}
		return d
	}
	if d := longest(time.Minute); d > time.Second {
		t.Errorf("after a minute up: %v", d)
	}
	if d := longest(time.Minute - 1); d < time.Minute {
		t.Errorf("after less than a minute up the delays started over: %v", d)
	}
	b.Connected(epoch)
	if b.Stable(epoch.Add(59*time.Second)) || !b.Stable(epoch.Add(time.Minute)) {
		t.Error("stable does not mean a minute")
	}
}

func TestBreakerLetsOneProbeGoEachQuarterHour(t *testing.T) {
	t.Parallel()
	var b guard.Breaker
	if ok, _ := b.Allow(epoch); !ok || b.Open() {
		t.Fatal("a fresh breaker stops the fleet")
	}
	b.Trip(epoch)
	allowed := 0
	for m := range 60 {
		now := epoch.Add(time.Duration(m) * time.Minute)
		for range 100 { // numbers
			ok, again := b.Allow(now)
			if ok {
				allowed++
				b.Trip(now) // the probe fails
			} else if again.Sub(now) <= 0 || again.Sub(now) > guard.ProbeEvery {
				t.Fatalf("minute %d: ask again in %v", m, again.Sub(now))
			}
		}
	}
	if allowed != 3 {
		t.Errorf("%d probes in an hour, want 3", allowed)
	}
	b.Reset()
	if ok, _ := b.Allow(epoch); !ok {
		t.Error("a reset breaker stops the fleet")
	}
}
