package queue

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const pausedEvery = 5 * time.Second

// Paused reports whether an operator paused one of a worker's own queues on
// asynq's page. Either of them stops all that leaves the worker.
func Paused(ctx context.Context, rdb *redis.Client, slot int) (bool, error) {
	// asynq's own question goes through all tasks of the queue.
	n, err := rdb.Exists(ctx, pausedKey(urgentQueue(slot))).Result()
	if err == nil && n == 0 {
		n, err = rdb.Exists(ctx, pausedKey(slotQueue(slot))).Result()
	}
	if err != nil {
		return false, fmt.Errorf("read whether slot %d is paused: %w", slot, err)
	}
	return n > 0, nil
}

func pausedKey(queue string) string { return "asynq:{" + queue + "}:paused" }

// watchPaused tells set whether the slot is paused, until ctx ends. Without
// Redis the last word stands.
func watchPaused(ctx context.Context, rdb *redis.Client, slot int, set func(bool)) {
	if set == nil {
		<-ctx.Done()
		return
	}
	ticker := time.NewTicker(pausedEvery)
	defer ticker.Stop()
	told, known := false, false
	for {
		if paused, err := Paused(ctx, rdb, slot); err == nil && (paused != told || !known) {
			told, known = paused, true
			set(paused)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}
