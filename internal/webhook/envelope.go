package webhook

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// MaxBody is the longest body that is sent, in bytes.
const MaxBody = 20_000

// body makes what an endpoint gets. Of a message that is sent whole only the
// first level is taken apart: this is done some hundred times a second.
func body(d store.Due, payload wa.Payload) ([]byte, error) {
	e := wa.Envelope{
		ID: d.EventID, Type: d.Event.Type, Version: wa.EventVersion, CreatedAt: d.Event.CreatedAt.UTC(), OrgID: d.OrgID,
		Sequence: d.Event.Sequence, Data: d.Event.Data,
	}
	if !d.Event.ClientID.IsZero() {
		client := d.Client
		if payload == wa.ThinPayload {
			client = wa.EnvelopeClient{ID: client.ID}
		}
		e.Client = &client
	}
	var data map[string]json.RawMessage
	if err := json.Unmarshal(d.Event.Data, &data); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	if err := complete(data, d); err != nil {
		return nil, err
	}
	if payload == wa.ThinPayload {
		return encodeThin(e, data)
	}
	raw, err := encode(e, data)
	if err != nil || len(raw) <= MaxBody {
		return raw, err
	}
	return fit(e, data)
}

// complete adds to an event about a message whom it is about, and takes out
// what is not for endpoints.
func complete(data map[string]json.RawMessage, d store.Due) error {
	raw, ok := data["message"]
	if !ok || !strings.HasPrefix(string(d.Event.Type), "message.") {
		return nil
	}
	var message map[string]json.RawMessage
	if err := json.Unmarshal(raw, &message); err != nil {
		return fmt.Errorf("decode message: %w", err)
	}
	delete(message, "callback_url") // for that address's eyes, if it holds a token
	for key, value := range people(d) {
		raw, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("encode %s: %w", key, err)
		}
		message[key] = raw
	}
	var err error
	data["message"], err = json.Marshal(message)
	return err
}

type hookChat struct {
	ID   wa.ChatID   `json:"id"`
	Kind wa.ChatKind `json:"kind"`
}

type hookContact struct {
	ID    wa.ContactID `json:"id"`
	Phone wa.Phone     `json:"phone,omitempty"`
	LID   string       `json:"lid,omitempty"`
	Name  string       `json:"name,omitempty"`
}

// people are the conversation and the person of a message, so that a receiver
// need not ask for them.
func people(d store.Due) map[string]any {
	out := map[string]any{}
	if !d.Chat.ID.IsZero() {
		out["chat"] = hookChat{d.Chat.ID, d.Chat.Kind}
	}
	if c := d.Contact; !c.ID.IsZero() {
		out["contact"] = hookContact{c.ID, c.Phone, c.LID, nameOf(c)}
	}
	return out
}

func nameOf(c wa.Contact) string {
	if c.Name != "" {
		return c.Name
	}
	return c.PushName
}

// thinKeys are what a thin payload keeps besides ids: nothing that says who
// somebody is or what was said.
var thinKeys = map[string]bool{"id": true, "status": true, "type": true, "direction": true, "kind": true, "code": true, "origin": true, "retryable": true}

// ThinKeeps reports whether a thin payload keeps a value of this name. Objects
// are kept for what is left in them.
func ThinKeeps(name string) bool { return thinKeys[name] || strings.HasSuffix(name, "_id") }

// thin keeps ids and states of a value, and nothing of what is empty then.
func thin(v any) any {
	object, ok := v.(map[string]any)
	if !ok {
		return nil
	}
	out := map[string]any{}
	for key, value := range object {
		switch value := value.(type) {
		case map[string]any:
			if key == "metadata" {
				continue // the names in it are the customer's own
			}
			if inner, _ := thin(value).(map[string]any); len(inner) > 0 {
				out[key] = inner
			}
		case []any:
		default:
			if ThinKeeps(key) {
				out[key] = value
			}
		}
	}
	return out
}

// Thin leaves of an event's data what a thin payload has; of what cannot be read,
// nothing.
func Thin(data json.RawMessage) json.RawMessage {
	var whole any
	if json.Unmarshal(data, &whole) == nil {
		if raw, err := json.Marshal(thin(whole)); err == nil && string(raw) != "null" {
			return raw
		}
	}
	return json.RawMessage("{}")
}

func encodeThin(e wa.Envelope, data map[string]json.RawMessage) ([]byte, error) {
	whole, err := decoded(data)
	if err != nil {
		return nil, err
	}
	return encode(e, thin(whole))
}

func decoded(data map[string]json.RawMessage) (out map[string]any, err error) {
	raw, err := json.Marshal(data)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	return out, nil
}

// fit cuts the text of what is too long and then leaves out the metadata: the
// API has the whole message.
func fit(e wa.Envelope, parts map[string]json.RawMessage) ([]byte, error) {
	data, err := decoded(parts)
	if err != nil {
		return nil, err
	}
	e.Truncated = true
	message, _ := data["message"].(map[string]any)
	text, _ := message["text"].(map[string]any)
	words, _ := text["body"].(string)
	for cut := len(words) * 3 / 4; words != "" && cut > 100; cut = cut * 3 / 4 {
		text["body"] = clip(words, cut)
		if raw, err := encode(e, data); err != nil || len(raw) <= MaxBody {
			return raw, err
		}
	}
	delete(message, "metadata")
	delete(message, "mentions")
	return encode(e, data)
}

func encode(e wa.Envelope, data any) ([]byte, error) {
	var err error
	if e.Data, err = json.Marshal(data); err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode envelope: %w", err)
	}
	return raw, nil
}

// clip shortens s to at most n bytes, between characters.
func clip(s string, n int) string {
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
