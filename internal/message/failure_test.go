package message_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/message"
	"chasqui/internal/provider"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// clock is the service's, and can be moved on.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

func (c *clock) option(o *message.Options) { o.Now = c.now }

func (c *clock) add(d time.Duration) { c.ahead.Add(int64(d)) }

func TestNothingSentBurnsNoAttempt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.send(1, "first", wa.Normal), w.send(2, "second", wa.Normal)
	var down atomic.Int32
	h := w.deliver(func(h *hold) {
		h.onSend = func(context.Context, provider.Outgoing) (provider.Ack, error) {
			if down.Add(1) <= 4 {
				return failed(provider.NotSent, wa.FailNotConnected)
			}
			return taken()
		}
	})
	w.await(second, wa.Sent)
	if m := w.message(first); m.Status != wa.Sent || m.Attempts != 1 {
		t.Errorf("the first is %s after %d attempts", m.Status, m.Attempts)
	}
	want := []string{"first", "first", "first", "first", "first", "second"}
	if diff := cmp.Diff(want, h.bodies()); diff != "" {
		t.Error(diff)
	}
}

// A number that is told to slow down rests, and its message keeps its place.
func TestBlockedCoolsDown(t *testing.T) {
	t.Parallel()
	c := &clock{}
	w := newWorld(t, c.option)
	id := w.send(1, "first", wa.Normal)
	urgent := atomic.Bool{}
	h := w.deliver(func(h *hold) {
		h.onSend = func(context.Context, provider.Outgoing) (provider.Ack, error) {
			if urgent.CompareAndSwap(false, true) {
				return failed(provider.Blocked, wa.FailRateLimited)
			}
			return taken()
		}
	})
	testkit.Eventually(t, patience, "the cool-down", func() (ok bool) {
		h.set(func(h *hold) { ok = h.nextWhy == wa.WaitCoolDown })
		return ok
	})
	w.send(2, "urgent", wa.Urgent)
	time.Sleep(300 * time.Millisecond)
	if m := w.message(id); m.Status != wa.Queued || m.Attempts != 0 || len(h.seen()) != 1 {
		t.Errorf("while resting: %s, %d attempts, %d sent", m.Status, m.Attempts, len(h.seen()))
	}
	c.add(time.Minute)
	w.await(id, wa.Sent)
}

func TestLastingFailuresCarryTheirCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, next := w.send(1, "no such person", wa.Normal), w.send(2, "next", wa.Normal)
	w.deliver(func(h *hold) {
		h.onSend = func(_ context.Context, m provider.Outgoing) (provider.Ack, error) {
			if m.Content.Plain() == "next" {
				return taken()
			}
			return provider.Ack{}, &provider.Failure{
				Class: provider.Lasting, Code: wa.FailNotOnWhatsApp, Err: context.Canceled,
				Provider: wa.ProviderError{Name: wa.ProviderWhatsmeow, Code: "404"},
			}
		}
	})
	m := w.await(id, wa.Failed)
	want := wa.NewFailure(wa.FailNotOnWhatsApp, "", &wa.ProviderError{Name: wa.ProviderWhatsmeow, Code: "404"})
	if diff := cmp.Diff(&want, m.Error); diff != "" {
		t.Error(diff)
	}
	w.await(next, wa.Sent)
	if n := w.told(wa.MessageFailed); n != 1 {
		t.Errorf("message.failed told %d times", n)
	}
	if _, err := w.Retry(t.Context(), w.by, next); wa.CodeOf(err) != wa.Conflict {
		t.Errorf("trying a sent message again: %v", err)
	}
	again, err := w.Retry(t.Context(), w.by, id)
	if err != nil || again.WireID != m.WireID || again.Status != wa.Queued || again.Error != nil {
		t.Errorf("tried again as %s, %s, %v: %v", again.Status, again.WireID, again.Error, err)
	}
}

func TestPassingFailuresWaitAndComeBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.send(1, "later", wa.Normal)
	var tries atomic.Int32
	w.deliver(func(h *hold) {
		h.onSend = func(context.Context, provider.Outgoing) (provider.Ack, error) {
			if tries.Add(1) < 3 {
				return failed(provider.Passing, wa.FailProviderUnavailable)
			}
			return taken()
		}
	})
	for range 2 {
		w.await(id, wa.RetryWait)
		w.sql(`UPDATE messages SET not_before = now() WHERE id = $1`, id.UUID())
		if n, err := w.PromoteDue(t.Context()); n != 1 || err != nil {
			t.Fatalf("%d came due: %v", n, err)
		}
		testkit.Eventually(t, patience, "another try", func() bool { return w.message(id).Status != wa.Queued })
	}
	if m := w.await(id, wa.Sent); m.Attempts != 3 {
		t.Errorf("%d attempts", m.Attempts)
	}
}

