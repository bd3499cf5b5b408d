package queue_test

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/queue"
	"chasqui/internal/wa"
)

func TestWhereBellsGo(t *testing.T) {
	t.Parallel()
	m, c := wa.NewMessageID(), wa.NewClientID()
	send := func(lane wa.Lane, slot, redrive int) wa.Job {
		return wa.SendTicket{Message: m, Client: c, Lane: lane, Slot: slot, Redrive: redrive}
	}
	anybody := queue.Sent{Queue: "wa:assign", ID: "assign:" + c.String(), Kind: "client:assign"}
	for name, tt := range map[string]struct {
		job  wa.Job
		want queue.Sent
	}{
		"urgent":          {send(wa.Urgent, 3, 0), queue.Sent{Queue: "wa:w03:urgent", ID: m.String() + ":0", Kind: "message:send"}},
		"normal":          {send(wa.Normal, 3, 0), queue.Sent{Queue: "wa:w03", ID: m.String() + ":0", Kind: "message:send"}},
		"tried anew":      {send(wa.Bulk, 12, 2), queue.Sent{Queue: "wa:w12", ID: m.String() + ":2", Kind: "message:send"}},
		"drain":           {wa.DrainTicket{Client: c, Slot: 1}, queue.Sent{Queue: "wa:w01", ID: "drain:" + c.String(), Kind: "client:drain"}},
		"control":         {wa.ControlTicket{Client: c, Slot: 1}, queue.Sent{Queue: "wa:w01:urgent", ID: "ctl:" + c.String(), Kind: "client:control"}},
		"assign":          {wa.AssignTicket{Client: c}, anybody},
		"send, no owner":  {send(wa.Urgent, 0, 0), anybody},
		"drain, no owner": {wa.DrainTicket{Client: c}, anybody},
		"kick, no owner":  {wa.ControlTicket{Client: c}, anybody},
	} {
		got, err := queue.Send(tt.job)
		got.Payload = ""
		if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

type foreign struct{}

func (foreign) Kind() string { return "something:else" }

func TestAnUnknownJobHasNoBell(t *testing.T) {
	t.Parallel()
	if got, err := queue.Send(foreign{}); err == nil {
		t.Errorf("it goes to %+v", got)
	}
}

var (
	field = regexp.MustCompile(`^(v|message_id|client_id|endpoint_id|lane|redrive)$`)
	value = regexp.MustCompile(`^("(msg|cli|ep)_[0-9a-z]{26}"|"(urgent|normal|bulk)"|[0-9]+)$`)
)

// Redis and whoever looks into it see ids only.
func TestPayloadsAreShortAndHoldIDsOnly(t *testing.T) {
	t.Parallel()
	for _, job := range everyJob() {
		s, err := queue.Send(job)
		if err != nil {
			t.Fatal(err)
		}
		if len(s.Payload) > 150 {
			t.Errorf("%s: %d bytes: %s", s.Kind, len(s.Payload), s.Payload)
		}
		var fields map[string]json.RawMessage
		if err := json.Unmarshal([]byte(s.Payload), &fields); err != nil {
			t.Fatal(err)
		}
		if string(fields["v"]) != "1" {
			t.Errorf("%s: version %s", s.Kind, fields["v"])
		}
		for name, v := range fields {
			if !field.MatchString(name) || !value.Match(v) {
				t.Errorf("%s: %s is %s", s.Kind, name, v)
			}
		}
	}
}

func everyJob() []wa.Job {
	m, c := wa.NewMessageID(), wa.NewClientID()
	return []wa.Job{
		wa.SendTicket{Message: m, Client: c, Lane: wa.Urgent, Redrive: math.MaxInt16, Slot: 99},
		wa.DrainTicket{Client: c, Slot: 99},
		wa.ControlTicket{Client: c, Slot: 99},
		wa.AssignTicket{Client: c},
		wa.DeliverTicket{Endpoint: wa.NewEndpointID(), Slow: true},
	}
}

// A kind that is the beginning of another would be mistaken for it by asynq's
// own mux, and by people.
func TestKindsAreNoPrefixesOfOneAnother(t *testing.T) {
	t.Parallel()
	for _, a := range queue.Kinds() {
		for _, b := range queue.Kinds() {
			if a != b && strings.HasPrefix(b, a) {
				t.Errorf("%q begins like %q", b, a)
			}
		}
	}
}

func TestEveryKindIsHandledAndFoundWithoutItsBell(t *testing.T) {
	t.Parallel()
	var kinds []string
	for _, job := range everyJob() {
		kinds = append(kinds, job.Kind())
	}
	slices.Sort(kinds)
	handled := queue.Handled()
	slices.Sort(handled)
	if diff := cmp.Diff(kinds, queue.Kinds()) + cmp.Diff(kinds, handled); diff != "" {
		t.Error(diff)
	}
	for _, k := range kinds {
		if !regexp.MustCompile(`^R[0-9]+$`).MatchString(queue.Finder(k)) {
			t.Errorf("%s: nothing finds its work", k)
		}
	}
}
