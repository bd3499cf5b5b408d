package webhook

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"time"

	"chasqui/internal/wa"
)

// schedule is the wait before each attempt.
var schedule = []time.Duration{
	0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour,
}

// gentle is the shortest wait after an answer that asks for less.
const gentle = 60 * time.Second

// Schedule gives the wait before each attempt at an endpoint.
func Schedule(e wa.Endpoint) []time.Duration {
	if len(e.Schedule) == 0 {
		return schedule
	}
	out := make([]time.Duration, len(e.Schedule))
	for i, s := range e.Schedule {
		out[i] = time.Duration(s) * time.Second
	}
	return out
}

// Next gives the wait after the n-th failed attempt; false when that was the
// last. asked is what the receiver asked for with Retry-After, 0 for nothing.
func Next(e wa.Endpoint, n int, a wa.Attempt, asked time.Duration) (time.Duration, bool) {
	plan := Schedule(e)
	if n >= len(plan) {
		return 0, false
	}
	wait := jitter(plan[n])
	if a.Error == wa.AttemptTimeout || slices.Contains([]int{429, 502, 503, 504}, a.Status) {
		wait = max(wait, gentle)
	}
	if asked > 0 {
		wait = min(max(wait, asked), 2*wait)
	}
	return wait, true
}

// jitter spreads a wait by 20 % both ways.
func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// retryAfter reads the header of that name, in seconds or as a date; 0 for
// nothing that can be used.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 && seconds < 1e8 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
