package api

import (
	"context"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"chasqui/internal/wa"
)

// eventInfo is an event type with the JSON Schema of what endpoints get.
type eventInfo struct {
	wa.EventInfo
	Schema map[string]any `json:"schema" doc:"JSON Schema of the webhook's body; shapes only grow"`
}

type eventTypesOut struct {
	Body struct {
		Data []eventInfo `json:"data" nullable:"false"`
	} `nameHint:"EventTypes"`
}

func (a *api) eventTypes(context.Context, wa.Actor, *nothing) (*eventTypesOut, error) {
	out := &eventTypesOut{}
	for _, i := range wa.EventTypes() {
		out.Body.Data = append(out.Body.Data, eventInfo{i, EventSchema(i.Type)})
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
	switch group, _, _ := strings.Cut(string(t), "."); {
	case group == "message":
		return reflect.TypeFor[struct {
			Message hookMessage `json:"message"`
		}]()
	case t == wa.LimitsChanged:
		return reflect.TypeFor[map[string]any]()
	case group == "client":
		return reflect.TypeFor[wa.EventClient]()
	case group == "contact":
		return reflect.TypeFor[wa.EventContact]()
	case group == "endpoint":
		return reflect.TypeFor[wa.EventEndpoint]()
	case group == "delivery":
		return reflect.TypeFor[wa.EventDelivery]()
	case t == wa.WebhookTest:
		return reflect.TypeFor[wa.EventTest]()
	}
	return reflect.TypeFor[map[string]any]()
}

// EventSchema makes the JSON Schema of an event's webhook: the envelope, with
// the data of this type. Receivers must take what they do not know.
func EventSchema(t wa.EventType) map[string]any {
	registry := huma.NewMapRegistry("#/$defs/", huma.DefaultSchemaNamer)
	envelope := huma.SchemaFromType(registry, reflect.TypeFor[wa.Envelope]())
	envelope.Properties["data"] = huma.SchemaFromType(registry, dataOf(t))
	envelope.Properties["type"] = &huma.Schema{Type: huma.TypeString, Enum: []any{string(t)}}
	defs := registry.Map()
	for _, s := range append([]*huma.Schema{envelope, envelope.Properties["data"]}, values(defs)...) {
		s.AdditionalProperties = true
	}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "title": string(t), "allOf": []any{envelope}, "$defs": defs,
	}
}

func values(m map[string]*huma.Schema) []*huma.Schema {
	out := make([]*huma.Schema, 0, len(m))
	for _, s := range m {
		out = append(out, s)
	}
	return out
}
