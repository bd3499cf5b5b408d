package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"chasqui/internal/queue"
	"chasqui/internal/wa"
)

// What an older or newer release, or somebody else, puts into our queues.
func TestStrangeTasks(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	i, c := inspector(t, rdb), asynq.NewClientFromRedisClient(rdb)
	var rings atomic.Int32
	serve(t, rdb, 1, &board{ring: func(wa.ClientID, wa.Lane) bool { rings.Add(1); return true }}, queue.Options{})
	for id, tt := range map[string]struct {
		kind, payload string
		want          asynq.TaskState // 0: it is gone
	}{
		"no JSON":         {"message:send", "hello", asynq.TaskStateArchived},
		"no id":           {"message:send", `{"v":1,"message_id":"cli_00000000000000000000000000"}`, asynq.TaskStateArchived},
		"newer":           {"message:send", `{"v":2,"text":"?"}`, 0},
		"unknown kind":    {"message:sending", `{"v":1}`, asynq.TaskStateRetry}, // asynq's own mux takes it for message:send
		"kind of nothing": {"x", ``, asynq.TaskStateRetry},
	} {
		if _, err := c.Enqueue(asynq.NewTask(tt.kind, []byte(tt.payload)), asynq.Queue("wa:w01"), asynq.TaskID(id)); err != nil {
			t.Fatal(err)
		}
		eventually(t, id, func() bool {
			info, err := i.GetTaskInfo("wa:w01", id)
			if tt.want == 0 {
				return errors.Is(err, asynq.ErrTaskNotFound)
			}
			return err == nil && info.State == tt.want
		})
	}
	if rings.Load() != 0 {
		t.Error("one of them reached a handler")
	}
}

func TestAWorkerWithoutPostgresKeepsItsTickets(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	i := inspector(t, rdb)
	serve(t, rdb, 1, &board{backlog: func(context.Context, wa.ClientID) (int, error) {
		return 0, errors.New("the database is away")
	}}, queue.Options{})
	c := wa.NewClientID()
	ringer(rdb).Ring(t.Context(), []wa.Job{wa.DrainTicket{Client: c, Slot: 1}})
	eventually(t, "the ticket waits, uncounted", func() bool {
		info, err := i.GetTaskInfo("wa:w01", "drain:"+c.String())
		return err == nil && info.State == asynq.TaskStateRetry && info.Retried == 0
	})
}

func TestControlAndDrainFollowTheirClientToo(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	c := wa.NewClientID()
	away := &board{
		ring:  func(wa.ClientID, wa.Lane) bool { return false },
		kick:  func(wa.ClientID) bool { return false },
		owner: func(context.Context, wa.ClientID) (int, bool) { return 2, true },
	}
	reached := make(chan string, 10)
	here := &board{
		kick:    func(wa.ClientID) bool { reached <- "kick"; return true },
		backlog: func(context.Context, wa.ClientID) (int, error) { reached <- "drain"; return 0, nil },
	}
	serve(t, rdb, 1, away, queue.Options{})
	serve(t, rdb, 2, here, queue.Options{})
	r := ringer(rdb)
	for want, job := range map[string]wa.Job{"kick": wa.ControlTicket{Client: c, Slot: 1}, "drain": wa.DrainTicket{Client: c, Slot: 1}} {
		r.Ring(t.Context(), []wa.Job{job})
		select {
		case got := <-reached:
			if got != want {
				t.Errorf("%s reached %s", want, got)
			}
		case <-time.After(5 * time.Second):
			t.Fatalf("%s did not arrive", want)
		}
	}
}

func TestWhatCountsAndWhenItComesBack(t *testing.T) {
	t.Parallel()
	in := func(d time.Duration) error { return fmt.Errorf("x: %w", &queue.ErrPaced{Until: time.Now().Add(d)}) }
	for name, tt := range map[string]struct {
		err      error
		n        int
		counts   bool
		from, to time.Duration
	}{
		"paced":            {in(time.Hour), 3, false, time.Hour - time.Second, time.Hour},
		"paced until past": {in(-time.Hour), 3, false, 0, 0},
		"not ready":        {&queue.ErrNotReady{Err: errors.New("x")}, 3, false, 5 * time.Second, 5 * time.Second},
		"worker died":      {asynq.ErrLeaseExpired, 0, false, 0, 0},
		"worker stopped":   {context.Canceled, 0, false, 0, 0},
		"failed once":      {errors.New("x"), 0, true, 1600 * time.Millisecond, 2400 * time.Millisecond},
		"failed often":     {errors.New("x"), 4, true, 25 * time.Second, 39 * time.Second},
		"failed for long":  {errors.New("x"), 1000, true, 4 * time.Minute, 6 * time.Minute},
		"took too long":    {context.DeadlineExceeded, 0, true, 1600 * time.Millisecond, 2400 * time.Millisecond},
	} {
		if got := queue.IsFailure(tt.err); got != tt.counts {
			t.Errorf("%s: counts %v", name, got)
		}
		if got := queue.RetryDelay(tt.n, tt.err, nil); got < tt.from || got > tt.to {
			t.Errorf("%s: comes back in %s", name, got)
		}
	}
}

func TestWhatOperatorsReadOfAWait(t *testing.T) {
	t.Parallel()
	next := time.Date(2030, 1, 2, 13, 3, 7, 0, time.FixedZone("", 3600))
	for want, e := range map[string]queue.ErrPaced{
		"in line":                               {},
		"client_offline":                        {Why: wa.WaitOffline},
		"next 12:03:07; gap":                    {Next: next, Why: wa.WaitGap},
		"1,204 left; next 12:03:07; minute_cap": {Text: "1,204 left", Next: next, Why: wa.WaitMinuteCap},
	} {
		if got := e.Error(); got != want {
			t.Errorf("%q instead of %q", got, want)
		}
	}
}

func TestALibrarysWarningsAreHeldBack(t *testing.T) {
	t.Parallel()
	c, now := &queue.Calm{}, time.Unix(1e9, 0)
	for _, step := range []struct {
		after time.Duration
		muted int
		ok    bool
	}{{0, 0, true}, {1, 0, false}, {queue.CalmFor - 1, 0, false}, {queue.CalmFor, 2, true}, {queue.CalmFor + 1, 0, false}} {
		if muted, ok := queue.Pass(c, now.Add(step.after)); muted != step.muted || ok != step.ok {
			t.Errorf("after %s: %v, %d muted", step.after, ok, muted)
		}
	}
}
