package queue

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"chasqui/internal/wa"
)

// OpenRedis prepares a client for a unix:// or redis:// URL; it does not wait
// for Redis to be there. A ringer's client gives up sooner, because a request
// waits for it.
func OpenRedis(url string, forRinger bool) (*redis.Client, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("read REDIS_URL: %w", err)
	}
	o.ContextTimeoutEnabled = true // else a deadline does not end a call that Redis does not answer
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = time.Second, time.Second, time.Second
	o.MaxRetries = 3
	if forRinger {
		o.MaxRetries = 1
	}
	o.DialerRetries = 1 // commands are retried as a whole
	o.PoolSize = 32
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled} // a cloud product's
	return redis.NewClient(o), nil
}

// CheckPolicy reports Unavailable when Redis does not answer, and Invalid when
// it may evict keys to make room: asynq's bookkeeping does not survive that.
func CheckPolicy(ctx context.Context, rdb *redis.Client) error {
	info, err := rdb.Info(ctx, "memory").Result()
	if err != nil {
		return &wa.Error{Code: wa.Unavailable, Message: "Redis does not answer", Err: err}
	}
	for line := range strings.Lines(info) {
		policy, found := strings.CutPrefix(strings.TrimSpace(line), "maxmemory_policy:")
		if !found {
			continue
		}
		if policy != "noeviction" {
			return wa.Errorf(wa.Invalid, "Redis has maxmemory-policy %s, which may drop bells at will: set it to noeviction", policy)
		}
		return nil
	}
	return wa.Errorf(wa.Invalid, "Redis does not tell its maxmemory-policy, which must be noeviction")
}

// LogRedis sends what the Redis client library says, for the whole process,
// to log. Call it once, at start-up.
func LogRedis(log *slog.Logger) {
	redis.SetLogger(redisLog{log, &calm{}})
}
