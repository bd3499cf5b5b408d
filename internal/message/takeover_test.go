package message_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/message"
	"chasqui/internal/provider"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// inFlight leaves messages as a worker that died leaves them: one that it was
// sending, the last, and those that were never answered before.
func (w *world) inFlight(ids ...wa.MessageID) {
	w.Helper()
	for i, id := range ids {
		w.sql(`UPDATE messages SET status = 'sending', attempts = 1, claim_epoch = 1, claimed_at = now(), first_claim = now(), unconfirmed = $2
			WHERE id = $1`, id.UUID(), i < len(ids)-1)
	}
	w.sql(`UPDATE clients SET epoch = epoch + 1 WHERE id = $1`, w.client.ID.UUID())
}

// A new owner waits for the receipts that wait at the server, then sends again
// what they did not settle, before anything else.
func TestTakeoverResolvesFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *message.Options) { o.CatchUp = 10 * time.Second })
	left, arrived := w.send(1, "left in flight", wa.Bulk), w.send(2, "arrived", wa.Bulk)
	next := w.send(3, "next", wa.Urgent)
	w.inFlight(left, arrived)
	h := w.deliver(func(h *hold) { h.caught = false })
	time.Sleep(400 * time.Millisecond)
	if n := len(h.seen()); n != 0 {
		t.Fatalf("%d sent before the receipts were told", n)
	}
	w.must(w.Receive(t.Context(), w.client, provider.Receipt{WireIDs: []string{w.message(arrived).WireID}, Kind: provider.ReceiptDelivered, At: time.Now()}))
	h.set(func(h *hold) { h.caught = true })
	w.await(next, wa.Sent)
	if diff := cmp.Diff([]string{"left in flight", "next"}, h.bodies()); diff != "" {
		t.Error(diff)
	}
	if m := w.message(left); m.Status != wa.Sent || m.Attempts != 2 {
		t.Errorf("the one left is %s after %d attempts", m.Status, m.Attempts)
	}
}

func TestCatchingUpIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t) // 300 ms
	left := w.send(1, "left in flight", wa.Normal)
	w.inFlight(left)
	w.deliver(func(h *hold) { h.caught = false })
	w.await(left, wa.Sent)
}

// What was tried three times, or began too long ago, is not sent yet again by a
// new owner.
func TestTakeoverGivesUpWhatWasTriedEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	often, old, next := w.send(1, "often", wa.Normal), w.send(2, "old", wa.Normal), w.send(3, "next", wa.Normal)
	w.inFlight(often, old)
	w.sql(`UPDATE messages SET attempts = 3 WHERE id = $1`, often.UUID())
	w.sql(`UPDATE messages SET first_claim = now() - interval '7 hours' WHERE id = $1`, old.UUID())
	h := w.deliver()
	w.await(next, wa.Sent)
	for _, id := range []wa.MessageID{often, old} {
		if m := w.message(id); m.Status != wa.Failed || m.Error.Code != wa.FailUnconfirmed {
			t.Errorf("%s: %+v", m.Status, m.Error)
		}
	}
	if diff := cmp.Diff([]string{"next"}, h.bodies()); diff != "" {
		t.Error(diff)
	}
}

// A repeat that could not leave says nothing about the first sending: the
// message does not go back into the line, where it could be cancelled.
func TestARepeatThatDidNotLeaveStaysInFlight(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	left, next := w.send(1, "left in flight", wa.Normal), w.send(2, "next", wa.Normal)
	w.inFlight(left)
	var tries atomic.Int32
	h := w.deliver(func(h *hold) {
		h.onSend = func(context.Context, provider.Outgoing) (provider.Ack, error) {
			if tries.Add(1) == 1 {
				return failed(provider.NotSent, wa.FailNotConnected)
			}
			return taken()
		}
	})
	testkit.Eventually(t, patience, "the first try", func() bool { return tries.Load() == 1 })
	if _, err := w.Cancel(t.Context(), w.by, left); wa.CodeOf(err) != wa.Conflict {
		t.Errorf("cancelling what may have left: %v", err)
	}
	w.await(next, wa.Sent)
	if diff := cmp.Diff([]string{"left in flight", "left in flight", "next"}, h.bodies()); diff != "" {
		t.Error(diff)
	}
}

// Repeats count against the limits like any other message.
func TestRepeatsKeepThePace(t *testing.T) {
	t.Parallel()
	opt, limits := paced(wa.Limits{Enabled: true, PerMinute: 6000, PerHour: 100000, PerDay: 100000, GapMinMS: 10000, GapMaxMS: 10001})
	w := newWorld(t, opt)
	w.limit(limits)
	var ids []wa.MessageID
	for i := range 4 {
		ids = append(ids, w.send(i, fmt.Sprint(i), wa.Normal))
	}
	w.inFlight(ids...)
	h := w.deliver()
	testkit.Eventually(t, patience, "all sent", func() bool { return len(h.seen()) == 4 })
	got := h.seen()
	for i := 1; i < len(got); i++ {
		if gap := got[i].at.Sub(got[i-1].at); gap < 10*time.Second/50-lag {
			t.Errorf("a gap of %s between repeats", gap)
		}
	}
}

// whileUnderWay does something while a message is under way, and ends the line
// after the network has answered.
func (w *world) whileUnderWay(do func(*hold), answer func() (provider.Ack, error)) {
	w.Helper()
	h, release := w.underWay(answer)
	do(h)
	release()
	h.stop()
}

// A former owner whose send fails after the client has moved must not put the
// message back: the new owner is dealing with it.
func TestAFormerOwnersFailureIsFenced(t *testing.T) {
	t.Parallel()
	for _, class := range []provider.Class{provider.NotSent, provider.Passing, provider.Lasting, provider.Ambiguous} {
		t.Run(string(class), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.send(1, "under way", wa.Normal)
			w.whileUnderWay(func(h *hold) {
				w.sql(`UPDATE clients SET epoch = epoch + 1 WHERE id = $1`, w.client.ID.UUID())
				h.set(func(h *hold) { h.closed = true })
			}, func() (provider.Ack, error) { return failed(class, wa.FailProviderRejected) })
			if m := w.message(id); m.Status != wa.Sending || m.Error != nil {
				t.Errorf("the former owner made it %s", m.Status)
			}
		})
	}
}

// That it was sent is a fact, whoever owns the client by then.
func TestAFormerOwnersSuccessCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.send(1, "under way", wa.Normal)
	w.whileUnderWay(func(h *hold) {
		w.sql(`UPDATE clients SET epoch = epoch + 1 WHERE id = $1`, w.client.ID.UUID())
		h.epoch.Store(0)
	}, taken)
	if m := w.message(id); m.Status != wa.Sent {
		t.Errorf("it is %s", m.Status)
	}
}
