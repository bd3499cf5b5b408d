package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

func scheduled(at time.Time) func(*wa.Message) {
	return func(m *wa.Message) { m.Status, m.SendAt = wa.Scheduled, &at }
}

func (s shop) promote(limit int) []wa.Message {
	s.t.Helper()
	return movedMessages(mustSystem(s, func(tx *store.Tx) ([]store.Moved, error) { return tx.PromoteDue(s.t.Context(), limit) }))
}

func movedMessages(moved []store.Moved) []wa.Message {
	list := make([]wa.Message, len(moved))
	for i, m := range moved {
		list[i] = m.Message
	}
	return list
}

// TestPromoteDue has messages come due while the scheduler was away: they line
// up by their due times, then by acceptance, and behind what waits already,
// except for one that is tried again and keeps its place.
func TestPromoteDue(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	now := time.Now()
	again := s.queued(1)[0]
	if _, err := s.claim(0, wa.Normal); err != nil {
		t.Fatal(err)
	}
	delayed := must(s, func(tx *store.Tx) (bool, error) {
		return tx.Delay(t.Context(), s.org, again.ID, now.Add(-time.Second), true)
	})
	if !delayed || s.message(again.ID).NextTryAt == nil {
		t.Error("not put off")
	}
	waiting := s.queued(1)[0]
	second := s.queued(3, scheduled(now.Add(-time.Minute)))
	first := s.queued(2, scheduled(now.Add(-time.Hour)))
	later := s.queued(1, scheduled(now.Add(time.Hour)))[0]
	if n := len(s.promote(2)); n != 2 {
		t.Errorf("promoted %d of at most 2", n)
	}
	for _, m := range s.promote(100) {
		if m.Status != wa.Queued || m.NextTryAt != nil {
			t.Errorf("promoted to %+v", m)
		}
	}
	if got := s.message(later.ID).Status; got != wa.Scheduled {
		t.Errorf("what is not due is %s", got)
	}
	wanted := append(append([]string{again.ID.String(), waiting.ID.String()}, ids(first)...), ids(second)...)
	if diff := cmp.Diff(wanted, s.drain(wa.Normal)); diff != "" {
		t.Error(diff)
	}
	if crashes := get[int](s, `SELECT crashes FROM messages WHERE id = $1`, again.ID); crashes != 1 {
		t.Errorf("%d crashes", crashes)
	}
}

func TestExpireDue(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	clients := s.wants(1, wa.WantConnected)
	slot := s.slot()
	s.take(slot, 10, false)
	held := shop{t: t, db: s.db, org: s.org, client: clients[0]}
	past := func(m *wa.Message) { at := time.Now().Add(-time.Second); m.ExpiresAt = &at }
	late := append(s.queued(1, past), held.queued(1, past)...)
	late = append(late, s.queued(1, past, scheduled(time.Now().Add(time.Hour)))...)
	inTime, forEver := s.queued(1), s.queued(1, func(m *wa.Message) { m.ExpiresAt = nil })
	flying := held.queued(1, lane(wa.Urgent))[0]
	if _, err := held.claim(1, wa.Urgent); err != nil {
		t.Fatal(err)
	}
	s.exec(`UPDATE messages SET expires_at = now() - interval '1 second' WHERE id = $1`, flying.ID)
	expired := map[wa.MessageID]int{}
	for range 3 { // two at a time
		for _, m := range mustSystem(s, func(tx *store.Tx) ([]store.Moved, error) { return tx.ExpireDue(t.Context(), 2) }) {
			expired[m.Message.ID] = m.Slot
		}
	}
	if len(expired) != 3 || expired[late[0].ID] != 0 || expired[late[1].ID] != slot.Number {
		t.Errorf("expired %v", expired)
	}
	for id, wanted := range map[wa.MessageID]wa.Status{late[2].ID: wa.Expired, inTime[0].ID: wa.Queued, forEver[0].ID: wa.Queued, flying.ID: wa.Sending} {
		if got := s.message(id).Status; got != wanted {
			t.Errorf("%s is %s, want %s", id, got, wanted)
		}
	}
}

// TestReconcilersShare runs them twice at once: each row moves once.
func TestReconcilersShare(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.queued(60, scheduled(time.Now().Add(-time.Minute)))
	counts := make([]int, 4)
	parallel(4, func(i int) bool { counts[i] = len(s.promote(1000)); return true })
	if total := counts[0] + counts[1] + counts[2] + counts[3]; total != 60 {
		t.Errorf("60 messages were promoted %d times: %v", total, counts)
	}
}

func TestLateUrgent(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	clients := s.wants(1, wa.WantConnected)
	slot := s.slot()
	s.take(slot, 10, false)
	held := shop{t: t, db: s.db, org: s.org, client: clients[0]}
	late := held.queued(1, lane(wa.Urgent))[0]
	held.queued(1)
	s.queued(1, lane(wa.Urgent)) // nobody holds it
	s.exec(`UPDATE messages SET updated_at = now() - interval '1 minute'`)
	held.queued(1, lane(wa.Urgent)) // just now
	got := mustSystem(s, func(tx *store.Tx) ([]wa.SendTicket, error) { return tx.LateUrgent(t.Context(), 5*time.Second, 10) })
	if len(got) != 1 || got[0] != (wa.SendTicket{Message: late.ID, Client: held.client, Slot: slot.Number}) {
		t.Errorf("late: %v", got)
	}
}

