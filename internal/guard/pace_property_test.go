package guard_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"chasqui/internal/guard"
	"chasqui/internal/wa"
)

// trip is one message as the server and the number saw it, in true time.
type trip struct {
	lane           wa.Lane
	start, arrival time.Time
	end            time.Time // as it was written down, in the time that the clock showed
	limits         wa.Limits // when it started
}

// road plays a number's life with everything that may go wrong: slow and lost
// answers, crashes at any point, limits that change, a clock that is set back.
type road struct {
	*rapid.T
	pace   *guard.Pace
	limits wa.Limits
	truth  time.Time     // the time as it really is
	skew   time.Duration // what the clock shows, less truth
	trips  []trip
}

func (r *road) clock() time.Time { return r.truth.Add(r.skew) }

func anyLimits() *rapid.Generator[wa.Limits] {
	return rapid.Custom(func(t *rapid.T) wa.Limits {
		gap := rapid.IntRange(0, 8000).Draw(t, "gap_min")
		return wa.Limits{
			Enabled:   true,
			PerMinute: rapid.IntRange(1, 25).Draw(t, "per_minute"),
			PerHour:   rapid.IntRange(1, 60).Draw(t, "per_hour"),
			PerDay:    rapid.IntRange(1, 120).Draw(t, "per_day"),
			GapMinMS:  gap,
			GapMaxMS:  gap + rapid.IntRange(0, 8000).Draw(t, "gap_more"),
		}
	})
}

func anyDuration(t *rapid.T, name string, most time.Duration) time.Duration {
	return time.Duration(rapid.Int64Range(0, int64(most)).Draw(t, name))
}

func newRoad(t *rapid.T) *road {
	l := anyLimits().Draw(t, "limits")
	return &road{T: t, limits: l, truth: epoch, pace: guard.NewPace(l, rapid.Uint64().Draw(t, "seed"))}
}

// step lets one thing happen, most often a message.
func (r *road) step() {
	switch rapid.IntRange(0, 19).Draw(r.T, "what") {
	case 0:
		r.restart()
	case 1:
		r.limits = anyLimits().Draw(r.T, "limits")
		r.pace.SetLimits(r.limits)
	case 2:
		r.skew -= anyDuration(r.T, "back", time.Hour)
	case 3:
		r.truth = r.truth.Add(anyDuration(r.T, "idle", 2*time.Hour))
	default:
		r.message()
	}
}

// message waits for its start as an actor does, then leaves.
func (r *road) message() {
	lane := rapid.SampledFrom(wa.Lanes()).Draw(r.T, "lane")
	d := r.pace.Next(lane, r.clock())
	r.truth = r.truth.Add(d.At.Sub(r.clock()))
	if again := r.pace.Next(lane, r.clock()); again.Why != wa.NoWait {
		r.Fatalf("told to start at %v for %q, then told to wait for %q until %v", d.At, d.Why, again.Why, again.At)
	}
	trip := trip{lane: lane, start: r.truth, limits: r.limits}
	r.pace.Began(r.clock())
	took := anyDuration(r.T, "answer", 30*time.Second)
	r.truth = r.truth.Add(took)
	// The server may have seen it at any moment since; the ends are the worst.
	seen := rapid.OneOf(rapid.SampledFrom([]time.Duration{0, took}), rapid.Map(rapid.Int64Range(0, int64(took)),
		func(n int64) time.Duration { return time.Duration(n) })).Draw(r.T, "seen")
	trip.arrival, trip.end = trip.start.Add(seen), r.clock()
	r.trips = append(r.trips, trip)
	if rapid.IntRange(0, 9).Draw(r.T, "crash") == 0 {
		r.restart() // the answer never came
		return
	}
	r.pace.Ended(r.clock())
}

