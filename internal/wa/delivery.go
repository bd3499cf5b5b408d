package wa

import (
	"encoding/json"
	"time"
)

// DeliveryStatus is where a delivery stands.
type DeliveryStatus string

// The statuses. An exhausted delivery is kept and can be begun anew.
const (
	DeliveryPending DeliveryStatus = "pending"
	DeliveryDone    DeliveryStatus = "delivered"
	DeliveryGivenUp DeliveryStatus = "exhausted"
)

// DeliveryStatuses lists them.
func DeliveryStatuses() []DeliveryStatus {
	return []DeliveryStatus{DeliveryPending, DeliveryDone, DeliveryGivenUp}
}

// Trigger says why an attempt is made.
type Trigger string

// The triggers: the event or the schedule, a person who asked for this one, a
// recovery of what failed, a replay of what was never sent, a test.
const (
	TriggerAuto    Trigger = "auto"
	TriggerManual  Trigger = "manual"
	TriggerRecover Trigger = "recover"
	TriggerReplay  Trigger = "replay"
	TriggerTest    Trigger = "test"
)

// Delivery is one event on its way to one endpoint.
type Delivery struct {
	ID            DeliveryID     `json:"id"`
	OrgID         OrgID          `json:"-"`
	EndpointID    EndpointID     `json:"endpoint_id"`
	EventID       EventID        `json:"event_id" doc:"Sent as webhook-id: the same in every attempt"`
	EventType     EventType      `json:"event_type,omitempty"`
	Status        DeliveryStatus `json:"status" enum:"pending,delivered,exhausted"`
	Trigger       Trigger        `json:"trigger" enum:"auto,manual,recover,replay,test"`
	Attempts      int            `json:"attempts"`
	LastStatus    int            `json:"last_status,omitempty" doc:"HTTP status of the last answer; absent when there was none"`
	NextAttemptAt *time.Time     `json:"next_attempt_at,omitempty" doc:"Absent when it is finished, and while it waits for the endpoint"`
	WaitsFor      string         `json:"waits_for,omitempty" enum:"endpoint,circuit" doc:"endpoint: it is switched off, and goes on when it is enabled; circuit: it fails so often that only one request in 30 seconds goes out"`
	CreatedAt     time.Time      `json:"created_at"`

	Base int `json:"-"` // attempts made before it was begun anew
}

// What a delivery that is pending can wait for besides its time.
const (
	WaitsForEndpoint = "endpoint"
	WaitsForCircuit  = "circuit"
)

// Attempt is one request that was made, and what came of it.
type Attempt struct {
	Delivery   DeliveryID          `json:"-"`
	OrgID      OrgID               `json:"-"`
	Number     int                 `json:"number"`
	Trigger    Trigger             `json:"trigger" enum:"auto,manual,recover,replay,test"`
	At         time.Time           `json:"at"`
	DurationMS int                 `json:"duration_ms"`
	IP         string              `json:"ip,omitempty" doc:"The address that was connected to"`
	Status     int                 `json:"status,omitempty" doc:"HTTP status; absent when there was no answer"`
	Error      AttemptError        `json:"error,omitempty" doc:"Absent after a success"`
	Detail     string              `json:"detail,omitempty"`
	Headers    map[string][]string `json:"response_headers,omitempty"`
	Body       string              `json:"response_body,omitempty" doc:"Its first 16 kB"`

	Signature string `json:"-"` // that went with it; "" when nothing was sent
}

// SentRequest is what one attempt sent, made again: bodies are not kept.
type SentRequest struct {
	Attempt int                 `json:"attempt,omitempty" doc:"Its number; absent while none was made: this is what the first one will send"`
	Same    Sameness            `json:"same" enum:"yes,no,unknown" doc:"yes: the signature of the attempt proves it to be what was sent, to the byte; no: something that it is made of (a name, the webhook's settings) has changed since; unknown: the secret that signed it is gone, or nothing was sent yet"`
	Events  int                 `json:"events" doc:"How many events went in it"`
	Headers map[string][]string `json:"request_headers" nullable:"false" doc:"Without the values of your own ones, and without traceparent"`
	Body    string              `json:"request_body" doc:"Its first 64 kB"`
	Bytes   int                 `json:"request_bytes" doc:"How long the whole body is"`
}

// Sameness says whether what is shown is what was sent.
type Sameness string

// The answers.
const (
	IsSame      Sameness = "yes"
	IsNotSame   Sameness = "no"
	SameUnknown Sameness = "unknown"
)

// AttemptError is a kind of failure.
type AttemptError string

// The kinds.
const (
	AttemptOK         AttemptError = ""
	AttemptStatus     AttemptError = "bad_status"
	AttemptRedirect   AttemptError = "redirect_not_followed"
	AttemptTimeout    AttemptError = "timeout"
	AttemptDNS        AttemptError = "dns"
	AttemptConnect    AttemptError = "connect"
	AttemptTLS        AttemptError = "tls"
	AttemptForbidden  AttemptError = "address_forbidden"
	AttemptProtocol   AttemptError = "protocol"
	AttemptUnreadable AttemptError = "unreadable" // our own: the event or a secret cannot be read
)

// RecoveryKind is what a recovery looks for.
type RecoveryKind string

// The kinds: what was tried and failed, and what was never tried.
const (
	RecoverFailed RecoveryKind = "recover"
	ReplayMissed  RecoveryKind = "replay"
)

// Recovery is work in the background that puts deliveries on their way again.
type Recovery struct {
	ID         RecoveryID   `json:"id"`
	OrgID      OrgID        `json:"-"`
	EndpointID EndpointID   `json:"endpoint_id"`
	Kind       RecoveryKind `json:"kind" enum:"recover,replay"`
	Since      time.Time    `json:"since"`
	Until      time.Time    `json:"until"`
	Total      *int64       `json:"total,omitempty" doc:"How many there were to begin with, once counted"`
	Moved      int64        `json:"moved" doc:"How many are on their way so far"`
	CreatedAt  time.Time    `json:"created_at"`
	FinishedAt *time.Time   `json:"finished_at,omitempty"`
}

// Envelope is what an endpoint gets: an event with its client.
type Envelope struct {
	ID        EventID         `json:"id"`
	Type      EventType       `json:"type"`
	Version   string          `json:"api_version"`
	CreatedAt time.Time       `json:"created_at"`
	OrgID     OrgID           `json:"org_id"`
	Client    *EnvelopeClient `json:"client,omitempty"`
	Sequence  *int64          `json:"sequence,omitempty"`
	Truncated bool            `json:"truncated,omitempty" doc:"The text was cut to keep the body small; the API has the whole"`
	Data      json.RawMessage `json:"data"`
}

// EnvelopeBatch is what an endpoint gets that takes several events in one
// request: envelopes of one chat, in order.
type EnvelopeBatch struct {
	Type    string            `json:"type"` // "batch"
	Version string            `json:"api_version"`
	Events  []json.RawMessage `json:"events"`
}

// EnvelopeClient is the client an event is about; a thin one has only its id.
type EnvelopeClient struct {
	ID       ClientID `json:"id"`
	Phone    Phone    `json:"phone,omitempty"`
	Name     string   `json:"name,omitempty"`
	Provider string   `json:"provider,omitempty"`
}
