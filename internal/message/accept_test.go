package message_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/provider"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func (w *world) rows(table string) int {
	w.Helper()
	return int(w.sql(`SELECT FROM ` + table))
}

func TestAccepted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, err := w.Accept(t.Context(), w.by, w.client.ID, draft(person(1), "hello", wa.Normal), wa.IdempotencyKey{})
	w.must(err)
	m := w.message(a.ID)
	if m.Status != wa.Queued || m.WireID != wa.WireID(w.client.ID, m.ID) || m.To.Phone != wa.Phone(person(1)) || m.Text.Body != "hello" {
		t.Errorf("stored %+v", m)
	}
	if a.Queue.Position != 1 || a.Queue.EstimatedSendAt == nil {
		t.Errorf("its place is %+v", a.Queue)
	}
	if diff := cmp.Diff([]string{"message.queued"}, w.events()); diff != "" {
		t.Error(diff)
	}
	second, err := w.Accept(t.Context(), w.by, w.client.ID, draft(person(2), "next", wa.Normal), wa.IdempotencyKey{})
	w.must(err)
	if second.Queue.Position != 2 {
		t.Errorf("the second is at %d", second.Queue.Position)
	}
	place, err := w.Place(t.Context(), w.by, w.message(second.ID))
	w.must(err)
	if place.Position != 2 {
		t.Errorf("its place reads %d", place.Position)
	}
}

func TestAcceptedForLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := draft(person(1), "later", wa.Normal)
	at := time.Now().Add(time.Hour)
	d.SendAt = &at
	id := w.accept(d)
	if m := w.message(id); m.Status != wa.Scheduled || w.told(wa.MessageScheduled) != 1 {
		t.Errorf("it is %s; told %v", m.Status, w.events())
	}
	if n, err := w.PromoteDue(t.Context()); n != 0 || err != nil {
		t.Errorf("%d came due: %v", n, err)
	}
	w.sql(`UPDATE messages SET not_before = now() WHERE id = $1`, id.UUID())
	if n, err := w.PromoteDue(t.Context()); n != 1 || err != nil {
		t.Errorf("%d came due: %v", n, err)
	}
	if m := w.message(id); m.Status != wa.Queued {
		t.Errorf("it is %s", m.Status)
	}
	w.sql(`UPDATE messages SET expires_at = now() - interval '1 second' WHERE id = $1`, id.UUID())
	if n, err := w.ExpireDue(t.Context()); n != 1 || err != nil {
		t.Errorf("%d expired: %v", n, err)
	}
	if m := w.message(id); m.Status != wa.Expired || w.told(wa.MessageExpired) != 1 {
		t.Errorf("it is %s; told %v", m.Status, w.events())
	}
}

func TestRehearsalLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, err := w.Rehearse(t.Context(), w.by, w.client.ID, draft(person(1), "hello", wa.Normal))
	if err != nil || !a.ID.IsZero() || a.WireID != "" || a.Queue.Position != 1 {
		t.Errorf("rehearsed %+v, %v", a, err)
	}
	for _, table := range []string{"messages", "contacts", "chats", "events"} {
		if n := w.rows(table); n != 0 {
			t.Errorf("%d %s", n, table)
		}
	}
	if _, err := w.Rehearse(t.Context(), w.by, w.client.ID, draft("nobody", "hello", wa.Normal)); wa.CodeOf(err) != wa.Invalid {
		t.Errorf("rehearsing nonsense: %v", err)
	}
}

// Fifty requests with one key are one message, and all get its answer.
func TestOneKeyIsOneMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	key := wa.IdempotencyKey{Key: "k", Route: "send", Hash: []byte("body")}
	var mu sync.Mutex
	ids := map[wa.MessageID]int{}
	fresh := 0
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			a, err := w.Accept(t.Context(), w.by, w.client.ID, draft(person(1), "once", wa.Normal), key)
			for wa.CodeOf(err) == wa.Conflict || wa.CodeOf(err) == wa.Unavailable { // busy: the caller tries again
				a, err = w.Accept(t.Context(), w.by, w.client.ID, draft(person(1), "once", wa.Normal), key)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
			ids[a.ID]++
			if !a.Replayed {
				fresh++
			}
		})
	}
	all.Wait()
	if len(ids) != 1 || fresh != 1 || w.rows("messages") != 1 || w.told(wa.MessageQueued) != 1 {
		t.Errorf("%d ids, %d fresh, %d rows", len(ids), fresh, w.rows("messages"))
	}
	key.Hash = []byte("another")
	if _, err := w.Accept(t.Context(), w.by, w.client.ID, draft(person(1), "other", wa.Normal), key); wa.CodeOf(err) != wa.Invalid {
		t.Errorf("the key with another body: %v", err)
	}
}

func TestWhoItGoesTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.message(w.send(1, "makes the contact", wa.Normal))
	other := w.newClient(false)
	elsewhere, err := w.Accept(t.Context(), w.by, other.ID, draft(person(1), "on another client", wa.Normal), wa.IdempotencyKey{})
	w.must(err)
	for name, to := range map[string]string{
		"contact": first.To.ContactID.String(), "chat": first.ChatID.String(), "phone": "whatsapp:" + person(1), "plain": person(1)[1:],
	} {
		a, err := w.Accept(t.Context(), w.by, w.client.ID, draft(to, name, wa.Normal), wa.IdempotencyKey{})
		if name == "phone" && wa.CodeOf(err) == wa.Invalid {
			continue // a form that is not offered
		}
		if err != nil || a.ChatID != first.ChatID || a.To.Phone != first.To.Phone {
			t.Errorf("%s: %+v, %v", name, a.To, err)
		}
	}
	lid, err := w.Accept(t.Context(), w.by, w.client.ID, draft("12345678901234@lid", "hidden", wa.Normal), wa.IdempotencyKey{})
	if err != nil || lid.To.LID != "12345678901234" || lid.To.Phone != "" {
		t.Errorf("lid: %+v, %v", lid.To, err)
	}
	group, err := w.Accept(t.Context(), w.by, w.client.ID, draft("120363000000000001@g.us", "group", wa.Normal), wa.IdempotencyKey{})
	if err != nil || !group.To.ContactID.IsZero() || group.ChatID.IsZero() {
		t.Errorf("group: %+v, %v", group.To, err)
	}
	foreign := testkitOther(w)
	for name, to := range map[string]string{
		"another client's chat": elsewhere.ChatID.String(), "another org's contact": foreign.To.ContactID.String(),
		"another org's chat": foreign.ChatID.String(), "nobody": wa.NewContactID().String(), "words": "my friend",
	} {
		if _, err := w.Accept(t.Context(), w.by, w.client.ID, draft(to, name, wa.Normal), wa.IdempotencyKey{}); wa.CodeOf(err) != wa.Invalid {
			t.Errorf("to %s: %v", name, err)
		}
	}
}

// testkitOther accepts a message in another org of the same database.
func testkitOther(w *world) wa.Message {
	w.Helper()
	org, _ := testkit.Org(w, w.db)
	c := testkit.Client(w, w.db, org.ID)
	a, err := w.Accept(w.Context(), testkit.Actor(org.ID), c.ID, draft(person(1), "foreign", wa.Normal), wa.IdempotencyKey{})
	w.must(err)
	return a.Message
}

func TestRepliesStayWithinAClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(w.Receive(t.Context(), w.client, provider.Received{
		WireID: "IN1", From: provider.Peer{Phone: wa.Phone(person(1))}, At: time.Now(), Type: wa.KindText, Content: wa.Text{Body: "question"},
	}))
	var question wa.MessageID
	w.must(question.Scan(w.list(`SELECT id::text FROM messages`)[0]))
	d := draft(person(1), "answer", wa.Normal)
	d.ReplyTo = &question
	other := w.newClient(false)
	foreign := testkitOther(w)
	for name, reply := range map[string]struct {
		client wa.ClientID
		to     wa.MessageID
	}{"another client": {other.ID, question}, "another org": {w.client.ID, foreign.ID}, "nothing": {w.client.ID, wa.NewMessageID()}} {
		bad := d
		bad.ReplyTo = &reply.to
		var e *wa.Error
		if _, err := w.Accept(t.Context(), w.by, reply.client, bad, wa.IdempotencyKey{}); !errors.As(err, &e) || e.Field != "reply_to" {
			t.Errorf("a reply to a message of %s: %v", name, err)
		}
	}
	got := make(chan provider.Outgoing, 1)
	id := w.accept(d)
	w.deliver(func(h *hold) {
		h.onSend = func(_ context.Context, m provider.Outgoing) (provider.Ack, error) {
			got <- m
			return taken()
		}
	})
	w.await(id, wa.Sent)
	if q := (<-got).Quoted; q == nil || q.WireID != "IN1" || q.Text != "question" || q.FromMe || q.From.Phone != wa.Phone(person(1)) {
		t.Errorf("it quotes %+v", q)
	}
}

func TestForeignClientsAreNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	org, _ := testkit.Org(t, w.db)
	by := testkit.Actor(org.ID)
	id := w.send(1, "ours", wa.Normal)
	d := draft(person(1), "x", wa.Normal)
	ctx := t.Context()
	for name, do := range map[string]func() error{
		"accept": func() error { _, err := w.Accept(ctx, by, w.client.ID, d, wa.IdempotencyKey{}); return err },
		"batch": func() error {
			_, err := w.AcceptBatch(ctx, by, w.client.ID, []wa.Draft{d}, wa.IdempotencyKey{})
			return err
		},
		"rehearse": func() error { _, err := w.Rehearse(ctx, by, w.client.ID, d); return err },
		"cancel":   func() error { _, err := w.Cancel(ctx, by, id); return err },
		"retry":    func() error { _, err := w.Retry(ctx, by, id); return err },
		"wait":     func() error { _, err := w.Wait(ctx, by, id, time.Second, nil); return err },
		"unknown":  func() error { _, err := w.Accept(ctx, w.by, wa.NewClientID(), d, wa.IdempotencyKey{}); return err },
	} {
		if err := do(); wa.CodeOf(err) != wa.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if m := w.message(id); m.Status != wa.Queued {
		t.Errorf("another org made it %s", m.Status)
	}
}

// fill puts waiting messages into the client's line, copies of one, which
// another process takes in: this one would remember the line as it was before.
func (w *world) fill(lane wa.Lane, n int) {
	w.Helper()
	one, err := newService(w.db).Accept(w.Context(), w.by, w.client.ID, draft(person(1), "one of many", lane), wa.IdempotencyKey{})
	w.must(err)
	id := one.ID
	w.sql(`INSERT INTO messages (id, org_id, client_id, chat_id, contact_id, direction, origin, type, content, status, lane, seq, wire_id, expires_at)
		SELECT gen_random_uuid(), org_id, client_id, chat_id, contact_id, direction, origin, type, content, status, lane, nextval('message_seq'), 'W' || n, expires_at
		FROM messages, generate_series(2, $2) n WHERE id = $1`, id.UUID(), n)
}

// The line holds exactly so many; urgent and normal share one count.
func TestAFullLineRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fill, next, open wa.Lane
		most             int
	}{{wa.Normal, wa.Urgent, wa.Bulk, 1000}, {wa.Urgent, wa.Normal, wa.Bulk, 1000}, {wa.Bulk, wa.Bulk, wa.Normal, 20000}} {
		t.Run(c.fill.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fill(c.fill, c.most-1)
			w.send(2, "the last that fits", c.next)
			_, err := w.Accept(t.Context(), w.by, w.client.ID, draft(person(3), "too many", c.next), wa.IdempotencyKey{})
			var e *wa.Error
			if !errors.As(err, &e) || e.Code != wa.RateLimited || e.Reason != "queue_full" || e.RetryAfter < time.Second || e.RetryAfter > time.Hour {
				t.Errorf("one more: %v", err)
			}
			w.send(4, "the other lane is open", c.open)
			batch, err := w.AcceptBatch(t.Context(), w.by, w.client.ID, []wa.Draft{draft(person(5), "x", c.next), draft(person(6), "y", c.open)}, wa.IdempotencyKey{})
			if err != nil || batch.Accepted != 1 || batch.Rejected != 1 || batch.Items[0].Refusal[0].Reason != "queue_full" {
				t.Errorf("a batch on top: %+v, %v", batch, err)
			}
		})
	}
}

// While somebody has to do something first, nobody is told a time, nor asked to
// come back in a second.
func TestNoTimeIsToldForALineThatSomebodyHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.sql(`UPDATE clients SET paused = true WHERE id = $1`, w.client.ID.UUID())
	a, err := w.Accept(t.Context(), w.by, w.client.ID, draft(person(1), "one", wa.Normal), wa.IdempotencyKey{})
	w.must(err)
	place, err := w.Place(t.Context(), w.by, w.message(a.ID))
	w.must(err)
	for where, q := range map[string]wa.QueuePlace{"the answer": a.Queue, "the message": place} {
		if q.Position != 1 || q.BlockedBy == nil || *q.BlockedBy != wa.WaitPaused || q.EstimatedSendAt != nil {
			t.Errorf("%s says %+v", where, q)
		}
	}
	w.fill(wa.Normal, 999)
	_, err = newService(w.db).Accept(t.Context(), w.by, w.client.ID, draft(person(3), "too many", wa.Normal), wa.IdempotencyKey{})
	var e *wa.Error
	if !errors.As(err, &e) || e.Reason != "queue_full" || e.RetryAfter < time.Minute || !strings.Contains(e.Message, "client_paused") {
		t.Errorf("one more: %v", err)
	}
}

