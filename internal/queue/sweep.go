package queue

import (
	"context"
	"fmt"
	"slices"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// SweepDeadSlots removes the bells of workers that are gone for good (R10) and
// says how many there were. Their work is found by whoever holds the clients
// now. What is marked as running stays: asynq removes no queue that has such.
func SweepDeadSlots(ctx context.Context, rdb *redis.Client, slots []int) (int, error) {
	i := asynq.NewInspectorFromRedisClient(rdb)
	names, err := i.Queues()
	if err != nil {
		return 0, fmt.Errorf("list queues: %w", err)
	}
	swept := 0
	for _, slot := range slots {
		for _, name := range []string{urgentQueue(slot), slotQueue(slot)} {
			if !slices.Contains(names, name) {
				continue // nobody ever rang there
			}
			n, err := sweep(ctx, i, name)
			swept += n
			if err != nil {
				return swept, fmt.Errorf("sweep queue %s: %w", name, err)
			}
		}
	}
	return swept, nil
}

func sweep(ctx context.Context, i *asynq.Inspector, name string) (swept int, err error) {
	for _, remove := range []func(string) (int, error){
		i.DeleteAllPendingTasks, i.DeleteAllScheduledTasks, i.DeleteAllRetryTasks,
		i.DeleteAllArchivedTasks, i.DeleteAllCompletedTasks,
	} {
		if err := ctx.Err(); err != nil {
			return swept, err
		}
		n, err := remove(name)
		if err != nil {
			return swept, err
		}
		swept += n
	}
	return swept, nil
}
