package webhook_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/message"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/webhook"
)

// said is a message with a text that is worth hiding.
func (w *world) said() wa.Message {
	w.t.Helper()
	c := testkit.Client(w.t, w.db, w.org.ID)
	draft := wa.Draft{To: "+5511987654321", Type: wa.KindText, Text: &wa.Text{Body: "a <secret> & more"}, Lane: wa.Normal}
	got, err := message.New(w.db, message.Options{}).Accept(w.t.Context(), w.by, c.ID, draft, wa.IdempotencyKey{})
	if err != nil {
		w.t.Fatal(err)
	}
	return got.Message
}

// sent shows what an attempt of a delivery sent.
func (w *world) sent(d wa.Delivery, number int) wa.SentRequest {
	w.t.Helper()
	r, err := w.hooks.Sent(w.t.Context(), w.by, d.EndpointID, d.ID, number)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// holdSent holds what is shown against what a receiver got, to the byte.
func holdSent(t *testing.T, r wa.SentRequest, h heard) {
	t.Helper()
	if r.Body != string(h.body) || r.Bytes != len(h.body) || r.Same != wa.IsSame {
		t.Errorf("shown (%s, %d bytes) %s\n    sent %s", r.Same, r.Bytes, r.Body, h.body)
	}
	want := h.header.Clone()
	want.Del("Accept-Encoding") // of the connection
	want.Del("Content-Length")
	if want.Get("X-Own") != "" {
		want.Set("X-Own", "***")
	}
	if diff := cmp.Diff(want, http.Header(r.Headers)); diff != "" {
		t.Errorf("headers (-sent +shown):\n%s", diff)
	}
}

func TestWhatWasSentIsShownToTheByte(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, tune := range map[string]func(*wa.Endpoint){
		"whole":    func(e *wa.Endpoint) { e.Headers = map[string]string{"X-Own": "of mine"} },
		"thin":     func(e *wa.Endpoint) { e.Payload = wa.ThinPayload },
		"in order": func(e *wa.Endpoint) { e.Ordered = true },
		"one of a possible batch": func(e *wa.Endpoint) {
			e.Ordered, e.Batch = true, 10
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s := newSink(t, status(http.StatusInternalServerError))
			made := w.endpoint(s.URL, tune, func(e *wa.Endpoint) { e.Schedule, e.Events = []int{0, 0, 3600}, []string{"message.sent"} })
			w.emitAbout(w.said(), wa.MessageSent)
			first := w.deliveries(made.ID, store.DeliveryFilter{})[0]
			if r := w.sent(first, 0); r.Attempt != 0 || r.Same != wa.SameUnknown || r.Headers["Webhook-Signature"] != nil || r.Headers["Webhook-Timestamp"] != nil {
				t.Errorf("before the first attempt: %+v", r)
			}
			w.dispatch()
			w.settled(made.ID, 2)
			for i, h := range s.all() {
				r := w.sent(first, i+1)
				if r.Attempt != i+1 || r.Events != 1 {
					t.Errorf("attempt %d of %d events", r.Attempt, r.Events)
				}
				holdSent(t, r, h)
			}
			if r := w.sent(first, 0); r.Attempt != 2 {
				t.Errorf("the last attempt is shown as %d", r.Attempt)
			}
			if _, err := w.hooks.Sent(t.Context(), w.by, made.ID, first.ID, 3); wa.CodeOf(err) != wa.NotFound {
				t.Errorf("an attempt that was not made: %v", err)
			}
		})
	}
	if _, err := w.hooks.Sent(t.Context(), w.by, wa.NewEndpointID(), wa.DeliveryID{}, 0); wa.CodeOf(err) != wa.NotFound {
		t.Errorf("of no webhook: %v", err)
	}
}

// Every event of a batch shows the request that it went in.
func TestABatchIsShownWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, nil)
	made := w.endpoint(s.URL, inBatches(50))
	c := testkit.Client(t, w.db, w.org.ID)
	for range 5 {
		w.emit(c)
	}
	w.dispatch()
	var all []wa.Delivery
	testkit.Eventually(t, patience, "all is delivered", func() bool {
		all = w.deliveries(made.ID, store.DeliveryFilter{Status: wa.DeliveryDone})
		return len(all) == 5
	})
	byID := map[string]heard{}
	for _, h := range s.all() {
		byID[h.id] = h
	}
	for _, d := range all {
		r := w.sent(d, 1)
		h, ok := byID[strings.Join(r.Headers["Webhook-Id"], "")]
		if !ok || r.Events != len(batchOf(t, h)) {
			t.Fatalf("%d events as %v", r.Events, r.Headers)
		}
		holdSent(t, r, h)
	}
}

