package webhook_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// TestOthersAreToldOfAnEndpoint switches an endpoint off in each way there is.
// Another endpoint and the org's feed tell of it, with the reason; it itself is
// told nothing.
func TestOthersAreToldOfAnEndpoint(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		off    func(w *world, id wa.EndpointID) // after it was told of an event
		answer func(int, http.ResponseWriter, *http.Request)
		reason string
	}{
		"410": {answer: status(http.StatusGone), reason: "the receiver answered 410 Gone"},
		"header": {answer: func(_ int, rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Webhook-Delivery", "disable")
		}, reason: "the receiver asked for it (webhook-delivery: disable)"},
		"a person": {off: func(w *world, id wa.EndpointID) {
			if _, err := w.hooks.Disable(w.t.Context(), w.by, id); err != nil {
				w.t.Error(err)
			}
		}, reason: "switched off by a person"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s, other := newSink(t, tt.answer), newSink(t, nil)
			made := w.endpoint(s.URL)
			w.endpoint(other.URL, func(e *wa.Endpoint) { e.Events = []string{"endpoint.*"} })
			w.dispatch()
			w.emit(testkit.Client(t, w.db, w.org.ID))
			s.waitFor(t, 1)
			if tt.off != nil {
				tt.off(w, made.ID)
			}
			told := other.waitFor(t, 1)[0]
			var e struct {
				Type wa.EventType     `json:"type"`
				Data wa.EventEndpoint `json:"data"`
			}
			if err := json.Unmarshal(told.body, &e); err != nil {
				t.Fatal(err)
			}
			if e.Type != wa.EndpointDisabled || e.Data.EndpointID != made.ID || e.Data.Reason != tt.reason || e.Data.URL != s.URL {
				t.Errorf("told %s", told.body)
			}
			testkit.Eventually(t, patience, "the feed tells of it", func() bool { return slices.Equal(w.eventIDs(wa.EndpointDisabled), []string{told.id}) })
			if n := s.count(wa.EndpointDisabled); n != 0 {
				t.Error("it was told of itself")
			}
			w.checkLine(made.ID, tt.off == nil)
		})
	}
}

// checkLine finds the one line of the audit log that tells who switched an
// endpoint off.
func (w *world) checkLine(id wa.EndpointID, byItself bool) {
	w.t.Helper()
	p, err := store.ParsePage("", 10)
	if err != nil {
		w.t.Fatal(err)
	}
	err = w.db.InOrg(w.t.Context(), w.org.ID, func(tx *store.Tx) error {
		lines, err := tx.AuditEntries(w.t.Context(), w.org.ID, store.AuditFilter{Action: wa.AuditWebhookDisabled}, p)
		if len(lines) != 1 || lines[0].Target != id.String() || (lines[0].ActorName == "system") != byItself {
			w.t.Errorf("the audit log has %+v", lines)
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestDeliveriesCanBeSearched finds deliveries by everything that people ask
// for.
func TestDeliveriesCanBeSearched(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, func(n int, rw http.ResponseWriter, _ *http.Request) {
		if n == 1 {
			rw.WriteHeader(http.StatusTeapot)
		}
	})
	made := w.endpoint(s.URL)
	w.dispatch()
	w.emit(testkit.Client(t, w.db, w.org.ID))
	s.waitFor(t, 1)
	m := w.callbackMessage("https://example.com/callback")
	w.emitAbout(m, wa.MessageSent)
	s.waitFor(t, 2)
	testkit.Eventually(t, patience, "both are written down", func() bool {
		return len(w.deliveries(made.ID, store.DeliveryFilter{LastStatus: 418})) == 1 && len(w.deliveries(made.ID, store.DeliveryFilter{LastStatus: 200})) == 1
	})
	failed, sent := w.deliveries(made.ID, store.DeliveryFilter{LastStatus: 418})[0], w.deliveries(made.ID, store.DeliveryFilter{LastStatus: 200})[0]
	past, future := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	for name, tt := range map[string]struct {
		f    store.DeliveryFilter
		want []wa.DeliveryID
	}{
		"all":       {store.DeliveryFilter{Since: &past, Until: &future}, []wa.DeliveryID{sent.ID, failed.ID}},
		"status":    {store.DeliveryFilter{Status: wa.DeliveryDone}, []wa.DeliveryID{sent.ID}},
		"waiting":   {store.DeliveryFilter{Status: wa.DeliveryPending}, []wa.DeliveryID{failed.ID}},
		"event":     {store.DeliveryFilter{Event: failed.EventID}, []wa.DeliveryID{failed.ID}},
		"type":      {store.DeliveryFilter{Type: wa.MessageSent}, []wa.DeliveryID{sent.ID}},
		"message":   {store.DeliveryFilter{Message: m.ID}, []wa.DeliveryID{sent.ID}},
		"another":   {store.DeliveryFilter{Message: wa.NewMessageID()}, nil},
		"too early": {store.DeliveryFilter{Until: &past}, nil},
		"too late":  {store.DeliveryFilter{Since: &future}, nil},
	} {
		var got []wa.DeliveryID
		for _, d := range w.deliveries(made.ID, tt.f) {
			got = append(got, d.ID)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}

// TestOldDeliveriesAreForgotten keeps deliveries and attempts for a month, and
// what still waits for a live endpoint for longer.
func TestOldDeliveriesAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s, dead := newSink(t, nil), newSink(t, status(http.StatusInternalServerError))
	made, failing := w.endpoint(s.URL), w.endpoint(dead.URL)
	w.dispatch()
	c := testkit.Client(t, w.db, w.org.ID)
	w.emit(c)
	w.settled(made.ID, 1)
	w.settled(failing.ID, 1)
	old := w.deliveries(made.ID, store.DeliveryFilter{})[0]
	w.exec(`UPDATE webhook_deliveries SET created_at = now() - interval '31 days'`)
	w.exec(`UPDATE webhook_attempts SET at = now() - interval '31 days'`)
	w.exec(fmt.Sprintf(`INSERT INTO webhook_deliveries (id, org_id, endpoint_id, event_id, status, next_attempt_at, created_at)
		SELECT gen_random_uuid(), '%s', '%s', gen_random_uuid(), 'delivered', NULL, now() - interval '31 days' FROM generate_series(1, 25000)`,
		w.org.ID.UUID(), made.ID.UUID())) // more than one batch
	w.emit(c)
	since := time.Now().Add(-time.Hour)
	testkit.Eventually(t, patience, "the second is delivered", func() bool {
		return len(w.deliveries(made.ID, store.DeliveryFilter{Status: wa.DeliveryDone, Since: &since})) == 1
	})
	if err := w.hooks.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := w.deliveries(made.ID, store.DeliveryFilter{})
	if len(left) != 1 || left[0].ID == old.ID {
		t.Errorf("%d deliveries are left", len(left))
	}
	if n := len(w.deliveries(failing.ID, store.DeliveryFilter{})); n != 2 {
		t.Errorf("of what waits %d are left, want both", n)
	}
	if a := w.attempts(left[0]); len(a) != 1 {
		t.Errorf("the young one has %d attempts left", len(a))
	}
}
