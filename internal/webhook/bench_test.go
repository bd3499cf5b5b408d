package webhook_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// BenchmarkFiveEndpoints emits 500 events a second for five endpoints and tells
// how long the slowest in a hundred took to its first attempt. One iteration is
// one event.
func BenchmarkFiveEndpoints(b *testing.B) {
	w := newWorld(b)
	var sinks []*sink
	for range 5 {
		s := newSink(b, nil)
		sinks = append(sinks, s)
		w.endpoint(s.URL)
	}
	clients := make([]wa.Client, 16)
	for i := range clients {
		clients[i] = testkit.Client(b, w.db, w.org.ID)
	}
	w.dispatch()
	w.dispatch()
	w.db.OnRing(w.last.Local(nobody)) // one of the two emits
	var mu sync.Mutex
	began := map[string]time.Time{}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	var wg sync.WaitGroup
	b.ResetTimer()
	for i := range b.N {
		<-tick.C
		wg.Go(func() {
			c := clients[i%len(clients)]
			c.StatusReason = wa.NewEventID().String() // finds the event again
			mu.Lock()
			began[c.StatusReason] = time.Now()
			mu.Unlock()
			err := w.db.InOrg(b.Context(), w.org.ID, func(tx *store.Tx) error {
				return tx.Emit(w.org.ID, c.ID, wa.ClientIsConnected, wa.EventClient{Client: c})
			})
			if err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	var late []time.Duration
	for _, s := range sinks {
		testkit.Eventually(b, time.Minute, "all arrived", func() bool { return s.distinct() >= b.N })
		for _, h := range s.all() {
			late = append(late, h.at.Sub(began[reasonOf(b, h)]))
		}
	}
	b.StopTimer()
	slices.Sort(late)
	b.ReportMetric(float64(late[len(late)*99/100].Milliseconds()), "p99-ms")
	b.ReportMetric(float64(late[len(late)/2].Milliseconds()), "p50-ms")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
