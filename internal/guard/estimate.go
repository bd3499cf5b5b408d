package guard

import (
	"time"

	"chasqui/internal/wa"
)

// Bounds of an estimate's work. Up to plainSteps, or two periods of the limit
// that rules, every message ahead is played through; beyond, the road repeats
// itself and whole periods are skipped. Farther than maxSteps no estimate is
// worth more than a straight line.
const (
	plainSteps = 2048
	maxSteps   = 32768
)

// Estimate is when the message at a position (1 is the head of the line) would
// start if the line only held messages of its lane. It takes the mean gap and
// no time for answers; it is a forecast, not a promise.
func (p *Pace) Estimate(position int, lane wa.Lane, now time.Time) time.Time {
	at := p.ticks(now)
	e := estimate{caps: p.caps(lane), first: at}
	if p.cooled {
		e.first = max(e.first, p.cool)
	}
	if !p.limits.Enabled {
		return now.Add(time.Duration(e.first - at))
	}
	lo, hi := gaps(p.limits, p.factor)
	e.gap = tick(lo+hi) / 2
	if p.begun {
		e.first = max(e.first, p.start+p.gap())
	}
	e.road = tail(p.log, e.caps[0].count)
	return now.Add(time.Duration(e.at(position) - at))
}

// EstimateFresh is Estimate for a process that does not own the number and
// knows only how much of each window is used. It takes the used places as
// evenly spread.
func EstimateFresh(l wa.Limits, used Usage, position int, lane wa.Lane, now time.Time) time.Time {
	if !l.Enabled {
		return now
	}
	w := RealWindows()
	lo, hi := gaps(l, 1)
	e := estimate{caps: caps(l, w, lane), gap: tick(lo+hi) / 2}
	e.road = spread(e.road, used.Day-used.Hour, w.Day, w.Hour)
	e.road = spread(e.road, used.Hour-used.Minute, w.Hour, w.Minute)
	e.road = spread(e.road, used.Minute, w.Minute, 0)
	e.road = tail(e.road, e.caps[0].count)
	return now.Add(time.Duration(e.at(position)))
}

// estimate plays a line of messages through the limits. road holds the starts
// so far, known ones first.
type estimate struct {
	caps  [3]limit
	gap   tick
	first tick
	road  []tick
}

// at is the start of the message at a position.
func (e *estimate) at(position int) tick {
	position = max(1, position)
	period, pause := e.slowest()
	skipped := 0
	if over := position - min(max(plainSteps, 2*period), maxSteps); over > 0 {
		skipped = (over + period - 1) / period
	}
	return e.play(max(1, position-skipped*period)) + tick(skipped)*pause
}

// slowest is the limit that rules in the long run: so many messages in so much
// time. The gap is a limit of one message.
func (e *estimate) slowest() (count int, window tick) {
	count, window = 1, e.gap
	for _, c := range e.caps {
		if float64(c.window)/float64(c.count) > float64(window)/float64(count) {
			count, window = c.count, tick(c.window)
		}
	}
	return count, window
}

// play is the start of the n-th next message. Each start is the earliest that
// the gap and every window allow, given all starts before.
func (e *estimate) play(n int) tick {
	known := len(e.road)
	road := make([]tick, known+n)
	copy(road, e.road)
	next := e.first
	day, hour, minute := e.caps[0], e.caps[1], e.caps[2]
	for i := known; i < len(road); i++ {
		if j := i - minute.count; j >= 0 {
			next = max(next, road[j]+tick(minute.window))
		}
		if j := i - hour.count; j >= 0 {
			next = max(next, road[j]+tick(hour.window))
		}
		if j := i - day.count; j >= 0 {
			next = max(next, road[j]+tick(day.window))
		}
		road[i] = next
		next += e.gap
	}
	return road[len(road)-1]
}

// tail is the newest n of the log: no window needs more.
func tail(log []tick, n int) []tick { return log[max(0, len(log)-n):] }

// spread adds n starts evenly over the time from `from` to `to` ago.
func spread(road []tick, n int, from, to time.Duration) []tick {
	for i := range n {
		road = append(road, tick(-from)+tick(float64(from-to)*(float64(i)+0.5)/float64(n)))
	}
	return road
}
