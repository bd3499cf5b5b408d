package queue_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"chasqui/internal/queue"
	"chasqui/internal/wa"
)

// With asynq's own poll of a second half of the bells would take longer than
// this.
func TestABellIsHeardAtOnce(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	heard := make(chan time.Time, 1)
	serve(t, rdb, 1, &board{ring: func(wa.ClientID, wa.Lane) bool { heard <- time.Now(); return true }}, queue.Options{})
	r := ringer(rdb)
	var took []time.Duration
	for range 21 {
		began := time.Now()
		r.Ring(t.Context(), []wa.Job{ticket(1)})
		took = append(took, (<-heard).Sub(began))
	}
	slices.Sort(took)
	if median := took[len(took)/2]; median > 250*time.Millisecond {
		t.Errorf("a bell takes %s, the slowest %s", median, took[len(took)-1])
	}
}

func TestEveryJobReachesItsPartOfTheBoard(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	c := wa.NewClientID()
	calls := make(chan string, 20)
	serve(t, rdb, 2, &board{
		ring:   func(got wa.ClientID, l wa.Lane) bool { calls <- "ring " + l.String() + " " + got.String(); return true },
		kick:   func(got wa.ClientID) bool { calls <- "kick " + got.String(); return true },
		assign: func(got wa.ClientID) { calls <- "assign " + got.String() },
	}, queue.Options{})
	r := ringer(rdb)
	for _, step := range []struct {
		job  wa.Job
		want []string
	}{
		{wa.SendTicket{Message: wa.NewMessageID(), Client: c, Lane: wa.Normal, Slot: 2}, []string{"ring normal"}},
		{wa.SendTicket{Message: wa.NewMessageID(), Client: c, Lane: wa.Urgent, Slot: 2}, []string{"ring urgent"}},
		{wa.SendTicket{Message: wa.NewMessageID(), Client: c}, []string{"assign"}},
		{wa.DrainTicket{Client: c, Slot: 2}, []string{"ring urgent", "ring normal", "ring bulk"}},
		{wa.ControlTicket{Client: c, Slot: 2}, []string{"kick"}},
		{wa.AssignTicket{Client: c}, []string{"assign"}},
	} {
		r.Ring(t.Context(), []wa.Job{step.job})
		for _, want := range step.want {
			select {
			case got := <-calls:
				if got != want+" "+c.String() {
					t.Errorf("%T: %s instead of %s", step.job, got, want)
				}
			case <-time.After(5 * time.Second):
				t.Fatalf("%T did not arrive", step.job)
			}
		}
	}
}

func TestATicketEndsLikeItsMessage(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	i := inspector(t, rdb)
	outcomes := map[wa.MessageID]wa.Status{}
	var jobs []wa.Job
	for _, s := range []wa.Status{wa.Sent, wa.Read, wa.Cancelled, wa.Expired, wa.Failed, wa.RetryWait, wa.Queued} {
		job := ticket(1)
		jobs, outcomes[job.Message] = append(jobs, job), s
	}
	wire := wa.WireID(wa.NewClientID(), wa.NewMessageID())
	serve(t, rdb, 1, &board{await: func(_ context.Context, m wa.MessageID) (wa.Status, string, string, bool) {
		return outcomes[m], "recipient_not_on_whatsapp", wire, true
	}}, queue.Options{})
	r := ringer(rdb)
	for _, job := range jobs {
		r.Ring(t.Context(), []wa.Job{job})
	}
	want := map[wa.Status]asynq.TaskState{
		wa.Sent: asynq.TaskStateCompleted, wa.Read: asynq.TaskStateCompleted, wa.Cancelled: asynq.TaskStateCompleted,
		wa.Expired: asynq.TaskStateCompleted, wa.Failed: asynq.TaskStateArchived,
		wa.RetryWait: asynq.TaskStateRetry, wa.Queued: asynq.TaskStateRetry,
	}
	for m, s := range outcomes {
		var info *asynq.TaskInfo
		eventually(t, string(s), func() (ok bool) {
			got, err := i.GetTaskInfo("wa:w01:urgent", m.String()+":0")
			info = got
			return err == nil && got.State == want[s]
		})
		checkShown(t, s, info, wire)
	}
}

