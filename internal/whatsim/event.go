package whatsim

import (
	"context"
	"time"
)

// Kinds of events.
const (
	EventWaiting         = "waiting"          // a companion waits to be paired
	EventPaired          = "paired"           //
	EventPasskey         = "passkey"          // Detail: asked, answered, compare or refused
	EventLogin           = "login"            //
	EventLoginFailed     = "login_failed"     // Code is the reason
	EventLoggedOut       = "logged_out"       //
	EventBanned          = "banned"           // Code is the reason
	EventClosed          = "closed"           // a connection is over
	EventHandshakeFailed = "handshake_failed" //
	EventStrayHTTP       = "stray_http"       // a request for something that is not simulated
	EventUnknownIQ       = "unknown_iq"       // Detail is the namespace; answered as empty
	EventReceipt         = "receipt"          // a client's receipt; Detail is its type, "" means delivered
	EventNack            = "nack"             // a client refused a stanza; Code is the reason
	EventPresence        = "presence"         // Detail is available or unavailable
	EventChatState       = "chatstate"        // Detail is composing or paused
	EventUndeliverable   = "undeliverable"    // a message without a ciphertext for its recipient
	EventOldCounter      = "old_counter"      // a new message encrypted with a used key: lost, and the sender's fault
	EventRetryAsked      = "retry_asked"      // a phone could not read a message and asked again; Code counts
	EventRetryServed     = "retry_served"     // a companion could not read a phone's message and got it again
	EventRetryUnknown    = "retry_unknown"    // a companion asked for a message nobody has
	EventLateSend        = "late_send"        // a message on a connection that was already told to end
	EventNewPhone        = "new_phone"        // the person behind a number changed the phone
	EventRule            = "rule"             // a fault rule acted; Code is its id
)

// Event is something that happened, for tests to wait for and for people to read.
type Event struct {
	Seq    int64     `json:"seq"`
	Time   time.Time `json:"time"`
	Kind   string    `json:"kind"`
	Number string    `json:"number,omitempty"` // the account
	Device uint16    `json:"device,omitempty"`
	Socket int64     `json:"socket,omitempty"`
	Peer   string    `json:"peer,omitempty"` // the other side
	ID     string    `json:"id,omitempty"`   // wire id
	Code   int       `json:"code,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// EventQuery selects events. Empty fields select everything.
type EventQuery struct {
	Kind, Number, Peer, ID string
	After                  int64
}

func (q EventQuery) selects(e *Event) bool {
	return e.Seq > q.After && (q.Kind == "" || e.Kind == q.Kind) && (q.Number == "" || e.Number == q.Number) &&
		(q.Peer == "" || e.Peer == q.Peer) && (q.ID == "" || e.ID == q.ID)
}

func (s *Server) event(e Event) {
	l := s.ledger
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Seq, e.Time = l.next(), time.Now()
	l.events = append(l.events, &e)
}

// Events returns the selected events, oldest first.
func (s *Server) Events(q EventQuery) []Event {
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	out, _ := scan(s.ledger.events, q.selects, 0)
	return out
}

// WaitEvents waits until n events are selected, and returns all that are; see WaitMessages.
func (s *Server) WaitEvents(ctx context.Context, q EventQuery, n int) ([]Event, error) {
	return await(ctx, s.ledger, func() []*Event { return s.ledger.events }, q.selects, n)
}
