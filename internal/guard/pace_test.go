package guard_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/guard"
	"chasqui/internal/wa"
)

// epoch carries no monotonic reading, so every test rules its own time.
var epoch = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// at is a moment, in seconds after epoch.
func at(seconds float64) time.Time { return epoch.Add(time.Duration(seconds * float64(time.Second))) }

// limits without a gap.
func limits(minute, hour, day int) wa.Limits {
	return wa.Limits{Enabled: true, PerMinute: minute, PerHour: hour, PerDay: day}
}

func send(p *guard.Pace, began, ended float64) {
	p.Began(at(began))
	p.Ended(at(ended))
}

func wants(t *testing.T, p *guard.Pace, lane wa.Lane, now, start float64, why wa.Wait) {
	t.Helper()
	got := p.Next(lane, at(now))
	if want := (guard.Decision{At: at(start), Why: why}); !got.At.Equal(want.At) || got.Why != want.Why {
		t.Errorf("%s at %v: start in %v for %q, want in %v for %q", lane, now,
			got.At.Sub(at(now)), got.Why, want.At.Sub(at(now)), want.Why)
	}
}

func TestAFreshPaceLetsGoAtOnce(t *testing.T) {
	t.Parallel()
	p := guard.NewPace(wa.DefaultLimits(), 1)
	for _, lane := range wa.Lanes() {
		wants(t, p, lane, 0, 0, wa.NoWait)
	}
}

func TestAWindowOpensExactlyWhenTheOldestAnswerLeavesIt(t *testing.T) {
	t.Parallel()
	p := guard.NewPace(limits(2, 100, 1000), 1)
	send(p, 0, 1)
	send(p, 2, 3)
	wants(t, p, wa.Normal, 3, 61, wa.WaitMinuteCap)
	wants(t, p, wa.Normal, 60.999999999, 61, wa.WaitMinuteCap)
	wants(t, p, wa.Normal, 61, 61, wa.NoWait)
	send(p, 61, 62)
	wants(t, p, wa.Normal, 62, 63, wa.WaitMinuteCap)
}

func TestTheTightestWindowRules(t *testing.T) {
	t.Parallel()
	const hour, day = 3600.0, 86400.0
	p := guard.NewPace(limits(2, 3, 4), 1)
	send(p, 0, 0)
	send(p, 0, 0)
	wants(t, p, wa.Urgent, 0, 60, wa.WaitMinuteCap)
	send(p, 60, 60)
	wants(t, p, wa.Urgent, 60, hour, wa.WaitHourCap)
	send(p, hour, hour)
	wants(t, p, wa.Urgent, hour, day, wa.WaitDayCap)
	wants(t, p, wa.Urgent, day, day, wa.NoWait)
}

func TestBulkLeavesAFifthOfEveryWindow(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limits wa.Limits
		free   int // starts that bulk has before it waits
		wait   float64
		why    wa.Wait
	}{
		{limits(10, 100, 1000), 8, 60, wa.WaitMinuteCap},
		{limits(9, 100, 1000), 7, 60, wa.WaitMinuteCap}, // 7.2, floored
		{limits(1, 100, 1000), 1, 60, wa.WaitMinuteCap}, // never nothing
		{limits(100, 10, 1000), 8, 3600, wa.WaitHourCap},
		{limits(100, 100, 5), 4, 86400, wa.WaitDayCap},
	} {
		p := guard.NewPace(c.limits, 1)
		for range c.free {
			wants(t, p, wa.Bulk, 0, 0, wa.NoWait)
			send(p, 0, 0)
		}
		wants(t, p, wa.Bulk, 0, c.wait, c.why)
		if c.limits.PerMinute > 1 {
			wants(t, p, wa.Normal, 0, 0, wa.NoWait)
			wants(t, p, wa.Urgent, 0, 0, wa.NoWait)
		}
	}
}

func TestTheGapRunsFromStartToStart(t *testing.T) {
	t.Parallel()
	l := limits(100, 1000, 10000)
	l.GapMinMS, l.GapMaxMS = 2000, 2000
	p := guard.NewPace(l, 1)
	send(p, 0, 1.5)
	wants(t, p, wa.Urgent, 1.5, 2, wa.WaitGap)
	wants(t, p, wa.Bulk, 2, 2, wa.NoWait)
	send(p, 2, 9) // a slow answer does not stretch the pace
	wants(t, p, wa.Normal, 9, 9, wa.NoWait)
}

func TestGapsAreDrawnFromTheWholeRange(t *testing.T) {
	t.Parallel()
	p := guard.NewPace(wa.Limits{Enabled: true, PerMinute: 6000, PerHour: 100_000, PerDay: 1_000_000, GapMinMS: 2000, GapMaxMS: 5000}, 7)
	now, shortest, longest, sum := at(0), time.Hour, time.Duration(0), time.Duration(0)
	const n = 2000
	for range n {
		p.Began(now)
		p.Ended(now)
		next := p.Next(wa.Normal, now).At
		if again := p.Next(wa.Normal, now).At; !again.Equal(next) {
			t.Fatalf("asking twice gave %v and %v", next, again)
		}
		gap := next.Sub(now)
		shortest, longest, sum = min(shortest, gap), max(longest, gap), sum+gap
		now = next
	}
	if shortest < 2*time.Second || longest > 5*time.Second {
		t.Errorf("gaps from %v to %v leave 2 s to 5 s", shortest, longest)
	}
	if mean := sum / n; shortest > 2100*time.Millisecond || longest < 4900*time.Millisecond || mean < 3400*time.Millisecond || mean > 3600*time.Millisecond {
		t.Errorf("gaps from %v to %v, mean %v, are not spread over 2 s to 5 s", shortest, longest, mean)
	}
}