// Of a long batch the beginning is shown.
func TestALongBatchIsCut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, nil)
	made := w.endpoint(s.URL, inBatches(50))
	c := testkit.Client(t, w.db, w.org.ID)
	c.StatusReason = strings.Repeat("é", 8000)
	for range 6 {
		w.emit(c)
	}
	w.dispatch()
	for _, h := range s.waitFor(t, 1) {
		if len(batchOf(t, h)) < 6 {
			t.Fatalf("%d events at once", len(batchOf(t, h)))
		}
		testkit.Eventually(t, patience, "all is delivered", func() bool {
			return len(w.deliveries(made.ID, store.DeliveryFilter{Status: wa.DeliveryDone})) == 6
		})
		r := w.sent(w.deliveries(made.ID, store.DeliveryFilter{})[0], 1)
		if r.Bytes != len(h.body) || len(r.Body) > 64<<10 || len(r.Body) < 60_000 || !strings.HasPrefix(string(h.body), r.Body) || r.Same != wa.IsSame {
			t.Errorf("%d of %d bytes are shown, %d are said; %s", len(r.Body), len(h.body), r.Bytes, r.Same)
		}
	}
}

// What changed since is told: a name, the webhook's own settings, its secret.
func TestWhatChangedSinceIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, nil)
	made := w.endpoint(s.URL, func(e *wa.Endpoint) { e.Events = []string{"message.sent"} })
	w.dispatch()
	w.emitAbout(w.said(), wa.MessageSent)
	got := s.waitFor(t, 1)[0]
	w.settled(made.ID, 1)
	d := w.deliveries(made.ID, store.DeliveryFilter{})[0]
	if _, err := w.hooks.Update(t.Context(), w.by, made.ID, func(e *wa.Endpoint) { e.Payload, e.Ordered, e.Batch = wa.ThinPayload, true, 5 }); err != nil {
		t.Fatal(err)
	}
	holdSent(t, w.sent(d, 1), got) // other settings are tried too
	w.exec(`UPDATE clients SET name = name || ' of late'`)
	if r := w.sent(d, 1); r.Same != wa.IsNotSame {
		t.Errorf("after a name changed it counts as %q", r.Same)
	}
	w.exec(`UPDATE clients SET name = replace(name, ' of late', '')`)
	holdSent(t, w.sent(d, 1), got)
	none := time.Duration(0)
	if _, err := w.hooks.Rotate(t.Context(), w.by, made.ID, &none); err != nil {
		t.Fatal(err)
	}
	if r := w.sent(d, 1); r.Same != wa.SameUnknown || r.Headers["Webhook-Signature"][0] != got.header.Get("Webhook-Signature") {
		t.Errorf("without its secret it counts as %q, signed %v", r.Same, r.Headers)
	}
	w.exec(`DELETE FROM events`)
	if _, err := w.hooks.Sent(t.Context(), w.by, made.ID, d.ID, 1); wa.CodeOf(err) != wa.NotFound {
		t.Errorf("of an event that is gone: %v", err)
	}
}

