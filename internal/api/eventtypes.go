package api

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"chasqui/internal/wa"
	"chasqui/internal/webhook"
)

// eventInfo is an event type with the JSON Schemas of what endpoints get.
type eventInfo struct {
	wa.EventInfo
	Schema map[string]any `json:"schema" doc:"JSON Schema of the webhook's body; shapes only grow"`
	Thin   map[string]any `json:"thin_schema" doc:"The same for endpoints whose payload is thin"`
}

type eventTypesOut struct {
	Body struct {
		Data []eventInfo `json:"data" nullable:"false"`
	} `nameHint:"EventTypes"`
}

func (a *api) eventTypes(context.Context, wa.Actor, *nothing) (*eventTypesOut, error) {
	out := &eventTypesOut{}
	for _, i := range wa.EventTypes() {
		out.Body.Data = append(out.Body.Data, eventInfo{i, EventSchema(i.Type, wa.FullPayload), EventSchema(i.Type, wa.ThinPayload)})
	}
	return out, nil
}

// hookMessage is a message as endpoints get it: with the conversation and the
// person.
type hookMessage struct {
	wa.Message
	Chat *struct {
		ID   wa.ChatID   `json:"id"`
		Kind wa.ChatKind `json:"kind"`
	} `json:"chat,omitempty"`
	Contact *struct {
		ID    wa.ContactID `json:"id"`
		Phone string       `json:"phone,omitempty"`
		LID   string       `json:"lid,omitempty"`
		Name  string       `json:"name,omitempty"`
	} `json:"contact,omitempty"`
}

// dataOf gives the type of an event's data.
func dataOf(t wa.EventType) reflect.Type {
	switch t {
	case wa.LimitsChanged:
		return reflect.TypeFor[wa.EventLimits]()
	case wa.PlatformOutdated:
		return reflect.TypeFor[wa.EventClient]()
	case wa.WebhookTest:
		return reflect.TypeFor[wa.EventTest]()
	case wa.ContactErased:
		return reflect.TypeFor[wa.EventErased]()
	case wa.OrgIsLeaving, wa.OrgIsKept:
		return reflect.TypeFor[wa.EventOrgDeletion]()
	}
	group, _, _ := strings.Cut(string(t), ".")
	return map[string]reflect.Type{
		"message": reflect.TypeFor[struct {
			Message hookMessage `json:"message"`
		}](),
		"client":   reflect.TypeFor[wa.EventClient](),
		"contact":  reflect.TypeFor[wa.EventContact](),
		"chat":     reflect.TypeFor[wa.EventChat](),
		"endpoint": reflect.TypeFor[wa.EventEndpoint](),
		"delivery": reflect.TypeFor[wa.EventDelivery](),
		"org":      reflect.TypeFor[wa.EventHalt](),
		"security": reflect.TypeFor[wa.EventAlert](),
	}[group]
}

// EventSchema makes the JSON Schema of an event's webhook: the envelope, with
// the data of this type. Receivers must take what they do not know.
func EventSchema(t wa.EventType, payload wa.Payload) map[string]any {
	registry := huma.NewMapRegistry("#/$defs/", huma.DefaultSchemaNamer)
	envelope := huma.SchemaFromType(registry, reflect.TypeFor[wa.Envelope]())
	data := huma.SchemaFromType(registry, dataOf(t))
	if payload == wa.ThinPayload {
		thin(registry, data)
		thin(registry, registry.Map()["EnvelopeClient"])
		maps.DeleteFunc(registry.Map(), func(_ string, s *huma.Schema) bool { return len(s.Properties) == 0 })
	}
	if ofOrg(t) {
		delete(envelope.Properties, "client")
		delete(envelope.Properties, "sequence")
	} else {
		envelope.Required = append(envelope.Required, "client")
	}
	envelope.Properties["data"] = data
	envelope.Properties["type"] = &huma.Schema{Type: huma.TypeString, Enum: []any{string(t)}}
	defs := registry.Map()
	if message := defs["HookMessage"]; message != nil {
		delete(message.Properties, "callback_url") // it is for that address alone
	}
	for _, s := range append([]*huma.Schema{envelope, data}, values(defs)...) {
		s.AdditionalProperties = true
	}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": string(t), "allOf": []any{envelope}, "$defs": defs,
	}
}

// ofOrg reports whether an event is of an org, and not of a client.
func ofOrg(t wa.EventType) bool {
	of, _, _ := strings.Cut(string(t), ".")
	return t == wa.ContactErased || slices.Contains([]string{"endpoint", "delivery", "webhook", "org", "security"}, of)
}

// thin takes out of a schema what thin payloads leave out. False: nothing is
// left of it.
func thin(registry huma.Registry, s *huma.Schema) bool {
	if s.Ref != "" {
		return thin(registry, registry.SchemaFromRef(s.Ref))
	}
	for name, property := range s.Properties {
		object := property.Ref != "" || property.Type == huma.TypeObject
		if object && thin(registry, property) || !object && property.Type != huma.TypeArray && webhook.ThinKeeps(name) {
			continue
		}
		delete(s.Properties, name)
		s.Required = slices.DeleteFunc(s.Required, func(r string) bool { return r == name })
	}
	return len(s.Properties) > 0
}

func values(m map[string]*huma.Schema) []*huma.Schema {
	out := make([]*huma.Schema, 0, len(m))
	for _, s := range m {
		out = append(out, s)
	}
	return out
}
