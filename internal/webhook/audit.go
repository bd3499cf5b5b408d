package webhook

import (
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// auditedEndpoint is what the audit log keeps of an endpoint: what people set,
// not how it is doing. Of its own headers only whether there are any.
type auditedEndpoint struct {
	URL         string         `json:"url"` // credentials in it are masked when it is written
	Description string         `json:"description,omitempty"`
	Events      []string       `json:"events"`
	Clients     []wa.ClientID  `json:"clients,omitempty"`
	Directions  []wa.Direction `json:"directions,omitempty"`
	ChatKinds   []wa.ChatKind  `json:"chat_kinds,omitempty"`
	Payload     wa.Payload     `json:"payload"`
	Ordered     bool           `json:"ordered"`
	HasHeaders  bool           `json:"has_headers"`
	MaxInFlight int            `json:"max_in_flight"`
	Rate        *int           `json:"rate,omitempty"`
	TimeoutMS   int            `json:"timeout_ms"`
	Schedule    []int          `json:"schedule,omitempty"`
	Enabled     bool           `json:"enabled"`
}

func audited(row store.EndpointRow) auditedEndpoint {
	return auditedEndpoint{
		URL: row.URL, Description: row.Description, Events: row.Events, Clients: row.Clients, Directions: row.Directions, ChatKinds: row.ChatKinds,
		Payload: row.Payload, Ordered: row.Ordered, HasHeaders: len(row.SealedHeaders) > 0, MaxInFlight: row.MaxInFlight, Rate: row.Rate,
		TimeoutMS: row.TimeoutMS, Schedule: row.Schedule, Enabled: row.Enabled,
	}
}

type rotated struct {
	OverlapSeconds int `json:"overlap_seconds"`
}

type recovered struct {
	Recovery wa.RecoveryID `json:"recovery"`
	Since    time.Time     `json:"since"`
	Until    time.Time     `json:"until"`
}

type resent struct {
	Delivery wa.DeliveryID `json:"delivery"`
}

// switchedOff is why nobody's hand switched an endpoint off.
type switchedOff struct {
	Reason string `json:"reason"`
}

// auditedCallbacks is what stands for all endpoints of messages' own addresses.
const auditedCallbacks = "callbacks"
