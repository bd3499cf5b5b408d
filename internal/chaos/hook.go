package chaos

import (
	"fmt"
	"slices"
	"time"

	"chasqui/internal/wa"
)

// Endpoint is an address that wants to know everything about its org.
type Endpoint struct {
	ID, Org string
}

// Delivery is a row that says that an event is for an endpoint.
type Delivery struct {
	ID, Event, Endpoint, Status string
	Type, Message               string // of the event; no message: ""
}

// Hook is a request that the webhook sink took: it answered 2xx.
type Hook struct {
	ID       string // webhook-id
	Event    string // what the body says, as do the next three
	Type     string
	Org      string
	Message  string
	Endpoint string // whose address it came to
	Signed   bool   // the signature was right
	At       time.Time
}

// checkHooks is I5: what was written for an endpoint arrived at it at least
// once, or is listed as given up; repeats carry the same webhook-id, and nothing
// is told under two of them.
func checkHooks(x *index) *Violation {
	for _, check := range []func(*index) *Violation{checkRequests, checkArrived, checkTold} {
		if v := check(x); v != nil {
			return v
		}
	}
	return nil
}

// checkRequests looks at each request and at its repeats.
func checkRequests(x *index) *Violation {
	ids, facts := map[string]string{}, map[string]Hook{}
	for _, h := range x.Hooks {
		if !h.Signed {
			return x.hooked(h.Message, "event %s came with a wrong signature", h.Event)
		}
		pair := h.Endpoint + "/" + h.Event
		if first, seen := ids[pair]; seen && first != h.ID {
			return x.hooked(h.Message, "event %s came under webhook-ids %s and %s", h.Event, first, h.ID)
		}
		ids[pair] = h.ID
		if h.Message == "" {
			continue
		}
		fact := h.Endpoint + "/" + h.Type + "/" + h.Message
		if first, seen := facts[fact]; seen && first.ID != h.ID {
			return x.hooked(h.Message, "%s of message %s came as two events: %s and %s", h.Type, h.Message, first.Event, h.Event)
		}
		facts[fact] = h
	}
	return nil
}

// checkArrived holds the rows of deliveries against what came.
func checkArrived(x *index) *Violation {
	came := map[string]bool{}
	for _, h := range x.Hooks {
		came[h.Endpoint+"/"+h.Event] = true
	}
	for _, d := range x.Deliveries {
		if !came[d.Endpoint+"/"+d.Event] && d.Status != string(wa.DeliveryGivenUp) {
			return x.hooked(d.Message, "event %s (%s) never came to endpoint %s; its delivery %s is %s", d.Event, d.Type, d.Endpoint, d.ID, d.Status)
		}
	}
	return nil
}

// told is the event that tells a message's state.
var told = map[string]wa.EventType{ //nolint:gochecknoglobals // a table
	string(wa.Sent): wa.MessageSent, string(wa.Delivered): wa.MessageDelivered, string(wa.Read): wa.MessageRead, string(wa.Played): wa.MessagePlayed,
	string(wa.Failed): wa.MessageFailed, string(wa.Expired): wa.MessageExpired, string(wa.Cancelled): wa.MessageCancelled,
	string(wa.Received): wa.MessageReceived,
}

// checkTold holds the messages themselves against what came: an endpoint knows
// what became of each, whatever the rows of deliveries say.
func checkTold(x *index) *Violation {
	known := map[string]bool{}
	for _, h := range x.Hooks {
		known[h.Endpoint+"/"+h.Type+"/"+h.Message] = true
	}
	for _, d := range x.Deliveries {
		if d.Status == string(wa.DeliveryGivenUp) {
			known[d.Endpoint+"/"+d.Type+"/"+d.Message] = true
		}
	}
	for _, e := range x.Endpoints {
		for _, r := range x.Rows {
			if event, ends := told[r.Status]; ends && r.Org == e.Org && !known[e.ID+"/"+string(event)+"/"+r.ID] {
				return x.hooked(r.ID, "message %s is %s, and endpoint %s was never told", r.ID, r.Status, e.ID)
			}
		}
	}
	return nil
}

// hooked tells the case with everything that is known of a message.
func (x *index) hooked(message, format string, args ...any) *Violation {
	v := &Violation{Invariant: "I5", What: fmt.Sprintf(format, args...)}
	if r := x.row[message]; r != nil && r.Direction == string(wa.Outbound) {
		v.History = x.history(x.acceptedAs(r))
	}
	for _, d := range x.Deliveries {
		if message != "" && d.Message == message {
			v.History = append(v.History, fmt.Sprintf("D delivery of %s %s to %s is %s", d.Type, d.Event, d.Endpoint, d.Status))
		}
	}
	for _, h := range x.Hooks {
		if message != "" && h.Message == message {
			v.History = append(v.History, fmt.Sprintf("%s H %s %s at %s", h.At.Format("15:04:05.000"), h.Type, h.Event, h.Endpoint))
		}
	}
	return v
}

// foreign finds a request that told an endpoint about another org.
func (x *index) foreign() *Violation {
	for _, h := range x.Hooks {
		i := slices.IndexFunc(x.Endpoints, func(e Endpoint) bool { return e.ID == h.Endpoint })
		if i < 0 {
			continue
		}
		own := x.Endpoints[i].Org
		if r := x.row[h.Message]; h.Org != own || (r != nil && r.Org != own) {
			return &Violation{Invariant: "I6", What: fmt.Sprintf("endpoint %s of org %s was told %s of org %s", h.Endpoint, own, h.Type, h.Org)}
		}
	}
	return nil
}
