package queue

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/hibiken/asynq"

	"chasqui/internal/wa"
)

// version is the version of the payloads that this release writes and reads.
const version = 1

// policy is how asynq treats the tasks of one kind.
type policy struct {
	tries   int           // never 0: the budget is looked at before the question whether an error counts
	timeout time.Duration // of one run
	keep    time.Duration // how long a finished one stays on show; 0 frees its id at once
	finder  string        // what finds the work when the bell is lost
}

// policies has one line for every kind of job. Only messages stay on show:
// their ids are never rung for again, while an id of a client kept back would
// swallow the client's next bell.
var policies = map[string]policy{
	wa.JobSend:    {tries: 5, timeout: 30 * time.Second, keep: 10 * time.Minute, finder: "R1"},
	wa.JobDrain:   {tries: 5, timeout: 60 * time.Second, finder: "R1"},
	wa.JobControl: {tries: 5, timeout: 60 * time.Second, finder: "R1"},
	wa.JobAssign:  {tries: 3, timeout: 10 * time.Second, finder: "R5"},
	wa.JobDeliver: {tries: 5, timeout: 15 * time.Second, finder: "R7"},
}

// bell is a job with its address.
type bell struct {
	job   wa.Job
	queue string
	id    string // fixed by what is announced: ringing twice is the same as once
}

// address says where a job's owner listens. Work for a client that nobody owns
// is an announcement that it needs an owner.
func address(job wa.Job) (bell, error) {
	switch j := job.(type) {
	case wa.SendTicket:
		if j.Slot == 0 {
			return forAnybody(j.Client), nil
		}
		j.Version = version
		b := bell{job: j, queue: slotQueue(j.Slot), id: fmt.Sprintf("%s:%d", j.Message, j.Redrive)}
		if j.Lane == wa.Urgent {
			b.queue = urgentQueue(j.Slot)
		}
		return b, nil
	case wa.DrainTicket:
		if j.Slot == 0 {
			return forAnybody(j.Client), nil
		}
		j.Version = version
		return bell{job: j, queue: slotQueue(j.Slot), id: "drain:" + j.Client.String()}, nil
	case wa.ControlTicket:
		if j.Slot == 0 {
			return forAnybody(j.Client), nil
		}
		j.Version = version
		return bell{job: j, queue: urgentQueue(j.Slot), id: "ctl:" + j.Client.String()}, nil
	case wa.AssignTicket:
		return forAnybody(j.Client), nil
	case wa.DeliverTicket:
		j.Version = version
		return hookBell(j), nil
	}
	return bell{}, fmt.Errorf("no bell for a job of type %T", job)
}

func forAnybody(c wa.ClientID) bell {
	return bell{job: wa.AssignTicket{Version: version, Client: c}, queue: assignQueue, id: "assign:" + c.String()}
}

// task makes the asynq task of a bell; headers may be nil.
func (b bell) task(headers map[string]string) (*asynq.Task, error) {
	payload, err := json.Marshal(b.job)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", b.job.Kind(), err)
	}
	p := policies[b.job.Kind()]
	return asynq.NewTaskWithHeaders(b.job.Kind(), payload, headers, asynq.Queue(b.queue), asynq.TaskID(b.id),
		asynq.MaxRetry(p.tries), asynq.Timeout(p.timeout), asynq.Retention(p.keep)), nil
}
