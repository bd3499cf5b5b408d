package e2e_test

import (
	"fmt"
	"testing"

	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// Both sides of a conversation write 300 messages at once. The library alone
// loses some of these: two goroutines would advance the same ratchet.
func TestBothSidesWriteAtOnce(t *testing.T) {
	t.Parallel()
	p := newStack(t, whatsim.Options{})
	p.start("worker")
	c := p.client(own(0))
	p.awaitMessage(p.send(c.ID, recipient(0), "hello", wa.Normal), wa.Delivered)
	for run := range conversations() {
		before := len(p.inbox(whatsim.Query{To: recipient(0)}, 0))
		written := make(chan error, 1)
		go func() {
			for i := range 300 {
				_, err := p.sim.Write(t.Context(), whatsim.Draft{From: recipient(0), To: own(0), Text: fmt.Sprintf("theirs %d/%d", run, i)})
				if err != nil {
					written <- err
					return
				}
			}
			written <- nil
		}()
		for i := range 300 {
			p.send(c.ID, recipient(0), fmt.Sprintf("ours %d/%d", run, i), wa.Normal)
		}
		p.must(<-written)
		p.inbox(whatsim.Query{To: recipient(0)}, before+300)
		p.checkReceived(300 * (run + 1))
	}
	for _, m := range p.sim.Messages(whatsim.Query{To: recipient(0), All: true}) {
		if m.Err != "" && !m.Duplicate {
			t.Errorf("unreadable: %s %s", m.ID, m.Err)
		}
	}
}

// conversations is how often the conversation is held: ten times, and three
// times under the race detector, which makes each one take half a minute.
func conversations() int {
	if raceDetector || testing.Short() {
		return 3
	}
	return 10
}
