package webhook_test

import (
	"testing"
	"time"

	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// Who may make endpoints, and no more, cannot have sent to them what they may
// not read.
func TestAnEndpointGetsNoMoreThanItsMakerMayRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	holder := func(scopes ...wa.Permission) wa.Actor {
		return wa.Actor{Org: w.org.ID, Key: wa.NewKeyID(), Name: "key", Scopes: append(scopes, wa.WriteWebhooks)}
	}
	for name, c := range map[string]struct {
		by     wa.Actor
		events []string
		thin   bool
		may    bool
	}{
		"nothing but webhooks":           {holder(), []string{"client.connected"}, false, false},
		"events, of numbers":             {holder(wa.ReadEvents), []string{"client.connected"}, false, true},
		"events, of everything":          {holder(wa.ReadEvents), nil, false, false},
		"events, of messages":            {holder(wa.ReadEvents), []string{"message.received"}, false, false},
		"events, of messages by id only": {holder(wa.ReadEvents), []string{"message.received"}, true, true},
		"events and messages":            {holder(wa.ReadEvents, wa.ReadMessages), nil, false, true},
	} {
		e := wa.Endpoint{URL: "http://127.0.0.1:9009", Events: c.events}
		if c.thin {
			e.Payload = wa.ThinPayload
		}
		_, err := w.hooks.Create(t.Context(), c.by, e)
		if (err == nil) != c.may || err != nil && wa.CodeOf(err) != wa.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
	made := w.endpoint("http://127.0.0.1:9009")
	by := holder(wa.ReadEvents)
	if _, err := w.hooks.Replay(t.Context(), by, made.ID, time.Now().Add(-time.Hour), time.Time{}); wa.CodeOf(err) != wa.Forbidden {
		t.Errorf("replay: %v", err)
	}
	if _, err := w.hooks.Update(t.Context(), by, made.ID, func(e *wa.Endpoint) { e.URL = "http://127.0.0.1:9008" }); wa.CodeOf(err) != wa.Forbidden {
		t.Errorf("update: %v", err)
	}
	if _, err := w.hooks.Update(t.Context(), testkit.Actor(w.org.ID), made.ID, func(e *wa.Endpoint) { e.Description = "mine" }); err != nil {
		t.Errorf("update by who may: %v", err)
	}
}