// A message whose turn comes after its expiry is refused at once.
func TestExpiryBeforeItsTurn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limit(wa.DefaultLimits())
	w.fill(wa.Normal, 300)
	w.Service = newService(w.db) // one that does not remember the line as it was a moment ago
	d := draft(person(2), "too late", wa.Normal)
	soon, enough := time.Now().Add(10*time.Minute), time.Now().Add(9*time.Hour)
	d.ExpiresAt = &soon
	var e *wa.Error
	if _, err := w.Accept(t.Context(), w.by, w.client.ID, d, wa.IdempotencyKey{}); !errors.As(err, &e) || e.Field != "expires_at" {
		t.Errorf("an expiry before its turn: %v", err)
	}
	d.ExpiresAt = &enough
	w.accept(d)
	d.ExpiresAt, d.Lane = &soon, wa.Urgent
	if a, err := w.Accept(t.Context(), w.by, w.client.ID, d, wa.IdempotencyKey{}); err == nil {
		// Urgent ones go before the normal ones, and are estimated behind them: the
		// estimate is on the safe side.
		t.Logf("urgent at %d", a.Queue.Position)
	}
}

func TestBatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	drafts := []wa.Draft{draft(person(1), "a", wa.Bulk), draft("nobody", "b", wa.Bulk), draft(person(1), "", wa.Bulk), draft(person(2), "d", wa.Bulk)}
	drafts[3].ClientRef = "ref-3"
	key := wa.IdempotencyKey{Key: "k", Route: "batch", Hash: []byte("body")}
	got, err := w.AcceptBatch(t.Context(), w.by, w.client.ID, drafts, key)
	if err != nil || got.Accepted != 2 || got.Rejected != 2 || len(got.Items) != 4 || got.Items[3].ClientRef != "ref-3" {
		t.Fatalf("%+v, %v", got, err)
	}
	for i, bad := range []bool{false, true, true, false} {
		if item := got.Items[i]; (item.Error != nil) != bad || item.Index != i || item.ID.IsZero() != bad {
			t.Errorf("item %d: %+v", i, item)
		}
	}
	again, err := w.AcceptBatch(t.Context(), w.by, w.client.ID, drafts, key)
	if err != nil || !again.Replayed || again.Items[0].ID != got.Items[0].ID || again.Items[1].Error == nil {
		t.Errorf("repeated: %+v, %v", again, err)
	}
	if n := w.rows("messages"); n != 2 {
		t.Errorf("%d rows", n)
	}
	for _, n := range []int{0, wa.MaxBatch + 1} {
		if _, err := w.AcceptBatch(t.Context(), w.by, w.client.ID, make([]wa.Draft, n), wa.IdempotencyKey{}); wa.CodeOf(err) != wa.Invalid {
			t.Errorf("a batch of %d: %v", n, err)
		}
	}
}

// A batch goes out in the order in which it was handed in.
func TestABatchKeepsItsOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var drafts []wa.Draft
	var want []string
	for i := range 100 {
		want = append(want, fmt.Sprint(i))
		drafts = append(drafts, draft(person(i%7), fmt.Sprint(i), wa.Normal))
	}
	_, err := w.AcceptBatch(t.Context(), w.by, w.client.ID, drafts, wa.IdempotencyKey{})
	w.must(err)
	h := w.deliver()
	testkit.Eventually(t, patience, "all sent", func() bool { return len(h.seen()) == 100 })
	if diff := cmp.Diff(want, h.bodies()); diff != "" {
		t.Error(diff)
	}
}

func TestCancelAndWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.send(1, "never mind", wa.Normal)
	looks := 0
	counted := func(_ context.Context, look func() error) error { looks++; return look() }
	if m, err := w.Wait(t.Context(), w.by, id, 120*time.Millisecond, counted); err != nil || m.Status != wa.Queued || looks < 1 || looks > 4 {
		t.Errorf("waited for %s, %v, in %d looks", m.Status, err, looks)
	}
	never := func(ctx context.Context, _ func() error) error { <-ctx.Done(); return ctx.Err() }
	if _, err := w.Wait(t.Context(), w.by, id, time.Millisecond, never); err == nil {
		t.Error("a turn that never came ended well")
	}
	if m, err := w.Cancel(t.Context(), w.by, id); err != nil || m.Status != wa.Cancelled {
		t.Errorf("cancelled: %s, %v", m.Status, err)
	}
	if _, err := w.Cancel(t.Context(), w.by, id); wa.CodeOf(err) != wa.Conflict {
		t.Errorf("cancelled twice: %v", err)
	}
	if m, err := w.Wait(t.Context(), w.by, id, time.Minute, nil); err != nil || m.Status != wa.Cancelled {
		t.Errorf("waited for %s, %v", m.Status, err)
	}
}
