package guard_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"chasqui/internal/guard"
	"chasqui/internal/wa"
)

// play sends n messages as fast as the pace lets them and gives the start of
// the last.
func play(p *guard.Pace, lane wa.Lane, n int, now time.Time) time.Time {
	for range n {
		now = p.Next(lane, now).At
		p.Began(now)
		p.Ended(now)
	}
	return now
}

func TestEstimateIsWhatHappens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := anyLimits().Draw(t, "limits")
		l.GapMaxMS = l.GapMinMS // nothing to guess
		lane := rapid.SampledFrom(wa.Lanes()).Draw(t, "lane")
		p := guard.NewPace(l, 1)
		now := play(p, wa.Urgent, rapid.IntRange(0, 200).Draw(t, "before"), epoch)
		now = now.Add(anyDuration(t, "idle", 2*time.Hour))
		if rapid.IntRange(0, 4).Draw(t, "cool") == 0 {
			p.CoolDown(now.Add(anyDuration(t, "cool_for", time.Hour)), now)
		}
		position := rapid.IntRange(1, 9000).Draw(t, "position")
		got := p.Estimate(position, lane, now)
		want := play(p, lane, position, now)
		if off := got.Sub(want).Abs(); off > want.Sub(now)/100 {
			t.Fatalf("position %d: estimated in %v, happened in %v", position, got.Sub(now), want.Sub(now))
		}
	})
}

func TestEstimateWithRandomGapsIsClose(t *testing.T) {
	t.Parallel()
	for position, most := range map[int]time.Duration{1: 0, 50: 30 * time.Second, 500: time.Minute, 1500: time.Minute} {
		p := guard.NewPace(wa.DefaultLimits(), 5)
		got := p.Estimate(position, wa.Normal, epoch)
		want := play(p, wa.Normal, position, epoch)
		if off := got.Sub(want).Abs(); off > most {
			t.Errorf("position %d: estimated in %v, happened in %v", position, got.Sub(epoch), want.Sub(epoch))
		}
	}
}

func TestEstimateTable(t *testing.T) {
	t.Parallel()
	l := limits(20, 100, 1000)
	l.GapMinMS, l.GapMaxMS = 2000, 3000
	const hour, day = time.Hour, 24 * time.Hour
	for _, c := range []struct {
		name     string
		used     guard.Usage
		position int
		lane     wa.Lane
		want     time.Duration
	}{
		{"the head goes now", guard.Usage{}, 1, wa.Normal, 0},
		{"no position is the head", guard.Usage{}, 0, wa.Normal, 0},
		{"the gap", guard.Usage{}, 5, wa.Normal, 10 * time.Second},
		{"the minute", guard.Usage{}, 21, wa.Normal, time.Minute},
		{"the hour", guard.Usage{}, 101, wa.Normal, hour},
		{"the day", guard.Usage{}, 1001, wa.Normal, day},
		{"bulk's hour", guard.Usage{}, 81, wa.Bulk, hour},
		{"ten days", guard.Usage{}, 10_001, wa.Normal, 10 * day},
		{"twenty days", guard.Usage{}, 20_001, wa.Normal, 20 * day},
		{"a used hour frees its first place", guard.Usage{Hour: 100, Day: 100}, 1, wa.Normal, 17700 * time.Millisecond},
		{"a full minute", guard.Usage{Minute: 20, Hour: 20, Day: 20}, 1, wa.Normal, 1500 * time.Millisecond},
	} {
		got := guard.EstimateFresh(l, c.used, c.position, c.lane, epoch).Sub(epoch)
		if off := (got - c.want).Abs(); off > time.Millisecond {
			t.Errorf("%s: in %v, want %v", c.name, got, c.want)
		}
	}
	if got := guard.EstimateFresh(wa.Limits{}, guard.Usage{Day: 5}, 20_000, wa.Bulk, epoch); !got.Equal(epoch) {
		t.Errorf("without pacing: %v, want now", got)
	}
	if got := guard.NewPace(wa.Limits{}, 1).Estimate(20_000, wa.Bulk, epoch); !got.Equal(epoch) {
		t.Errorf("without pacing: %v, want now", got)
	}
}

// However large the limits and the position, an estimate stays cheap and sane.
func TestEstimateOfHugeNumbers(t *testing.T) {
	t.Parallel()
	l := limits(6000, 100_000, 1_000_000)
	got := guard.EstimateFresh(l, guard.Usage{}, 10_000_000, wa.Normal, epoch).Sub(epoch)
	if want := 10 * 24 * time.Hour; (got - want).Abs() > want/10 {
		t.Errorf("ten million at a million a day: %v", got)
	}
}

func BenchmarkEstimate(b *testing.B) {
	for name, l := range map[string]wa.Limits{"default": wa.DefaultLimits(), "huge": limits(6000, 100_000, 1_000_000)} {
		b.Run(name, func(b *testing.B) {
			p := guard.NewPace(l, 1)
			now := play(p, wa.Normal, 900, epoch)
			for b.Loop() {
				p.Estimate(20_000, wa.Bulk, now)
			}
		})
	}
}

func BenchmarkEstimateFresh(b *testing.B) {
	for b.Loop() {
		guard.EstimateFresh(wa.DefaultLimits(), guard.Usage{Minute: 5, Hour: 50, Day: 500}, 300, wa.Normal, epoch)
	}
}

func BenchmarkSend(b *testing.B) {
	p := guard.NewPace(limits(6000, 100_000, 1_000_000), 1)
	now := epoch
	for b.Loop() {
		now = p.Next(wa.Normal, now).At
		p.Began(now)
		p.Ended(now)
	}
}
