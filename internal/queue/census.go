package queue

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// censusEvery is how old the figures of the queues may get: counting goes
// through all of them.
const censusEvery = 15 * time.Second

// Census counts what is in asynq for the metrics. One process at a time should
// do it, the leading scheduler. It is safe for concurrent use.
type Census struct {
	inspector *asynq.Inspector

	mu   sync.Mutex
	next time.Time
}

// NewCensus makes a census of rdb's Redis.
func NewCensus(rdb *redis.Client) *Census {
	return &Census{inspector: asynq.NewInspectorFromRedisClient(rdb)}
}

// Collect counts, unless that was done less than 15 s ago. The error is Redis'.
func (c *Census) Collect(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.next) {
		return nil
	}
	c.next = time.Now().Add(censusEvery)
	names, err := c.inspector.Queues()
	if err != nil {
		return fmt.Errorf("list queues: %w", err)
	}
	var figures []*asynq.QueueInfo
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !ourQueue.MatchString(name) {
			continue
		}
		q, err := c.inspector.GetQueueInfo(name)
		if err != nil {
			return fmt.Errorf("count queue %s: %w", name, err)
		}
		figures = append(figures, q)
	}
	forget() // a queue that is gone must not keep its last figures
	for _, q := range figures {
		show(q)
	}
	return nil
}

// Forget takes the figures back: another process leads now.
func (c *Census) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = time.Time{}
	forget()
}

func forget() {
	queueTasks.Reset()
	queueLatency.Reset()
}

func show(q *asynq.QueueInfo) {
	for state, n := range map[string]int{
		"pending": q.Pending, "active": q.Active, "scheduled": q.Scheduled,
		"retry": q.Retry, "archived": q.Archived, "completed": q.Completed,
	} {
		queueTasks.WithLabelValues(q.Queue, state).Set(float64(n))
	}
	queueLatency.WithLabelValues(q.Queue).Set(q.Latency.Seconds())
}
