package webhook_test

import (
	"slices"
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// many is what a recovery must cope with.
const many = 10_000

// TestRecoverSendsEachOnce gives up ten thousand deliveries, as a dead receiver
// does, and recovers them with two processes at work: each comes once more,
// under the id that it had.
func TestRecoverSendsEachOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, nil)
	made := w.endpoint(s.URL, func(e *wa.Endpoint) { e.Events, e.MaxInFlight = []string{"client.connected"}, 32 })
	w.emitMany(testkit.Client(t, w.db, w.org.ID), many)
	w.exec(`UPDATE webhook_deliveries SET status = 'exhausted', next_attempt_at = NULL, attempts = 8`)
	w.dispatch()
	w.dispatch()
	began := time.Now()
	r, err := w.hooks.Recover(t.Context(), w.by, made.ID, began.Add(-time.Hour), time.Time{})
	if err != nil || r.Total == nil || *r.Total != many {
		t.Fatalf("recovery %+v, %v", r, err)
	}
	r = w.finished(made.ID, r)
	moved := time.Since(began)
	testkit.Eventually(t, 10*patience, "everything arrived", func() bool { return s.sum() >= many })
	arrived := time.Since(began)
	testkit.Eventually(t, patience, "all is written down", func() bool {
		return len(w.deliveries(made.ID, store.DeliveryFilter{Status: wa.DeliveryPending})) == 0
	})
	t.Logf("%d deliveries: begun anew in %s, arrived in %s", many, moved.Round(time.Millisecond), arrived.Round(time.Millisecond))
	if r.Moved != many || s.sum() != many {
		t.Errorf("moved %d, sent %d", r.Moved, s.sum())
	}
	testkit.Eventually(t, patience, "the ids that arrived are those of the feed, which waits for transactions of others", func() bool {
		return slices.Equal(s.ids(), w.eventIDs(wa.ClientIsConnected))
	})
	again, err := w.hooks.Recover(t.Context(), w.by, made.ID, began.Add(-time.Hour), time.Time{})
	if err != nil || *again.Total != 0 {
		t.Errorf("a second recovery finds %+v, %v", again, err)
	}
}

// TestReplayOfMany makes an endpoint after ten thousand events: it gets each of
// them once, and what comes meanwhile too.
func TestReplayOfMany(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := testkit.Client(t, w.db, w.org.ID)
	w.emitMany(c, many)
	s := newSink(t, nil)
	made := w.endpoint(s.URL, func(e *wa.Endpoint) { e.Events, e.MaxInFlight = []string{"client.connected"}, 32 })
	w.dispatch()
	w.dispatch()
	began := time.Now()
	r, err := w.hooks.Replay(t.Context(), w.by, made.ID, began.Add(-time.Hour), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	w.emit(c)
	r = w.finished(made.ID, r)
	moved := time.Since(began)
	testkit.Eventually(t, 10*patience, "everything arrived", func() bool { return s.sum() >= many+1 })
	t.Logf("%d events: deliveries made in %s, arrived in %s", many, moved.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	if got := s.ids(); !slices.Equal(got, w.eventIDs(wa.ClientIsConnected)) || s.sum() != many+1 || r.Moved > many+1 {
		t.Errorf("moved %d, sent %d, %d ids", r.Moved, s.sum(), len(got))
	}
}

func TestReplaySendsWhatWasNeverSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	since := time.Now().Add(-time.Minute)
	c, d := testkit.Client(t, w.db, w.org.ID), testkit.Client(t, w.db, w.org.ID)
	for range 5 {
		w.emit(c)
		w.emit(d)
	}
	s := newSink(t, nil)
	made := w.endpoint(s.URL, func(e *wa.Endpoint) { e.Clients = []wa.ClientID{c.ID} })
	w.dispatch()
	w.emit(c)
	s.waitFor(t, 1)
	for range 2 { // the second finds nothing new
		r, err := w.hooks.Replay(t.Context(), w.by, made.ID, since, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		testkit.Eventually(t, patience, "the replay ends", func() bool {
			r, err = w.hooks.Recovery(t.Context(), w.by, made.ID, r.ID)
			return err == nil && r.FinishedAt != nil
		})
		s.waitFor(t, 6)
	}
	if len(s.all()) != 6 || s.distinct() != 6 {
		t.Errorf("sent %d, distinct %d", len(s.all()), s.distinct())
	}
}

// TestEventsNeedNoBell commits two hundred events in processes that die before
// they can tell anybody. All arrive.
func TestEventsNeedNoBell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, nil)
	w.endpoint(s.URL)
	c := testkit.Client(t, w.db, w.org.ID)
	w.dispatch()
	const events = 200
	for range events {
		w.emit(c) // this database has no bells
	}
	testkit.Eventually(t, patience, "all arrived", func() bool { return s.distinct() == events })
}

