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
	ClientCreated        EventType = "client.created"
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
	PlatformOutdated     EventType = "platform.client_outdated"
)

// EventInfo describes an event type to people.
type EventInfo struct {
	Type        EventType `json:"type"`
	Description string    `json:"description"`
}

var eventInfos = []EventInfo{
	{MessageQueued, "A message was accepted, or its time came"},
	{MessageScheduled, "A message was accepted for later"},
	{MessageSending, "A message left the queue and is on its way to WhatsApp"},
	{MessageSent, "WhatsApp's server took the message"},
	{MessageDelivered, "The message reached the recipient's phone"},
	{MessageRead, "The recipient opened the message"},
	{MessagePlayed, "The recipient played the message"},
	{MessageFailed, "The message was given up; data.message.error says why"},
	{MessageExpired, "The message was not sent before it expired"},
	{MessageCancelled, "The message was cancelled before it was sent"},
	{MessageReceived, "Somebody wrote to the client"},
	{MessageUndecryptable, "A message came that cannot be read yet; the sender was asked again"},
	{ContactUpdated, "A contact's name, number or hidden address became known or changed"},
	{ContactIdentity, "A contact uses a new phone"},
	{ClientCreated, "A client was created"},
	{ClientDeleted, "A client was deleted"},
	{ClientPairingStep, "Pairing moved on"},
	{ClientPairingFailed, "Pairing did not succeed"},
	{ClientPaired, "A phone was linked"},
	{ClientIsConnected, "The client is online"},
	{ClientIsDisconnected, "The client went offline"},
	{ClientIsLoggedOut, "The client was unlinked from its phone"},
	{ClientIsReplaced, "The client's keys were used from elsewhere"},
	{ClientIsBanned, "WhatsApp banned the number"},
	{ClientIsTempBanned, "WhatsApp banned the number for a time"},
	{ClientIsRestricted, "WhatsApp forbids the number to start new chats for a time"},
	{ClientIsUnrestricted, "The number may start new chats again"},
	{ClientHadError, "WhatsApp refused the connection for a reason we cannot mend"},
	{LimitsChanged, "A client's sending limits were changed"},
	{PlatformOutdated, "WhatsApp asks for a newer client library; every reconnect waits for the operator"},
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

// EventClient is the data of every client.* event.
type EventClient struct {
	Client Client `json:"client"`
	Code   string `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// EventContact is the data of every contact.* event.
type EventContact struct {
	Contact Contact `json:"contact"`
}
