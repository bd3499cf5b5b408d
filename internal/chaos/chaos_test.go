package chaos_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"chasqui/internal/chaos"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

var began = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) time.Time { return began.Add(d) }

// good is a run in which everything went well: two messages to one person, one
// of them sent twice under its id, and one that came in.
func good() *chaos.Evidence {
	accepted := func(id, text string, n int) chaos.Accepted {
		return chaos.Accepted{ID: id, Text: text, Org: "o", Client: "c", Number: "100", To: "200", Lane: wa.Normal, N: n, At: at(0)}
	}
	row := func(id, text, status string, steps ...string) chaos.Row {
		r := chaos.Row{ID: id, Org: "o", Client: "c", Direction: "outbound", Status: status, WireID: "W" + id, Text: text}
		for i, s := range steps {
			r.Steps = append(r.Steps, chaos.Step{At: at(time.Duration(i) * time.Second), Status: s})
		}
		return r
	}
	frame := func(id string, d time.Duration) whatsim.Frame {
		return whatsim.Frame{Number: "100", Chat: "200", ID: "W" + id, Time: at(d), Socket: 1}
	}
	read := func(id, text string) whatsim.Message {
		return whatsim.Message{To: "200", From: "100", ID: "W" + id, Text: text, Socket: 1}
	}
	again := read("1", "one")
	again.Duplicate = true
	return &chaos.Evidence{
		Accepted: []chaos.Accepted{accepted("1", "one", 1), accepted("2", "two", 2)},
		Written:  []chaos.Written{{WireID: "IN", From: "200", To: "100", Text: "in"}},
		Rows: []chaos.Row{
			row("1", "one", "read", "queued", "sending", "sending", "sent", "delivered", "read"), row("2", "two", "delivered", "queued", "delivered"),
			{ID: "3", Org: "o", Client: "c", Direction: "inbound", Status: "received", WireID: "IN", Text: "in"},
		},
		Phones: []whatsim.Message{read("1", "one"), again, read("2", "two")},
		Frames: []whatsim.Frame{frame("1", 0), frame("1", 2*time.Second), frame("2", 3*time.Second)},
		Sockets: []whatsim.Socket{
			{ID: 1, Number: "100", LoggedIn: at(-time.Minute), Closed: at(10 * time.Second)}, {ID: 2, Number: "100", LoggedIn: at(11 * time.Second)},
		},
		Lines:  []chaos.Line{{Client: "c", Org: "o", Number: "100", Limits: wa.Limits{Enabled: true, PerMinute: 2, PerHour: 100, PerDay: 100}}},
		Phases: []chaos.Phase{{Name: "F0", From: at(0), To: at(time.Second), Before: map[string]int64{"c": 1}, After: map[string]int64{"c": 1}}},
		Factor: 20, Now: at(time.Minute),
		Endpoints: []chaos.Endpoint{{ID: "p", Org: "o"}},
		Deliveries: []chaos.Delivery{
			{ID: "x", Event: "e1", Endpoint: "p", Status: "delivered", Type: "message.read", Message: "1"},
			{ID: "y", Event: "e2", Endpoint: "p", Status: "exhausted", Type: "message.delivered", Message: "2"},
			{ID: "z", Event: "e3", Endpoint: "p", Status: "delivered", Type: "message.received", Message: "3"},
		},
		Hooks: []chaos.Hook{
			{ID: "e1", Event: "e1", Endpoint: "p", Type: "message.read", Org: "o", Message: "1", Signed: true},
			{ID: "e1", Event: "e1", Endpoint: "p", Type: "message.read", Org: "o", Message: "1", Signed: true},
			{ID: "e3", Event: "e3", Endpoint: "p", Type: "message.received", Org: "o", Message: "3", Signed: true},
		},
	}
}

func TestAGoodRunViolatesNothing(t *testing.T) {
	t.Parallel()
	for _, v := range good().Check() {
		t.Error(v)
	}
}

