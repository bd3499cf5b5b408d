package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// generationKey tells one life of a Redis from the next: it is gone when the
// data is gone.
const generationKey = "app:generation"

const watchEvery = 10 * time.Second

func (r *Ringer) watch(ctx context.Context) {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		// A Redis that is away says so on its gauge; ringing logs it.
		_ = r.Look(ctx)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// Look finds out whether Redis was wiped since the last look (R9). asynq's
// client believes that its queues are still listed; only a new one lists them
// again, so that the operator sees them. The error is Redis'.
func (r *Ringer) Look(ctx context.Context) error {
	now, err := r.sentinel(ctx)
	noteRedis(err)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.generation
	r.generation = now
	if before == "" || before == now {
		return nil
	}
	generationChanges.Inc()
	r.client.Store(asynq.NewClientFromRedisClient(r.rdb))
	r.log.WarnContext(ctx, "Redis was wiped; nothing is lost, the work stands in Postgres")
	return nil
}

// sentinel reads the generation, and starts one where there is none.
func (r *Ringer) sentinel(ctx context.Context) (string, error) {
	for range 2 {
		id, err := r.rdb.Get(ctx, generationKey).Result()
		if err == nil {
			return id, nil
		}
		if !errors.Is(err, redis.Nil) {
			return "", fmt.Errorf("read Redis' generation: %w", err)
		}
		if err := r.rdb.SetNX(ctx, generationKey, uuid.NewString(), 0).Err(); err != nil {
			return "", fmt.Errorf("start a generation of Redis: %w", err)
		}
	}
	return "", errors.New("a generation of Redis does not stay")
}
