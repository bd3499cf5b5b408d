package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// emit writes an event that carries a number.
func (s shop) emit(tx *store.Tx, kind wa.EventType, n int64) error {
	return tx.Emit(s.org, s.client, kind, map[string]int64{"n": n})
}

func number(t testing.TB, e wa.Event) int64 {
	t.Helper()
	var v struct{ N int64 }
	if err := json.Unmarshal(e.Data, &v); err != nil {
		t.Fatal(err)
	}
	return v.N
}

// after reads one page of the feed.
func (s shop) after(m store.Mark, f store.EventFilter, limit int) ([]wa.Event, store.Mark) {
	s.t.Helper()
	var events []wa.Event
	s.in(func(tx *store.Tx) (err error) {
		events, m, err = tx.Events(s.t.Context(), wa.Whole(s.org), m, f, limit)
		return err
	})
	return events, m
}

// TestFeedSkipsNothing has writers open transactions, dawdle and commit in any
// order, some not at all, while a reader follows the marks: every event that
// was committed comes, once, and the events of a client in the order of their
// numbers, which have no gap.
func TestFeedSkipsNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	clients := []shop{s, {t: t, db: s.db, org: s.org, client: s.second()}, {t: t, db: s.db, org: s.org, client: s.second()}}
	var committed sync.Map
	var next, done, kept atomic.Int64
	const writers, rounds = 5, 60
	var wg sync.WaitGroup
	for w := range writers {
		random := rand.New(rand.NewPCG(1, uint64(w)))
		wg.Go(func() {
			defer done.Add(1)
			for range rounds {
				kept.Add(s.writeSome(random, clients[random.IntN(len(clients))], &next, &committed))
			}
		})
	}
	seen := map[int64]bool{}
	last := map[wa.ClientID]int64{}
	var mark store.Mark
	deadline := time.Now().Add(90 * time.Second)
	for finished := false; ; {
		finished = done.Load() == writers
		events, m := s.after(mark, store.EventFilter{}, 7)
		mark = m
		for _, e := range events {
			n := number(t, e)
			if seen[n] {
				t.Fatalf("event %d comes twice", n)
			}
			seen[n] = true
			if e.Sequence != nil && *e.Sequence != last[e.ClientID]+1 {
				t.Fatalf("after number %d of a client comes %d", last[e.ClientID], *e.Sequence)
			}
			if e.Sequence != nil {
				last[e.ClientID] = *e.Sequence
			}
		}
		// Transactions of other tests' databases hold the feed up, too.
		if finished && (int64(len(seen)) >= kept.Load() || time.Now().After(deadline)) {
			break
		}
	}
	wg.Wait()
	committed.Range(func(n, _ any) bool {
		if !seen[n.(int64)] {
			t.Errorf("event %d was stepped over", n)
		}
		delete(seen, n.(int64))
		return true
	})
	if len(seen) > 0 {
		t.Errorf("events that nobody committed: %v", seen)
	}
}

