package message_test

import (
	"context"
	"strings"
	"testing"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

// A one-time code reaches its phone and nobody else: who reads the messages of
// the number that sends it could sign in with it.
func TestAOneTimeCodeIsShownToNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const code = "493017 is your code"
	d := draft(person(1), code, wa.Urgent)
	d.Origin = wa.FromSignIn
	id := w.accept(d)
	got := make(chan string, 1)
	w.deliver(func(h *hold) {
		h.onSend = func(_ context.Context, out provider.Outgoing) (provider.Ack, error) {
			text, _ := out.Content.(wa.Text)
			got <- text.Body
			return taken()
		}
	})
	if sent := <-got; sent != code {
		t.Errorf("sent %q", sent)
	}
	if m := w.await(id, wa.Sent); m.Text == nil || strings.Contains(m.Text.Body, "493017") {
		t.Errorf("shown as %+v", m.Text)
	}
	for _, data := range w.list(`SELECT data::text FROM events WHERE client_id = $1`, w.client.ID.UUID()) {
		if strings.Contains(data, "493017") {
			t.Errorf("an event tells the code: %s", data)
		}
	}
	if n := w.told(wa.MessageSent); n != 1 {
		t.Errorf("%d events that it was sent", n)
	}
}
