package api

import (
	"encoding/json"
	"slices"
	"strings"

	"chasqui/internal/store"
	"chasqui/internal/wa"
	"chasqui/internal/webhook"
)

// Client is a client as somebody may see it. Who may not inspect clients sees
// what it is called and whether, and why not, messages leave.
type Client struct {
	wa.Client
	Provider string     `json:"provider,omitempty" doc:"Absent, with phone, lid, push_name, desired and device, for who may not inspect clients"`
	Desire   wa.Desire  `json:"desired,omitempty"`
	Device   *wa.Device `json:"device,omitempty"`
}

// seen is as much of a client as somebody may see.
func seen(by wa.Actor, c wa.Client) Client {
	if by.May(wa.InspectClients) {
		return wholeClient(c)
	}
	return briefClient(c)
}

// wholeClient is what is answered to who changed a client.
func wholeClient(c wa.Client) Client {
	return Client{Client: c, Provider: c.Provider, Desire: c.Desire, Device: &c.Device}
}

func briefClient(c wa.Client) Client {
	c.Phone, c.LID, c.PushName = "", "", ""
	return Client{Client: c}
}

// An agent reads in events no more of a client than the clients' own addresses
// give them. Keys that may read messages get events whole, others thin: as the
// webhooks that they may make.

// glances reports whether somebody sees of clients only what they are called
// and whether they are online.
func glances(by wa.Actor) bool { return !by.User.IsZero() && !by.May(wa.InspectClients) }

// within narrows a feed to what somebody may know of.
func within(by wa.Actor, f store.EventFilter) store.EventFilter {
	switch {
	case !glances(by):
	case !by.May(wa.ReadMessages):
		f.But = append(slices.Clone(f.But), unseen()...)
	default:
		f.But = append(slices.Clone(f.But), wa.LimitsChanged)
	}
	return f
}

// states are the events that tell how a client is: a person who may not read
// messages hears of nothing else.
var states = map[wa.EventType]bool{
	wa.ClientCreated: true, wa.ClientChanged: true, wa.ClientDeleted: true, wa.ClientPaired: true, wa.ClientIsConnected: true, wa.ClientIsDisconnected: true,
	wa.ClientIsLoggedOut: true, wa.ClientIsReplaced: true, wa.ClientIsBanned: true, wa.ClientIsTempBanned: true, wa.ClientIsRestricted: true,
	wa.ClientIsUnrestricted: true, wa.ClientHadError: true, wa.ClientIsHalted: true, wa.ClientIsReleased: true, wa.OrgIsLeaving: true, wa.OrgIsKept: true,
	wa.OrgIsHalted: true, wa.OrgIsReleased: true,
}

// unseen are all other events.
func unseen() (all []wa.EventType) {
	for _, i := range wa.EventTypes() {
		if !states[i.Type] {
			all = append(all, i.Type)
		}
	}
	return all
}

// told are events as somebody may read them.
func told(by wa.Actor, events []wa.Event) []wa.Event {
	if by.User.IsZero() && !by.May(wa.ReadMessages) {
		for i, e := range events {
			events[i].Data = webhook.Thin(e.Data)
		}
		return events
	}
	if !glances(by) {
		return events
	}
	for i, e := range events {
		switch {
		case strings.HasPrefix(string(e.Type), "client."), e.Type == wa.PlatformOutdated:
			events[i].Data = briefly(by, e.Data)
		case e.Type == wa.OrgIsHalted, e.Type == wa.OrgIsReleased:
			events[i].Data = brieflyHalt(by, e.Data)
		}
	}
	return events
}

// briefly leaves of a client's event what briefClient leaves of a client; of
// what cannot be read, nothing. Who may not read messages is told a reason only
// if the client has it too: others are what somebody wrote to the team.
func briefly(by wa.Actor, data json.RawMessage) json.RawMessage {
	nothing := json.RawMessage("{}")
	var d wa.EventClient
	if json.Unmarshal(data, &d) != nil {
		return nothing
	}
	if !by.May(wa.ReadMessages) && d.Reason != d.Client.StatusReason {
		d.Reason = ""
	}
	raw, err := json.Marshal(struct {
		Client Client `json:"client"`
		Code   string `json:"code,omitempty"`
		Reason string `json:"reason,omitempty"`
	}{briefClient(d.Client), d.Code, d.Reason})
	if err != nil {
		return nothing
	}
	return raw
}

// seenHalt is as much of a stop as somebody may see. Its reason is written for
// the team that works; who only looks on sees that nothing leaves.
func seenHalt(by wa.Actor, h wa.Halt) wa.Halt {
	if by.May(wa.InspectClients) {
		return h
	}
	h.By = ""
	if !by.May(wa.ReadMessages) {
		h.Reason = ""
	}
	return h
}

// brieflyHalt leaves of the event of a stop what seenHalt leaves of the stop;
// of what cannot be read, nothing.
func brieflyHalt(by wa.Actor, data json.RawMessage) json.RawMessage {
	nothing := json.RawMessage("{}")
	var d wa.EventHalt
	if json.Unmarshal(data, &d) != nil {
		return nothing
	}
	d.Reason = seenHalt(by, wa.Halt{Reason: d.Reason}).Reason
	raw, err := json.Marshal(d)
	if err != nil {
		return nothing
	}
	return raw
}
