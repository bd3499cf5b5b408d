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

// Options tune Serve.
type Options struct {
	// Capacity is how many clients the worker may hold; 0 means 1,000.
	Capacity int
	// SetPaused hears whether an operator paused the worker's queues, at first
	// and at every change. It may be nil.
	SetPaused func(paused bool)
	// Log is where to write; nil discards.
	Log *slog.Logger
}

const (
	sparePlaces     = 256 // tokens that waiting tickets leave to new ones
	shutdownTimeout = 5 * time.Second
	// stopWithin bounds the end of Serve. asynq itself waits for Redis, once for
	// each of its loops.
	stopWithin = shutdownTimeout + 3*time.Second
)

// Serve listens to the bells of a worker's slot until ctx ends, then takes no
// more tasks, lets the running ones come to an end, and returns within eight
// seconds. It needs no Redis to start or to go on: without one nothing rings.
// The error says that slot cannot be.
func Serve(ctx context.Context, rdb *redis.Client, slot int, board Board, o Options) error {
	if slot < 1 || slot > MaxSlot {
		return wa.Errorf(wa.Invalid, "worker slots go from 1 to %d: there is no %d", MaxSlot, slot)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Capacity == 0 {
		o.Capacity = 1000
	}
	// A client of the server's own: its many hands must not keep the bells of
	// others waiting for a connection, and it must not be closed under asynq.
	own := redis.NewClient(rdb.Options())
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	srv := asynq.NewServerFromRedisClient(own, config(base, slot, o))
	h := &handlers{board: board, slot: slot, rdb: own, places: newPlaces(2 * o.Capacity), closing: ctx, log: o.Log}
	if err := srv.Start(h.mux()); err != nil {
		cancel()
		own.Close()
		return fmt.Errorf("start asynq: %w", err)
	}
	watchPaused(ctx, own, slot, o.SetPaused)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		srv.Stop()
		srv.Shutdown()
		own.Close()
	}()
	select {
	case <-stopped:
	case <-time.After(stopWithin):
		o.Log.WarnContext(ctx, "asynq waits for Redis; left to end by itself", "slot", slot)
	}
	cancel()
	return nil
}

// config is the one server of a worker. Its queues are served strictly in
// order; nothing that is paced holds a token.
func config(base context.Context, slot int, o Options) asynq.Config {
	return asynq.Config{
		Queues:                   map[string]int{urgentQueue(slot): 10, slotQueue(slot): 5, assignQueue: 1},
		StrictPriority:           true,
		Concurrency:              2*o.Capacity + sparePlaces,
		TaskCheckInterval:        50 * time.Millisecond, // an idle line hears its bell within as much
		DelayedTaskCheckInterval: time.Second,
		ShutdownTimeout:          shutdownTimeout,
		JanitorInterval:          30 * time.Second,
		HealthCheckInterval:      5 * time.Second,
		HealthCheckFunc:          noteRedis,
		BaseContext:              func() context.Context { return base },
		IsFailure:                isFailure,
		RetryDelayFunc:           retryDelay,
		Logger:                   asynqLog{o.Log, &calm{}},
		LogLevel:                 asynq.InfoLevel,
	}
}
