package webhook_test

import (
	"strings"
	"testing"

	"chasqui/internal/store"
	"chasqui/internal/wa"
	"chasqui/internal/webhook"
)

// TestBodiesForgetTheErased: what was made of an event before its person was
// erased is not sent again, though the delivery is still to be made.
func TestBodiesForgetTheErased(t *testing.T) {
	t.Parallel()
	d := store.Due{
		Delivery: wa.Delivery{EventID: wa.NewEventID()},
		Event:    wa.Event{Type: wa.MessageReceived, Data: []byte(`{"message":{"id":"1","text":{"body":"a secret"}}}`)},
		Chat:     wa.Chat{ID: wa.NewChatID()}, Contact: wa.Contact{ID: wa.NewContactID(), Phone: "4915100000001", Name: "Ana"},
	}
	erased := d
	erased.Event.Data = []byte(`{"message":{"id":"1"}}`)
	erased.Contact = wa.Contact{}
	renamed := d
	renamed.Contact.Name = "Bea"
	var made webhook.Bodies
	for _, c := range []struct {
		name        string
		due         store.Due
		with, never string
	}{
		{"as it was told", d, "a secret", "Bea"},
		{"from memory", d, "Ana", "Bea"},
		{"the person has another name", renamed, "Bea", "Ana"},
		{"the person was erased", erased, `"id":"1"`, "a secret"},
		{"nothing of them is left", erased, `"id":"1"`, "4915100000001"},
	} {
		for _, payload := range []wa.Payload{wa.FullPayload, wa.ThinPayload} {
			raw, err := made.Of(c.due, payload)
			if err != nil {
				t.Fatal(err)
			}
			if payload == wa.FullPayload && !strings.Contains(string(raw), c.with) || strings.Contains(string(raw), c.never) {
				t.Errorf("%s, %s: %s", c.name, payload, raw)
			}
		}
	}
}