func checkShown(t *testing.T, s wa.Status, info *asynq.TaskInfo, wire string) {
	t.Helper()
	switch info.State {
	case asynq.TaskStateCompleted:
		var got struct {
			Status wa.Status `json:"status"`
			WireID string    `json:"wa_id"`
		}
		if err := json.Unmarshal(info.Result, &got); err != nil || got.Status != s || got.WireID != wire {
			t.Errorf("%s: result %s, %v", s, info.Result, err)
		}
	case asynq.TaskStateArchived:
		if !strings.HasPrefix(info.LastErr, "recipient_not_on_whatsapp") {
			t.Errorf("%s: %q", s, info.LastErr)
		}
	case asynq.TaskStateRetry:
		if info.Retried != 0 || info.LastErr != string(s) {
			t.Errorf("%s: %d tries, %q", s, info.Retried, info.LastErr)
		}
	}
}

// asynq looks at the budget before it asks whether an error is a failure: a
// ticket that waits must have used none of it, however often it comes back.
func TestWaitingIsNoFailure(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	i := inspector(t, rdb)
	at := time.Now().Add(time.Hour)
	var runs atomic.Int32
	serve(t, rdb, 1, &board{
		ring:     func(wa.ClientID, wa.Lane) bool { runs.Add(1); return true },
		forecast: func(wa.ClientID) (time.Time, wa.Wait) { return at, wa.WaitHourCap },
	}, queue.Options{})
	job := ticket(1)
	ringer(rdb).Ring(t.Context(), []wa.Job{job})
	id := job.Message.String() + ":0"
	for n := range 12 {
		var info *asynq.TaskInfo
		eventually(t, "the ticket comes back", func() bool {
			got, err := i.GetTaskInfo("wa:w01:urgent", id)
			info = got
			return err == nil && int(runs.Load()) == n+1 && got.State == asynq.TaskStateRetry
		})
		if info.Retried != 0 || info.LastErr != "next "+at.UTC().Format(time.TimeOnly)+"; hour_cap" {
			t.Fatalf("run %d: %d tries, %q", n, info.Retried, info.LastErr)
		}
		if d := info.NextProcessAt.Sub(at).Abs(); d > 2*time.Second {
			t.Fatalf("comes back %s off the forecast", d)
		}
		if err := i.RunTask("wa:w01:urgent", id); err != nil {
			t.Fatal(err)
		}
	}
	if q, err := i.GetQueueInfo("wa:w01:urgent"); err != nil || q.Failed != 0 || q.Archived != 0 {
		t.Errorf("%+v, %v", q, err)
	}
}

func TestADrainTicketShowsWhatIsLeft(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	i := inspector(t, rdb)
	next := time.Date(2031, 1, 2, 12, 3, 7, 0, time.UTC)
	var left atomic.Int64
	left.Store(1204)
	serve(t, rdb, 1, &board{
		forecast: func(wa.ClientID) (time.Time, wa.Wait) { return next, wa.WaitHourCap },
		backlog:  func(context.Context, wa.ClientID) (int, error) { return int(left.Load()), nil },
	}, queue.Options{})
	c := wa.NewClientID()
	ringer(rdb).Ring(t.Context(), []wa.Job{wa.DrainTicket{Client: c, Slot: 1}})
	id := "drain:" + c.String()
	eventually(t, "figures", func() bool {
		info, err := i.GetTaskInfo("wa:w01", id)
		return err == nil && info.State == asynq.TaskStateRetry && info.LastErr == "1,204 left; next 12:03:07; hour_cap"
	})
	left.Store(0)
	if err := i.RunTask("wa:w01", id); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the ticket", func() bool {
		_, err := i.GetTaskInfo("wa:w01", id)
		return err != nil
	})
}

