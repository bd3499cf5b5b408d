package whatsmeow_test

import (
	"fmt"
	"sync"
	"testing"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// TestFirstContactBothWays lets both sides start at the same moment, so that
// each has two sessions with the other, and then go on talking. Everything must
// be readable at once: an answer that needs a repetition comes late.
func TestFirstContactBothWays(t *testing.T) {
	onBoth(t, checkFirstContact)
}

func checkFirstContact(t *testing.T, w *world) {
	const people, rounds = 20, 5
	n := w.pair("15550190001")
	for i := range people {
		phone := fmt.Sprint(15550191000 + i)
		for round := range rounds {
			var both sync.WaitGroup
			both.Go(func() { n.send(text(phone, fmt.Sprint("ours ", round))) })
			both.Go(func() { n.write(phone, fmt.Sprint("theirs ", round)) })
			both.Wait()
		}
	}
	for i := range people {
		for round := range rounds {
			want := wa.Text{Body: fmt.Sprint("theirs ", round)}
			await(t, n.sink, 0, func(m provider.Received) bool {
				return m.From.Phone == wa.Phone(fmt.Sprint("+", 15550191000+i)) && m.Content == want
			})
		}
		n.inbox(fmt.Sprint(15550191000+i), rounds)
	}
	if bad := all[provider.Undecryptable](n.sink); len(bad) != 0 {
		t.Errorf("%d of %d inbound messages had to be asked for again", len(bad), people*rounds)
	}
	if asked := w.sim.Events(whatsim.EventQuery{Kind: whatsim.EventRetryAsked}); len(asked) != 0 {
		t.Errorf("%d of %d outbound messages had to be asked for again", len(asked), people*rounds)
	}
}
