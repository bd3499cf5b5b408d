package webhook_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func TestAnEventArrivesSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, nil)
	made := w.endpoint(s.URL, func(e *wa.Endpoint) { e.Headers = map[string]string{"X-Own": "of mine"} })
	w.dispatch()
	c := testkit.Client(t, w.db, w.org.ID)
	w.emit(c)
	got := s.waitFor(t, 1)[0]
	if err := verify(t, made.Secret, got); err != nil {
		t.Errorf("the specification's library refuses it: %v", err)
	}
	if got.header.Get("X-Own") != "of mine" || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers = %v", got.header)
	}
	var e wa.Envelope
	if err := json.Unmarshal(got.body, &e); err != nil {
		t.Fatal(err)
	}
	if e.ID.String() != got.id || e.Type != wa.ClientIsConnected || e.OrgID != w.org.ID || e.Sequence == nil {
		t.Errorf("envelope = %s", got.body)
	}
	if want := (wa.EnvelopeClient{ID: c.ID, Name: c.Name, Provider: c.Provider}); e.Client == nil || *e.Client != want {
		t.Errorf("client = %+v, want %+v", e.Client, want)
	}
	testkit.Eventually(t, patience, "it is delivered", func() bool {
		return len(w.deliveries(made.ID, store.DeliveryFilter{Status: wa.DeliveryDone})) == 1
	})
	d := w.deliveries(made.ID, store.DeliveryFilter{})[0]
	a := w.attempts(d)
	if d.Attempts != 1 || d.LastStatus != 200 || d.EventType != wa.ClientIsConnected || len(a) != 1 || a[0].IP != "127.0.0.1" || a[0].Status != 200 {
		t.Errorf("delivery %+v with attempts %+v", d, a)
	}
}

func TestForgedRequestsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, nil)
	made, other := w.endpoint(s.URL), w.endpoint("http://127.0.0.1:1024/nobody")
	w.dispatch()
	if _, err := w.hooks.Test(t.Context(), w.by, made.ID); err != nil {
		t.Fatal(err)
	}
	got := s.waitFor(t, 1)[0]
	if err := verify(t, made.Secret, got); err != nil {
		t.Fatal(err)
	}
	changed := got
	changed.body = append([]byte(nil), got.body...)
	changed.body[len(changed.body)/2] ^= 1
	old := got
	old.header = got.header.Clone()
	old.header.Set("Webhook-Timestamp", strconv.FormatInt(time.Now().Add(-6*time.Minute).Unix(), 10))
	for name, check := range map[string]error{
		"one byte changed": verify(t, made.Secret, changed), "six minutes old": verify(t, made.Secret, old), "another secret": verify(t, other.Secret, got),
	} {
		if check == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestFailuresAreTriedAgainUnderTheSameID(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, status(http.StatusInternalServerError))
	made := w.endpoint(s.URL, func(e *wa.Endpoint) { e.Schedule = []int{0, 5, 300} })
	w.dispatch()
	w.emit(testkit.Client(t, w.db, w.org.ID))
	s.waitFor(t, 1)
	w.settled(made.ID, 1)
	if n := len(s.all()); n != 1 {
		t.Fatalf("%d requests before the time", n)
	}
	w.pass(10 * time.Second)
	s.waitFor(t, 2)
	w.settled(made.ID, 2)
	w.pass(7 * time.Minute)
	got := s.waitFor(t, 3)
	testkit.Eventually(t, patience, "it is given up", func() bool {
		return len(w.deliveries(made.ID, store.DeliveryFilter{Status: wa.DeliveryGivenUp})) == 1
	})
	if got[0].id != got[1].id || got[1].id != got[2].id {
		t.Errorf("ids = %s, %s, %s", got[0].id, got[1].id, got[2].id)
	}
	s.answers(nil)
	d := w.deliveries(made.ID, store.DeliveryFilter{})[0]
	if _, err := w.hooks.Resend(t.Context(), w.by, made.ID, d.ID); err != nil {
		t.Fatal(err)
	}
	if again := s.waitFor(t, 4)[3]; again.id != got[0].id {
		t.Errorf("sent again under %s", again.id)
	}
	testkit.Eventually(t, patience, "it is delivered", func() bool {
		return len(w.deliveries(made.ID, store.DeliveryFilter{Status: wa.DeliveryDone})) == 1
	})
	var triggers []wa.Trigger
	for _, a := range w.attempts(d) {
		triggers = append(triggers, a.Trigger)
	}
	if diff := cmp.Diff([]wa.Trigger{wa.TriggerAuto, wa.TriggerAuto, wa.TriggerAuto, wa.TriggerManual}, triggers); diff != "" {
		t.Errorf("triggers (-want +got):\n%s", diff)
	}
}

