package cache_test

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chasqui/internal/cache"
	"chasqui/internal/chaos"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// limiter is one process's.
func limiter(t testing.TB, url, prefix string) *cache.Limiter {
	t.Helper()
	l, err := cache.NewLimiter(cache.Options{URL: url, Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func redisURL(t testing.TB) string { return testkit.Env(t, "REDIS_URL") }

func prefix() string { return "t" + testkit.Random(6) }

// crowd has many ask at once over several limiters, until all were refused
// several times, and counts who passed.
func crowd(t *testing.T, all []*cache.Limiter, limit cache.Limit, who string, each int) (passed int64) {
	t.Helper()
	var ok atomic.Int64
	var askers sync.WaitGroup
	for i := range 4 * len(all) {
		askers.Go(func() {
			for range each {
				if all[i%len(all)].Take(t.Context(), limit, who).OK {
					ok.Add(1)
				}
			}
		})
	}
	askers.Wait()
	return ok.Load()
}

// Several processes' limiters on one Redis let pass together exactly what the
// limit says, whether they ask one by one or take parts in advance.
func TestProcessesCountTogether(t *testing.T) {
	t.Parallel()
	for _, leased := range []bool{false, true} {
		for _, count := range []int{1, 60, 1000} {
			t.Run(fmt.Sprintf("%d leased %t", count, leased), func(t *testing.T) {
				t.Parallel()
				prefix := prefix()
				var all []*cache.Limiter
				for range 4 {
					all = append(all, limiter(t, redisURL(t), prefix))
				}
				// So slow that nothing grows back while the test runs.
				limit := cache.Limit{Name: "test", Rate: wa.Rate{Count: count, Per: 24 * time.Hour}, Leased: leased}
				if passed := crowd(t, all, limit, "somebody", count); passed != int64(count) {
					t.Errorf("%d passed of %d asked, %d may", passed, 16*count, count)
				}
				if v := all[0].Take(t.Context(), limit, "somebody else"); !v.OK {
					t.Errorf("another caller is refused: %+v", v)
				}
			})
		}
	}
}

// What is leased under load is never more than the rate, and hardly less.
func TestLeasesKeepTheRate(t *testing.T) {
	t.Parallel()
	prefix := prefix()
	var all []*cache.Limiter
	for range 4 {
		all = append(all, limiter(t, redisURL(t), prefix))
	}
	limit := cache.Limit{Name: "test", Rate: wa.Rate{Count: 60_000, Per: time.Minute}, Leased: true}
	began := time.Now()
	passed := crowd(t, all, limit, "busy", 6000)
	took := time.Since(began)
	most := int64(60_000 + took.Seconds()*1000 + 1)
	if passed > most || (passed < 60_000 && passed < 16*6000) {
		t.Errorf("%d passed in %s, at most %d may", passed, took, most)
	}
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	l := limiter(t, redisURL(t), prefix())
	limit := cache.Limit{Name: "test", Rate: wa.Rate{Count: 3, Per: 30 * time.Second}}
	for left := 2; left >= 0; left-- {
		v := l.Take(t.Context(), limit, "me")
		if !v.OK || v.Limit != 3 || v.Remaining != left || v.Reset <= 0 || v.Reset > 30*time.Second {
			t.Errorf("with %d left: %+v", left, v)
		}
	}
	v := l.Take(t.Context(), limit, "me")
	if v.OK || v.Limit != 3 || v.Remaining != 0 || v.RetryAfter <= 0 || v.RetryAfter > 10*time.Second {
		t.Errorf("beyond the limit: %+v", v)
	}
	if v := l.Take(t.Context(), cache.Limit{Name: "off"}, "me"); !v.OK || v.Limit != 0 {
		t.Errorf("without a limit: %+v", v)
	}
}

// broken is a limiter whose way to Redis can be broken.
func broken(t *testing.T) (*cache.Limiter, *chaos.Proxy) {
	t.Helper()
	u, err := url.Parse(redisURL(t))
	if err != nil {
		t.Fatal(err)
	}
	network, addr := "tcp", u.Host
	if u.Scheme == "unix" {
		network, addr = "unix", u.Path
	}
	p, err := chaos.NewProxy(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return limiter(t, "redis://"+p.Addr()+"/0", prefix()), p
}

// With Redis gone in the middle, sending goes on at the whole rate and sign-in
// at a quarter of it, nobody waits, and afterwards all is as before.
func TestRedisGoesAway(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*chaos.Proxy){"refused": (*chaos.Proxy).Refuse, "hung": (*chaos.Proxy).Hang} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, p := broken(t)
			open := cache.Limit{Name: "open", Rate: wa.Rate{Count: 100, Per: time.Hour}, Leased: true}
			closed := cache.Limit{Name: "closed", Rate: wa.Rate{Count: 100, Per: time.Hour}, Closed: true}
			if passed := crowd(t, []*cache.Limiter{l}, open, "before", 50); passed != 100 {
				t.Errorf("%d passed before", passed)
			}
			fault(p)
			began := time.Now()
			sent, signedIn := crowd(t, []*cache.Limiter{l}, open, "me", 50), crowd(t, []*cache.Limiter{l}, closed, "me", 50)
			if took := time.Since(began); took > 2*time.Second {
				t.Errorf("400 requests took %s", took)
			}
			if sent != 100 || signedIn != 25 {
				t.Errorf("%d were sent, 100 may; %d signed in, 25 may", sent, signedIn)
			}
			quick(t, l, open)
			p.Pass()
			testkit.Eventually(t, 20*time.Second, "counting together again", func() bool {
				return crowd(t, []*cache.Limiter{l}, closed, testkit.Random(4), 25) == 100
			})
		})
	}
}

// quick asks as nobody has before: no answer may depend on Redis.
func quick(t *testing.T, l *cache.Limiter, limit cache.Limit) {
	t.Helper()
	var slowest time.Duration
	for i := range 1000 {
		began := time.Now()
		l.Take(t.Context(), limit, fmt.Sprint("new", i))
		slowest = max(slowest, time.Since(began))
	}
	if slowest > 80*time.Millisecond { // below the time that a question to Redis may take
		t.Errorf("one of a thousand answers took %s", slowest)
	}
}

// A caller who goes away is no sign that Redis has.
func TestCallersWhoLeave(t *testing.T) {
	t.Parallel()
	l := limiter(t, redisURL(t), prefix())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	limit := cache.Limit{Name: "test", Rate: wa.Rate{Count: 40, Per: time.Hour}, Closed: true}
	passed := 0
	for range 50 {
		if l.Take(gone, limit, "me").OK {
			passed++
		}
	}
	if passed != 40 {
		t.Errorf("%d passed, 40 may", passed)
	}
}

func BenchmarkTake(b *testing.B) {
	for _, leased := range []bool{false, true} {
		b.Run(fmt.Sprintf("leased %t", leased), func(b *testing.B) {
			l := limiter(b, redisURL(b), prefix())
			limit := cache.Limit{Name: "test", Rate: wa.Rate{Count: 100_000_000, Per: time.Minute}, Leased: leased}
			for b.Loop() {
				l.Take(b.Context(), limit, "me")
			}
		})
	}
}
