package webhook_test

import (
	"net/http"
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// TestAttemptsTellHowLongTheyTook has a receiver think for a while before it
// answers, and one that never does.
func TestAttemptsTellHowLongTheyTook(t *testing.T) {
	t.Parallel()
	const thought = 100 * time.Millisecond
	w := newWorld(t)
	slow := newSink(t, func(_ int, _ http.ResponseWriter, r *http.Request) { think(r, thought) })
	silent := newSink(t, func(_ int, _ http.ResponseWriter, r *http.Request) { think(r, time.Minute) })
	answered := w.endpoint(slow.URL)
	given := w.endpoint(silent.URL, func(e *wa.Endpoint) { e.TimeoutMS = int(wa.MinHookWait.Milliseconds()) })
	w.dispatch()
	w.emit(testkit.Client(t, w.db, w.org.ID))
	for id, least := range map[wa.EndpointID]time.Duration{answered.ID: thought, given.ID: wa.MinHookWait} {
		var made []wa.Attempt
		testkit.Eventually(t, patience, "the attempt is written down", func() bool {
			rows := w.deliveries(id, store.DeliveryFilter{Type: wa.ClientIsConnected})
			if len(rows) == 1 {
				made = w.attempts(rows[0])
			}
			return len(made) > 0
		})
		if took := time.Duration(made[0].DurationMS) * time.Millisecond; took < least || took > patience {
			t.Errorf("an attempt of %s and more took %s", least, took)
		}
	}
}

// think keeps a request waiting.
func think(r *http.Request, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}
