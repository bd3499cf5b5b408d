// Package cache is what the programs share through Redis and can do without:
// the counting of requests against their limits. Nothing that matters is kept
// here, because Redis may be wiped at any moment. Bells and jobs, which are also
// in Redis, belong to queue.
package cache

import (
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// askWithin bounds one question to Redis: a request waits for the answer, and
// there is another way to go on.
const askWithin = 100 * time.Millisecond

// open prepares a client that gives up soon; it does not wait for Redis to be
// there.
func open(url string) (*redis.Client, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, fmt.Errorf("read REDIS_URL: %w", err)
	}
	o.ContextTimeoutEnabled = true // else a deadline does not end a call that Redis does not answer
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout = askWithin, askWithin, askWithin
	o.MaxRetries = -1
	o.DialerRetries = 1
	o.PoolSize = 16
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled} // a cloud product's
	return redis.NewClient(o), nil
}
