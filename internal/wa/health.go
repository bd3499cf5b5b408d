package wa

import "time"

// ClientChange is one change of a client's status.
type ClientChange struct {
	ID     string       `json:"-"` // bare uuid: lists go on from it
	At     time.Time    `json:"at"`
	Status ClientStatus `json:"status"`
	Reason string       `json:"reason" doc:"Why, in words; empty when there is nothing to say"`
	Until  *time.Time   `json:"until,omitempty" doc:"When a ban or restriction ends, as WhatsApp said then"`
}

// Standing is a status with what belongs to it.
type Standing struct {
	Status ClientStatus
	Reason string
	Until  *time.Time
	Event  EventType // what the change is told as; "" when it is no news
}

// Conduct is what a client's health is judged by.
type Conduct struct {
	Refusals     int // of the line by WhatsApp, in the last 7 days
	Restrictions int // restrictions and bans, in the last 7 days
	Disconnects  int // lines that broke, in the last day
	// Of the messages of the last day: those that left at least ten minutes ago,
	// and how many of them arrived.
	Sent, Delivered int
	// Of the same day: those that came to an end, and how many of them failed.
	Ended, Failed int
}

// HealthInput is one thing that a client's score is made of.
type HealthInput struct {
	Name   string  `json:"name" enum:"state,restrictions,refusals,delivered,failed,disconnects"`
	Value  float64 `json:"value" doc:"What was measured; of the state, the share of the weight that it costs"`
	Unit   string  `json:"unit" enum:"ratio,count"`
	Weight int     `json:"weight" doc:"The most points of 100 that this can cost"`
	Cost   int     `json:"cost" doc:"The points that it costs now"`
	Note   string  `json:"note" doc:"What was measured, in words"`
}

// Window is a span over which sendings are counted.
type Window string

// The windows. New contacts are people who were written to first.
const (
	PerMinute         Window = "minute"
	PerHour           Window = "hour"
	PerDay            Window = "day"
	NewContactsPerDay Window = "new_contacts_day"
)

// WindowUse is how much of a limit is used.
type WindowUse struct {
	Window   Window     `json:"window" enum:"minute,hour,day,new_contacts_day"`
	Used     int        `json:"used"`
	Limit    *int       `json:"limit" doc:"null: not limited"`
	ResetsAt *time.Time `json:"resets_at" doc:"When the oldest of what is used falls out of the window, which slides; null when nothing is used"`
}

// LaneLoad is what waits in a lane.
type LaneLoad struct {
	Lane     Lane       `json:"lane" enum:"urgent,normal,bulk"`
	Queued   int        `json:"queued"`
	OldestAt *time.Time `json:"oldest_at" doc:"When the one at its head was accepted; null when nothing waits"`
}

// ClientOwner is the worker that holds a client.
type ClientOwner struct {
	ID    string     `json:"id" doc:"Of the process: another one after each start"`
	Name  string     `json:"name" doc:"Of the place it works at, such as worker-1"`
	Since *time.Time `json:"since" doc:"When it took the client; null when that is not known"`
}

// ClientHealth is the condition of a client at this moment.
type ClientHealth struct {
	ClientID   ClientID      `json:"client_id"`
	Score      int           `json:"score" minimum:"0" maximum:"100" doc:"100 less what the inputs cost, at least 0"`
	Inputs     []HealthInput `json:"inputs" nullable:"false" doc:"Shares of messages are left out while there are too few to say something"`
	Use        []WindowUse   `json:"use" nullable:"false"`
	Lanes      []LaneLoad    `json:"lanes" nullable:"false"`
	BlockedBy  *Wait         `json:"blocked_by" doc:"Why nothing leaves at the moment, or null"`
	NextSendAt *time.Time    `json:"next_send_at" doc:"The earliest that its next message may leave; null when nobody can tell"`
	Worker     *ClientOwner  `json:"worker" doc:"The worker that holds it; null when none does"`
}
