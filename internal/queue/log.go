package queue

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// calmFor is how long warnings of a library are held back after one was
// shown: with Redis away they come in hundreds.
const calmFor = 10 * time.Second

// calm lets one warning through in a while and counts the others.
type calm struct {
	mu    sync.Mutex
	next  time.Time
	muted int
}

func (c *calm) pass(now time.Time) (muted int, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.next) {
		c.muted++
		return 0, false
	}
	muted, c.muted = c.muted, 0
	c.next = now.Add(calmFor)
	return muted, true
}

// asynqLog is a logger for asynq. What it calls a warning is our everyday: a
// ticket that ended as "failed", or a forwarded one.
type asynqLog struct {
	log  *slog.Logger
	calm *calm
}

func (l asynqLog) Debug(...any)     {}
func (l asynqLog) Info(args ...any) { l.log.Debug("asynq says", "text", fmt.Sprint(args...)) }
func (l asynqLog) Warn(args ...any) { l.log.Debug("asynq warns", "text", fmt.Sprint(args...)) }

func (l asynqLog) Error(args ...any) {
	if muted, ok := l.calm.pass(time.Now()); ok {
		l.log.Warn("asynq has trouble", "text", fmt.Sprint(args...), "muted", muted)
	}
}

// Fatal is an error like others: it is not for a library to end the process.
func (l asynqLog) Fatal(args ...any) { l.Error(args...) }

// redisLog is a logger for the Redis client.
type redisLog struct {
	log  *slog.Logger
	calm *calm
}

// Printf is called for broken connections and the like.
func (l redisLog) Printf(ctx context.Context, format string, args ...any) {
	if muted, ok := l.calm.pass(time.Now()); ok {
		l.log.WarnContext(ctx, "redis has trouble", "text", fmt.Sprintf(format, args...), "muted", muted)
	}
}