func TestStuck(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	stuck := func() int { return mustSystem(s, func(tx *store.Tx) (int, error) { return tx.Stuck(t.Context()) }) }
	s.queued(2)
	if _, err := s.claim(0, wa.Normal); err != nil {
		t.Fatal(err)
	}
	if n := stuck(); n != 0 {
		t.Errorf("%d stuck", n)
	}
	s.exec(`UPDATE messages SET first_claim = now() - interval '25 hours', expires_at = now() - interval '10 minutes'`)
	if n := stuck(); n != 2 {
		t.Errorf("%d stuck, want 2", n)
	}
}

func TestOldestQueued(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	online := shop{t: t, db: s.db, org: s.org, client: s.second()}
	s.exec(`UPDATE clients SET status = 'connected', jid = 'j' WHERE id = $1`, online.client)
	s.queued(2)
	online.queued(1, lane(wa.Urgent))
	s.exec(`UPDATE messages SET updated_at = now() - CASE lane WHEN 0 THEN interval '1 minute' ELSE interval '1 hour' END`)
	got := mustSystem(s, func(tx *store.Tx) (map[store.Waiting]time.Duration, error) { return tx.OldestQueued(t.Context()) })
	for w, age := range got {
		got[w] = age.Round(time.Minute)
	}
	wanted := map[store.Waiting]time.Duration{{Lane: wa.Normal}: time.Hour, {Lane: wa.Urgent, Connected: true}: time.Minute}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Error(diff)
	}
}

// TestFailuresAndRetries follows a message that fails, is driven again, and is
// found to have arrived after all.
func TestFailuresAndRetries(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	m := s.queued(1)[0]
	behind := s.queued(1)[0]
	claim := func() store.Claimed {
		t.Helper()
		c, err := s.claim(0, wa.Normal)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	claim()
	if !must(s, func(tx *store.Tx) (bool, error) { return tx.Requeue(t.Context(), s.org, m.ID) }) {
		t.Error("not requeued")
	}
	if c := claim(); c.ID != m.ID || c.Attempts != 1 {
		t.Errorf("claimed %s at attempt %d: what never left keeps its place", c.ID, c.Attempts)
	}
	failure := wa.Failure{Code: wa.FailUnconfirmed}
	if !must(s, func(tx *store.Tx) (bool, error) { return tx.Reject(t.Context(), s.org, m.ID, failure) }) {
		t.Error("not rejected")
	}
	fate := mustSystem(s, func(tx *store.Tx) (store.Fate, error) { return tx.Fate(t.Context(), m.ClientID, m.ID) })
	if got := s.message(m.ID); got.Error == nil || got.Error.Code != failure.Code || fate != (store.Fate{Status: wa.Failed, Code: string(failure.Code), WireID: m.WireID}) {
		t.Errorf("failed as %+v, fate %+v", got.Error, fate)
	}
	expires := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Microsecond)
	if !must(s, func(tx *store.Tx) (bool, error) { return tx.Redrive(t.Context(), s.org, m.ID, expires) }) {
		t.Error("not driven again")
	}
	if got := s.message(m.ID); got.Status != wa.Queued || got.Error != nil || got.Attempts != 0 || !got.ExpiresAt.Equal(expires) || got.WireID != m.WireID {
		t.Errorf("driven again as %+v", got)
	}
	if c := claim(); c.ID != behind.ID {
		t.Error("a message that is driven again goes to the end of the line")
	}
	moved := must(s, func(tx *store.Tx) ([]wa.Message, error) {
		return tx.Receipt(t.Context(), s.org, s.client, []string{m.WireID, m.WireID, behind.WireID}, wa.Deliver, time.Now())
	})
	if len(moved) != 2 || s.message(m.ID).Status != wa.Delivered {
		t.Errorf("a receipt moved %v", ids(moved))
	}
}

// TestErrorsHaveMeanings provokes what Postgres may answer.
func TestErrorsHaveMeanings(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	contact, _ := s.person()
	lost := s.draft(contact, wa.NewChatID()) // its conversation was merged away meanwhile
	want(t, wa.Unavailable, s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) error { return tx.InsertOutbound(s.org, []wa.Message{lost}) }))
	want(t, wa.NotFound, try(s, func(tx *store.Tx) (wa.Message, error) { return tx.Message(t.Context(), s.org, lost.ID) }))
	away, err := store.Open(t.Context(), store.Options{URL: "postgres://nobody@/nowhere?host=/nonexistent"})
	if err != nil {
		t.Fatal(err)
	}
	defer away.Close()
	want(t, wa.Unavailable, away.InOrg(t.Context(), s.org, func(*store.Tx) error { return nil }))
	want(t, wa.Unavailable, away.Ping(t.Context()))
	if _, err := store.Open(t.Context(), store.Options{URL: "not a url"}); err == nil {
		t.Error("opened nothing")
	}
	slow := try(s, func(tx *store.Tx) (int64, error) {
		if _, err := tx.Exec(t.Context(), `SET LOCAL statement_timeout = 20`); err != nil {
			return 0, err
		}
		list, err := store.List(t.Context(), tx, rowText, `SELECT pg_sleep(5)::text`)
		return int64(len(list)), err
	})
	want(t, wa.Unavailable, slow)
	if at, err := s.db.Clock(t.Context()); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("the database's clock says %v (%v)", at, err)
	}
	if !errors.Is(s.db.InOrg(t.Context(), s.org, func(*store.Tx) error { return errRollback }), errRollback) {
		t.Error("an error of the work itself is changed on its way")
	}
}
