package webhook

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"unicode/utf8"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// MaxBody is the longest body that is sent, in bytes.
const MaxBody = 20_000

// bodies keeps what was made lately: an event goes to several endpoints of an
// org at about the same time, and its body is the same for all of a payload. Of
// two halves the older is dropped when the younger is full.
type bodies struct {
	mu         sync.Mutex
	young, old map[bodyKey][]byte
}

type bodyKey struct {
	event   wa.EventID
	payload wa.Payload
}

// bodiesMost is how many of up to MaxBody bytes are kept, twice.
const bodiesMost = 256

// of gives the body of a delivery.
func (b *bodies) of(d store.Due, payload wa.Payload) ([]byte, error) {
	key := bodyKey{d.EventID, payload}
	b.mu.Lock()
	raw, ok := b.young[key]
	if !ok {
		raw, ok = b.old[key]
	}
	b.mu.Unlock()
	if ok {
		return raw, nil
	}
	raw, err := body(d, payload)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.young == nil || len(b.young) >= bodiesMost {
		b.young, b.old = make(map[bodyKey][]byte, bodiesMost), b.young
	}
	b.young[key] = raw
	return raw, nil
}

// body makes what an endpoint gets.
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
	var data map[string]any
	if err := json.Unmarshal(d.Event.Data, &data); err != nil {
		return nil, fmt.Errorf("decode event: %w", err)
	}
	if message, ok := data["message"].(map[string]any); ok {
		addPeople(message, d)
		delete(message, "callback_url") // for that address's eyes, if it holds a token
	}
	if payload == wa.ThinPayload {
		data, _ = thin(data).(map[string]any) // of a map it makes a map
	}
	return fit(e, data)
}

// addPeople puts the conversation and the person into a message, so that a
// receiver need not ask for them.
func addPeople(message map[string]any, d store.Due) {
	if !d.Chat.ID.IsZero() {
		message["chat"] = map[string]any{"id": d.Chat.ID, "kind": d.Chat.Kind}
	}
	if d.Contact.ID.IsZero() {
		return
	}
	contact := map[string]any{"id": d.Contact.ID}
	for key, value := range map[string]string{"phone": string(d.Contact.Phone), "lid": d.Contact.LID, "name": nameOf(d.Contact)} {
		if value != "" {
			contact[key] = value
		}
	}
	message["contact"] = contact
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

// fit encodes an envelope and, where it is too long, cuts the text and then
// leaves out the metadata: the API has the whole message.
func fit(e wa.Envelope, data map[string]any) ([]byte, error) {
	raw, err := encode(e, data)
	if err != nil || len(raw) <= MaxBody {
		return raw, err
	}
	e.Truncated = true
	message, _ := data["message"].(map[string]any)
	text, _ := message["text"].(map[string]any)
	words, _ := text["body"].(string)
	for cut := len(words) * 3 / 4; words != "" && cut > 100; cut = cut * 3 / 4 {
		text["body"] = clip(words, cut)
		if raw, err = encode(e, data); err != nil || len(raw) <= MaxBody {
			return raw, err
		}
	}
	delete(message, "metadata")
	delete(message, "mentions")
	return encode(e, data)
}

func encode(e wa.Envelope, data map[string]any) ([]byte, error) {
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
