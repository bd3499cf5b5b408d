package webhook_test

import (
	"strings"
	"testing"
	"time"

	"chasqui/internal/message"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/webhook"
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
	secret, err := w.hooks.CallbackSecret(t.Context(), w.by)
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

// TestCallbacksCanBeSeenAndSentAgain looks at what a message's own address got,
// and changes the secret that signs it.
func TestCallbacksCanBeSeenAndSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own, other := newSink(t, status(503)), newSink(t, nil)
	if _, err := w.hooks.RotateCallbackSecret(t.Context(), w.by, nil); wa.CodeOf(err) != wa.Conflict {
		t.Errorf("rotating what was never used: %v", err)
	}
	m := w.callbackMessage(own.URL)
	w.emitAbout(m, wa.MessageSent)
	w.dispatch()
	own.waitFor(t, 1)
	seen := func() []webhook.CallbackDelivery {
		t.Helper()
		all, err := w.hooks.Callbacks(t.Context(), w.by, m.ID)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	testkit.Eventually(t, patience, "the attempt can be seen", func() bool { return len(seen()) == 1 && len(seen()[0].Requests) == 1 })
	d := seen()[0]
	if d.EventType != wa.MessageSent || d.Requests[0].Status != 503 || d.Status != wa.DeliveryPending {
		t.Errorf("delivery %+v", d)
	}
	before, err := w.hooks.CallbackSecret(t.Context(), w.by)
	if err != nil {
		t.Fatal(err)
	}
	grace := time.Hour
	fresh, err := w.hooks.RotateCallbackSecret(t.Context(), w.by, &grace)
	if err != nil || fresh.Reveal() == before.Reveal() {
		t.Fatalf("rotate: %v", err)
	}
	if now, err := w.hooks.CallbackSecret(t.Context(), w.by); err != nil || now.Reveal() != fresh.Reveal() {
		t.Errorf("the secret is not the new one: %v", err)
	}
	own.answers(nil)
	if _, err := w.hooks.ResendCallback(t.Context(), w.by, m.ID, d.ID); err != nil {
		t.Fatal(err)
	}
	w.emitAbout(w.callbackMessage(other.URL), wa.MessageSent) // a host that is new after the rotation
	for _, h := range []heard{own.waitFor(t, 2)[1], other.waitFor(t, 1)[0]} {
		if verify(t, before, h) != nil || verify(t, fresh, h) != nil {
			t.Errorf("%s is not signed with both", h.header.Get("Webhook-Signature"))
		}
	}
	testkit.Eventually(t, patience, "it is delivered", func() bool { return seen()[0].Status == wa.DeliveryDone })
	stranger := testkit.Actor(wa.NewOrgID())
	if _, err := w.hooks.Callbacks(t.Context(), stranger, m.ID); wa.CodeOf(err) != wa.NotFound {
		t.Errorf("a stranger: %v", err)
	}
	if _, err := w.hooks.ResendCallback(t.Context(), stranger, m.ID, d.ID); wa.CodeOf(err) != wa.NotFound {
		t.Errorf("a stranger: %v", err)
	}
}

// callbackMessage accepts a message that names an address of its own.
func (w *world) callbackMessage(url string) wa.Message {
	w.t.Helper()
	at, err := w.hooks.Callback(w.t.Context(), w.by, url)
	if err != nil {
		w.t.Fatal(err)
	}
	c := testkit.Client(w.t, w.db, w.org.ID)
	draft := wa.Draft{To: "+5511987654321", Type: wa.KindText, Text: &wa.Text{Body: "hi"}, Lane: wa.Normal, Callback: at}
	got, err := message.New(w.db, message.Options{}).Accept(w.t.Context(), w.by, c.ID, draft, wa.IdempotencyKey{})
	if err != nil {
		w.t.Fatal(err)
	}
	return got.Message
}

// emitAbout writes an event about a message as it is kept.
func (w *world) emitAbout(m wa.Message, kind wa.EventType) {
	w.t.Helper()
	err := w.db.InOrg(w.t.Context(), w.org.ID, func(tx *store.Tx) error {
		m, err := tx.Message(w.t.Context(), w.org.ID, m.ID)
		if err != nil {
			return err
		}
		return tx.Emit(w.org.ID, m.ClientID, kind, wa.EventMessage{Message: m})
	})
	if err != nil {
		w.t.Fatal(err)
	}
}
