package guard

import (
	"math/rand/v2"
	"slices"
	"time"

	"chasqui/internal/wa"
)

// Pace is the pacing of one number: sliding windows and a gap. One actor owns
// it; it is not safe for concurrent use.
//
// Windows are counted as WhatsApp sees them. A message reaches the server at
// some moment between Began and Ended, so a new one may start only a whole
// window after the n-th last one ended. The gap is counted from start to
// start, so that slow answers do not stretch it further.
//
// Times should carry the monotonic reading of time.Now, which makes a Pace
// immune to a clock that is set. Should time step back all the same, the Pace
// takes it that no time has passed: it may wait longer, it never bursts.
type Pace struct {
	limits  wa.Limits
	windows Windows
	factor  int
	rand    *rand.Rand

	origin time.Time // the zero of every tick below
	seen   tick      // the latest now we were told
	log    []tick    // when each message of the last day ended, ascending
	flying bool      // the last of log has begun and not ended
	start  tick      // when the last message started
	draw   float64   // where in [GapMin, GapMax) the gap after it lies
	cool   tick      // nothing before this
	begun  bool      // start is set
	cooled bool      // cool is set
}

// tick is nanoseconds since a Pace's origin: eight bytes for each message of a
// day instead of a time.Time's twenty-four.
type tick int64

// maxKept bounds the log. It is above the largest per_day that Limits allow,
// so no decision ever needs an older entry.
const maxKept = 1 << 20

// Windows are the lengths of the three windows.
type Windows struct{ Minute, Hour, Day time.Duration }

// RealWindows are a minute, an hour and a day.
func RealWindows() Windows { return Windows{Minute: time.Minute, Hour: time.Hour, Day: 24 * time.Hour} }

// Decision is when a message may start. Why is wa.NoWait exactly when it may
// start now; else it names what holds it longest.
type Decision struct {
	At  time.Time
	Why wa.Wait
}

// Usage is how many messages count against each window.
type Usage struct{ Minute, Hour, Day int }

// NewPace makes the pace of a number that has sent nothing yet. The seed
// draws the gaps.
func NewPace(l wa.Limits, seed uint64) *Pace { return NewPaceScaled(l, seed, 1) }

// NewPaceScaled is NewPace with every window and gap divided by factor, for
// tests and benches that have no day to wait.
func NewPaceScaled(l wa.Limits, seed uint64, factor int) *Pace {
	factor = max(1, factor)
	w, f := RealWindows(), time.Duration(factor)
	return &Pace{
		limits: l, factor: factor, rand: rand.New(rand.NewPCG(seed, 0x6368617371756921)),
		windows: Windows{Minute: w.Minute / f, Hour: w.Hour / f, Day: w.Day / f},
	}
}

// SetLimits changes the limits from the next decision on. What was sent stays
// counted.
func (p *Pace) SetLimits(l wa.Limits) { p.limits = l }

// Restore rebuilds the usage after a change of owner, in place of whatever was
// known. sent holds when each message of the last day was answered, in any
// order; for a row still in sending, whose answer nobody knows, it holds now.
func (p *Pace) Restore(sent []time.Time, now time.Time) {
	at := p.advance(now)
	p.log, p.flying, p.begun = p.log[:0], false, len(sent) > 0
	for _, t := range sent {
		// A stamp from the future comes from another clock: it was at most now.
		p.log = append(p.log, at-tick(max(0, now.Sub(t))))
	}
	slices.Sort(p.log)
	if p.begun {
		p.start, p.draw = p.log[len(p.log)-1], p.rand.Float64()
	}
	p.prune(at)
}

// Next is the earliest time at which a message of the lane may start.
func (p *Pace) Next(lane wa.Lane, now time.Time) Decision {
	at := p.advance(now)
	best, why := at, wa.NoWait
	later := func(t tick, w wa.Wait) {
		if t > best {
			best, why = t, w
		}
	}
	if p.cooled {
		later(p.cool, wa.WaitCoolDown)
	}
	if p.limits.Enabled {
		for _, c := range p.caps(lane) {
			if i := len(p.log) - c.count; i >= 0 {
				later(p.log[i]+tick(c.window), c.wait)
			}
		}
		if p.begun {
			later(p.start+p.gap(), wa.WaitGap)
		}
	}
	return Decision{At: now.Add(time.Duration(best - at)), Why: why}
}

