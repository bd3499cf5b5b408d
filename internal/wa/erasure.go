package wa

import "time"

// Erasure is the receipt of somebody's erasure: what was removed, and when that
// was done. It names the contact by an id that stands for nobody any more.
type Erasure struct {
	ID         ErasureID     `json:"id"`
	OrgID      OrgID         `json:"-"`
	ContactID  ContactID     `json:"contact_id"`
	Status     ErasureStatus `json:"status" enum:"running,done" doc:"It is done within minutes, and goes on by itself until then"`
	AskedBy    UserID        `json:"asked_by,omitzero" doc:"The person who asked for it"`
	Removed    Removed       `json:"removed"`
	CreatedAt  time.Time     `json:"created_at"`
	FinishedAt *time.Time    `json:"finished_at,omitempty"`
}

// ErasureStatus tells whether an erasure is over.
type ErasureStatus string

// The statuses.
const (
	ErasureRunning ErasureStatus = "running"
	ErasureDone    ErasureStatus = "done"
)

// Removed counts what an erasure took away.
type Removed struct {
	Messages  int `json:"messages" doc:"Messages from and to the person"`
	Cancelled int `json:"cancelled" doc:"Those of them that had not been sent yet, and never will be"`
	Chats     int `json:"chats" doc:"Conversations with the person"`
	Events    int `json:"events" doc:"Events that told of the person; ids and states are left of them"`
	Answers   int `json:"answers" doc:"What endpoints answered to such events"`
	Replies   int `json:"replies" doc:"Answers kept for repeats of a request"`
	Mentions  int `json:"mentions" doc:"Messages of others in groups that held the person's number"`
	Keys      int `json:"keys" doc:"Keys and other notes of linked devices about the person"`
}

// EventErased is the data of contact.erased. Whoever keeps a copy of what they
// were told of the contact is to erase it, too.
type EventErased struct {
	Contact struct {
		ID ContactID `json:"id"`
	} `json:"contact"`
	ErasureID ErasureID `json:"erasure_id" doc:"The receipt, at /api/v1/erasures"`
}

// Nameless is what may be told of a message to an erased person: which one it
// was, and what became of it.
func (m Message) Nameless() Message {
	return Message{
		ID: m.ID, OrgID: m.OrgID, ClientID: m.ClientID, ChatID: m.ChatID, Direction: m.Direction, Origin: m.Origin, Type: m.Type, Status: m.Status,
		Lane: m.Lane, Provider: m.Provider, Attempts: m.Attempts, Error: m.Error, CallbackID: m.CallbackID, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt,
	}
}
