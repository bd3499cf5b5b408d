package message_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/guard"
	"chasqui/internal/message"
	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

// reading is a receipt that the network saw.
type reading struct {
	by    wa.Phone
	wires []string
}

// MarkRead is a receipt on its way.
func (s *session) MarkRead(ctx context.Context, by provider.Peer, wireIDs []string, _ time.Time) error {
	r := reading{by.Phone, wireIDs}
	s.mu.Lock()
	s.read = append(s.read, r)
	s.mu.Unlock()
	if s.onRead != nil {
		return s.onRead(ctx, r)
	}
	return nil
}

func (s *session) receipts() []reading {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.read)
}

// hear has the n-th person write, and gives the conversation.
func (w *world) hear(n int, wires ...string) wa.ChatID {
	w.Helper()
	for _, wire := range wires {
		w.must(w.Receive(w.Context(), w.client, provider.Received{
			WireID: wire, From: provider.Peer{Phone: wa.Phone(person(n))}, At: time.Now(), Type: wa.KindText, Content: wa.Text{Body: wire},
		}))
	}
	var id wa.ChatID
	found := w.list(`SELECT h.id::text FROM chats h JOIN contacts p ON p.id = h.contact_id WHERE p.phone = $1`, person(n))
	w.must(id.Scan(found[0]))
	return id
}

func (w *world) reads(id wa.ChatID, tell bool) {
	w.Helper()
	c, err := w.MarkRead(w.Context(), w.by, id, tell)
	if err != nil || c.Unread != 0 {
		w.Fatal(c.Unread, err)
	}
}

// holds gives the client into our hands, without a line that delivers.
func (w *world) holds() *hold {
	h := &hold{session: &session{}, client: w.read(w.client.ID), flow: guard.Go, since: time.Now(), nudges: make(chan wa.Nudge, 1)}
	h.epoch.Store(h.client.Epoch)
	return h
}

func (w *world) left() []string {
	w.Helper()
	return w.list(`SELECT m.wire_id FROM read_receipts r JOIN messages m ON m.id = r.message_id ORDER BY m.wire_id`)
}

func faster(o *message.Options) { o.PaceFactor = 1000 }

// TestReadingIsTold reads three conversations of which one is to stay unsaid.
func TestReadingIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, faster)
	w.reads(w.hear(1, "A1", "A2"), true)
	w.reads(w.hear(2, "B1"), false)
	many := make([]string, 60)
	for i := range many {
		many[i] = fmt.Sprintf("C%02d", i)
	}
	w.reads(w.hear(3, many...), true)
	h := w.holds()
	w.Tell(t.Context(), h)
	w.Tell(t.Context(), h)
	want := []reading{{wa.Phone(person(1)), []string{"A1", "A2"}}, {wa.Phone(person(3)), many[:50]}, {wa.Phone(person(3)), many[50:]}}
	if diff := cmp.Diff(want, h.receipts(), cmp.AllowUnexported(reading{})); diff != "" {
		t.Error(diff)
	}
	if left := w.left(); len(left) != 0 {
		t.Errorf("%v are still to be told", left)
	}
	if n := w.told(wa.ChatUpdated); n != 3 {
		t.Errorf("chat.updated told %d times", n)
	}
}

// TestWhatComesOfTelling lists the network's answers.
func TestWhatComesOfTelling(t *testing.T) {
	t.Parallel()
	class := func(c provider.Class) error { return &provider.Failure{Class: c, Err: errors.New("the test says so")} }
	tests := map[string]struct {
		answer error
		tried  int // before
		left   int
		soon   bool // it is due again within seconds
	}{
		"taken":                {},
		"the line was down":    {answer: class(provider.NotSent), tried: 4, left: 1, soon: true},
		"no answer":            {answer: class(provider.Ambiguous), left: 1},
		"no answer, too often": {answer: class(provider.Ambiguous), tried: 4},
		"never":                {answer: class(provider.Lasting)},
		"it broke":             {answer: errors.New("something else"), left: 1},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, faster)
			w.reads(w.hear(1, "A"), true)
			w.sql(`UPDATE read_receipts SET attempts = $1`, c.tried)
			h := w.holds()
			h.onRead = func(context.Context, reading) error { return c.answer }
			w.Tell(t.Context(), h)
			if n := len(h.receipts()); n != 1 {
				t.Errorf("sent %d times", n)
			}
			soon := w.list(`SELECT 'soon' FROM read_receipts WHERE not_before < now() + interval '5 seconds'`)
			if left := w.left(); len(left) != c.left || (len(soon) == 1) != c.soon {
				t.Errorf("left: %v, soon: %v", left, soon)
			}
		})
	}
}

// TestNothingIsToldWhileClosed keeps receipts until the line opens.
func TestNothingIsToldWhileClosed(t *testing.T) {
	t.Parallel()
	tests := map[string]func(h *hold){
		"offline":                func(h *hold) { h.closed = true },
		"not ours":               func(h *hold) { h.epoch.Store(0) },
		"somebody else's by now": func(h *hold) { h.epoch.Store(7) },
		"paused":                 func(h *hold) { h.client.Paused = true },
	}
	for name, shut := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, faster)
			w.reads(w.hear(1, "A"), true)
			h := w.holds()
			h.set(shut)
			w.Tell(t.Context(), h)
			if got := h.receipts(); len(got) != 0 {
				t.Errorf("told %v", got)
			}
			open := w.holds()
			w.Tell(t.Context(), open)
			if got := open.receipts(); len(got) != 1 {
				t.Errorf("afterwards: told %v", got)
			}
		})
	}
}

// TestTellingEndsWithItsHold has the network never answer.
func TestTellingEndsWithItsHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t, faster)
	w.reads(w.hear(1, "A"), true)
	h := w.holds()
	asked := make(chan struct{})
	h.onRead = func(ctx context.Context, _ reading) error {
		close(asked)
		<-ctx.Done()
		return &provider.Failure{Class: provider.Ambiguous, Err: ctx.Err()}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.Tell(ctx, h) })
	<-asked
	cancel()
	running.Wait()
	if left := w.left(); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

// TestTellingContainsPanics has a provider break.
func TestTellingContainsPanics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, faster)
	w.reads(w.hear(1, "A"), true)
	h := w.holds()
	h.onRead = func(context.Context, reading) error { panic("broken") }
	w.Tell(t.Context(), h)
	if left := w.left(); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

// TestOldReadingIsForgotten sweeps what nobody could be told.
func TestOldReadingIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t, faster)
	w.reads(w.hear(1, "A", "B"), true)
	w.sql(`UPDATE read_receipts SET read_at = now() - interval '8 days' WHERE message_id = (SELECT id FROM messages WHERE wire_id = 'A')`)
	if _, err := w.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := w.left(); !slices.Equal(left, []string{"B"}) {
		t.Errorf("left: %v", left)
	}
}
