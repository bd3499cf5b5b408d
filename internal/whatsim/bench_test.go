package whatsim_test

import (
	"fmt"
	"sync"
	"testing"

	"go.mau.fi/whatsmeow/types/events"

	"chasqui/internal/whatsim"
)

func benchSim(b *testing.B, clients int) (*whatsim.Server, []*client) {
	b.Helper()
	sim, err := whatsim.Start(whatsim.Options{})
	if err != nil {
		b.Fatal(err)
	}
	pinRoot.Do(func() { pin(sim) })
	b.Cleanup(func() { _ = sim.Close() })
	out := make([]*client, clients)
	for i := range out {
		out[i] = newClient(b, sim, newDevice())
		pair(out[i], sim, fmt.Sprintf("155500090%02d", i))
	}
	return sim, out
}

func BenchmarkSend(b *testing.B) {
	for _, clients := range []int{1, 20} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			_, cs := benchSim(b, clients)
			b.ResetTimer()
			var wg sync.WaitGroup
			for i, c := range cs {
				wg.Go(func() {
					for j := i; j < b.N; j += clients {
						if _, err := c.say(fmt.Sprintf("155500080%02d", j%50), "bench"); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}

func BenchmarkReceive(b *testing.B) {
	sim, cs := benchSim(b, 1)
	got := make(chan struct{}, 1024)
	cs[0].AddEventHandler(func(evt any) {
		if _, ok := evt.(*events.Message); ok {
			got <- struct{}{}
		}
	})
	b.ResetTimer()
	go func() {
		for range b.N {
			if _, err := sim.Write(b.Context(), whatsim.Draft{From: "15550008100", To: "15550009000", Text: "bench"}); err != nil {
				b.Error(err)
			}
		}
	}()
	for range b.N {
		<-got
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}
