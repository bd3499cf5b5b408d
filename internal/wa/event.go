package wa

import (
	"encoding/json"
	"time"
)

// EventType names a fact, in the past tense.
type EventType string

// Every event that exists. The table below is what the API lists, what
// subscriptions are checked against and what the documentation is made from.
const (
	MessageQueued        EventType = "message.queued"
	MessageScheduled     EventType = "message.scheduled"
	MessageSending       EventType = "message.sending"
	MessageSent          EventType = "message.sent"
	MessageDelivered     EventType = "message.delivered"
	MessageRead          EventType = "message.read"
	MessagePlayed        EventType = "message.played"
	MessageFailed        EventType = "message.failed"
	MessageExpired       EventType = "message.expired"
	MessageCancelled     EventType = "message.canceled"
	MessageReceived      EventType = "message.received"
	MessageUndecryptable EventType = "message.undecryptable"
	ContactUpdated       EventType = "contact.updated"
	ContactIdentity      EventType = "contact.identity_changed"
	ContactErased        EventType = "contact.erased"
	ChatUpdated          EventType = "chat.updated"
	ClientCreated        EventType = "client.created"
	ClientChanged        EventType = "client.changed"
	ClientDeleted        EventType = "client.deleted"
	ClientPairingStep    EventType = "client.pairing"
	ClientPairingFailed  EventType = "client.pairing_failed"
	ClientPaired         EventType = "client.paired"
	ClientIsConnected    EventType = "client.connected"
	ClientIsDisconnected EventType = "client.disconnected"
	ClientIsLoggedOut    EventType = "client.logged_out"
	ClientIsReplaced     EventType = "client.replaced"
	ClientIsBanned       EventType = "client.banned"
	ClientIsTempBanned   EventType = "client.temp_banned"
	ClientIsRestricted   EventType = "client.restricted"
	ClientIsUnrestricted EventType = "client.restriction_lifted"
	ClientHadError       EventType = "client.error"
	LimitsChanged        EventType = "client.limits_changed"
	ClientIsHalted       EventType = "client.stopped"
	ClientIsReleased     EventType = "client.released"
	OrgIsHalted          EventType = "org.stopped"
	OrgIsReleased        EventType = "org.released"
	OrgIsLeaving         EventType = "org.deletion_asked"
	OrgIsKept            EventType = "org.kept"
	PlatformOutdated     EventType = "platform.client_outdated"
	EndpointFailing      EventType = "endpoint.failing"
	EndpointDisabled     EventType = "endpoint.disabled"
	EndpointRecovered    EventType = "endpoint.recovered"
	DeliveryExhausted    EventType = "delivery.exhausted"
	WebhookTest          EventType = "webhook.test"
)

// EventInfo describes an event type to people.
type EventInfo struct {
	Type        EventType `json:"type"`
	Description string    `json:"description"`
	// OptIn events reach only endpoints that name them: "*" and "message.*"
	// leave them out.
	OptIn bool `json:"opt_in,omitempty" doc:"Endpoints get it only when they name it; wildcards leave it out"`
}

var eventInfos = []EventInfo{
	{MessageQueued, "A message was accepted, or its time came", true},
	{MessageScheduled, "A message was accepted for later", false},
	{MessageSending, "A message left the queue and is on its way to WhatsApp", true},
	{MessageSent, "WhatsApp's server took the message", false},
	{MessageDelivered, "The message reached the recipient's phone", false},
	{MessageRead, "The recipient opened the message", false},
	{MessagePlayed, "The recipient played the message", false},
	{MessageFailed, "The message was given up; data.message.error says why", false},
	{MessageExpired, "The message was not sent before it expired", false},
	{MessageCancelled, "The message was cancelled before it was sent", false},
	{MessageReceived, "Somebody wrote to the client", false},
	{MessageUndecryptable, "A message came that cannot be read yet; the sender was asked again", true},
	{ContactUpdated, "A contact's name, number or hidden address became known or changed", false},
	{ContactIdentity, "A contact uses a new phone", true},
	{ContactErased, "A person was erased: whoever keeps a copy of what was told of them is to erase it, too", false},
	{ChatUpdated, "A conversation was marked read or unread, or given to somebody", true},
	{ClientCreated, "A client was created", false},
	{ClientChanged, "A client was renamed, paused or resumed, or asked to connect or to disconnect", true},
	{ClientDeleted, "A client was deleted", false},
	{ClientPairingStep, "Pairing moved on", false},
	{ClientPairingFailed, "Pairing did not succeed", false},
	{ClientPaired, "A phone was linked", false},
	{ClientIsConnected, "The client is online", false},
	{ClientIsDisconnected, "The client went offline", false},
	{ClientIsLoggedOut, "The client was unlinked from its phone", false},
	{ClientIsReplaced, "The client's keys were used from elsewhere", false},
	{ClientIsBanned, "WhatsApp banned the number", false},
	{ClientIsTempBanned, "WhatsApp banned the number for a time", false},
	{ClientIsRestricted, "WhatsApp forbids the number to start new chats for a time", false},
	{ClientIsUnrestricted, "The number may start new chats again", false},
	{ClientHadError, "WhatsApp refused the connection for a reason we cannot mend", false},
	{LimitsChanged, "A client's sending limits were changed", false},
	{ClientIsHalted, "The kill switch was thrown for a client: nothing leaves it", false},
	{ClientIsReleased, "The kill switch of a client was released; a wider one may still hold it", false},
	{OrgIsHalted, "The kill switch was thrown for the whole org, or, as data.scope says, for everybody: nothing leaves", false},
	{OrgIsReleased, "The kill switch of the org, or of everybody, was released", false},
	{OrgIsLeaving, "The org is being deleted; data.due_at says when everything is erased. Endpoints are off from then on and do not get it", false},
	{OrgIsKept, "The deletion of the org was taken back", false},
	{PlatformOutdated, "WhatsApp asks for a newer client library; every reconnect waits for the operator", false},
	{EndpointFailing, "An endpoint has refused one message four times", false},
	{EndpointDisabled, "An endpoint was switched off, by itself or by us; data.reason says why", false},
	{EndpointRecovered, "An endpoint that was failing takes messages again", false},
	{DeliveryExhausted, "An event was not delivered to an endpoint and will not be tried again unless you ask for it", false},
	{SecurityAlert, "Something looks like an attack or a leaked key; data.kind says what", false},
	{WebhookTest, "Somebody asked to see whether an endpoint works", false},
}

