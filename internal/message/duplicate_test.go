package message_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

// One id for two messages of ours is a mistake that must show. The phone does it
// rightly, when it writes to a list.
func TestAnIDGivenTwiceIsCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		origin wa.Origin
		more   float64
	}{{wa.FromPhone, 0}, {wa.FromAPI, 1}} {
		first, second := w.send(1, "hello", wa.Normal), w.send(2, "hello", wa.Normal)
		shared := "SHARED" + string(tt.origin)
		w.sql(`UPDATE messages SET wire_id = $1, origin = $2 WHERE id = ANY($3)`, shared, string(tt.origin), []any{first.UUID(), second.UUID()})
		before := counted(t, "chasqui_duplicate_receipt_id_total")
		w.must(w.Receive(t.Context(), w.client, provider.Receipt{WireIDs: []string{shared}, Kind: provider.ReceiptDelivered, At: time.Now()}))
		if got := counted(t, "chasqui_duplicate_receipt_id_total") - before; got != tt.more {
			t.Errorf("from %s it counts %g, want %g", tt.origin, got, tt.more)
		}
		if got := w.message(second).Status; got != wa.Delivered {
			t.Errorf("the second is %s", got)
		}
	}
}

// counted reads a counter of this process.
func counted(t *testing.T, name string) float64 {
	t.Helper()
	all, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatalf("%s is not there", name)
	return 0
}
