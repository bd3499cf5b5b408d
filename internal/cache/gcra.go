package cache

import (
	"sync"
	"time"

	"chasqui/internal/wa"
)

// gcra is the same reckoning as in Redis (generic cell rate algorithm): tat is
// when everything that passed so far is worked off. It gives the new tat and
// the verdict on one more.
func gcra(tat, now time.Time, r wa.Rate) (time.Time, Verdict) {
	each := r.Per / time.Duration(r.Count)
	if tat.Before(now) {
		tat = now
	}
	next := tat.Add(each)
	room := each*time.Duration(r.Count) - next.Sub(now)
	if room < 0 {
		return tat, Verdict{Limit: r.Count, Reset: tat.Sub(now), RetryAfter: -room}
	}
	return next, Verdict{OK: true, Limit: r.Count, Remaining: int(room / each), Reset: next.Sub(now)}
}

// mostLocal bounds how many callers a process counts by itself.
const mostLocal = 100_000

// local counts in this process only, for the time without Redis.
type local struct {
	mu  sync.Mutex
	tat map[string]time.Time
}

// take judges one more of key. When more callers are known than can be counted,
// the others pass, or, where the limit fails closed, do not.
func (l *local) take(key string, r wa.Rate, closed bool, now time.Time) Verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, known := l.tat[key]; !known && len(l.tat) >= mostLocal {
		l.forget(now)
		if len(l.tat) >= mostLocal {
			return crowded(r, closed)
		}
	}
	next, v := gcra(l.tat[key], now, r)
	l.tat[key] = next
	return v
}

// forget drops those who are as if they had never been here.
func (l *local) forget(now time.Time) {
	for key, tat := range l.tat {
		if !tat.After(now) {
			delete(l.tat, key)
		}
	}
}

func crowded(r wa.Rate, closed bool) Verdict {
	if closed {
		return Verdict{Limit: r.Count, Reset: r.Per, RetryAfter: time.Minute}
	}
	return Verdict{OK: true, Limit: r.Count, Remaining: r.Count - 1, Reset: r.Per}
}
