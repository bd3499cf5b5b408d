package webhook_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// TestAnEndpointThatIsDownForLong lives through a day, after which everything
// arrives by itself, and through more than the schedule has, after which
// everything is listed as given up and comes when it is asked for.
func TestAnEndpointThatIsDownForLong(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ hours, dead int }{"a day": {24, 0}, "two days": {48, 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s, watcher := newSink(t, status(http.StatusBadGateway)), newSink(t, nil)
			made := w.endpoint(s.URL, func(e *wa.Endpoint) { e.Events = []string{"client.connected"} })
			w.endpoint(watcher.URL, func(e *wa.Endpoint) { e.Events = []string{"endpoint.*", "delivery.*"} })
			w.dispatch()
			c := testkit.Client(t, w.db, w.org.ID)
			const events = 3
			for range events {
				w.emit(c)
			}
			s.waitFor(t, events)
			for range tt.hours {
				w.pass(time.Hour)
				testkit.Eventually(t, patience, "what was due is tried", func() bool { return !w.anyDue(made.ID) })
			}
			if n := len(w.deliveries(made.ID, store.DeliveryFilter{Status: wa.DeliveryGivenUp})); n != tt.dead {
				t.Errorf("%d given up, want %d", n, tt.dead)
			}
			s.answers(nil)
			if tt.dead > 0 {
				if _, err := w.hooks.Recover(t.Context(), w.by, made.ID, time.Now().Add(-time.Hour), time.Time{}); err != nil {
					t.Fatal(err)
				}
			}
			w.pass(15 * time.Hour)
			testkit.Eventually(t, patience, "everything arrived", func() bool {
				return len(w.deliveries(made.ID, store.DeliveryFilter{Status: wa.DeliveryDone})) == events
			})
			if n := s.distinct(); n != events {
				t.Errorf("the receiver knows %d ids", n)
			}
			for kind, want := range map[wa.EventType]int{wa.EndpointFailing: 1, wa.EndpointRecovered: 1, wa.DeliveryExhausted: tt.dead} {
				testkit.Eventually(t, patience, "people are told of "+string(kind), func() bool { return watcher.count(kind) == want })
			}
		})
	}
}

// anyDue reports whether a delivery's time has come.
func (w *world) anyDue(id wa.EndpointID) bool {
	now := time.Now().Add(time.Duration(w.ahead.Load()))
	return slices.ContainsFunc(w.deliveries(id, store.DeliveryFilter{}), func(d wa.Delivery) bool {
		return d.NextAttemptAt != nil && d.NextAttemptAt.Before(now)
	})
}

// count counts the events of a type that a sink knows.
func (s *sink) count(kind wa.EventType) int {
	ids := map[string]bool{}
	for _, h := range s.all() {
		if strings.Contains(string(h.body), `"type":"`+string(kind)+`"`) {
			ids[h.id] = true
		}
	}
	return len(ids)
}

func TestTheCircuitDefersWithoutUsingUpTries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, status(http.StatusInternalServerError))
	made := w.endpoint(s.URL)
	w.dispatch()
	c := testkit.Client(t, w.db, w.org.ID)
	for range 60 {
		w.emit(c)
	}
	testkit.Eventually(t, patience, "the circuit opens", func() bool {
		e, err := w.hooks.Get(t.Context(), w.by, made.ID)
		return err == nil && e.Health.State == "open"
	})
	tried := func() (n int) {
		for _, d := range w.deliveries(made.ID, store.DeliveryFilter{}) {
			n += d.Attempts
		}
		return n
	}
	testkit.Eventually(t, patience, "what was under way is written down", func() bool { return tried() == len(s.all()) })
	before := tried()
	if before < 10 || before > 20 {
		t.Errorf("%d attempts before the circuit opened", before)
	}
	w.pass(20 * time.Second)
	deadline := time.Now().Add(2 * time.Second)
	testkit.Eventually(t, patience, "some polls pass", func() bool { return time.Now().After(deadline) })
	if after := tried(); after != before || len(s.all()) != before {
		t.Errorf("%d attempts while the circuit was open", after-before)
	}
	w.pass(11 * time.Second)
	s.waitFor(t, before+1)
	testkit.Eventually(t, patience, "the probe is written down", func() bool { return tried() == before+1 })
	s.answers(nil)
	w.pass(31 * time.Second)
	testkit.Eventually(t, patience, "it goes on", func() bool {
		return len(w.deliveries(made.ID, store.DeliveryFilter{Status: wa.DeliveryDone})) > 30
	})
	if e, err := w.hooks.Get(t.Context(), w.by, made.ID); err != nil || e.Health.State == "open" {
		t.Errorf("health %+v, %v", e.Health, err)
	}
}

