package e2e_test

import (
	"strings"
	"testing"

	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// Nothing that people write, and no whole phone number, is in any log, not even
// at the most talkative level.
func TestLogsHoldNoPersonalData(t *testing.T) {
	t.Parallel()
	s := newStack(t, whatsim.Options{})
	worker, scheduler := s.start("worker", "LOG_LEVEL=DEBUG"), s.start("scheduler", "LOG_LEVEL=DEBUG")
	c := s.client(own(0))
	const secret, theirs = "canary of ours 6f1d", "canary of theirs 9a2c"
	s.awaitMessage(s.send(c.ID, recipient(0), secret, wa.Normal), wa.Delivered)
	_, err := s.sim.Write(t.Context(), whatsim.Draft{From: recipient(0), To: own(0), Text: theirs})
	s.must(err)
	s.checkReceived(1)
	s.sim.Drop("")
	s.await(c.ID, wa.ClientConnected)
	s.awaitMessage(s.send(c.ID, recipient(1), secret, wa.Urgent), wa.Delivered)
	for name, p := range map[string]*process{"worker": worker, "scheduler": scheduler} {
		said := p.Said()
		if len(said) == 0 {
			t.Errorf("the %s said nothing: this test proves nothing", name)
		}
		for _, canary := range []string{secret, theirs, own(0), recipient(0), recipient(1), s.key} {
			if strings.Contains(said, canary) {
				t.Errorf("the %s's log holds %q", name, canary)
			}
		}
	}
}
