package message_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chasqui/internal/message"
	"chasqui/internal/wa"
)

// crowd hands in drafts at the same time, each under its key.
func (w *world) crowd(by []*message.Service, client func(i int) wa.ClientID, drafts []wa.Draft, key func(i int) string) ([]message.Accepted, []error) {
	w.Helper()
	got, errs := make([]message.Accepted, len(drafts)), make([]error, len(drafts))
	var all sync.WaitGroup
	for i, d := range drafts {
		all.Go(func() {
			k := wa.IdempotencyKey{}
			if name := key(i); name != "" {
				k = wa.IdempotencyKey{Key: name, Route: "messages", Hash: []byte(d.Text.Body)}
			}
			got[i], errs[i] = by[i%len(by)].Accept(w.Context(), w.by, client(i), d, k)
		})
	}
	all.Wait()
	return got, errs
}

func (w *world) ours(int) wa.ClientID { return w.client.ID }

func noKey(int) string { return "" }

// Many who come at once are served by a few transactions.
func TestACrowdIsTakenInTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var drafts []wa.Draft
	for i := range 200 {
		drafts = append(drafts, draft(person(i%50), fmt.Sprint(i), wa.Normal))
	}
	got, errs := w.crowd([]*message.Service{w.Service}, w.ours, drafts, noKey)
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for i, a := range got {
		if m := w.message(a.ID); m.Text.Body != fmt.Sprint(i) || m.To.Phone != wa.Phone(person(i%50)) {
			t.Errorf("the answer to %d is message %+v", i, m)
		}
	}
	if n := len(w.list(`SELECT DISTINCT xmin::text FROM messages`)); n > 100 {
		t.Errorf("%d transactions for %d messages", n, len(drafts))
	}
	if n := w.told(wa.MessageQueued); n != len(drafts) {
		t.Errorf("%d of %d were told", n, len(drafts))
	}
}

// A refusal is one caller's, and leaves nothing behind.
func TestARefusalInACrowd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var drafts []wa.Draft
	for i := range 60 {
		d := draft(person(i), "hello", wa.Normal)
		if i%3 == 1 {
			d.ReplyTo = new(wa.NewMessageID())
		}
		drafts = append(drafts, d)
	}
	nobody := wa.NewClientID()
	_, errs := w.crowd([]*message.Service{w.Service}, func(i int) wa.ClientID {
		if i%3 == 2 {
			return nobody
		}
		return w.client.ID
	}, drafts, noKey)
	for i, err := range errs {
		want := []wa.Code{"", wa.Invalid, wa.NotFound}[i%3]
		if (err == nil) != (want == "") || (err != nil && wa.CodeOf(err) != want) {
			t.Errorf("%d was answered %v, want %q", i, err, want)
		}
	}
	if m, c, h := w.rows("messages"), w.rows("contacts"), w.rows("chats"); m != 20 || c != 20 || h != 20 {
		t.Errorf("%d messages, %d contacts and %d chats of 20", m, c, h)
	}
}

// What breaks the transaction of all is found out and told to who broke it.
func TestATroublemakerInACrowd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$`)
	w.sql(`CREATE TRIGGER refuse BEFORE INSERT ON messages FOR EACH ROW WHEN (new.client_ref = 'bad') EXECUTE FUNCTION refuse()`)
	var drafts []wa.Draft
	for i := range 40 {
		d := draft(person(i), "hello", wa.Normal)
		if i == 17 {
			d.ClientRef = "bad"
		}
		drafts = append(drafts, d)
	}
	_, errs := w.crowd([]*message.Service{w.Service}, w.ours, drafts, noKey)
	for i, err := range errs {
		if (err != nil) != (i == 17) {
			t.Errorf("%d was answered %v", i, err)
		}
	}
	if n := w.rows("messages"); n != 39 {
		t.Errorf("%d of 39 messages", n)
	}
}

// Whoever names a request is answered once, however many repeat it at the same
// moment, in one process or in two.
func TestRepeatsInACrowd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := message.New(w.db, message.Options{})
	var drafts []wa.Draft
	for i := range 120 {
		drafts = append(drafts, draft(person(i%6), fmt.Sprint("to ", i%6), wa.Normal))
	}
	got, errs := w.crowd([]*message.Service{w.Service, other}, w.ours, drafts, func(i int) string {
		if i%2 == 0 {
			return ""
		}
		return fmt.Sprint("order ", i%6)
	})
	fresh := map[int]int{}
	for i, err := range errs {
		switch {
		case err != nil && wa.CodeOf(err) != wa.Conflict:
			t.Errorf("%d was answered %v", i, err)
		case err == nil && i%2 == 1 && !got[i].Replayed:
			fresh[i%6]++
		case err == nil && i%2 == 1 && got[i].Text.Body != drafts[i].Text.Body:
			t.Errorf("%d was answered with %q", i, got[i].Text.Body)
		}
	}
	if fresh[1] != 1 || fresh[3] != 1 || fresh[5] != 1 {
		t.Errorf("accepted by key: %v", fresh)
	}
	if n := w.rows("messages"); n != 63 {
		t.Errorf("%d messages of 60 without a key and 3 with", n)
	}
	changed := slices.Clone(drafts[1:2])
	changed[0].Text = &wa.Text{Body: "another"}
	_, errs = w.crowd([]*message.Service{w.Service}, w.ours, changed, func(int) string { return "order 1" })
	if wa.CodeOf(errs[0]) != wa.Invalid {
		t.Errorf("another request under a used key was answered %v", errs[0])
	}
}

// Who has gone before a round began is not served.
func TestGoneBeforeTheRound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Accept(ctx, w.by, w.client.ID, draft(person(1), "hello", wa.Normal), wa.IdempotencyKey{}); !errors.Is(err, context.Canceled) {
		t.Errorf("answered %v", err)
	}
	w.accept(draft(person(2), "hello", wa.Normal))
	if n := w.rows("messages"); n != 1 {
		t.Errorf("%d messages", n)
	}
}

// An error means that nothing was stored, also to those who go away.
func TestGoneInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var all sync.WaitGroup
	var accepted atomic.Int64
	for i := range 200 {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%40)*time.Millisecond/2)
			defer cancel()
			if _, err := w.Accept(ctx, w.by, w.client.ID, draft(person(i), "hello", wa.Normal), wa.IdempotencyKey{}); err == nil {
				accepted.Add(1)
			}
		})
	}
	all.Wait()
	if n := w.rows("messages"); int64(n) != accepted.Load() {
		t.Errorf("%d stored, %d accepted", n, accepted.Load())
	}
}

// What is remembered of a line never refuses anybody.
func TestAFullLineIsCountedAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var drafts []wa.Draft
	for i := range message.MaxWaiting {
		drafts = append(drafts, draft(person(i%5), fmt.Sprint(i), wa.Normal))
	}
	for round := range 2 {
		got, err := w.AcceptBatch(t.Context(), w.by, w.client.ID, drafts, wa.IdempotencyKey{})
		if w.must(err); got.Rejected != 0 {
			t.Fatalf("round %d: %d refused", round, got.Rejected)
		}
		if _, err := w.Accept(t.Context(), w.by, w.client.ID, drafts[0], wa.IdempotencyKey{}); wa.CodeOf(err) != wa.RateLimited {
			t.Errorf("one more than the line holds was answered %v", err)
		}
		w.sql(`UPDATE messages SET status = 'cancelled'`)
	}
}