func TestFailingAtEverythingForFiveDaysSwitchesOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, status(http.StatusInternalServerError))
	made := w.endpoint(s.URL, func(e *wa.Endpoint) {
		e.Schedule = []int{0, 43200, 43200, 43200, 43200, 43200, 43200, 43200, 43200, 43200, 43200, 43200, 43200}
	})
	w.dispatch()
	w.emit(testkit.Client(t, w.db, w.org.ID))
	enabled := func() bool {
		e, err := w.hooks.Get(t.Context(), w.by, made.ID)
		if err != nil {
			t.Fatal(err)
		}
		return e.Enabled
	}
	for day := range 9 { // of up to 14.4 hours: five and a half days
		s.waitFor(t, day+1)
		w.settled(made.ID, day+1)
		if day < 8 && !enabled() {
			t.Fatalf("off after %d attempts, %s", day+1, time.Duration(w.ahead.Load()))
		}
		w.pass(14*time.Hour + 30*time.Minute)
	}
	testkit.Eventually(t, patience, "it is switched off", func() bool { return !enabled() })
	s.answers(nil)
	if _, err := w.hooks.Enable(t.Context(), w.by, made.ID); err != nil {
		t.Fatal(err)
	}
	w.pass(15 * time.Hour)
	testkit.Eventually(t, patience, "it gets what it missed", func() bool {
		return len(w.deliveries(made.ID, store.DeliveryFilter{Status: wa.DeliveryDone})) == 1
	})
}

func TestRotationSignsWithBoth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, nil)
	made := w.endpoint(s.URL)
	w.dispatch()
	send := func() heard {
		t.Helper()
		n := len(s.all())
		if _, err := w.hooks.Test(t.Context(), w.by, made.ID); err != nil {
			t.Fatal(err)
		}
		return s.waitFor(t, n+1)[n]
	}
	grace := time.Hour
	fresh, err := w.hooks.Rotate(t.Context(), w.by, made.ID, &grace)
	if err != nil {
		t.Fatal(err)
	}
	during := send()
	if n := len(strings.Fields(during.header.Get("Webhook-Signature"))); n != 2 || verify(t, made.Secret, during) != nil || verify(t, fresh, during) != nil {
		t.Errorf("%d signatures during the overlap", n)
	}
	w.pass(61 * time.Minute)
	after := send()
	if n := len(strings.Fields(after.header.Get("Webhook-Signature"))); n != 1 {
		t.Errorf("%d signatures after it", n)
	}
	for i := range wa.MaxRunningSecrets {
		if _, err := w.hooks.Rotate(t.Context(), w.by, made.ID, &grace); err != nil {
			t.Fatalf("rotation %d: %v", i+1, err)
		}
	}
	if _, err := w.hooks.Rotate(t.Context(), w.by, made.ID, &grace); wa.CodeOf(err) != wa.Conflict {
		t.Errorf("an eleventh old secret: %v", err)
	}
	if err := w.hooks.Revoke(t.Context(), w.by, made.ID); err != nil {
		t.Fatal(err)
	}
	if n := len(strings.Fields(send().header.Get("Webhook-Signature"))); n != 1 {
		t.Errorf("%d signatures after revoking", n)
	}
	tooLong := 8 * 24 * time.Hour
	if _, err := w.hooks.Rotate(t.Context(), w.by, made.ID, &tooLong); wa.CodeOf(err) != wa.Invalid {
		t.Errorf("an overlap of eight days: %v", err)
	}
}

func TestADeadEndpointDelaysNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	release := make(chan struct{})
	defer close(release)
	dead := newSink(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	w.endpoint(dead.URL, func(e *wa.Endpoint) { e.Events = []string{"client.connected"} })
	c := testkit.Client(t, w.db, w.org.ID)
	err := w.db.InOrg(t.Context(), w.org.ID, func(tx *store.Tx) error {
		for range 5000 {
			if err := tx.Emit(w.org.ID, c.ID, wa.ClientIsConnected, wa.EventClient{Client: c}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.dispatch()
	dead.waitFor(t, wa.DefaultInFlight)
	var healthy []*sink
	for range 20 {
		s := newSink(t, nil)
		healthy = append(healthy, s)
		w.endpoint(s.URL, func(e *wa.Endpoint) { e.Events = []string{"client.disconnected"} })
	}
	var late []time.Duration
	for round := range 5 {
		began := time.Now()
		err := w.db.InOrg(t.Context(), w.org.ID, func(tx *store.Tx) error {
			return tx.Emit(w.org.ID, c.ID, wa.ClientIsDisconnected, wa.EventClient{Client: c})
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range healthy {
			late = append(late, s.waitFor(t, round+1)[round].at.Sub(began))
		}
	}
	slices.Sort(late)
	if p99 := late[len(late)*99/100]; p99 > 2*time.Second {
		t.Errorf("the healthy wait up to %s", p99)
	}
	if n := dead.highest.Load(); n > wa.DefaultInFlight {
		t.Errorf("%d requests at once to the dead one", n)
	}
}

func TestOrderedEndpointsKeepTheOrderOfAChat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, func(_ int, rw http.ResponseWriter, _ *http.Request) {
		if rand.IntN(10) < 3 {
			rw.WriteHeader(http.StatusInternalServerError)
		}
	})
	made := w.endpoint(s.URL, func(e *wa.Endpoint) {
		e.Ordered, e.Events, e.Schedule = true, []string{"client.connected"}, make([]int, 20)
	})
	w.dispatch()
	w.dispatch()
	clients := []wa.Client{testkit.Client(t, w.db, w.org.ID), testkit.Client(t, w.db, w.org.ID), testkit.Client(t, w.db, w.org.ID)}
	const each = 30
	for range each {
		for _, c := range clients {
			w.emit(c)
		}
	}
	testkit.Eventually(t, 60*time.Second, "all is delivered", func() bool {
		return len(w.deliveries(made.ID, store.DeliveryFilter{Status: wa.DeliveryDone})) == each*len(clients)
	})
	last := map[string]float64{}
	for _, h := range s.all() {
		e := decodeBody(t, h)
		if e.sequence < last[e.client] {
			t.Errorf("of %s %v came after %v", e.client, e.sequence, last[e.client])
		}
		last[e.client] = e.sequence
	}
}

func TestRatesAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, nil)
	rate := 50
	w.endpoint(s.URL, func(e *wa.Endpoint) { e.Rate = &rate })
	c := testkit.Client(t, w.db, w.org.ID)
	for range 120 {
		w.emit(c)
	}
	w.dispatch()
	w.dispatch()
	got := s.waitFor(t, 120)
	took := got[119].at.Sub(got[0].at)
	if per := 119 / took.Seconds(); per > 1.05*float64(rate) {
		t.Errorf("%.1f requests a second", per)
	}
}

// TestAHolderThatDies leaves a line held by nobody alive: its lease runs out and
// another takes it. Nothing rang for what it left.
func TestAHolderThatDies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, nil)
	made := w.endpoint(s.URL)
	w.emit(testkit.Client(t, w.db, w.org.ID))
	w.exec(fmt.Sprintf(`UPDATE webhook_lines SET holder = gen_random_uuid(), lease_until = now() + interval '2 seconds' WHERE endpoint_id = '%s'`, made.ID.UUID()))
	w.dispatch()
	s.waitFor(t, 1)
}

func TestAProcessThatStopsLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, func(n int, _ http.ResponseWriter, r *http.Request) {
		if n%7 == 0 {
			<-r.Context().Done()
		}
	})
	made := w.endpoint(s.URL)
	c := testkit.Client(t, w.db, w.org.ID)
	const events = 300
	for range events / 3 {
		w.emit(c)
	}
	for range 2 {
		stop := w.dispatch()
		seen := len(s.all())
		s.waitFor(t, seen+5)
		for range events / 3 {
			w.emit(c)
		}
		stop()
	}
	s.answers(nil)
	w.dispatch()
	testkit.Eventually(t, patience, "all is delivered", func() bool {
		return s.distinct() == events && len(w.deliveries(made.ID, store.DeliveryFilter{Status: wa.DeliveryPending})) == 0
	})
	for _, d := range w.deliveries(made.ID, store.DeliveryFilter{}) {
		if d.Attempts != 1 {
			t.Errorf("%d attempts are counted where only our own end broke requests off", d.Attempts)
		}
	}
}
