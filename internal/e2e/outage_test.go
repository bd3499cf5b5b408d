package e2e_test

import (
	"testing"
	"time"

	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// While WhatsApp refuses connections messages are accepted and wait. A worker
// that starts during the outage brings every client up afterwards.
func TestMessagesOutliveAnOutageOfWhatsApp(t *testing.T) {
	t.Parallel()
	p := newStack(t, whatsim.Options{})
	w := p.start("worker")
	clients := []wa.Client{p.client(own(0)), p.client(own(1)), p.client(own(2))}
	p.sim.RefuseConnections(true)
	for _, c := range clients {
		p.await(c.ID, wa.ClientConnecting)
	}
	var ids []wa.MessageID
	for i, c := range clients {
		ids = append(ids, p.send(c.ID, recipient(i), "waits", wa.Normal))
	}
	w.stop(20 * time.Second)
	p.start("worker")
	for _, id := range ids {
		if m := p.message(id); m.Status != wa.Queued {
			t.Errorf("during the outage a message is %s, want queued", m.Status)
		}
	}
	p.sim.RefuseConnections(false)
	for _, id := range ids {
		p.awaitMessage(id, wa.Delivered)
	}
}

// A send that WhatsApp never answers holds up no other client, and its own
// client only until the timeout. The message is sent again under the same id,
// and its recipient sees it once.
func TestAnUnansweredSendBlocksNobodyElse(t *testing.T) {
	t.Parallel()
	p := newStack(t, whatsim.Options{DeliveredAfter: -1})
	p.start("worker")
	c, other := p.client(own(0)), p.client(own(1))
	p.awaitMessage(p.send(c.ID, recipient(5), "warm", wa.Normal), wa.Sent)
	_, err := p.sim.AddRule(whatsim.Rule{Action: whatsim.NoAck, Recipient: recipient(6), Times: 1})
	p.must(err)
	stuck := p.send(c.ID, recipient(6), "no answer", wa.Normal)
	next := p.send(c.ID, recipient(7), "next", wa.Normal)
	same := p.send(c.ID, recipient(6), "same chat", wa.Normal)
	began := time.Now()
	p.awaitMessage(p.send(other.ID, recipient(8), "other client", wa.Normal), wa.Sent)
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("another client waited %s", d)
	}
	p.awaitMessage(next, wa.Sent)
	if d := time.Since(began); d > 25*time.Second {
		t.Errorf("the same client went on after %s, want 25 s at most", d)
	}
	if m := p.message(stuck); m.Status != wa.Sending {
		t.Errorf("the unanswered message is %s, want sending", m.Status)
	}
	p.awaitMessage(stuck, wa.Sent)
	p.awaitMessage(same, wa.Sent)
	got := p.inbox(whatsim.Query{To: recipient(6)}, 2)
	if len(got) != 2 || got[0].Text != "no answer" || got[1].Text != "same chat" {
		t.Errorf("the recipient read %+v", got)
	}
}