// EventTypes lists every event with its description.
func EventTypes() []EventInfo { return eventInfos }

// Event is one fact as customers see it. Sequence rises by one per client, so
// a gap is visible; it is absent from events that only repeat what the caller
// was told in the reply (message.queued, message.scheduled).
type Event struct {
	ID        EventID         `json:"id"`
	Type      EventType       `json:"type"`
	Version   string          `json:"api_version"`
	CreatedAt time.Time       `json:"created_at"`
	OrgID     OrgID           `json:"org_id"`
	ClientID  ClientID        `json:"client_id,omitzero"`
	Sequence  *int64          `json:"sequence,omitempty"`
	Data      json.RawMessage `json:"data"`
}

// EventVersion is the version of the payloads' shapes.
const EventVersion = "2026-11-01"

// EventMessage is the data of every message.* event.
type EventMessage struct {
	Message Message `json:"message"`
}

// MarshalJSON writes the message as it is shown.
func (e EventMessage) MarshalJSON() ([]byte, error) {
	type plain EventMessage
	e.Message = e.Message.Shown()
	return json.Marshal(plain(e))
}

// EventClient is the data of the other client.* events and of
// platform.client_outdated.
type EventClient struct {
	Client Client `json:"client"`
	Code   string `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// EventLimits is the data of client.limits_changed.
type EventLimits struct {
	ClientID ClientID `json:"client_id"`
	Before   Limits   `json:"before"`
	After    Limits   `json:"after"`
	By       string   `json:"by" doc:"Id of the person, or name of the API key"`
}

// EventHalt is the data of org.stopped and org.released.
type EventHalt struct {
	Scope  HaltScope `json:"scope" enum:"org,installation"`
	Reason string    `json:"reason,omitempty"`
}

// EventContact is the data of the other contact.* events.
type EventContact struct {
	Contact Contact `json:"contact"`
}

// About is what an event without client can be narrowed and kept in order by;
// the zero value says nothing. Endpoint is whom the event speaks of and whom it
// is not sent to. Trace is the trace that the event is part of, as
// telemetry.Link gives it.
type About struct {
	Chat      ChatID
	Direction Direction
	Endpoint  EndpointID
	Callback  EndpointID
	Trace     string
}

// About names the conversation.
func (e EventMessage) About() About {
	return About{Chat: e.Message.ChatID, Direction: e.Message.Direction, Callback: e.Message.CallbackID, Trace: e.Message.Trace}
}

// EventEndpoint is the data of every endpoint.* event.
type EventEndpoint struct {
	EndpointID EndpointID `json:"endpoint_id"`
	URL        string     `json:"url"`
	Since      *time.Time `json:"since,omitempty" doc:"When the first failure came after the last success"`
	LastStatus int        `json:"last_status,omitempty" doc:"HTTP status of the last answer; absent when there was none"`
	Reason     string     `json:"reason,omitempty"`
}

// About names the endpoint.
func (e EventEndpoint) About() About { return About{Endpoint: e.EndpointID} }

// EventDelivery is the data of every delivery.* event.
type EventDelivery struct {
	EndpointID EndpointID `json:"endpoint_id"`
	DeliveryID DeliveryID `json:"delivery_id"`
	EventID    EventID    `json:"event_id"`
	EventType  EventType  `json:"event_type"`
	Attempts   int        `json:"attempts"`
}

// About names the endpoint.
func (e EventDelivery) About() About { return About{Endpoint: e.EndpointID} }

// EventTest is the data of webhook.test.
type EventTest struct {
	EndpointID EndpointID `json:"endpoint_id"`
	Message    string     `json:"message"`
}