// settled waits until the only delivery of an endpoint has had n attempts.
func (w *world) settled(id wa.EndpointID, n int) {
	w.t.Helper()
	testkit.Eventually(w.t, patience, strconv.Itoa(n)+" attempts are written down", func() bool {
		all := w.deliveries(id, store.DeliveryFilter{})
		return len(all) == 1 && all[0].Attempts == n
	})
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inside := newSink(t, nil)
	s := newSink(t, func(_ int, rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, inside.URL+"/secret", http.StatusFound)
	})
	made := w.endpoint(s.URL)
	w.dispatch()
	w.emit(testkit.Client(t, w.db, w.org.ID))
	w.settled(made.ID, 1)
	a := w.attempts(w.deliveries(made.ID, store.DeliveryFilter{})[0])[0]
	if a.Error != wa.AttemptRedirect || !strings.Contains(a.Detail, inside.URL) || len(inside.all()) != 0 {
		t.Errorf("attempt %+v; inside heard %d", a, len(inside.all()))
	}
}

func TestWhatAReceiverCanSay(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		code    int
		header  string
		status  wa.DeliveryStatus
		enabled bool
	}{
		{"gone", 410, "", wa.DeliveryPending, false},
		{"disable", 200, "disable", wa.DeliveryDone, false},
		{"abort", 500, "abort-message", wa.DeliveryGivenUp, true},
		{"no content", 204, "", wa.DeliveryDone, true},
		{"teapot", 418, "", wa.DeliveryPending, true},
	}
	w := newWorld(t)
	w.dispatch()
	c := testkit.Client(t, w.db, w.org.ID)
	made := make([]wa.EndpointID, len(tests))
	for i, tt := range tests {
		s := newSink(t, func(_ int, rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Webhook-Delivery", tt.header)
			rw.WriteHeader(tt.code)
		})
		made[i] = w.endpoint(s.URL, func(e *wa.Endpoint) { e.Events = []string{"client.connected"} }).ID
	}
	w.emit(c)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.settled(made[i], 1)
			d := w.deliveries(made[i], store.DeliveryFilter{})[0]
			e, err := w.hooks.Get(t.Context(), w.by, made[i])
			if err != nil || d.Status != tt.status || e.Enabled != tt.enabled {
				t.Errorf("delivery %s, enabled %v (%s), %v", d.Status, e.Enabled, e.DisabledReason, err)
			}
		})
	}
}

func TestASlowReceiverFreesItsPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, func(_ int, rw http.ResponseWriter, r *http.Request) {
		rw.WriteHeader(http.StatusInternalServerError)
		drip(rw, r)
	})
	made := w.endpoint(s.URL, func(e *wa.Endpoint) { e.TimeoutMS = 1000 })
	w.dispatch()
	began := time.Now()
	w.emit(testkit.Client(t, w.db, w.org.ID))
	w.settled(made.ID, 1)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s", took)
	}
}

// drip writes one byte at a time until the other side has had enough.
func drip(rw http.ResponseWriter, r *http.Request) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for r.Context().Err() == nil {
		if _, err := rw.Write([]byte("x")); err != nil {
			return
		}
		_ = http.NewResponseController(rw).Flush()
		select {
		case <-tick.C:
		case <-r.Context().Done():
		}
	}
}

func TestAnswersAreKeptWithoutSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var secret string
	s := newSink(t, func(_ int, rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("X-Echo", r.Header.Get("Authorization"))
		rw.Header().Set("Set-Cookie", "session=1234567")
		_, _ = rw.Write([]byte(r.Header.Get("Authorization") + " " + secret + strings.Repeat("a", 40_000)))
	})
	made := w.endpoint(s.URL, func(e *wa.Endpoint) { e.Headers = map[string]string{"Authorization": "Bearer of-mine"} })
	secret = made.Secret.Reveal()
	w.dispatch()
	w.emit(testkit.Client(t, w.db, w.org.ID))
	w.settled(made.ID, 1)
	a := w.attempts(w.deliveries(made.ID, store.DeliveryFilter{})[0])[0]
	all, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	for _, canary := range []string{"of-mine", strings.TrimPrefix(secret, "whsec_"), "1234567"} {
		if strings.Contains(string(all), canary) {
			t.Errorf("the attempt shows %q", canary)
		}
	}
	if len(a.Body) < 15_000 || len(a.Body) > 16<<10 {
		t.Errorf("%d bytes are kept", len(a.Body))
	}
}
