package queue_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"chasqui/internal/queue"
	"chasqui/internal/wa"
)

func ticket(slot int) wa.SendTicket {
	return wa.SendTicket{Version: 1, Message: wa.NewMessageID(), Client: wa.NewClientID(), Lane: wa.Urgent, Slot: slot}
}

func TestRingingTwiceLeavesOneTask(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	r := ringer(rdb)
	job := ticket(3)
	for range 3 {
		r.Ring(t.Context(), []wa.Job{job})
	}
	if got := metric(t, "chasqui_ring_total"); got["ok"] < 1 || got["conflict"] < 2 {
		t.Errorf("counted %v", got)
	}
	tasks, err := inspector(t, rdb).ListPendingTasks("wa:w03:urgent")
	if err != nil || len(tasks) != 1 || tasks[0].ID != job.Message.String()+":0" {
		t.Errorf("%d tasks, %v", len(tasks), err)
	}
}

func TestManyBellsAreRungInTheBackground(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	r := ringer(rdb)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { r.Run(ctx) })
	defer wg.Wait()
	defer cancel()
	jobs := make([]wa.Job, 200)
	for i := range jobs {
		jobs[i] = ticket(1)
	}
	within(t, 50*time.Millisecond, "handing over 200 bells", func() { r.Ring(t.Context(), jobs) })
	i := inspector(t, rdb)
	eventually(t, "200 tasks", func() bool {
		q, err := i.GetQueueInfo("wa:w01:urgent")
		return err == nil && q.Pending == len(jobs)
	})
}

// Nobody works off the background here: the rest is dropped, and no call waits.
func TestTooManyBellsAreDropped(t *testing.T) {
	t.Parallel()
	r := ringer(open(t, "redis://127.0.0.1:1/0", true))
	jobs := make([]wa.Job, 1000)
	for i := range jobs {
		jobs[i] = ticket(1)
	}
	within(t, 500*time.Millisecond, "handing over 10,000 bells", func() {
		for range 10 {
			r.Ring(t.Context(), jobs)
		}
	})
}

func TestRingDoesNotWaitForARedisThatHangs(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]func(*testing.T) string{
		"answers nothing from the start": silent,
		"stops to answer":                func(t *testing.T) string { return stalled(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := ringer(open(t, w(t), true))
			three := func() { r.Ring(t.Context(), []wa.Job{ticket(1), ticket(1), ticket(1)}) }
			if took := quickest(queue.TripAfter, three); took > 200*time.Millisecond {
				t.Errorf("ringing takes %s", took)
			}
			if took := quickest(3, three); took > 10*time.Millisecond {
				t.Errorf("ringing again takes %s", took)
			}
		})
	}
}

// quickest does something n times. A busy machine may delay one of them.
func quickest(n int, do func()) time.Duration {
	best := time.Hour
	for range n {
		began := time.Now()
		do()
		best = min(best, time.Since(began))
	}
	return best
}

// silent takes connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return "redis://" + l.Addr().String() + "/0"
}

// stalled is a Redis that was there when the process started.
func stalled(t *testing.T) string {
	t.Helper()
	w := newWire(t, redisURL(t))
	rdb := open(t, w.url, true)
	if err := rdb.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	w.set(hanging)
	return w.url
}

func TestRingDoesNotWaitForARedisThatRefuses(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"redis://127.0.0.1:1/0", "unix://" + t.TempDir() + "/redis.sock"} {
		r := ringer(open(t, url, true))
		one := func() { r.Ring(t.Context(), []wa.Job{ticket(1)}) }
		if took := quickest(queue.TripAfter, one); took > 200*time.Millisecond {
			t.Errorf("ringing takes %s", took)
		}
		if took := quickest(3, one); took > 10*time.Millisecond {
			t.Errorf("ringing again takes %s", took)
		}
	}
}

func TestTripRestsAndLetsOneTry(t *testing.T) {
	t.Parallel()
	trip, now, away := &queue.Trip{}, time.Unix(1e9, 0), errors.New("away")
	for i := range queue.TripAfter {
		if !queue.Allows(trip, now) {
			t.Fatalf("stopped after %d failures", i)
		}
		if stopped := queue.Note(trip, away, now); stopped != (i == queue.TripAfter-1) {
			t.Fatalf("failure %d: stopped %v", i+1, stopped)
		}
	}
	steps := []struct {
		after  time.Duration
		allows bool
	}{
		{0, false},
		{queue.TripRest - 1, false},
		{queue.TripRest, true},
		{queue.TripRest + 1, false},          // somebody tries already
		{queue.TripRest + time.Second, true}, // and never came back to tell
	}
	for _, s := range steps {
		if got := queue.Allows(trip, now.Add(s.after)); got != s.allows {
			t.Errorf("after %s: %v", s.after, got)
		}
	}
	now = now.Add(time.Minute)
	queue.Note(trip, away, now)
	if queue.Allows(trip, now.Add(queue.TripRest-1)) {
		t.Error("no rest after the try failed")
	}
	queue.Note(trip, nil, now)
	if !queue.Allows(trip, now) {
		t.Error("still resting after the try went well")
	}
}

// asynq's client remembers that its queue is listed. Only a new one lists it
// again, so the operator would see nothing after a wipe.
func TestAfterAWipeQueuesAreSeenAgain(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	r, i := ringer(rdb), inspector(t, rdb)
	look := func() {
		t.Helper()
		if err := r.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	look()
	r.Ring(t.Context(), []wa.Job{ticket(1)})
	if err := rdb.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	r.Ring(t.Context(), []wa.Job{ticket(1)})
	if queues := listed(t, i); len(queues) != 0 {
		t.Fatalf("asynq lists %v by itself: this is not needed any more", queues)
	}
	look()
	r.Ring(t.Context(), []wa.Job{ticket(1)})
	if queues := listed(t, i); len(queues) != 1 {
		t.Errorf("asynq lists %v", queues)
	}
}

func listed(t *testing.T, i *asynq.Inspector) []string {
	t.Helper()
	queues, err := i.Queues()
	if err != nil {
		t.Fatal(err)
	}
	return queues
}

// Of two processes both must notice, whoever looks first.
func TestEveryProcessNoticesAWipe(t *testing.T) {
	t.Parallel()
	url := redisURL(t)
	rdb := open(t, url, true)
	a, b := ringer(rdb), ringer(open(t, url, true))
	both := func() {
		t.Helper()
		for _, r := range []*queue.Ringer{a, b} {
			if err := r.Look(t.Context()); err != nil {
				t.Fatal(err)
			}
			r.Ring(t.Context(), []wa.Job{ticket(1)})
		}
	}
	both()
	both()
	before := metric(t, "chasqui_redis_generation_changes_total")[""]
	if err := rdb.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if err := a.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.Look(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := metric(t, "chasqui_redis_generation_changes_total")[""]; after < before+2 {
		t.Errorf("%v changes, %v before", after, before)
	}
	b.Ring(t.Context(), []wa.Job{ticket(2)})
	if queues := listed(t, inspector(t, rdb)); len(queues) != 1 {
		t.Errorf("the second process did not notice: %v", queues)
	}
}
