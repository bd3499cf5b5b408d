package queue

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"chasqui/internal/wa"
)

// Bounds of ringing: it must never be what a request waits for.
const (
	ringBudget  = 150 * time.Millisecond // for all bells of one call
	ringInline  = 3                      // more bells than this are rung in the background
	ringBacklog = 4096                   // bells waiting for the background
	ringWorkers = 2
)

// Ringer announces work to whoever has to do it, best effort: what it loses is
// found by the workers' poll. It is safe for concurrent use.
type Ringer struct {
	rdb    *redis.Client
	log    *slog.Logger
	client atomic.Pointer[asynq.Client]
	trip   trip
	later  chan wa.Job

	mu         sync.Mutex
	generation string // the Redis that was last seen; "" before the first
}

// NewRinger makes a ringer on a client that OpenRedis opened for one. It rings
// at once; Run adds the background.
func NewRinger(rdb *redis.Client, log *slog.Logger) *Ringer {
	r := &Ringer{rdb: rdb, log: log, later: make(chan wa.Job, ringBacklog)}
	r.client.Store(asynq.NewClientFromRedisClient(rdb))
	return r
}

// Run rings what was left for the background and looks every ten seconds
// whether Redis was wiped, until ctx ends.
func (r *Ringer) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for range ringWorkers {
		wg.Go(func() { r.work(ctx) })
	}
	r.watch(ctx)
	wg.Wait()
}

// Ring announces jobs. It returns within 150 ms whatever Redis does; it has no
// error, because there is nothing that a caller should do about one.
func (r *Ringer) Ring(ctx context.Context, jobs []wa.Job) {
	if len(jobs) > ringInline {
		r.leave(jobs)
		return
	}
	within, cancel := context.WithTimeout(ctx, ringBudget)
	defer cancel()
	for _, job := range jobs {
		r.ring(within, job)
	}
}

// leave hands jobs to the background, or drops them when it is behind.
func (r *Ringer) leave(jobs []wa.Job) {
	for i, job := range jobs {
		select {
		case r.later <- job:
		default:
			ringTotal.WithLabelValues("dropped").Add(float64(len(jobs) - i))
			return
		}
	}
}

func (r *Ringer) work(ctx context.Context) {
	for {
		select {
		case job := <-r.later:
			within, cancel := context.WithTimeout(ctx, ringBudget)
			r.ring(within, job)
			cancel()
		case <-ctx.Done():
			return
		}
	}
}

// ring rings one bell. A bell that rings already is as good as a new one.
func (r *Ringer) ring(ctx context.Context, job wa.Job) {
	if ctx.Err() != nil || !r.trip.allows(time.Now()) {
		ringTotal.WithLabelValues("skipped").Inc()
		return
	}
	err := enqueue(ctx, r.client.Load(), job, nil)
	switch {
	case err == nil:
		ringTotal.WithLabelValues("ok").Inc()
	case errors.Is(err, asynq.ErrTaskIDConflict):
		ringTotal.WithLabelValues("conflict").Inc()
		err = nil
	default:
		ringTotal.WithLabelValues("failed").Inc()
	}
	if r.trip.note(err, time.Now()) {
		r.log.WarnContext(ctx, "cannot ring; the workers' poll finds the work", "job", job.Kind(), "error", err, "pause", tripRest)
	}
}

// enqueue puts a job where its owner listens.
func enqueue(ctx context.Context, c *asynq.Client, job wa.Job, headers map[string]string) error {
	b, err := address(job)
	if err != nil {
		return err
	}
	t, err := b.task(headers)
	if err != nil {
		return err
	}
	_, err = c.EnqueueContext(ctx, t)
	return err
}
