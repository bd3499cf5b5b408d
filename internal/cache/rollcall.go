package cache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"chasqui/internal/wa"
)

// pulseLife is for how long a process counts as there after it last said so.
const pulseLife = 30 * time.Second

// RollCall is where our processes tell that they are there, and how they do.
// Nothing depends on it: it is for people to look at.
type RollCall struct {
	rdb    *redis.Client
	prefix string
}

// NewRollCall prepares one; Redis need not be there yet. prefix is of every key,
// for those who share a Redis; "" is "chasqui".
func NewRollCall(url, prefix string) (*RollCall, error) {
	rdb, err := open(url)
	if err != nil {
		return nil, err
	}
	if prefix == "" {
		prefix = "chasqui"
	}
	return &RollCall{rdb: rdb, prefix: prefix}, nil
}

// Close lets go of Redis.
func (r *RollCall) Close() error { return r.rdb.Close() }

// Tell publishes how a process does; it is forgotten by itself unless it tells
// again.
func (r *RollCall) Tell(ctx context.Context, p wa.Pulse) error {
	raw, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode a process' pulse: %w", err)
	}
	now := time.Now()
	pipe := r.rdb.TxPipeline()
	pipe.Set(ctx, r.pulse(p.Process.ID), raw, pulseLife)
	pipe.ZAdd(ctx, r.roll(), redis.Z{Score: float64(now.Unix()), Member: p.Process.ID})
	pipe.ZRemRangeByScore(ctx, r.roll(), "-inf", strconv.FormatInt(now.Add(-2*pulseLife).Unix(), 10))
	pipe.Expire(ctx, r.roll(), 2*pulseLife)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("tell of a process: %w", err)
	}
	return nil
}

// Leave forgets a process at once: it ends.
func (r *RollCall) Leave(ctx context.Context, id string) error {
	pipe := r.rdb.TxPipeline()
	pipe.Del(ctx, r.pulse(id))
	pipe.ZRem(ctx, r.roll(), id)
	if _, err := pipe.Exec(ctx); err != nil {
		return fmt.Errorf("leave: %w", err)
	}
	return nil
}

// All lists who has told of itself lately.
func (r *RollCall) All(ctx context.Context) ([]wa.Pulse, error) {
	ids, err := r.rdb.ZRange(ctx, r.roll(), 0, -1).Result()
	if err != nil || len(ids) == 0 {
		return nil, tellAway(err)
	}
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = r.pulse(id)
	}
	values, err := r.rdb.MGet(ctx, keys...).Result()
	if err != nil {
		return nil, tellAway(err)
	}
	var all []wa.Pulse
	for _, v := range values {
		var p wa.Pulse
		raw, there := v.(string)
		if there && json.Unmarshal([]byte(raw), &p) == nil { // what cannot be read is another version's
			all = append(all, p)
		}
	}
	return all, nil
}

func tellAway(err error) error {
	if err == nil {
		return nil
	}
	return errors.Join(errAway, err)
}

func (r *RollCall) pulse(id string) string { return r.prefix + ":pulse:" + id }

func (r *RollCall) roll() string { return r.prefix + ":pulses" }
