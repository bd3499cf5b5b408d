package webhook_test

import (
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// TestADeliveryTellsWhatItWaitsFor looks at a delivery that is due, while its
// endpoint is on, while its circuit is open and while it is switched off.
func TestADeliveryTellsWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.endpoint("http://127.0.0.1:9009/hook", func(e *wa.Endpoint) { e.Events = []string{"client.connected"} })
	w.emit(testkit.Client(t, w.db, w.org.ID))
	look := func() wa.Delivery {
		t.Helper()
		all := w.deliveries(made.ID, store.DeliveryFilter{})
		if len(all) != 1 || all[0].Status != wa.DeliveryPending {
			t.Fatalf("deliveries %+v", all)
		}
		return all[0]
	}
	if d := look(); d.WaitsFor != "" || d.NextAttemptAt == nil {
		t.Errorf("with the endpoint on: %q, %v", d.WaitsFor, d.NextAttemptAt)
	}
	w.exec(`UPDATE webhook_lines SET open_until = now() + interval '1 hour'`)
	if d := look(); d.WaitsFor != wa.WaitsForCircuit || d.NextAttemptAt == nil || time.Until(*d.NextAttemptAt) < 50*time.Minute {
		t.Errorf("with the circuit open: %q, %v", d.WaitsFor, d.NextAttemptAt)
	}
	if _, err := w.hooks.Disable(t.Context(), w.by, made.ID); err != nil {
		t.Fatal(err)
	}
	if d := look(); d.WaitsFor != wa.WaitsForEndpoint || d.NextAttemptAt != nil {
		t.Errorf("with the endpoint off: %q, %v", d.WaitsFor, d.NextAttemptAt)
	}
	if _, err := w.hooks.Enable(t.Context(), w.by, made.ID); err != nil {
		t.Fatal(err)
	}
	if d := look(); d.WaitsFor != "" || d.NextAttemptAt == nil {
		t.Errorf("switched on again: %q, %v", d.WaitsFor, d.NextAttemptAt)
	}
}