// New chats are forbidden: the message waits, the number goes on with others.
func TestNewContactRefusalHoldsNewChats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.send(1, "a new chat", wa.Normal)
	h := w.deliver(func(h *hold) {
		h.onSend = func(context.Context, provider.Outgoing) (provider.Ack, error) {
			return failed(provider.Blocked, wa.FailNewContact)
		}
	})
	w.await(id, wa.RetryWait)
	testkit.Eventually(t, patience, "the restriction", func() (ok bool) {
		h.set(func(h *hold) { ok = h.limited.After(time.Now().Add(23 * time.Hour)) })
		return ok
	})
}

// A message that breaks the provider is given up after the third time; the
// others go on.
func TestPoisonIsIsolated(t *testing.T) {
	t.Parallel()
	c := &clock{}
	w := newWorld(t, c.option)
	id := w.send(1, "poison", wa.Normal)
	var others []wa.MessageID
	for i := range 3 {
		others = append(others, w.send(i+2, "fine", wa.Normal))
	}
	w.deliver(func(h *hold) {
		h.onSend = func(_ context.Context, m provider.Outgoing) (provider.Ack, error) {
			if m.Content.Plain() == "poison" {
				panic("cannot be sent")
			}
			return taken()
		}
	})
	for range 2 {
		w.await(id, wa.RetryWait)
		w.sql(`UPDATE messages SET not_before = now() WHERE id = $1`, id.UUID())
		_, err := w.PromoteDue(t.Context())
		w.must(err)
		testkit.Eventually(t, patience, "another try", func() bool { return w.message(id).Status != wa.Queued })
	}
	if m := w.await(id, wa.Failed); m.Error == nil || m.Error.Code != wa.FailPoison {
		t.Errorf("failed with %+v", m.Error)
	}
	for _, id := range others {
		w.await(id, wa.Sent)
	}
}

// A send that is never answered ends with the timeout, also when the provider
// does not look at it. Its conversation waits, the others go on, and it is sent
// again under the same id.
func TestASendThatNeverEnds(t *testing.T) {
	t.Parallel()
	c := &clock{}
	w := newWorld(t, c.option, func(o *message.Options) { o.SendTimeout = 300 * time.Millisecond })
	release := make(chan struct{})
	defer close(release)
	stuck, same, other := w.send(1, "stuck", wa.Normal), w.send(1, "same chat", wa.Normal), w.send(2, "other chat", wa.Normal)
	var tries atomic.Int32
	h := w.deliver(func(h *hold) {
		h.onSend = func(_ context.Context, m provider.Outgoing) (provider.Ack, error) {
			if m.Content.Plain() == "stuck" && tries.Add(1) == 1 {
				<-release
			}
			return taken()
		}
	})
	w.await(other, wa.Sent)
	if a, b := w.message(stuck).Status, w.message(same).Status; a != wa.Sending || b != wa.Queued {
		t.Errorf("the stuck one is %s, the next of its conversation %s", a, b)
	}
	c.add(10 * time.Second)
	w.await(stuck, wa.Sent)
	w.await(same, wa.Sent)
	seen := h.seen()
	if diff := cmp.Diff([]string{"stuck", "other chat", "stuck", "same chat"}, h.bodies()); diff != "" {
		t.Fatal(diff)
	}
	if seen[0].wire != seen[2].wire {
		t.Error("it was sent again under another id")
	}
}

func ambiguous(h *hold) {
	h.onSend = func(context.Context, provider.Outgoing) (provider.Ack, error) {
		return failed(provider.Ambiguous, wa.FailUnconfirmed)
	}
}

