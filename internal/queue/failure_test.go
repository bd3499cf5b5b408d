package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"go.uber.org/goleak"

	"chasqui/internal/queue"
	"chasqui/internal/wa"
)

// Whatever Redis did, nothing of ours may be left running.
func TestMain(m *testing.M) {
	queue.LogRedis(discard()) // these tests break connections all the time
	goleak.VerifyTestMain(m)
}

func TestAWorkerStartsWithoutRedisAndHearsItLater(t *testing.T) {
	t.Parallel()
	url := redisURL(t)
	w := newWire(t, url)
	w.set(closed)
	heard := make(chan struct{}, 1)
	serve(t, open(t, w.url, false), 1, &board{ring: func(wa.ClientID, wa.Lane) bool { heard <- struct{}{}; return true }}, queue.Options{})
	ringer(open(t, url, true)).Ring(t.Context(), []wa.Job{ticket(1)})
	select {
	case <-heard:
		t.Fatal("the wire is not cut")
	case <-time.After(200 * time.Millisecond):
	}
	w.set(passing)
	select {
	case <-heard:
	case <-time.After(10 * time.Second):
		t.Error("the bell is not heard although Redis is back")
	}
}

func TestAWorkerHearsBellsAgainAfterAnOutage(t *testing.T) {
	t.Parallel()
	for name, broken := range map[string]mode{"gone": closed, "hanging": hanging} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := redisURL(t)
			w := newWire(t, url)
			heard := make(chan struct{}, 10)
			serve(t, open(t, w.url, false), 1, &board{ring: func(wa.ClientID, wa.Lane) bool { heard <- struct{}{}; return true }}, queue.Options{})
			r := ringer(open(t, url, true))
			for range 2 {
				r.Ring(t.Context(), []wa.Job{ticket(1)})
				select {
				case <-heard:
				case <-time.After(10 * time.Second):
					t.Fatal("not heard")
				}
				w.set(broken)
				time.AfterFunc(300*time.Millisecond, func() { w.set(passing) })
			}
		})
	}
}

// The worker's own shutdown waits for this: neither a ticket nor a Redis that
// does not answer may hold it up.
func TestStoppingDoesNotWaitForARedisThatHangs(t *testing.T) {
	t.Parallel()
	w := newWire(t, redisURL(t))
	heard := make(chan struct{}, 1)
	stop := serve(t, open(t, w.url, false), 1, &board{ring: func(wa.ClientID, wa.Lane) bool { heard <- struct{}{}; return true }}, queue.Options{})
	ringer(open(t, w.url, true)).Ring(t.Context(), []wa.Job{ticket(1)})
	<-heard
	w.set(hanging)
	within(t, 9*time.Second, "stopping", stop)
	w.set(closed)
}

// A ticket that waits when the worker stops goes back, uncounted; what rings
// later waits for whoever has the slot next.
func TestAStoppingWorkerGivesItsTicketsBack(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	i := inspector(t, rdb)
	waiting := make(chan struct{}, 1)
	await := func(ctx context.Context, _ wa.MessageID) (wa.Status, string, string, bool) {
		waiting <- struct{}{}
		<-ctx.Done()
		return "", "", "", false
	}
	stop := serve(t, rdb, 1, &board{await: await}, queue.Options{})
	r, first, second := ringer(rdb), ticket(1), ticket(1)
	r.Ring(t.Context(), []wa.Job{first})
	<-waiting
	within(t, 3*time.Second, "stopping", stop)
	r.Ring(t.Context(), []wa.Job{second})
	state := func(m wa.MessageID) *asynq.TaskInfo {
		t.Helper()
		info, err := i.GetTaskInfo("wa:w01:urgent", m.String()+":0")
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	if got := state(first.Message); got.State != asynq.TaskStateRetry || got.Retried != 0 || got.LastErr != "the worker stops" {
		t.Errorf("%s after %d tries: %s", got.State, got.Retried, got.LastErr)
	}
	if got := state(second.Message); got.State != asynq.TaskStatePending {
		t.Errorf("a stopped worker took a bell: %s", got.State)
	}
	serve(t, rdb, 1, &board{}, queue.Options{})
	eventually(t, "the next worker finishes both", func() bool {
		return state(first.Message).State == asynq.TaskStateCompleted && state(second.Message).State == asynq.TaskStateCompleted
	})
}

// A ticket that waits while Redis is wiped ends as if nothing had been, and
// the next bells are heard and, after a look, seen.
func TestAWipeInTheMiddleOfWork(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	i := inspector(t, rdb)
	release, rung := make(chan struct{}), make(chan wa.ClientID, 10)
	serve(t, rdb, 1, &board{
		ring: func(c wa.ClientID, _ wa.Lane) bool { rung <- c; return true },
		await: func(context.Context, wa.MessageID) (wa.Status, string, string, bool) {
			<-release
			return wa.Sent, "", "", true
		},
	}, queue.Options{})
	r := ringer(rdb)
	look := func() {
		t.Helper()
		if err := r.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	look()
	r.Ring(t.Context(), []wa.Job{ticket(1)})
	<-rung
	if err := rdb.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	close(release)
	look()
	again := ticket(1)
	r.Ring(t.Context(), []wa.Job{again})
	select {
	case got := <-rung:
		if got != again.Client {
			t.Errorf("rung for %s", got)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("deaf after the wipe")
	}
	eventually(t, "the queue is seen again, with its finished ticket", func() bool {
		q, err := i.GetQueueInfo("wa:w01:urgent")
		return err == nil && q.Completed == 1
	})
}

func TestSlotsThatCannotBe(t *testing.T) {
	t.Parallel()
	rdb := open(t, "redis://127.0.0.1:1/0", false)
	for _, slot := range []int{-1, 0, queue.MaxSlot + 1} {
		if err := queue.Serve(t.Context(), rdb, slot, &board{}, queue.Options{}); wa.CodeOf(err) != wa.Invalid {
			t.Errorf("slot %d: %v", slot, err)
		}
	}
}

func TestPolicyOfMemory(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), false)
	if err := queue.CheckPolicy(t.Context(), rdb); err != nil {
		t.Error(err)
	}
	if err := rdb.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err(); err != nil {
		t.Fatal(err)
	}
	if err := queue.CheckPolicy(t.Context(), rdb); wa.CodeOf(err) != wa.Invalid {
		t.Errorf("a Redis that evicts: %v", err)
	}
	if err := queue.CheckPolicy(t.Context(), open(t, "redis://127.0.0.1:1/0", false)); wa.CodeOf(err) != wa.Unavailable {
		t.Errorf("no Redis: %v", err)
	}
	if _, err := queue.OpenRedis("postgres://x", false); err == nil {
		t.Error("a URL of something else was taken")
	}
}