// Each bad run differs from the good one in one thing, and each is found out.
func TestEveryViolationIsFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, invariant string
		spoil           func(*chaos.Evidence)
	}{
		{"row lost", "I1", func(e *chaos.Evidence) { e.Rows = e.Rows[1:] }},
		{"row stuck", "I1", func(e *chaos.Evidence) { e.Rows[1].Status = "queued" }},
		{"never on the wire", "I1", func(e *chaos.Evidence) { e.Frames = e.Frames[:2] }},
		{"never readable", "I1", func(e *chaos.Evidence) { e.Phones[2].Err = "old counter" }},
		{"another wire id", "I2", func(e *chaos.Evidence) { e.Phones[1].ID = "other" }},
		{"seen twice", "I2", func(e *chaos.Evidence) { e.Phones[1].Duplicate = false }},
		{"out of order", "I3", func(e *chaos.Evidence) { slices.Reverse(e.Frames) }},
		{"sent after read", "I4", func(e *chaos.Evidence) { slices.Reverse(e.Rows[0].Steps) }},
		{"delivered twice", "I4", func(e *chaos.Evidence) {
			e.Rows[1].Steps = append(e.Rows[1].Steps, chaos.Step{Status: "delivered"})
		}},
		{"hook lost", "I5", func(e *chaos.Evidence) { e.Hooks = e.Hooks[:2] }},
		{"hook under another id", "I5", func(e *chaos.Evidence) { e.Hooks[1].ID = "e9" }},
		{"told as two events", "I5", func(e *chaos.Evidence) { e.Hooks[1].ID, e.Hooks[1].Event = "e9", "e9" }},
		{"never told", "I5", func(e *chaos.Evidence) { e.Hooks, e.Deliveries = e.Hooks[:2], e.Deliveries[:2] }},
		{"told the state before", "I5", func(e *chaos.Evidence) { e.Rows[0].Status = "played" }},
		{"told another org", "I6", func(e *chaos.Evidence) { e.Hooks[0].Org = "another" }},
		{"hook badly signed", "I5", func(e *chaos.Evidence) { e.Hooks[0].Signed = false }},
		{"another number sent it", "I6", func(e *chaos.Evidence) { e.Phones[0].From = "101" }},
		{"row of another org", "I6", func(e *chaos.Evidence) { e.Rows[0].Org = "p" }},
		{"too fast", "I7", func(e *chaos.Evidence) { e.Frames[2].Time = at(2900 * time.Millisecond) }},
		{"sent on the older socket", "I9", func(e *chaos.Evidence) {
			e.Sockets[1].LoggedIn = at(time.Second)
			e.Sockets[0].Closed = at(3500 * time.Millisecond)
		}},
		{"sockets overlap", "I9", func(e *chaos.Evidence) {
			e.Sockets[1].LoggedIn, e.Sockets[0].Closed = at(4*time.Second), at(10*time.Second)
		}},
		{"moved without need", "I9", func(e *chaos.Evidence) { e.Phases[0].After["c"] = 2 }},
		{"inbound lost", "I10", func(e *chaos.Evidence) { e.Rows = e.Rows[:2] }},
		{"inbound unreadable", "I10", func(e *chaos.Evidence) { e.Rows[2].Text = "" }},
		{"inbound twice", "I10", func(e *chaos.Evidence) { e.Rows = append(e.Rows, e.Rows[2]) }},
	} {
		e := good()
		c.spoil(e)
		var found []string
		for _, v := range e.Check() {
			found = append(found, v.Invariant)
		}
		if !slices.Contains(found, c.invariant) {
			t.Errorf("%s: %v found, want %s", c.name, found, c.invariant)
		}
	}
}

// What came late lifts a message that had failed unconfirmed, and nothing else
// does.
func TestALateReceiptLiftsAFailure(t *testing.T) {
	t.Parallel()
	e := good()
	e.Rows[1].Steps = []chaos.Step{{Status: "queued"}, {Status: "sending"}, {Status: "failed"}, {Status: "delivered"}, {Status: "read"}}
	if found := e.Check(); len(found) > 0 {
		t.Errorf("found %v", found)
	}
	e.Rows[1].Steps[3].Status = "sent"
	if found := e.Check(); len(found) != 1 || found[0].Invariant != "I4" {
		t.Errorf("found %v, want I4", found)
	}
}

// A violation tells everything that any ledger knows of the message.
func TestAViolationComesWithItsHistory(t *testing.T) {
	t.Parallel()
	e := good()
	e.Phones[1].Duplicate = false
	told := e.Check()[0].String()
	for _, part := range []string{"I2 violated", "A accepted 1", "D row is read", "D step delivered", "S phone 200 read W1", "S frame W1 on socket 1", "F0 begins"} {
		if !strings.Contains(told, part) {
			t.Errorf("%q is missing in\n%s", part, told)
		}
	}
}

func TestGapsAreThoseOfThePhase(t *testing.T) {
	t.Parallel()
	e := good()
	if got := e.Gaps(chaos.Phase{From: at(9 * time.Second), To: at(20 * time.Second)}); len(got) != 1 || got[0] != time.Second {
		t.Errorf("gaps = %v", got)
	}
	if got := e.Gaps(chaos.Phase{From: at(15 * time.Second), To: at(20 * time.Second)}); len(got) != 0 {
		t.Errorf("gaps = %v", got)
	}
}
