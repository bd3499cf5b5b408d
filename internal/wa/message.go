package wa

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
)

// Direction of a message, seen from us.
type Direction string

// The directions.
const (
	Outbound Direction = "outbound"
	Inbound  Direction = "inbound"
)

// Origin says who made a message; webhooks use it to avoid echo loops.
type Origin string

// The origins.
const (
	FromAPI         Origin = "api"
	FromDashboard   Origin = "dashboard" // by somebody who is signed in
	FromPhone       Origin = "phone"     // typed on the client's own phone
	FromContact     Origin = "contact"
	FromOtherDevice Origin = "other_device"
	FromSignIn      Origin = "sign_in" // a one-time code: nobody but its recipient may read it
)

// Origins lists all of them.
func Origins() []Origin {
	return []Origin{FromAPI, FromDashboard, FromPhone, FromContact, FromOtherDevice, FromSignIn}
}

// Recipient is whom a message goes to or came from.
type Recipient struct {
	Input     string    `json:"input,omitempty"`
	ContactID ContactID `json:"contact_id,omitzero"`
	Phone     Phone     `json:"phone,omitempty"`
	LID       string    `json:"lid,omitempty"`
}

// Message is one message, ours or theirs. Times are UTC.
type Message struct {
	ID          MessageID         `json:"id"`
	OrgID       OrgID             `json:"-"`
	ClientID    ClientID          `json:"client_id"`
	ChatID      ChatID            `json:"chat_id,omitzero"`
	Direction   Direction         `json:"direction" enum:"outbound,inbound"`
	Origin      Origin            `json:"origin"`
	Type        string            `json:"type"`
	Text        *Text             `json:"text,omitempty"`
	Status      Status            `json:"status"`
	Lane        Lane              `json:"lane"`
	To          Recipient         `json:"to,omitzero" doc:"Whom an outbound message goes to"`
	From        Recipient         `json:"from,omitzero" doc:"Who wrote an inbound message"`
	Provider    string            `json:"provider"`
	WireID      string            `json:"provider_message_id,omitempty"`
	ReplyTo     *MessageID        `json:"reply_to,omitempty"`
	Mentions    []string          `json:"mentions,omitempty"`
	Typing      *bool             `json:"typing,omitempty"`
	ClientRef   string            `json:"client_ref,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	Attempts    int               `json:"attempts"`
	Error       *Failure          `json:"error,omitempty"`
	SendAt      *time.Time        `json:"send_at,omitempty"`
	ExpiresAt   *time.Time        `json:"expires_at,omitempty"`
	NextTryAt   *time.Time        `json:"next_try_at,omitempty"`
	SentAt      *time.Time        `json:"sent_at,omitempty"`
	DeliveredAt *time.Time        `json:"delivered_at,omitempty"`
	ReadAt      *time.Time        `json:"read_at,omitempty" doc:"When the recipient read it; of one that came in, when it was first read here"`
	CallbackURL string            `json:"callback_url,omitempty" doc:"Told what becomes of this message"`
	CallbackID  EndpointID        `json:"-"` // stands for the address's host
	Trace       string            `json:"-"` // the trace it is part of, as telemetry.Link gives it; mostly ""
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
}

// Shown is the message as anybody may see it who may read messages: a one-time
// code is not among what is shown, or who reads a number's messages could sign in
// as those whose codes it sends.
func (m Message) Shown() Message {
	if m.Origin == FromSignIn && m.Text != nil {
		m.Text = &Text{Body: "(a one-time code)"}
	}
	return m
}

// Content is the message's one content object.
func (m Message) Content() Content {
	if m.Text != nil {
		return *m.Text
	}
	return nil
}

// SetContent puts c where it belongs.
func (m *Message) SetContent(c Content) {
	if t, ok := c.(Text); ok {
		m.Type, m.Text = KindText, &t
	}
}

// WireID derives the id that WhatsApp sees from ours. It is a pure function,
// so every resend, by any worker, after any crash or database rollback,
// carries the same id and recipients drop the copy. The shape is the one that
// WhatsApp's web client gives its ids.
func WireID(client ClientID, message MessageID) string {
	sum := sha256.Sum256([]byte("chasqui/v1|" + client.UUID() + "|" + message.UUID()))
	return "3EB0" + strings.ToUpper(hex.EncodeToString(sum[:9]))
}

// Wait says why a message has not left yet. The words are the API's
// "blocked_by".
type Wait string

// Every reason to wait.
const (
	NoWait            Wait = ""
	WaitOffline       Wait = "client_offline"
	WaitUnpaired      Wait = "client_unpaired"
	WaitRestricted    Wait = "client_restricted"
	WaitPaused        Wait = "client_paused"
	WaitStopped       Wait = "stopped"
	WaitMinuteCap     Wait = "minute_cap"
	WaitHourCap       Wait = "hour_cap"
	WaitDayCap        Wait = "day_cap"
	WaitGap           Wait = "gap"
	WaitCoolDown      Wait = "cool_down"
	WaitScheduled     Wait = "scheduled"
	WaitRetry         Wait = "retry_wait"
	WaitNewContactCap Wait = "new_contact_cap"
)

// OpenEnded reports whether nobody knows when a wait ends: somebody, or the
// network, must do something first.
func (w Wait) OpenEnded() bool {
	return w == WaitOffline || w == WaitUnpaired || w == WaitPaused || w == WaitStopped
}

// QueuePlace tells a caller where a message stands in line.
type QueuePlace struct {
	Position        int        `json:"position" doc:"How many messages of this client go before it, plus one"`
	BlockedBy       *Wait      `json:"blocked_by" doc:"Why the head of the line waits, or null"`
	EstimatedSendAt *time.Time `json:"estimated_send_at,omitempty" doc:"Absent while nobody can know: the client is offline, not linked, paused or stopped"`
}

// Step is one line of a message's timeline.
type Step struct {
	At     time.Time       `json:"at"`
	Status Status          `json:"status"`
	Note   string          `json:"note,omitempty" doc:"What happened, in words; the last line of a message that waits says what it waits for now"`
	Until  *time.Time      `json:"until,omitempty" doc:"Of what is waited for now: when it is expected to end"`
	Data   json.RawMessage `json:"data,omitempty"`
}

// IdempotencyKey is a caller's name for one request, so that its repeat is
// answered the same and works once. Route keeps the keys of different requests
// apart; Hash is of the request's body. The zero key is none.
type IdempotencyKey struct {
	Key   string
	Route string
	Hash  []byte
}

// IsZero reports whether the caller gave no key.
func (k IdempotencyKey) IsZero() bool { return k.Key == "" }
