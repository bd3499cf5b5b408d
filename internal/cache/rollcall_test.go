package cache_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"chasqui/internal/cache"
	"chasqui/internal/wa"
)

func rollCall(t *testing.T, url, prefix string) *cache.RollCall {
	t.Helper()
	r, err := cache.NewRollCall(url, prefix)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// Whoever told of itself lately is there, with all that it said, until it leaves
// or falls silent.
func TestRollCall(t *testing.T) {
	t.Parallel()
	ctx, prefix := t.Context(), prefix()
	r := rollCall(t, redisURL(t), prefix)
	if all, err := r.All(ctx); err != nil || len(all) != 0 {
		t.Errorf("nobody is there: %v, %v", all, err)
	}
	percent, bytes, n := 12.5, int64(1<<30), 7
	now := time.Now().UTC()
	api := wa.Pulse{
		Process: wa.Process{ID: "api-1", Kind: wa.RunsAPI, Version: "1", StartedAt: now, CPUPercent: &percent, MemoryBytes: &bytes, Goroutines: &n, SeenAt: now},
		Traffic: &wa.Traffic{Seconds: 60, Requests: 5, Within: []wa.Within{{Seconds: .1, Count: 4}}},
	}
	worker := wa.Pulse{Process: wa.Process{ID: "worker-1", Kind: wa.RunsWorker, StartedAt: now, Connections: &n, SeenAt: now}}
	for _, p := range []wa.Pulse{worker, api, api} {
		if err := r.Tell(ctx, p); err != nil {
			t.Fatal(err)
		}
	}
	byID := func() map[string]wa.Pulse {
		all, err := r.All(ctx)
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]wa.Pulse{}
		for _, p := range all {
			found[p.Process.ID] = p
		}
		return found
	}
	if diff := cmp.Diff(map[string]wa.Pulse{"api-1": api, "worker-1": worker}, byID()); diff != "" {
		t.Error(diff)
	}
	o, err := redis.ParseURL(redisURL(t))
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(o)
	t.Cleanup(func() { _ = rdb.Close() })
	if ttl := rdb.TTL(ctx, prefix+":pulse:worker-1").Val(); ttl <= 0 || ttl > 30*time.Second {
		t.Errorf("a worker that falls silent is forgotten after %s", ttl)
	}
	rdb.Del(ctx, prefix+":pulse:worker-1") // it fell silent
	if diff := cmp.Diff(map[string]wa.Pulse{"api-1": api}, byID()); diff != "" {
		t.Error(diff)
	}
	if err := r.Leave(context.WithoutCancel(ctx), "api-1"); err != nil || len(byID()) != 0 {
		t.Errorf("%v are there (%v)", byID(), err)
	}
}

// Without Redis nobody is told of, and nobody waits.
func TestRollCallWithoutRedis(t *testing.T) {
	t.Parallel()
	r := rollCall(t, "redis://127.0.0.1:1/0", prefix())
	began := time.Now()
	if err := r.Tell(t.Context(), wa.Pulse{}); err == nil {
		t.Error("it was told")
	}
	if all, err := r.All(t.Context()); err == nil {
		t.Errorf("%v are there", all)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("that took %s", took)
	}
}
