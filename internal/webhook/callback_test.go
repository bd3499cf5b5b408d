package webhook_test

import (
	"strings"
	"testing"

	"chasqui/internal/message"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func TestAMessagesOwnAddressIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own, other := newSink(t, nil), newSink(t, nil)
	w.endpoint(other.URL, func(e *wa.Endpoint) { e.Events = []string{"message.*"} })
	c := testkit.Client(t, w.db, w.org.ID)
	messages := message.New(w.db, message.Options{})
	send := func(to, callback string) wa.Message {
		t.Helper()
		at, err := w.hooks.Callback(t.Context(), w.by, callback)
		if err != nil {
			t.Fatal(err)
		}
		got, err := messages.Accept(t.Context(), w.by, c.ID, wa.Draft{To: to, Type: wa.KindText, Text: &wa.Text{Body: "hi"}, Lane: wa.Normal, Callback: at}, wa.IdempotencyKey{})
		if err != nil {
			t.Fatal(err)
		}
		return got.Message
	}
	with, another, without := send("+5511987654321", own.URL+"/order?id=1"), send("+5511987654322", own.URL+"/order?id=2"), send("+5511987654323", "")
	if with.CallbackID != another.CallbackID || !without.CallbackID.IsZero() {
		t.Errorf("endpoints %s, %s, %s", with.CallbackID, another.CallbackID, without.CallbackID)
	}
	err := w.db.InOrg(t.Context(), w.org.ID, func(tx *store.Tx) error {
		for _, id := range []wa.MessageID{with.ID, another.ID, without.ID} {
			m, err := tx.Message(t.Context(), w.org.ID, id)
			if err != nil {
				return err
			}
			if err := tx.Emit(w.org.ID, c.ID, wa.MessageSent, wa.EventMessage{Message: m}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.dispatch()
	got := own.waitFor(t, 2)
	other.waitFor(t, 3)
	secret, err := w.hooks.CallbackSecret(w.by)
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]bool{}
	for _, h := range got {
		paths[h.path] = true
		if err := verify(t, secret, h); err != nil {
			t.Error(err)
		}
		if !strings.Contains(string(h.body), `"message.sent"`) { // the first status is in the answer
			t.Errorf("body %s", h.body)
		}
	}
	if len(got) != 2 || !paths["/order?id=1"] || !paths["/order?id=2"] {
		t.Errorf("told at %v", paths)
	}
	if _, err := w.hooks.Callback(t.Context(), w.by, "https://10.0.0.1/x"); wa.CodeOf(err) != wa.Invalid || !strings.Contains(err.Error(), "callback_url") {
		t.Errorf("an inner address: %v", err)
	}
}
