package queue

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"chasqui/internal/wa"
)

// Where endpoints that have something to get are announced. Those that do not
// answer have a queue, and a server, of their own: weights alone would not keep
// them from taking all the hands.
const (
	hookQueue     = "webhook"
	slowHookQueue = "webhook:slow"
)

// Concurrency of the two servers.
const (
	hookHands     = 64
	slowHookHands = 16
)

// hookBell announces an endpoint, not a delivery: at some thousand deliveries a
// second a bell for each would cost more than bringing them.
func hookBell(j wa.DeliverTicket) bell {
	queue := hookQueue
	if j.Slow {
		queue = slowHookQueue
	}
	return bell{job: j, queue: queue, id: "hook:" + j.Endpoint.String()}
}

// HookLines is what the tickets of webhooks need of the process that delivers.
type HookLines interface {
	// Wake has an endpoint's line look for what is due.
	Wake(endpoint wa.EndpointID)
	// OpenUntil tells until when nothing is sent to an endpoint; zero when
	// nothing holds it up.
	OpenUntil(ctx context.Context, endpoint wa.EndpointID) (time.Time, error)
}

// ServeHooks listens to the bells of webhooks until ctx ends. Like Serve it
// needs no Redis to start or to go on.
func ServeHooks(ctx context.Context, rdb *redis.Client, lines HookLines, log *slog.Logger) error {
	own := redis.NewClient(rdb.Options())
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	m := hookHandlers{lines}.mux()
	var servers []*asynq.Server
	for _, c := range []asynq.Config{
		hookConfig(base, hookQueue, hookHands, 100*time.Millisecond, time.Second, log),
		hookConfig(base, slowHookQueue, slowHookHands, 500*time.Millisecond, 5*time.Second, log),
	} {
		srv := asynq.NewServerFromRedisClient(own, c)
		if err := srv.Start(m); err != nil {
			own.Close()
			return fmt.Errorf("start asynq for webhooks: %w", err)
		}
		servers = append(servers, srv)
	}
	<-ctx.Done()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for _, srv := range servers {
			srv.Stop()
		}
		for _, srv := range servers {
			srv.Shutdown()
		}
		own.Close()
	}()
	select {
	case <-stopped:
	case <-time.After(stopWithin):
		log.WarnContext(ctx, "asynq waits for Redis; left to end by itself", "queue", hookQueue)
	}
	return nil
}

func hookConfig(base context.Context, queue string, hands int, check, delayed time.Duration, log *slog.Logger) asynq.Config {
	return asynq.Config{
		Queues:                   map[string]int{queue: 1},
		Concurrency:              hands,
		TaskCheckInterval:        check,
		DelayedTaskCheckInterval: delayed,
		ShutdownTimeout:          shutdownTimeout,
		JanitorInterval:          30 * time.Second,
		HealthCheckInterval:      15 * time.Second,
		HealthCheckFunc:          noteRedis,
		BaseContext:              func() context.Context { return base },
		IsFailure:                isFailure,
		RetryDelayFunc:           retryDelay,
		Logger:                   asynqLog{log, &calm{}},
		LogLevel:                 asynq.InfoLevel,
	}
}

type hookHandlers struct{ lines HookLines }

func (h hookHandlers) mux() mux {
	m := mux{}
	on(m, h.deliver)
	return m
}

// deliver wakes an endpoint's line. While the circuit is open the ticket stays
// where operators see it, and comes back when there is something to try.
func (h hookHandlers) deliver(ctx context.Context, _ *asynq.Task, j wa.DeliverTicket) error {
	until, err := h.lines.OpenUntil(ctx, j.Endpoint)
	if err != nil {
		return &ErrNotReady{err}
	}
	if time.Now().Before(until) {
		return &ErrPaced{Until: until, Text: "the endpoint does not answer"}
	}
	h.lines.Wake(j.Endpoint)
	return nil
}
