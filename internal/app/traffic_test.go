package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// counters are an api's, apart from those of this process.
type counters struct {
	*prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	limited  *prometheus.CounterVec
	sessions *prometheus.GaugeVec
}

func newCounters() counters {
	c := counters{
		Registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "chasqui_http_requests_total"}, []string{"method", "route", "code"}),
		seconds:  prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "chasqui_http_request_seconds", Buckets: []float64{.01, .1}}, []string{"route"}),
		limited:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "chasqui_rate_limited_total"}, []string{"limit"}),
		sessions: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "chasqui_sessions"}, []string{"status"}),
	}
	c.MustRegister(c.requests, c.seconds, c.limited, c.sessions)
	return c
}

func (c counters) answer(route, code string, took float64, n int) {
	for range n {
		c.requests.WithLabelValues("GET", route, code).Inc()
		c.seconds.WithLabelValues(route).Observe(took)
	}
}

// Traffic is what was answered in the last minute, without what supervisors ask.
func TestTraffic(t *testing.T) {
	t.Parallel()
	c := newCounters()
	m := trafficMeter{from: c}
	now := time.Unix(1_800_000_000, 0)
	c.answer("/a", "200", .005, 50)
	if got := m.read(now); got != nil {
		t.Errorf("of a moment alone it says %+v", got)
	}
	c.answer("/a", "200", .005, 6)
	c.answer("/b", "503", .05, 2)
	c.answer("/b", "401", 5, 1)
	c.answer("/livez", "503", 5, 100)
	c.limited.WithLabelValues("org").Add(3)
	want := &wa.Traffic{
		Seconds: 10, Requests: 9, Errors: 2, Limited: 3, AuthFailures: 1, Timed: 9, Within: []wa.Within{{Seconds: .01, Count: 6}, {Seconds: .1, Count: 8}},
	}
	if diff := cmp.Diff(want, m.read(now.Add(10*time.Second))); diff != "" {
		t.Error(diff)
	}
	// The first reading is older than a minute, the second is not.
	want = &wa.Traffic{Seconds: 60, Within: []wa.Within{{Seconds: .01}, {Seconds: .1}}}
	if diff := cmp.Diff(want, m.read(now.Add(70*time.Second))); diff != "" {
		t.Error(diff)
	}
}

func TestOnline(t *testing.T) {
	t.Parallel()
	c := newCounters()
	for status, n := range map[wa.ClientStatus]float64{wa.ClientConnected: 3, wa.ClientRestricted: 1, wa.ClientConnecting: 7} {
		c.sessions.WithLabelValues(string(status)).Set(n)
	}
	if n := online(c); n == nil || *n != 4 {
		t.Errorf("%v numbers are online", n)
	}
}

// Postgres tells sums; rates are made of two of them, and of nothing else.
func TestVitalsSince(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	before := vital{Vitals: store.Vitals{At: now, Transactions: 100, Busy: time.Second, Hits: 10, Reads: 10}, counted: true, statements: 1000, took: time.Second}
	after := vital{
		Vitals: store.Vitals{At: now.Add(10 * time.Second), Transactions: 150, Busy: 2 * time.Second, Hits: 40, Reads: 20}, counted: true, statements: 3000, took: 3 * time.Second,
	}
	f := func(v float64) *float64 { return &v }
	plain := after
	plain.counted = false
	reset := plain
	reset.Transactions = 3
	for name, tt := range map[string]struct {
		before, after vital
		want          wa.DatabaseFigures
	}{
		"statements":   {before, after, wa.DatabaseFigures{Counted: "statements", QueriesPerSecond: f(200), MeanMS: f(1), CacheHit: f(.75)}},
		"transactions": {before, plain, wa.DatabaseFigures{Counted: "transactions", QueriesPerSecond: f(5), MeanMS: f(20), CacheHit: f(.75)}},
		"one alone":    {before, before, wa.DatabaseFigures{Counted: "statements"}},
		"begun anew":   {before, reset, wa.DatabaseFigures{Counted: "transactions"}},
		"nothing to tell": {before, vital{Vitals: store.Vitals{At: after.At, Transactions: 100, Busy: time.Second, Hits: 10, Reads: 10}}, wa.DatabaseFigures{
			Counted: "transactions", QueriesPerSecond: f(0),
		}},
	} {
		if diff := cmp.Diff(tt.want, tt.after.since(tt.before)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
