package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"chasqui/internal/api"
	"chasqui/internal/egress"
	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/webhook"
)

// TestEveryEventFitsItsSchema has every event of the catalogue emitted, kept,
// encoded and sent to an endpoint with full and to one with thin payloads, and
// holds what arrives against the schemas that the API tells.
func TestEveryEventFitsItsSchema(t *testing.T) {
	t.Parallel()
	hooks := hooksToHere(t)
	w := newWorld(t, func(d *api.Deps) { d.Webhooks = hooks(d.DB) })
	service := hooks(w.db)
	run(t, webhook.NewDispatcher(service))
	for _, payload := range []wa.Payload{wa.FullPayload, wa.ThinPayload} {
		t.Run(string(payload), func(t *testing.T) {
			c := &catcher{got: map[wa.EventType][]byte{}}
			s := httptest.NewServer(c)
			defer s.Close()
			e := wa.Endpoint{URL: s.URL, Payload: payload}
			for _, i := range wa.EventTypes() {
				e.Events = append(e.Events, string(i.Type))
			}
			by := testkit.Actor(w.org.ID)
			made, err := service.Create(t.Context(), by, e)
			if err != nil {
				t.Fatal(err)
			}
			w.exec(t, `UPDATE clients SET phone = '+5511900000000' WHERE id = $1`, w.client.ID.UUID())
			w.emitAll(t)
			if _, err := service.Test(t.Context(), by, made.ID); err != nil {
				t.Fatal(err)
			}
			testkit.Eventually(t, patience, "every event arrived", func() bool { return len(c.all()) == len(wa.EventTypes()) })
			told := decode[struct {
				Data []struct {
					Type   wa.EventType    `json:"type"`
					Schema json.RawMessage `json:"schema"`
					Thin   json.RawMessage `json:"thin_schema"`
				}
			}](t, w.do(t, call{method: "GET", path: "/api/v1/event-types", key: w.admin}).body).Data
			seen, known := map[string]bool{}, map[string]bool{}
			for _, i := range told {
				schema := i.Schema
				if payload == wa.ThinPayload {
					schema = i.Thin
				}
				body := c.all()[i.Type]
				if err := check(t, decode[any](t, string(schema)), body); err != nil {
					t.Errorf("%s: %v\n%s", i.Type, err, body)
				}
				closed := decode[any](t, string(schema))
				shut(closed)
				if err := check(t, closed, body); err != nil {
					t.Errorf("%s has something that its schema does not tell: %v\n%s", i.Type, err, body)
				}
				group, _, _ := strings.Cut(string(i.Type), ".")
				note(seen, group, decode[any](t, string(body)))
				properties(known, group, decode[any](t, string(schema)))
			}
			for path := range known {
				if !seen[path] && !strings.HasSuffix(path, ".truncated") { // bodies that are cut have a test of their own
					t.Errorf("no event shows %s: the schema tells of something that is never sent, or this test is poor", path)
				}
			}
		})
	}
}

// hooksToHere gives services whose endpoints may be on this machine.
func hooksToHere(t *testing.T) func(*store.DB) *webhook.Service {
	t.Helper()
	out := egress.New(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, AllowHTTP: true})
	return func(db *store.DB) *webhook.Service {
		keys, err := seal.New([][]byte{make([]byte, 32)}, db, seal.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return webhook.New(db, keys, out, webhook.Options{})
	}
}

func run(t *testing.T, d *webhook.Dispatcher) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); d.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

// catcher keeps one body of each type.
type catcher struct {
	mu  sync.Mutex
	got map[wa.EventType][]byte
}

func (c *catcher) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var e wa.Envelope
	if json.Unmarshal(body, &e) != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.got[e.Type] = body
}

func (c *catcher) all() map[wa.EventType][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.got)
}

// emitAll emits one event of every type, each with everything that it can hold.
func (w *world) emitAll(t *testing.T) {
	t.Helper()
	w.inOrg(t, func(tx *store.Tx) error {
		person, _, err := tx.Person(t.Context(), w.org.ID, "+5511987654321", "14662220001")
		if err != nil {
			return err
		}
		if _, err := tx.NameContact(t.Context(), w.org.ID, person.ID, "", "Ana"); err != nil {
			return err
		}
		chat, err := tx.DirectChat(t.Context(), w.org.ID, w.client.ID, person.ID)
		if err != nil {
			return err
		}
		for _, i := range wa.EventTypes() {
			client, data := w.client.ID, w.dataOf(i.Type, chat, person)
			if data == nil {
				continue // webhook.test is made by those who ask for it
			}
			if group, _, _ := strings.Cut(string(i.Type), "."); i.Type == wa.ContactErased || slices.Contains([]string{"endpoint", "delivery", "org", "security"}, group) {
				client = wa.ClientID{}
			}
			if err := tx.Emit(w.org.ID, client, i.Type, data); err != nil {
				return err
			}
		}
		return nil
	})
}

