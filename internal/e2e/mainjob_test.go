package e2e_test

import (
	"testing"
	"time"

	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// A message is accepted for a client that is not even paired, leaves when it
// comes online, and is followed until the recipient has read it; the reply
// arrives.
func TestMessageFromAcceptToReadAndReply(t *testing.T) {
	t.Parallel()
	p := newStack(t, whatsim.Options{ReadAfter: 20 * time.Millisecond})
	p.start("worker")
	c := p.unpaired()
	id := p.send(c.ID, "5511900000001", "hello before pairing", wa.Normal)
	p.pair(c, "5511911111111")
	c = p.await(c.ID, wa.ClientConnected)
	if c.Phone != "+5511911111111" {
		t.Errorf("phone = %q", c.Phone)
	}
	m := p.awaitMessage(id, wa.Read)
	got := p.inbox(whatsim.Query{To: "5511900000001"}, 1)
	if got[0].Text != "hello before pairing" || got[0].ID != m.WireID {
		t.Errorf("phone read %+v, want wire id %s", got[0], m.WireID)
	}
}