// writeSome writes in one transaction, whose id is drawn before or after it
// waits, and which may roll back. It tells how many events it committed.
func (s shop) writeSome(random *rand.Rand, client shop, next *atomic.Int64, committed *sync.Map) (kept int64) {
	early, fails, kind := random.IntN(2) == 0, random.IntN(5) == 0, wa.MessageSent
	if random.IntN(4) == 0 {
		kind = wa.MessageQueued // has no number
	}
	dawdle := fmt.Sprintf(`SELECT pg_sleep(%f)`, random.Float64()*0.004)
	var numbers []int64
	err := s.db.InOrg(s.t.Context(), s.org, func(tx *store.Tx) error {
		if early {
			if _, err := tx.Exec(s.t.Context(), `SELECT pg_current_xact_id()`); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(s.t.Context(), dawdle); err != nil {
			return err
		}
		for range 1 + random.IntN(3) {
			numbers = append(numbers, next.Add(1))
			if err := client.emit(tx, kind, numbers[len(numbers)-1]); err != nil {
				return err
			}
		}
		if fails {
			return errRollback
		}
		return nil
	})
	if err != nil && !errors.Is(err, errRollback) {
		s.t.Error(err)
	}
	if err != nil {
		return 0
	}
	for _, n := range numbers {
		committed.Store(n, true)
	}
	return int64(len(numbers))
}

// TestFeedWaitsForTheOldestTransaction shows the same in slow motion.
func TestFeedWaitsForTheOldestTransaction(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	opened, finish := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		s.in(func(tx *store.Tx) error {
			_, err := tx.Exec(t.Context(), `SELECT pg_current_xact_id()`)
			close(opened)
			<-finish
			return errors.Join(err, s.emit(tx, wa.MessageSent, 1))
		})
	})
	<-opened
	s.in(func(tx *store.Tx) error { return s.emit(tx, wa.MessageSent, 2) })
	events, mark := s.after(store.Mark{}, store.EventFilter{}, 10)
	if len(events) != 0 {
		t.Errorf("told of %v while an older transaction is open", events)
	}
	close(finish)
	wg.Wait()
	// 2 has the lower number of the client, so it comes first although its
	// transaction is the younger one.
	got := []int64{}
	testkit.Eventually(t, time.Minute, "both events", func() bool {
		events, mark = s.after(mark, store.EventFilter{}, 10)
		for _, e := range events {
			got = append(got, number(t, e))
		}
		return len(got) == 2
	})
	if diff := cmp.Diff([]int64{2, 1}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFeedFilters(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	other := shop{t: t, db: s.db, org: s.org, client: s.second()}
	stranger := shopIn(t, s.db)
	now := must(s, func(tx *store.Tx) (store.Mark, error) { return tx.MarkNow(t.Context()) })
	s.in(func(tx *store.Tx) error {
		return errors.Join(s.emit(tx, wa.MessageSent, 1), s.emit(tx, wa.MessageRead, 2), other.emit(tx, wa.MessageSent, 3),
			tx.Emit(s.org, wa.ClientID{}, wa.PlatformOutdated, map[string]int{"n": 4}))
	})
	stranger.in(func(tx *store.Tx) error { return stranger.emit(tx, wa.MessageSent, 5) })
	// Transactions of other tests hold the feed back, and its end moves before ours is there.
	testkit.Eventually(t, time.Minute, "all are in the feed", func() bool {
		events, _ := s.after(now, store.EventFilter{}, 10)
		return len(events) == 4
	})
	tests := []struct {
		name   string
		filter store.EventFilter
		want   []int64
	}{
		{"all", store.EventFilter{}, []int64{1, 2, 3, 4}},
		{"of a client", store.EventFilter{Client: other.client}, []int64{3}},
		{"of a type", store.EventFilter{Types: []wa.EventType{wa.MessageSent}}, []int64{1, 3}},
		{"of types and a client", store.EventFilter{Client: s.client, Types: []wa.EventType{wa.MessageRead, wa.ClientCreated}}, []int64{2}},
		{"of nothing", store.EventFilter{Types: []wa.EventType{wa.ClientDeleted}}, []int64{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mark, got := now, []int64{}
			testkit.Eventually(t, time.Minute, "the feed reaches its end", func() bool {
				var events []wa.Event
				if events, mark = s.after(mark, tt.filter, 1); len(events) > 0 {
					got = append(got, number(t, events[0]))
				}
				// The end of the feed has no position.
				return len(events) == 0 && mark != now && mark.Position > 1<<62
			})
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if events, again := s.after(mark, tt.filter, 10); len(events) != 0 || again.Position != mark.Position {
				t.Errorf("after the end: %v", events)
			}
		})
	}
}

func TestMarkOf(t *testing.T) {
	t.Parallel()
	s, stranger := newShop(t), shop{}
	stranger = shopIn(t, s.db)
	s.in(func(tx *store.Tx) error {
		return errors.Join(s.emit(tx, wa.MessageSent, 1), s.emit(tx, wa.MessageRead, 2))
	})
	var events []wa.Event
	testkit.Eventually(t, time.Minute, "two events", func() bool {
		events, _ = s.after(store.Mark{}, store.EventFilter{}, 10)
		return len(events) == 2
	})
	mark := must(s, func(tx *store.Tx) (store.Mark, error) { return tx.MarkOf(t.Context(), s.org, events[0].ID) })
	rest, _ := s.after(mark, store.EventFilter{}, 10)
	if len(rest) != 1 || number(t, rest[0]) != 2 {
		t.Errorf("after the first come %v", rest)
	}
	want(t, wa.NotFound, try(stranger, func(tx *store.Tx) (store.Mark, error) { return tx.MarkOf(t.Context(), stranger.org, events[0].ID) }))
}

// TestEmitWithoutCounter must not lose an event in silence.
func TestEmitWithoutCounter(t *testing.T) {
	t.Parallel()
	s, stranger := newShop(t), shop{}
	stranger = shopIn(t, s.db)
	for name, client := range map[string]wa.ClientID{"unknown": wa.NewClientID(), "another org's": stranger.client} {
		err := s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) error { return tx.Emit(s.org, client, wa.MessageSent, nil) })
		if err == nil {
			t.Errorf("an event of an %s client vanished", name)
		}
	}
}