// At most four tickets of a client wait; the others free their hands at once.
func TestTicketsDoNotCrowd(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	i := inspector(t, rdb)
	var waiting, most atomic.Int32
	release := make(chan struct{})
	serve(t, rdb, 1, &board{await: func(context.Context, wa.MessageID) (wa.Status, string, string, bool) {
		most.Store(max(most.Load(), waiting.Add(1)))
		<-release
		waiting.Add(-1)
		return wa.Sent, "", "", true
	}}, queue.Options{})
	r, c := ringer(rdb), wa.NewClientID()
	for range 10 {
		r.Ring(t.Context(), []wa.Job{wa.SendTicket{Message: wa.NewMessageID(), Client: c, Slot: 1}})
	}
	eventually(t, "four wait and six come back", func() bool {
		q, err := i.GetQueueInfo("wa:w01:urgent")
		return err == nil && q.Active == 4 && q.Retry == 6
	})
	r.Ring(t.Context(), []wa.Job{ticket(1)}) // another client's ticket finds a hand
	eventually(t, "five wait", func() bool { return waiting.Load() == 5 })
	close(release)
	eventually(t, "five are done", func() bool {
		q, err := i.GetQueueInfo("wa:w01:urgent")
		return err == nil && q.Completed == 5
	})
	if most.Load() != 5 {
		t.Errorf("%d waited at once", most.Load())
	}
}

// A ticket whose message left before anybody asked must not return for ever.
func TestATicketOfAnEmptyLineEnds(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	i := inspector(t, rdb)
	asked := make(chan struct{}, 1)
	serve(t, rdb, 1, &board{await: func(context.Context, wa.MessageID) (wa.Status, string, string, bool) {
		asked <- struct{}{}
		return "", "", "", false
	}}, queue.Options{})
	job := ticket(1)
	ringer(rdb).Ring(t.Context(), []wa.Job{job})
	<-asked
	eventually(t, "the end of the ticket", func() bool {
		_, err := i.GetTaskInfo("wa:w01:urgent", job.Message.String()+":0")
		return err != nil
	})
}

// moved is a client that was handed from one worker to another.
type moved struct {
	slot  int
	mu    sync.Mutex
	rings []int
}

func (m *moved) board(slot int) *board {
	return &board{
		ring: func(wa.ClientID, wa.Lane) bool {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.rings = append(m.rings, slot)
			return slot == m.slot
		},
		owner: func(context.Context, wa.ClientID) (int, bool) { return m.slot, true },
	}
}

func (m *moved) seen() []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.rings)
}

func TestATicketFollowsItsClient(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	i := inspector(t, rdb)
	m := &moved{slot: 2}
	serve(t, rdb, 1, m.board(1), queue.Options{})
	serve(t, rdb, 2, m.board(2), queue.Options{})
	job := ticket(1)
	ringer(rdb).Ring(t.Context(), []wa.Job{job})
	id := job.Message.String() + ":0"
	eventually(t, "the owner finishes it", func() bool {
		info, err := i.GetTaskInfo("wa:w02:urgent", id)
		return err == nil && info.State == asynq.TaskStateCompleted
	})
	if got := m.seen(); !slices.Equal(got, []int{1, 2}) {
		t.Errorf("rung at %v", got)
	}
	eventually(t, "its old place is free", func() bool {
		_, err := i.GetTaskInfo("wa:w01:urgent", id)
		return err != nil
	})
}

// Two workers that each believe the other to be the owner do not play ping-pong.
func TestATicketIsSentOnOnce(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	i := inspector(t, rdb)
	var rings atomic.Int32
	lost := func(other int) *board {
		return &board{
			ring:  func(wa.ClientID, wa.Lane) bool { rings.Add(1); return false },
			owner: func(context.Context, wa.ClientID) (int, bool) { return other, true },
		}
	}
	serve(t, rdb, 1, lost(2), queue.Options{})
	serve(t, rdb, 2, lost(1), queue.Options{})
	ringer(rdb).Ring(t.Context(), []wa.Job{ticket(1)})
	eventually(t, "both queues are empty", func() bool {
		for _, name := range []string{"wa:w01:urgent", "wa:w02:urgent"} {
			if q, err := i.GetQueueInfo(name); err != nil || q.Size != 0 {
				return false
			}
		}
		return true
	})
	if rings.Load() != 2 {
		t.Errorf("it was rung %d times", rings.Load())
	}
}
