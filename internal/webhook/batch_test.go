package webhook_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// inBatches subscribes to one type of event, several in one request.
func inBatches(most int) func(*wa.Endpoint) {
	return func(e *wa.Endpoint) {
		e.Ordered, e.Batch, e.Events, e.Schedule = true, most, []string{"client.connected"}, make([]int, 20)
	}
}

// batchOf takes a batch apart.
func batchOf(t *testing.T, h heard) []wa.Envelope {
	t.Helper()
	var b struct {
		Type   string        `json:"type"`
		Events []wa.Envelope `json:"events"`
	}
	if err := json.Unmarshal(h.body, &b); err != nil || b.Type != "batch" || len(b.Events) == 0 {
		t.Fatalf("body %s: %v", h.body, err)
	}
	return b.Events
}

// Of a receiver that fails at random everything arrives in order, several events
// in one request, each request signed, and tried again as it was.
func TestBatchesKeepTheOrderOfAChat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const most, each = 20, 60
	s := newSink(t, func(n int, rw http.ResponseWriter, _ *http.Request) {
		if n == 1 || rand.IntN(10) < 3 {
			rw.WriteHeader(http.StatusInternalServerError)
		}
	})
	made := w.endpoint(s.URL, inBatches(most))
	clients := []wa.Client{testkit.Client(t, w.db, w.org.ID), testkit.Client(t, w.db, w.org.ID), testkit.Client(t, w.db, w.org.ID)}
	for range each {
		for _, c := range clients {
			w.emit(c)
		}
	}
	w.dispatch()
	w.dispatch()
	testkit.Eventually(t, 60*time.Second, "all is delivered", func() bool {
		return len(w.deliveries(made.ID, store.DeliveryFilter{Status: wa.DeliveryDone})) == each*len(clients)
	})
	last, bodies, largest, seen := map[wa.ClientID]int64{}, map[string]string{}, 0, map[wa.EventID]bool{}
	for _, h := range s.all() {
		if err := verify(t, made.Secret, h); err != nil {
			t.Error(err)
		}
		if old, ok := bodies[h.id]; ok && old != string(h.body) {
			t.Errorf("%s came with two bodies", h.id)
		}
		bodies[h.id] = string(h.body)
		events := batchOf(t, h)
		largest = max(largest, len(events))
		for _, e := range events {
			seen[e.ID] = true
			if e.Client.ID != events[0].Client.ID {
				t.Errorf("%s holds events of two chats", h.id)
			}
		}
		if first := *events[0].Sequence; first < last[events[0].Client.ID] {
			t.Errorf("%d came after %d", first, last[events[0].Client.ID])
		}
		for i, e := range events[1:] {
			if *e.Sequence <= *events[i].Sequence {
				t.Errorf("%s is not in order", h.id)
			}
		}
		last[events[0].Client.ID] = *events[0].Sequence
	}
	if len(seen) != each*len(clients) || largest > most || largest < most/2 || len(s.all()) >= each*len(clients) {
		t.Errorf("%d of %d events in %d requests, the largest of %d", len(seen), each*len(clients), len(s.all()), largest)
	}
}

// Every event of a batch has its attempt; what the receiver said is with the
// first. A batch is given up as a whole.
func TestABatchThatIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, func(_ int, rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(http.StatusTeapot)
		_, _ = rw.Write([]byte("no"))
	})
	made := w.endpoint(s.URL, inBatches(50), func(e *wa.Endpoint) { e.Schedule = []int{0, 0} })
	c := testkit.Client(t, w.db, w.org.ID)
	for range 5 {
		w.emit(c)
	}
	w.dispatch()
	var given []wa.Delivery
	testkit.Eventually(t, patience, "all is given up", func() bool {
		given = w.deliveries(made.ID, store.DeliveryFilter{Status: wa.DeliveryGivenUp})
		return len(given) == 5
	})
	said := 0
	for _, d := range given {
		attempts := w.attempts(d)
		if len(attempts) != 2 || attempts[0].Status != http.StatusTeapot {
			t.Errorf("attempts %+v", attempts)
		}
		for _, a := range attempts {
			if a.Body == "no" {
				said++
			}
		}
	}
	if got := s.all(); len(got) != 2 || said != 2 || got[0].id != got[1].id {
		t.Errorf("%d requests, %d answers kept", len(got), said)
	}
}

// More than one event in a request makes no sense without an order.
func TestBatchesNeedAnOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, e := range []wa.Endpoint{{Batch: 2}, {Batch: 51, Ordered: true}, {Batch: -1, Ordered: true}} {
		e.URL = "https://example.com"
		_, err := w.hooks.Create(t.Context(), w.by, e)
		var refused *wa.Error
		if !errors.As(err, &refused) || refused.Code != wa.Invalid || refused.Field != "batch" {
			t.Errorf("batch %d, ordered %t: %v", e.Batch, e.Ordered, err)
		}
	}
}
