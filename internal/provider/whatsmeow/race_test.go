package whatsmeow_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/provider/whatsmeow"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// talk lets a number and a phone write count messages to each other at the same
// time. It returns what the phone could not read and the sends per second.
func talk(t testing.TB, n *number, phone string, count int) (unread int, rate float64) {
	t.Helper()
	n.send(text(phone, "first")) // both sides know each other, as in any conversation
	n.write(phone, "first")
	await[provider.Received](t, n.sink, 0, nil)

	var both sync.WaitGroup
	both.Go(func() {
		for i := range count {
			if _, err := n.w.sim.Write(t.Context(), whatsim.Draft{From: phone, To: n.phone, Text: fmt.Sprint("theirs ", i)}); err != nil {
				t.Errorf("write: %v", err)
			}
		}
	})
	start := time.Now()
	for i := range count {
		if _, err := n.s.Send(t.Context(), text(phone, fmt.Sprint("ours ", i))); err != nil {
			t.Errorf("send %d: %v", i, err)
		}
	}
	rate = float64(count) / time.Since(start).Seconds()
	both.Wait()
	return count - n.readable(phone), rate
}

// readable waits until the phone got everything and counts what it could read.
func (n *number) readable(phone string) (count int) {
	for _, m := range n.w.sim.Messages(whatsim.Query{To: phone, From: n.phone}) {
		if m.Visible() && strings.HasPrefix(m.Text, "ours") {
			count++
		}
	}
	return count
}

func TestTalkingAtOnceLosesNothing(t *testing.T) {
	for name, stock := range map[string]bool{"own store": false, "library's store": true} {
		t.Run(name, func(t *testing.T) { checkTalking(t, newWorldOn(t, stock)) })
	}
}

func checkTalking(t *testing.T, w *world) {
	const count = 300
	n := w.pair("15550110001")
	unread, rate := talk(t, n, "15550110002", count)
	t.Logf("%.0f sends a second while receiving", rate)
	if unread != 0 {
		t.Errorf("%d of %d messages could not be read by the phone", unread, count)
	}
	if lost := w.sim.Events(whatsim.EventQuery{Kind: whatsim.EventOldCounter}); len(lost) != 0 {
		t.Errorf("%d messages re-used a key", len(lost))
	}
	theirs := map[string]bool{}
	deadline := time.Now().Add(patience)
	for len(theirs) < count && time.Now().Before(deadline) {
		m := await(t, n.sink, 0, func(m provider.Received) bool {
			body, _ := m.Content.(wa.Text)
			return strings.HasPrefix(body.Body, "theirs") && !theirs[body.Body]
		})
		theirs[m.Content.(wa.Text).Body] = true
	}
	if bad := all[provider.Undecryptable](n.sink); len(bad) != 0 {
		t.Errorf("%d inbound messages could not be read at first", len(bad))
	}
}

// BenchmarkTalkingAtOnce measures what the session lock costs, and what the
// library loses without it.
func BenchmarkTalkingAtOnce(b *testing.B) {
	const count = 300
	plain := func(*whatsmeow.Provider) {}
	for name, c := range map[string]struct {
		prepare func(*whatsmeow.Provider)
		stock   bool
	}{"guarded": {plain, false}, "bare": {whatsmeow.Bare, false}, "guarded, library's store": {plain, true}, "bare, library's store": {whatsmeow.Bare, true}} {
		b.Run(name, func(b *testing.B) {
			w := newWorldOn(b, c.stock)
			c.prepare(w.p)
			n, lost, rate := w.pair("15550112001"), 0, 0.0
			for i := range b.N {
				unread, perSecond := talk(b, n, fmt.Sprint(15550113000+i), count)
				lost, rate = lost+unread, rate+perSecond
			}
			b.ReportMetric(rate/float64(b.N), "sends/s")
			b.ReportMetric(float64(lost)/float64(b.N), "lost")
		})
	}
}
