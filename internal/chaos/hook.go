package chaos

import "fmt"

// Delivery is a row that says that an event is for an endpoint.
type Delivery struct {
	ID, Event, Endpoint, Status string
}

// Hook is a request that the webhook sink got.
type Hook struct {
	ID       string // webhook-id
	Event    string
	Endpoint string
	Signed   bool // the signature was right
}

// checkHooks is I5: what was written for an endpoint arrived at it at least
// once, or is listed as given up; repeats carry the same webhook-id.
func checkHooks(x *index) *Violation {
	ids := map[string]string{}
	for _, h := range x.Hooks {
		pair := h.Endpoint + "/" + h.Event
		if first, seen := ids[pair]; seen && first != h.ID {
			return &Violation{Invariant: "I5", What: fmt.Sprintf("event %s came under webhook-ids %s and %s", h.Event, first, h.ID)}
		}
		if !h.Signed {
			return &Violation{Invariant: "I5", What: fmt.Sprintf("event %s came with a wrong signature", h.Event)}
		}
		ids[pair] = h.ID
	}
	for _, d := range x.Deliveries {
		if _, came := ids[d.Endpoint+"/"+d.Event]; !came && d.Status != "exhausted" {
			return &Violation{Invariant: "I5", What: fmt.Sprintf("event %s never came to endpoint %s; its delivery %s is %s", d.Event, d.Endpoint, d.ID, d.Status)}
		}
	}
	return nil
}