// dataOf fills the type that the emitters of an event use.
func (w *world) dataOf(kind wa.EventType, chat wa.ChatID, person wa.Contact) any {
	now := time.Now().UTC()
	switch kind {
	case wa.WebhookTest:
		return nil
	case wa.OrgIsHalted, wa.OrgIsReleased:
		return wa.EventHalt{Scope: wa.HaltOrg, Reason: "Somebody else writes in our name."}
	case wa.OrgIsLeaving, wa.OrgIsKept:
		return wa.EventOrgDeletion{DueAt: &now}
	case wa.SecurityAlert:
		return wa.EventAlert{Kind: wa.AlertVolume, Subject: w.client.ID.String(), Count: 900, Usual: 30, WindowSeconds: 3600, Message: "More is sent than usual."}
	case wa.LimitsChanged:
		return wa.EventLimits{ClientID: w.client.ID, Before: wa.DefaultLimits(), By: "Ana's key"}
	case wa.EndpointFailing, wa.EndpointDisabled, wa.EndpointRecovered:
		return wa.EventEndpoint{EndpointID: wa.NewEndpointID(), URL: "https://example.com/hook", Since: &now, LastStatus: 503, Reason: "the receiver answered 410 Gone"}
	case wa.DeliveryExhausted:
		return wa.EventDelivery{EndpointID: wa.NewEndpointID(), DeliveryID: wa.DeliveryOf(wa.NewEndpointID(), wa.NewEventID()), EventID: wa.NewEventID(), EventType: wa.MessageSent, Attempts: 8}
	case wa.ContactUpdated, wa.ContactIdentity:
		person.Name, person.PushName = "Ana", "Ana"
		return wa.EventContact{Contact: person}
	case wa.ContactErased:
		told := wa.EventErased{ErasureID: wa.NewErasureID()}
		told.Contact.ID = person.ID
		return told
	case wa.ChatUpdated:
		return wa.Chat{
			ID: chat, ClientID: w.client.ID, Kind: wa.Direct, ContactID: person.ID, GroupID: "120363", AssignedTo: wa.NewUserID(), Unread: 2,
			LastMessageAt: &now, CreatedAt: now,
		}.Event()
	}
	if strings.HasPrefix(string(kind), "message.") {
		return wa.EventMessage{Message: w.fullMessage(chat, person)}
	}
	c := w.client
	c.Stopped = wa.HaltOrg
	c.StatusReason, c.Until, c.Phone, c.LID, c.PushName = "WhatsApp restricted the number.", &now, "+5511900000000", "14661110001", "Support"
	return wa.EventClient{Client: c, Code: "463", Reason: c.StatusReason}
}

// fullMessage has every field that a message can have, which no real one has.
func (w *world) fullMessage(chat wa.ChatID, person wa.Contact) wa.Message {
	now, typing, answered := time.Now().UTC(), true, wa.NewMessageID()
	whom := wa.Recipient{Input: "+55 11 98765-4321", ContactID: person.ID, Phone: person.Phone, LID: person.LID}
	return wa.Message{
		ID: wa.NewMessageID(), OrgID: w.org.ID, ClientID: w.client.ID, ChatID: chat, Direction: wa.Outbound, Origin: wa.FromAPI, Type: wa.KindText,
		Text: &wa.Text{Body: "Hello Ana", PreviewURL: true}, Status: wa.Failed, Lane: wa.Urgent, To: whom, From: whom, Provider: wa.ProviderWhatsmeow,
		WireID: "3EB0AA", ReplyTo: &answered, Mentions: []string{"5511987654321"}, Typing: &typing, ClientRef: "order-991",
		Metadata: map[string]string{"order_id": "991"}, Attempts: 3, CallbackURL: "https://example.com/token",
		Error:  &wa.Failure{Code: wa.FailInternal, Title: "No", Detail: "No answer", Retryable: true, Provider: &wa.ProviderError{Name: "whatsmeow", Code: "463", Raw: "x"}},
		SendAt: &now, ExpiresAt: &now, NextTryAt: &now, SentAt: &now, DeliveredAt: &now, ReadAt: &now, CreatedAt: now, UpdatedAt: now,
	}
}

// check holds a body against a schema, formats of times included.
func check(t *testing.T, schema any, body []byte) error {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("event.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("event.json")
	if err != nil {
		t.Fatalf("the schema is none: %v", err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return compiled.Validate(v)
}

// shut turns a schema that lets receivers meet new fields into one that knows
// all of them.
func shut(v any) {
	each(v, func(object map[string]any) {
		if object["additionalProperties"] == true {
			object["additionalProperties"] = false
		}
	})
}

// each visits every object in a value.
func each(v any, visit func(map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(v)
		for _, inner := range v {
			each(inner, visit)
		}
	case []any:
		for _, inner := range v {
			each(inner, visit)
		}
	}
}

// note writes down the path of every field of a body. What maps of the
// customer's own hold is no field of ours.
func note(into map[string]bool, path string, v any) {
	object, ok := v.(map[string]any)
	if !ok || strings.HasSuffix(path, ".metadata") {
		return
	}
	for name, inner := range object {
		into[path+"."+name] = true
		note(into, path+"."+name, inner)
	}
}

// properties writes down the path of every field that a schema tells.
func properties(into map[string]bool, path string, schema any) {
	root, _ := schema.(map[string]any)
	defs, _ := root["$defs"].(map[string]any)
	var walk func(path string, v any)
	walk = func(path string, v any) {
		s, _ := v.(map[string]any)
		if ref, ok := s["$ref"].(string); ok {
			s, _ = defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		}
		all, _ := s["properties"].(map[string]any)
		for name, inner := range all {
			into[path+"."+name] = true
			walk(path+"."+name, inner)
		}
	}
	for _, part := range root["allOf"].([]any) { //nolint:forcetypeassert // a panic is a failure here
		walk(path, part)
	}
}
