// Package chaos is what the failure tests judge by: a proxy that makes
// connections fail, processes that can be killed and frozen, the ledgers of a
// run, and the checks over them. The ledgers are kept outside of the platform:
// what callers were told (A), what the simulated WhatsApp saw (S), what the
// webhook sink got (H), and the rows at the end (D).
//
// The runs themselves are tests behind the build tag chaos: `make chaos`.
package chaos

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// Violation is the first case in which an invariant did not hold, with all
// that the ledgers know of it.
type Violation struct {
	Invariant string // I1 to I10
	What      string
	History   []string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s violated: %s\n    %s", v.Invariant, v.What, strings.Join(v.History, "\n    "))
}

// Accepted is an entry of ledger A: the API answered this text with an id.
type Accepted struct {
	ID     string // as in Row.ID
	Text   string // unique in a run
	Org    string
	Client string
	Number string // of the client
	To     string // number of the recipient
	Lane   wa.Lane
	N      int // rises with acceptance within client, recipient and lane
	At     time.Time
}

// Written is what a simulated person wrote to one of the numbers.
type Written struct {
	WireID, From, To, Text string
	At                     time.Time
}

// Row is a message as the database has it at the end.
type Row struct {
	ID, Org, Client   string
	Direction, Status string
	WireID, Text      string
	ErrorCode         string
	Steps             []Step
}

// Step is a line of a message's timeline.
type Step struct {
	At           time.Time
	Status, Note string
}

// Line is a client: who owns it, its number, and how fast it may send.
type Line struct {
	Client, Org, Number string
	Limits              wa.Limits
	// Idle lines were taken offline by the run itself: their messages wait.
	Idle bool
}

// Phase is the time of one fault.
type Phase struct {
	Name     string
	From, To time.Time
	// Held lists each client's epoch before and after, where the fault must not
	// change any owner; nil where it may.
	Before, After map[string]int64
}

// Evidence is everything that a run has gathered.
type Evidence struct {
	Accepted []Accepted
	Written  []Written
	Rows     []Row
	Phones   []whatsim.Message // every entry, visible or not
	Frames   []whatsim.Frame
	Sockets  []whatsim.Socket
	Lines    []Line
	Phases   []Phase
	Factor   int // by which pacing was faster
	Now      time.Time

	Endpoints  []Endpoint // that were there before the first message
	Deliveries []Delivery
	Hooks      []Hook
}

// Check gives the first violation of every invariant.
func (e *Evidence) Check() []Violation {
	x := e.index()
	var found []Violation
	for _, check := range []func(*index) *Violation{
		checkLost, checkTwice, checkOrder, checkStatus, checkHooks, checkTenant, checkPace, checkOwner, checkInbound,
	} {
		if v := check(x); v != nil {
			found = append(found, *v)
		}
	}
	return found
}

// index finds what belongs together.
type index struct {
	*Evidence
	byText   map[string]Accepted
	row      map[string]*Row            // by id
	byWire   map[string]*Row            // by number and wire id, outbound
	frames   map[string][]whatsim.Frame // by number and wire id
	phones   map[string][]whatsim.Message
	lines    map[string]Line // by client
	byNumber map[string]Line
}

func (e *Evidence) index() *index {
	x := &index{
		Evidence: e, byText: map[string]Accepted{}, row: map[string]*Row{}, byWire: map[string]*Row{},
		frames: map[string][]whatsim.Frame{}, phones: map[string][]whatsim.Message{}, lines: map[string]Line{}, byNumber: map[string]Line{},
	}
	for _, l := range e.Lines {
		x.lines[l.Client], x.byNumber[l.Number] = l, l
	}
	for _, a := range e.Accepted {
		x.byText[a.Text] = a
	}
	for i := range e.Rows {
		r := &e.Rows[i]
		x.row[r.ID] = r
		if r.Direction == string(wa.Outbound) {
			x.byWire[x.lines[r.Client].Number+"/"+r.WireID] = r
		}
	}
	for _, f := range e.Frames {
		key := f.Number + "/" + f.ID
		x.frames[key] = append(x.frames[key], f)
	}
	for _, m := range e.Phones {
		if !m.Copy && !m.Written && !m.Peer {
			x.phones[m.Text] = append(x.phones[m.Text], m)
		}
	}
	return x
}

// violated tells the case with the whole history of an accepted message.
func (x *index) violated(invariant string, a Accepted, format string, args ...any) *Violation {
	return &Violation{Invariant: invariant, What: fmt.Sprintf(format, args...), History: x.history(a)}
}

// history lists what every ledger knows of a message, by time.
func (x *index) history(a Accepted) []string {
	type line struct {
		at   time.Time
		text string
	}
	lines := []line{{a.At, fmt.Sprintf("A accepted %s %q from %s to %s", a.ID, a.Text, a.Number, a.To)}}
	note := func(at time.Time, format string, args ...any) {
		lines = append(lines, line{at, fmt.Sprintf(format, args...)})
	}
	wires := map[string]bool{}
	if r := x.row[a.ID]; r != nil {
		wires[r.WireID] = true
		note(x.Now, "D row is %s %s, wire id %s", r.Status, r.ErrorCode, r.WireID)
		for _, s := range r.Steps {
			note(s.At, "D step %s: %s", s.Status, s.Note)
		}
	}
	for _, m := range x.phones[a.Text] {
		wires[m.ID] = true
		note(m.Time, "S phone %s read %s on socket %d (visible %t) %s", m.To, m.ID, m.Socket, m.Visible(), m.Err)
	}
	for wire := range wires {
		for _, m := range x.Phones {
			if m.ID == wire && m.From == a.Number && m.Err != "" {
				note(m.Time, "S phone %s could not read %s on socket %d: %s", m.To, m.ID, m.Socket, m.Err)
			}
		}
		for _, f := range x.frames[a.Number+"/"+wire] {
			note(f.Time, "S frame %s on socket %d, resend %t", f.ID, f.Socket, f.Resend)
		}
	}
	for _, p := range x.Phases {
		note(p.From, "- %s begins", p.Name)
		note(p.To, "- %s ends", p.Name)
	}
	slices.SortStableFunc(lines, func(a, b line) int { return a.at.Compare(b.at) })
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = l.at.Format("15:04:05.000 ") + l.text
	}
	return out
}