// Began says that a transmission starts; it counts at once. One message is in
// flight at a time: should another one be, its end is taken to be now.
func (p *Pace) Began(now time.Time) {
	at := p.advance(now)
	p.prune(at)
	p.log = append(p.log, at)
	p.flying, p.begun, p.start, p.draw = true, true, at, p.rand.Float64()
}

// Ended says that the answer came, or that none will: the server may have seen
// the message as late as now.
func (p *Pace) Ended(now time.Time) {
	p.advance(now)
	p.flying = false
}

// CoolDown lets nothing start before until. It never shortens a longer one.
func (p *Pace) CoolDown(until, now time.Time) {
	t := p.advance(now) + tick(until.Sub(now))
	if !p.cooled || t > p.cool {
		p.cool, p.cooled = t, true
	}
}

// Used counts what each window holds now.
func (p *Pace) Used(now time.Time) Usage {
	at := p.ticks(now)
	count := func(w time.Duration) int {
		i, _ := slices.BinarySearch(p.log, at-tick(w)+1)
		return len(p.log) - i
	}
	return Usage{Minute: count(p.windows.Minute), Hour: count(p.windows.Hour), Day: count(p.windows.Day)}
}

// advance moves the pace to now and gives it as a tick. When now lies before
// what was seen, the origin moves instead: everything stays as far away as it
// was.
func (p *Pace) advance(now time.Time) tick {
	at := p.ticks(now)
	if at < p.seen {
		p.origin, at = p.origin.Add(time.Duration(at-p.seen)), p.seen
	}
	p.seen = at
	if p.flying {
		p.log[len(p.log)-1] = at
	}
	return at
}

func (p *Pace) ticks(now time.Time) tick {
	if p.origin.IsZero() {
		p.origin = now
	}
	return tick(now.Sub(p.origin))
}

// prune forgets what no window can hold any more.
func (p *Pace) prune(at tick) {
	old, _ := slices.BinarySearch(p.log, at-tick(p.windows.Day)+1)
	old = max(old, len(p.log)-maxKept)
	if old > len(p.log)/2 || old > 1024 {
		p.log = slices.Delete(p.log, 0, old)
	}
}

// gap is the pause after the last start, under the limits of this moment.
func (p *Pace) gap() tick {
	lo, hi := gaps(p.limits, p.factor)
	return tick(lo + time.Duration(p.draw*float64(hi-lo)))
}

func gaps(l wa.Limits, factor int) (lo, hi time.Duration) {
	f := time.Duration(factor)
	lo = time.Duration(l.GapMinMS) * time.Millisecond
	hi = max(lo, time.Duration(l.GapMaxMS)*time.Millisecond)
	return (lo + f - 1) / f, (hi + f - 1) / f
}

// limit is one window and how many starts a lane may have in it.
type limit struct {
	count  int
	window time.Duration
	wait   wa.Wait
}

func (p *Pace) caps(lane wa.Lane) [3]limit { return caps(p.limits, p.windows, lane) }

// caps lists the windows, longest first.
func caps(l wa.Limits, w Windows, lane wa.Lane) [3]limit {
	return [3]limit{
		{share(l.PerDay, lane), w.Day, wa.WaitDayCap},
		{share(l.PerHour, lane), w.Hour, wa.WaitHourCap},
		{share(l.PerMinute, lane), w.Minute, wa.WaitMinuteCap},
	}
}

// Caps is how many starts a lane may have in each window.
func Caps(l wa.Limits, lane wa.Lane) (minute, hour, day int) {
	return share(l.PerMinute, lane), share(l.PerHour, lane), share(l.PerDay, lane)
}

// share is how many of a window's n places a lane may see taken before it has
// to wait. Bulk starts only while four fifths are not used up, by whatever
// lane: so a campaign always leaves room for an urgent message.
func share(n int, lane wa.Lane) int {
	if lane == wa.Bulk {
		n = n * 4 / 5
	}
	return max(1, n)
}