// restart is another process that knows what was written down. The last row
// may still read sending, so its stamp is the time of the restart.
func (r *road) restart() {
	r.truth = r.truth.Add(anyDuration(r.T, "down", time.Minute))
	stamps := make([]time.Time, 0, len(r.trips))
	for _, t := range r.trips {
		stamps = append(stamps, t.end)
	}
	if n := len(stamps); n > 0 && rapid.Bool().Draw(r.T, "unsure") {
		stamps[n-1] = r.clock()
		r.trips[n-1].end = r.clock()
	}
	r.pace = guard.NewPace(r.limits, rapid.Uint64().Draw(r.T, "seed"))
	r.pace.Restore(rapid.Permutation(stamps).Draw(r.T, "order"), r.clock())
}

func windowsOf(l wa.Limits) map[time.Duration]int {
	return map[time.Duration]int{time.Minute: l.PerMinute, time.Hour: l.PerHour, 24 * time.Hour: l.PerDay}
}

// check looks at every message through the server's eyes: the windows that end
// with its arrival, under the limits it started with.
func (r *road) check() {
	for i, t := range r.trips {
		for window, n := range windowsOf(t.limits) {
			if t.lane == wa.Bulk {
				n = max(1, n*4/5)
			}
			if got := r.arrivals(i, window); got > n {
				r.Fatalf("message %d (%s): the server saw %d within %v, allowed %d", i, t.lane, got, window, n)
			}
		}
		if i == 0 {
			continue
		}
		if gap := t.start.Sub(r.trips[i-1].start); gap < time.Duration(t.limits.GapMinMS)*time.Millisecond {
			r.Fatalf("message %d started %v after the one before, shorter than %d ms", i, gap, t.limits.GapMinMS)
		}
	}
}

// arrivals counts what the server saw in the window that ends with trip i.
func (r *road) arrivals(i int, window time.Duration) int {
	last := r.trips[i].arrival
	n := 0
	for _, t := range r.trips[:i+1] {
		if last.Sub(t.arrival) < window {
			n++
		}
	}
	return n
}

func TestNoLimitIsEverExceeded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := newRoad(t)
		for range 150 {
			r.step()
		}
		r.check()
	})
}

// The most that any sender could do under the windows alone: no gap, no wait
// for answers.
func best(l wa.Limits, lane wa.Lane, until time.Duration) int {
	var sent []time.Duration
	for now := time.Duration(0); now < until; {
		next := now
		for window, n := range windowsOf(l) {
			if lane == wa.Bulk {
				n = max(1, n*4/5)
			}
			if i := len(sent) - n; i >= 0 {
				next = max(next, sent[i]+window)
			}
		}
		if now = next; now < until {
			sent = append(sent, now)
		}
	}
	return len(sent)
}

func TestTheAllowedRateIsUsed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := wa.Limits{
			Enabled:   true,
			PerMinute: rapid.IntRange(1, 60).Draw(t, "per_minute"),
			PerHour:   rapid.IntRange(1, 300).Draw(t, "per_hour"),
			PerDay:    rapid.IntRange(1, 600).Draw(t, "per_day"),
		}
		// A gap that the limits leave room for, whichever of them rules.
		room := slices.Min([]int{60_000 / l.PerMinute, 3_600_000 / l.PerHour, 86_400_000 / l.PerDay})
		l.GapMaxMS = min(room*9/10, 600_000)
		l.GapMinMS = rapid.IntRange(0, l.GapMaxMS).Draw(t, "gap_min")
		lane := rapid.SampledFrom(wa.Lanes()).Draw(t, "lane")
		p := guard.NewPace(l, rapid.Uint64().Draw(t, "seed"))

		const span = 75 * time.Hour
		got := 0
		for now := epoch; ; got++ {
			if now = p.Next(lane, now).At; !now.Before(epoch.Add(span)) {
				break
			}
			p.Began(now)
			now = now.Add(min(100*time.Millisecond, time.Duration(room)*time.Millisecond/20))
			p.Ended(now)
		}
		if want := best(l, lane, span); float64(got) < 0.98*float64(want) {
			t.Fatalf("%+v, %s: sent %d of %d", l, lane, got, want)
		}
	})
}