func TestAMessageInFlightCountsAsLateAsNow(t *testing.T) {
	t.Parallel()
	p := guard.NewPace(limits(1, 100, 1000), 1)
	p.Began(at(0))
	wants(t, p, wa.Normal, 5, 65, wa.WaitMinuteCap)
	wants(t, p, wa.Normal, 20, 80, wa.WaitMinuteCap)
	p.Ended(at(30))
	wants(t, p, wa.Normal, 31, 90, wa.WaitMinuteCap)
}

func TestBeginningTwiceEndsTheFirst(t *testing.T) {
	t.Parallel()
	p := guard.NewPace(limits(2, 100, 1000), 1)
	p.Began(at(0))
	p.Began(at(10)) // no Ended came: the first may have arrived as late as now
	p.Ended(at(11))
	wants(t, p, wa.Normal, 11, 70, wa.WaitMinuteCap)
}

func TestCoolDownHoldsEvenWithoutPacing(t *testing.T) {
	t.Parallel()
	p := guard.NewPace(wa.Limits{}, 1)
	send(p, 0, 0)
	wants(t, p, wa.Bulk, 0, 0, wa.NoWait)
	p.CoolDown(at(60), at(0))
	p.CoolDown(at(30), at(0)) // never shortens
	wants(t, p, wa.Urgent, 1, 60, wa.WaitCoolDown)
	wants(t, p, wa.Urgent, 60, 60, wa.NoWait)
}

func TestLimitsChangeAtOnceAndUsageStays(t *testing.T) {
	t.Parallel()
	p := guard.NewPace(wa.Limits{}, 1)
	for range 5 {
		send(p, 0, 0)
	}
	p.SetLimits(limits(5, 100, 1000))
	wants(t, p, wa.Normal, 0, 60, wa.WaitMinuteCap)
	p.SetLimits(limits(6, 100, 1000))
	wants(t, p, wa.Normal, 0, 0, wa.NoWait)
	wide := limits(6, 100, 1000)
	wide.GapMinMS, wide.GapMaxMS = 3000, 3000
	p.SetLimits(wide)
	wants(t, p, wa.Normal, 0, 3, wa.WaitGap)
}

func TestRestoreTakesStampsInAnyOrder(t *testing.T) {
	t.Parallel()
	l := limits(3, 100, 1000)
	l.GapMinMS, l.GapMaxMS = 4000, 4000
	p := guard.NewPace(l, 1)
	send(p, 0, 0) // forgotten by Restore
	p.Restore([]time.Time{at(50), at(-90000), at(10), at(58)}, at(60))
	if diff := cmp.Diff(guard.Usage{Minute: 3, Hour: 3, Day: 3}, p.Used(at(60))); diff != "" {
		t.Error(diff)
	}
	wants(t, p, wa.Normal, 60, 70, wa.WaitMinuteCap)
	p.Restore([]time.Time{at(58)}, at(60))
	wants(t, p, wa.Normal, 60, 62, wa.WaitGap)
	p.Restore(nil, at(60))
	wants(t, p, wa.Normal, 60, 60, wa.NoWait)
}

func TestAStampFromTheFutureCountsAsNow(t *testing.T) {
	t.Parallel()
	p := guard.NewPace(limits(1, 100, 1000), 1)
	p.Restore([]time.Time{at(3600)}, at(0)) // written by a clock that is an hour ahead
	wants(t, p, wa.Normal, 0, 60, wa.WaitMinuteCap)
}

func TestTimeSteppingBackNeverBursts(t *testing.T) {
	t.Parallel()
	p := guard.NewPace(limits(2, 100, 1000), 1)
	send(p, 7200, 7200)
	send(p, 7210, 7210)
	// An hour back: what was 50 s away still is, neither gone nor an hour longer.
	wants(t, p, wa.Normal, 3610, 3660, wa.WaitMinuteCap)
	wants(t, p, wa.Normal, 3660, 3660, wa.NoWait)
}

func TestUsedCountsEachWindow(t *testing.T) {
	t.Parallel()
	p := guard.NewPace(limits(100, 1000, 10000), 1)
	for _, s := range []float64{0, 86400 - 3600, 86400 - 60, 86400 - 59, 86400} {
		send(p, s, s)
	}
	if diff := cmp.Diff(guard.Usage{Minute: 2, Hour: 3, Day: 4}, p.Used(at(86400))); diff != "" {
		t.Error(diff)
	}
	p.Used(at(0)) // looking back moves nothing
	wants(t, p, wa.Normal, 86400, 86400, wa.NoWait)
}

func TestAScaledPaceIsTheSameFaster(t *testing.T) {
	t.Parallel()
	l := limits(2, 100, 1000)
	l.GapMinMS, l.GapMaxMS = 6000, 6000
	p := guard.NewPaceScaled(l, 1, 60)
	send(p, 0, 0)
	wants(t, p, wa.Normal, 0, 0.1, wa.WaitGap)
	send(p, 0.1, 0.1)
	wants(t, p, wa.Normal, 0.1, 1, wa.WaitMinuteCap)
}

// A thousand a day is what the default limits are for.
func TestTheDefaultLimitsGiveAHundredAnHourAndAThousandADay(t *testing.T) {
	t.Parallel()
	p := guard.NewPace(wa.DefaultLimits(), 3)
	sent, inFirstHour := 0, 0
	for now := epoch; ; {
		now = p.Next(wa.Normal, now).At
		if !now.Before(at(86400)) {
			break
		}
		if now.Before(at(3600)) {
			inFirstHour++
		}
		sent++
		p.Began(now)
		now = now.Add(150 * time.Millisecond)
		p.Ended(now)
	}
	if inFirstHour != 100 || sent != 1000 {
		t.Errorf("%d in the first hour and %d in the day, want 100 and 1000", inFirstHour, sent)
	}
}
