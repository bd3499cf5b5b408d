package message_test

import (
	"slices"
	"strings"
	"testing"

	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// What was taken ahead while a message was under way does not leave after the
// kill switch was thrown: it goes back to where it stood, and waits.
func TestTheKillSwitchHoldsWhatWasTakenAhead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.send(1, "under way", wa.Normal), w.send(2, "next", wa.Normal)
	h, release := w.underWay(taken)
	w.await(second, wa.Sending) // taken ahead
	w.sql(`INSERT INTO stops (org_id, reason, set_by) VALUES ($1, 'a test', 'me')`, w.by.Org.UUID())
	h.set(func(h *hold) { h.closed, h.client.Stopped = true, wa.HaltOrg }) // as fleet does within half a second
	release()
	w.await(first, wa.Sent)
	w.await(second, wa.Queued)
	testkit.Eventually(t, patience, "the timeline says why", func() bool {
		steps := w.list(`SELECT note FROM message_events WHERE message_id = $1`, second.UUID())
		return slices.Contains(steps, "back in line: the kill switch was thrown") && slices.Contains(steps, "held: stopped by the kill switch (org)")
	})
	if len(h.bodies()) != 1 {
		t.Errorf("%v left", h.bodies())
	}
	m := w.message(second)
	p, err := w.Place(t.Context(), w.by, m)
	w.must(err)
	if p.BlockedBy == nil || *p.BlockedBy != wa.WaitStopped || m.Error != nil {
		t.Errorf("it waits for %v, error %v", p.BlockedBy, m.Error)
	}
	if a, err := w.Accept(t.Context(), w.by, w.client.ID, draft(person(3), "accepted meanwhile", wa.Normal), wa.IdempotencyKey{}); err != nil ||
		a.Queue.BlockedBy == nil || *a.Queue.BlockedBy != wa.WaitStopped {
		t.Errorf("accepting meanwhile: %+v %v", a.Queue, err)
	}
}

// Nobody is shown typing for a message that is held.
func TestNobodyTypesWhileHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client = w.newClient(true)
	w.send(1, strings.Repeat("a long text ", 20), wa.Normal)
	h := w.deliver(func(h *hold) { h.closed, h.client.Stopped = true, wa.HaltAll })
	testkit.Eventually(t, patience, "the line knows why", func() bool {
		why := wa.NoWait
		h.set(func(h *hold) { why = h.nextWhy })
		return why == wa.WaitStopped
	})
	h.stop()
	if seen := h.all(); len(seen) != 0 {
		t.Errorf("the network saw %+v", seen)
	}
}