// After three sendings without an answer nobody knows, and the caller is told
// so; a receipt that comes late still counts.
func TestUnansweredThreeTimes(t *testing.T) {
	t.Parallel()
	c := &clock{}
	w := newWorld(t, c.option)
	id := w.send(1, "who knows", wa.Normal)
	h := w.deliver(ambiguous)
	for n := 1; n <= 2; n++ {
		testkit.Eventually(t, patience, "a try", func() bool {
			return len(h.seen()) == n && len(w.list(`SELECT id::text FROM messages WHERE unconfirmed`)) == 1
		})
		time.Sleep(200 * time.Millisecond)
		if got := len(h.seen()); got != n {
			t.Fatalf("%d sendings before the time was up", got)
		}
		c.add(10 * time.Second)
	}
	m := w.await(id, wa.Failed)
	if m.Error == nil || m.Error.Code != wa.FailUnconfirmed || len(h.seen()) != 3 {
		t.Errorf("failed with %+v after %d sendings", m.Error, len(h.seen()))
	}
	w.must(w.Receive(t.Context(), w.client, provider.Receipt{WireIDs: []string{m.WireID}, Kind: provider.ReceiptDelivered, At: time.Now()}))
	if m := w.message(id); m.Status != wa.Delivered || m.Error != nil {
		t.Errorf("after the receipt it is %s, %+v", m.Status, m.Error)
	}
}

// A receipt settles what was unanswered: it is not sent again.
func TestAReceiptSettlesTheUnanswered(t *testing.T) {
	t.Parallel()
	c := &clock{}
	w := newWorld(t, c.option)
	id := w.send(1, "arrived", wa.Normal)
	h := w.deliver(ambiguous)
	testkit.Eventually(t, patience, "unconfirmed", func() bool { return len(w.list(`SELECT id::text FROM messages WHERE unconfirmed`)) == 1 })
	w.must(w.Receive(t.Context(), w.client, provider.Receipt{WireIDs: []string{w.message(id).WireID}, Kind: provider.ReceiptRead, At: time.Now()}))
	h.session.mu.Lock()
	h.session.onSend = nil
	h.session.mu.Unlock()
	next := w.send(1, "next of the conversation", wa.Normal)
	w.await(next, wa.Sent)
	c.add(20 * time.Second)
	time.Sleep(300 * time.Millisecond)
	if diff := cmp.Diff([]string{"arrived", "next of the conversation"}, h.bodies()); diff != "" {
		t.Error(diff)
	}
	if m := w.message(id); m.Status != wa.Read {
		t.Errorf("it is %s", m.Status)
	}
}

// The outcome of a sending waits for the database, for as long as the client is
// held.
func TestOutcomesOutliveAnOutageOfTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, next := w.send(1, "sent into the outage", wa.Normal), w.send(2, "next", wa.Normal)
	h := w.deliver(func(h *hold) {
		h.onSend = func(_ context.Context, m provider.Outgoing) (provider.Ack, error) {
			if m.Content.Plain() != "next" {
				w.away(true)
			}
			return taken()
		}
	})
	testkit.Eventually(t, patience, "the sending", func() bool { return len(h.seen()) >= 1 }) // the next may have gone beside it
	time.Sleep(700 * time.Millisecond)
	if got := w.list(`SELECT status FROM messages WHERE id = $1`, id.UUID()); got[0] != "sending" {
		t.Errorf("during the outage it is %s", got[0])
	}
	w.away(false)
	w.await(id, wa.Sent)
	w.await(next, wa.Sent)
	if n := len(h.seen()); n != 2 {
		t.Errorf("%d sendings", n)
	}
}

// away makes every write to the timeline fail as if the database could not be
// written to, or mends it.
func (w *world) away(gone bool) {
	if gone {
		w.sql(`CREATE FUNCTION away() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING ERRCODE = '57P03', MESSAGE = 'away'; END $$`)
		w.sql(`CREATE TRIGGER away BEFORE INSERT ON message_events FOR EACH ROW EXECUTE FUNCTION away()`)
		return
	}
	w.sql(`DROP TRIGGER away ON message_events`)
}

// An outcome that the database refuses for good does not end in an endless
// stream of repeats, nor hold up the line for ever.
func TestARefusedOutcomeIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bad, next := w.send(1, "bad", wa.Normal), w.send(2, "next", wa.Normal)
	w.sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'never'; END $$`)
	w.sql(`CREATE TRIGGER refuse BEFORE INSERT ON message_events FOR EACH ROW WHEN (NEW.message_id = '` + bad.UUID() + `' AND NEW.status = 'sent') EXECUTE FUNCTION refuse()`)
	h := w.deliver()
	w.await(next, wa.Sent)
	if m := w.await(bad, wa.Failed); m.Error.Code != wa.FailUnconfirmed {
		t.Errorf("failed with %+v", m.Error)
	}
	n := 0
	for _, body := range h.bodies() {
		if body == "bad" {
			n++
		}
	}
	if n > 3 {
		t.Errorf("sent %d times", n)
	}
}