func TestSweepEvents(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.in(func(tx *store.Tx) error {
		return errors.Join(s.emit(tx, wa.MessageSent, 1), s.emit(tx, wa.MessageSent, 2), s.emit(tx, wa.MessageSent, 3))
	})
	s.exec(`UPDATE events SET created_at = now() - sequence * interval '1 hour'`)
	for _, gone := range []int64{1, 1, 0} {
		if n := mustSystem(s, func(tx *store.Tx) (int64, error) { return tx.SweepEvents(t.Context(), 90*time.Minute, 1) }); n != gone {
			t.Errorf("swept %d, want %d", n, gone)
		}
	}
}

// TestBellsAndEventsFollowTheCommit fails transactions in every way there is.
func TestBellsAndEventsFollowTheCommit(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var rung atomic.Int64
	s.db.OnRing(func(context.Context, []wa.Job) { rung.Add(1) })
	write := func(tx *store.Tx) error {
		tx.Ring(wa.AssignTicket{Client: s.client})
		return s.emit(tx, wa.MessageSent, 1)
	}
	fails := []func(ctx context.Context, cancel func(), tx *store.Tx) error{
		func(context.Context, func(), *store.Tx) error { return errRollback },
		func(_ context.Context, cancel func(), _ *store.Tx) error { cancel(); return nil },
		func(ctx context.Context, _ func(), tx *store.Tx) error {
			_, err := tx.Exec(ctx, `SELECT 1 / 0`)
			return errors.Join(err, errRollback)
		},
		func(ctx context.Context, _ func(), tx *store.Tx) error {
			_, _ = tx.Exec(ctx, `SELECT 1 / 0`) // and nobody looks at the error
			return nil
		},
	}
	for i, fail := range fails {
		ctx, cancel := context.WithCancel(t.Context())
		err := s.db.InOrg(ctx, s.org, func(tx *store.Tx) error {
			if err := write(tx); err != nil {
				return err
			}
			return fail(ctx, cancel, tx)
		})
		cancel()
		if err == nil || rung.Load() != 0 || get[int](s, `SELECT count(*) FROM events`) != 0 {
			t.Errorf("failure %d: error %v, %d bells", i, err, rung.Load())
		}
	}
	s.in(write)
	if rung.Load() != 1 || get[int](s, `SELECT count(*) FROM events`) != 1 {
		t.Errorf("%d bells", rung.Load())
	}
}
