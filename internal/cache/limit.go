package cache

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/redis/go-redis/v9"

	"chasqui/internal/wa"
)

var (
	refusedTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_rate_limited_total", Help: "Requests refused because somebody sent too many, by limit.",
	}, []string{"limit"})
	askedTotal = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "chasqui_rate_questions_total", Help: "Questions to Redis whether a limit is reached, by result (ok, failed). Most requests need none.",
	}, []string{"result"})
	limiterAlone = promauto.NewGauge(prometheus.GaugeOpts{
		Name: "chasqui_rate_limits_alone", Help: "1 while this process counts requests by itself because Redis does not answer.",
	})
)

// strictShare is the part of a limit that fails closed which each process lets
// pass while Redis is away: as many processes together stay within it.
const strictShare = 4

// Limit is a rule: what is counted, and how much of it may pass.
type Limit struct {
	Name string // in keys, metrics and answers; a word
	Rate wa.Rate
	// Closed limits guard secrets: while Redis is away each process lets only a
	// part of the rate pass. Of the others each process then lets the whole pass.
	Closed bool
	// Leased limits are taken out of Redis in small parts, so that most requests
	// ask nobody. Together the processes never let more pass than the rate; what
	// one of them has in hand and does not use within a second is lost to the
	// others.
	Leased bool
}

// Verdict is what a limit says about one request.
type Verdict struct {
	OK         bool
	Limit      int           // how many may pass at once after a quiet spell; 0: there is no limit
	Remaining  int           // how many more would pass now
	Reset      time.Duration // until nothing of the past counts any more
	RetryAfter time.Duration // when not OK: until one more passes
}

// Limiter counts, exactly over all processes that share a Redis, and by itself
// while there is none.
type Limiter struct {
	rdb    *redis.Client
	rate   *redis_rate.Limiter
	prefix string
	log    *slog.Logger
	now    func() time.Time

	trip   trip
	leases leases
	local  local
}

// Options make a Limiter.
type Options struct {
	URL    string // of Redis
	Prefix string // of every key, for those who share a Redis; "" is "chasqui"
	Log    *slog.Logger
	Now    func() time.Time
}

// NewLimiter prepares a limiter; Redis need not be there yet.
func NewLimiter(o Options) (*Limiter, error) {
	rdb, err := open(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Prefix == "" {
		o.Prefix = "chasqui"
	}
	l := &Limiter{
		rdb: rdb, rate: redis_rate.NewLimiter(rdb), prefix: o.Prefix, log: o.Log, now: o.Now,
		leases: leases{of: map[string]*lease{}}, local: local{tat: map[string]time.Time{}},
	}
	l.trip.ping = func(ctx context.Context) error { return rdb.Ping(ctx).Err() }
	l.trip.change = l.alone
	return l, nil
}

// Close lets go of Redis.
func (l *Limiter) Close() error {
	l.trip.close()
	return l.rdb.Close()
}

func (l *Limiter) alone(away bool) {
	if away {
		limiterAlone.Set(1)
		l.log.Warn("Redis does not answer: requests are counted by this process alone")
		return
	}
	limiterAlone.Set(0)
	l.log.Info("Redis is back: requests are counted over all processes again")
}

// Take counts one request of who, a name that nobody else has under this limit,
// and says whether it may pass. It never fails: without Redis it counts here.
func (l *Limiter) Take(ctx context.Context, limit Limit, who string) Verdict {
	if limit.Rate.IsZero() {
		return Verdict{OK: true}
	}
	key := l.key(limit, who)
	v, ok := l.shared(ctx, limit, key)
	if !ok {
		v = l.own(limit, key)
	}
	if !v.OK {
		refusedTotal.WithLabelValues(limit.Name).Inc()
	}
	return v
}

// key names a caller under a limit. It is a digest: neither addresses of people
// nor texts of any length are kept in Redis. A limit that is changed counts anew:
// what was reckoned at another rate would hold callers back for too long.
func (l *Limiter) key(limit Limit, who string) string {
	sum := sha256.Sum256([]byte(who))
	return l.prefix + ":" + limit.Name + ":" + limit.Rate.String() + ":" + base64.RawURLEncoding.EncodeToString(sum[:12])
}

// shared judges by what all processes let pass; false when Redis does not
// answer. Whoever comes while Redis is being asked about the same caller waits
// for that answer.
func (l *Limiter) shared(ctx context.Context, limit Limit, key string) (Verdict, bool) {
	now := l.now()
	of := l.leases.get(key, now)
	of.mu.Lock()
	defer of.mu.Unlock()
	if v, known := of.spend(limit.Rate, now); known {
		return v, true
	}
	if !l.trip.allows() {
		return Verdict{}, false
	}
	n := 1
	if limit.Leased {
		n = of.want(leaseLimit(limit.Rate), now)
	}
	a, err := l.ask(ctx, key, limit.Rate, n)
	if err != nil {
		return Verdict{}, false
	}
	of.refill(a, now)
	return of.spend(limit.Rate, now)
}

// own judges by what this process let pass.
func (l *Limiter) own(limit Limit, key string) Verdict {
	r := limit.Rate
	if limit.Closed {
		r = r.Share(strictShare)
	}
	return l.local.take(key, r, limit.Closed, l.now())
}

// answer is what Redis says.
type answer struct {
	granted, rest int
	reset, retry  time.Duration
}

// ask takes up to n of a rate.
func (l *Limiter) ask(ctx context.Context, key string, r wa.Rate, n int) (answer, error) {
	// A caller who goes away must not look like a Redis that is away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askWithin)
	defer cancel()
	rule := redis_rate.Limit{Rate: r.Count, Burst: r.Count, Period: r.Per}
	take := l.rate.AllowN
	if n > 1 {
		take = l.rate.AllowAtMost
	}
	res, err := take(ctx, key, rule, n)
	l.trip.note(err)
	if err != nil {
		askedTotal.WithLabelValues("failed").Inc()
		return answer{}, errors.Join(errAway, err)
	}
	askedTotal.WithLabelValues("ok").Inc()
	return answer{granted: res.Allowed, rest: res.Remaining, reset: res.ResetAfter, retry: max(res.RetryAfter, time.Millisecond)}, nil
}

var errAway = errors.New("redis does not answer")