// Who may see deliveries reads in them no more than elsewhere.
func TestWhatWasSentIsForWhoMayReadIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, nil)
	whole := w.endpoint(s.URL, func(e *wa.Endpoint) { e.Events = []string{"message.sent", "client.connected"} })
	thin := w.endpoint(s.URL, func(e *wa.Endpoint) { e.Events, e.Payload = []string{"message.sent"}, wa.ThinPayload })
	m := w.said()
	w.emitAbout(m, wa.MessageSent)
	w.emit(wa.Client{ID: m.ClientID})
	w.dispatch()
	s.waitFor(t, 3)
	w.settled(thin.ID, 1)
	if _, err := w.hooks.Update(t.Context(), w.by, thin.ID, func(e *wa.Endpoint) { e.Payload = wa.FullPayload }); err != nil {
		t.Fatal(err)
	}
	person := func(r wa.Role) wa.Actor { return wa.Actor{Org: w.org.ID, User: wa.NewUserID(), Role: r} }
	holder := func(scopes ...wa.Permission) wa.Actor {
		return wa.Actor{Org: w.org.ID, Key: wa.NewKeyID(), Scopes: append(scopes, wa.ReadWebhooks)}
	}
	words, number, ids := w.only(whole, wa.MessageSent), w.only(whole, wa.ClientIsConnected), w.only(thin, wa.MessageSent)
	for name, c := range map[string]struct {
		by                 wa.Actor
		words, number, ids bool
	}{
		"webhooks":            {holder(), false, false, false},
		"events":              {holder(wa.ReadEvents), false, true, true},
		"messages":            {holder(wa.ReadMessages), false, false, false},
		"events and messages": {holder(wa.ReadEvents, wa.ReadMessages), true, true, true},
		"a viewer":            {person(wa.Viewer), false, false, false},
		"a manager":           {person(wa.Manager), true, true, true},
	} {
		for _, one := range []struct {
			d   wa.Delivery
			may bool
		}{{words, c.words}, {number, c.number}, {ids, c.ids}} {
			r, err := w.hooks.Sent(t.Context(), c.by, one.d.EndpointID, one.d.ID, 1)
			if (err == nil) != one.may || err != nil && (wa.CodeOf(err) != wa.Forbidden || r.Body != "") {
				t.Errorf("%s of %s: %v", name, one.d.EventType, err)
			}
			if !c.words && strings.Contains(r.Body, "secret") {
				t.Errorf("%s reads %s", name, r.Body)
			}
		}
	}
}

// only is an endpoint's delivery of a type, once it was tried.
func (w *world) only(e webhook.Made, kind wa.EventType) (d wa.Delivery) {
	w.t.Helper()
	testkit.Eventually(w.t, patience, "it was tried", func() bool {
		all := w.deliveries(e.ID, store.DeliveryFilter{Type: kind, Status: wa.DeliveryDone})
		if len(all) == 1 {
			d = all[0]
		}
		return len(all) == 1
	})
	return d
}

// What a message's own address was sent is shown likewise, to those who may see
// the message's callbacks, and only of that message.
func TestWhatACallbackSentIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := newSink(t, status(http.StatusServiceUnavailable))
	m, other := w.callbackMessage(own.URL+"/order?token=t"), w.callbackMessage(own.URL+"/other")
	w.emitAbout(m, wa.MessageSent)
	d := w.callbackSettled(m, wa.DeliveryPending)
	shown := func(by wa.Actor, m wa.Message, number int) (wa.SentRequest, error) {
		return w.hooks.CallbackSent(t.Context(), by, m.ID, d.ID, number)
	}
	if r, err := shown(w.by, m, 0); err != nil || r.Attempt != 0 || !strings.Contains(r.Body, `"message.sent"`) || strings.Contains(r.Body, "token") {
		t.Errorf("before the first attempt: %+v, %v", r, err)
	}
	w.dispatch()
	own.waitFor(t, 1)
	testkit.Eventually(t, patience, "the attempt can be seen", func() bool { return len(w.callbackSettled(m, wa.DeliveryPending).Requests) == 1 })
	r, err := shown(w.by, m, 1)
	if err != nil {
		t.Fatal(err)
	}
	holdSent(t, r, own.all()[0])
	for name, refused := range map[string]struct {
		by     wa.Actor
		of     wa.Message
		number int
		want   wa.Code
	}{
		"of another message":          {w.by, other, 1, wa.NotFound},
		"an attempt that was not":     {w.by, m, 2, wa.NotFound},
		"a stranger":                  {testkit.Actor(wa.NewOrgID()), m, 1, wa.NotFound},
		"who may not read messages":   {wa.Actor{Org: w.org.ID, Scopes: []wa.Permission{wa.ReadWebhooks, wa.ReadEvents}}, m, 1, wa.Forbidden},
		"a message without callbacks": {w.by, w.said(), 1, wa.NotFound},
	} {
		if _, err := shown(refused.by, refused.of, refused.number); wa.CodeOf(err) != refused.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