// emitMany writes n events about a client at once.
func (w *world) emitMany(c wa.Client, n int) {
	w.t.Helper()
	for left := n; left > 0; left -= min(left, 1000) {
		err := w.db.InOrg(w.t.Context(), w.org.ID, func(tx *store.Tx) error {
			for range min(left, 1000) {
				if err := tx.Emit(w.org.ID, c.ID, wa.ClientIsConnected, wa.EventClient{Client: c}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// eventIDs lists the ids of a type's events, sorted.
func (w *world) eventIDs(kind wa.EventType) (ids []string) {
	w.t.Helper()
	err := w.db.InOrg(w.t.Context(), w.org.ID, func(tx *store.Tx) error {
		var mark store.Mark
		for {
			events, next, err := tx.Events(w.t.Context(), wa.Whole(w.org.ID), mark, store.EventFilter{Types: []wa.EventType{kind}}, 1000)
			if err != nil || len(events) == 0 {
				return err
			}
			for _, e := range events {
				ids = append(ids, e.ID.String())
			}
			mark = next
		}
	})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(ids)
	return ids
}

// finished waits for the end of a recovery.
func (w *world) finished(id wa.EndpointID, r wa.Recovery) wa.Recovery {
	w.t.Helper()
	testkit.Eventually(w.t, 10*patience, "the recovery ends", func() bool {
		now, err := w.hooks.Recovery(w.t.Context(), w.by, id, r.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		r = now
		return r.FinishedAt != nil
	})
	return r
}

// ids lists what a receiver that drops copies would have seen, sorted.
func (s *sink) ids() []string {
	all := s.all()
	ids := make([]string, len(all))
	for i, h := range all {
		ids[i] = h.id
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// sum tells how many requests came.
func (s *sink) sum() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

// TestRecoverOfASpan sends again only what was made within it.
func TestRecoverOfASpan(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := newSink(t, nil)
	made := w.endpoint(s.URL, func(e *wa.Endpoint) { e.Events = []string{"client.connected"} })
	w.emitMany(testkit.Client(t, w.db, w.org.ID), 3)
	w.exec(`UPDATE webhook_deliveries SET status = 'exhausted', next_attempt_at = NULL, attempts = 8`)
	now := time.Now()
	before, err := w.hooks.Recover(t.Context(), w.by, made.ID, now.Add(-2*time.Hour), now.Add(-time.Hour))
	if err != nil || *before.Total != 0 || !before.Until.Equal(now.Add(-time.Hour).Truncate(time.Microsecond)) {
		t.Errorf("an hour ago there was nothing: %+v, %v", before, err)
	}
	if all, err := w.hooks.Recover(t.Context(), w.by, made.ID, now.Add(-2*time.Hour), time.Time{}); err != nil || *all.Total != 3 {
		t.Errorf("until now: %+v, %v", all, err)
	}
	for what, until := range map[string]time.Time{"ahead": now.Add(time.Hour), "before its beginning": now.Add(-3 * time.Hour)} {
		if _, err := w.hooks.Replay(t.Context(), w.by, made.ID, now.Add(-2*time.Hour), until); wa.CodeOf(err) != wa.Invalid {
			t.Errorf("an end %s: %v", what, err)
		}
	}
}
