package store_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// answer has a field that is left out when it is empty.
type answer struct {
	Message string         `json:"message"`
	Queue   *int           `json:"queue,omitempty"`
	Notes   map[string]int `json:"notes,omitempty"`
}

func (s shop) once(key wa.IdempotencyKey, out *answer, fn func(tx *store.Tx) error) (replayed bool, err error) {
	err = s.db.Once(s.t.Context(), s.org, key, out, &replayed, fn)
	return replayed, err
}

func key(name, body string) wa.IdempotencyKey {
	return wa.IdempotencyKey{Key: name, Route: "POST /messages", Hash: []byte(body)}
}

func TestOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	runs := 0
	work := func(out *answer) func(*store.Tx) error {
		return func(*store.Tx) error {
			runs++
			*out = answer{Message: "first"}
			return nil
		}
	}
	boom := errors.New("boom")
	otherRoute := key("k", "body")
	otherRoute.Route = "POST /batches"
	tests := []struct {
		name     string
		key      wa.IdempotencyKey
		fail     error
		replayed bool
		code     wa.Code
		runs     int
	}{
		{"a failure keeps nothing", key("k", "body"), boom, false, wa.Internal, 0},
		{"so the repeat works", key("k", "body"), nil, false, "", 1},
		{"and its repeat is answered", key("k", "body"), nil, true, "", 1},
		{"another body is refused", key("k", "other"), nil, false, wa.Invalid, 1},
		{"another route is another request", otherRoute, nil, false, "", 2},
		{"no key is no promise", wa.IdempotencyKey{}, nil, false, "", 3},
		{"none at all", wa.IdempotencyKey{}, nil, false, "", 4},
	}
	for _, tt := range tests {
		out := answer{Queue: new(int), Notes: map[string]int{"left": 1}} // a replay leaves nothing of this
		fn := work(&out)
		if tt.fail != nil {
			fn = func(*store.Tx) error { return tt.fail }
		}
		replayed, err := s.once(tt.key, &out, fn)
		if (err != nil || tt.code != "") && wa.CodeOf(err) != tt.code || replayed != tt.replayed || runs != tt.runs {
			t.Errorf("%s: replayed %v, %d runs, %v", tt.name, replayed, runs, err)
		}
		if err == nil {
			if diff := cmp.Diff(answer{Message: "first"}, out); diff != "" {
				t.Errorf("%s: %s", tt.name, diff)
			}
		}
	}
	stranger := shopIn(t, s.db)
	var out answer
	if replayed, err := stranger.once(key("k", "body"), &out, work(&out)); replayed || err != nil {
		t.Errorf("another org's key is known: %v", err)
	}
}

// TestOnceInParallel sends the same request fifty times at once.
func TestOnceInParallel(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	contact, chat := s.person()
	var fresh atomic.Int64
	answers := make([]string, 50)
	parallel(len(answers), func(i int) bool {
		m := s.draft(contact, chat)
		var out answer
		replayed, err := s.once(key("k", "body"), &out, func(tx *store.Tx) error {
			out = answer{Message: m.ID.String()}
			return tx.InsertOutbound(s.org, []wa.Message{m})
		})
		if err != nil {
			t.Error(err)
		}
		if !replayed {
			fresh.Add(1)
		}
		answers[i] = out.Message
		return true
	})
	if fresh.Load() != 1 || get[int](s, `SELECT count(*) FROM messages`) != 1 || get[int](s, `SELECT count(*) FROM events`) != 1 {
		t.Errorf("%d ran to the end", fresh.Load())
	}
	for _, a := range answers {
		if a != answers[0] || a == "" {
			t.Errorf("answers %q and %q", a, answers[0])
		}
	}
}

// TestOnceWhileTheFirstIsAtIt answers with a Conflict when the first does not
// get done in time.
func TestOnceWhileTheFirstIsAtIt(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	inside, finish := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		err := s.db.InOrg(context.WithoutCancel(t.Context()), s.org, func(tx *store.Tx) error {
			// What Once does, stopped before its commit.
			_, err := tx.Exec(t.Context(), `INSERT INTO idempotency_keys (org_id, key, route, request_hash, response)
				VALUES ($1, 'k', 'POST /messages', 'body', '{"message": "first"}')`, s.org)
			close(inside)
			<-finish
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-inside
	var out answer
	start := time.Now()
	_, err := s.once(key("k", "body"), &out, func(*store.Tx) error { return nil })
	want(t, wa.Conflict, err)
	if took := time.Since(start); took > 8*time.Second {
		t.Errorf("waited %v", took)
	}
	close(finish)
	wg.Wait()
	replayed, err := s.once(key("k", "body"), &out, func(*store.Tx) error { return nil })
	if !replayed || err != nil || out.Message != "first" {
		t.Errorf("afterwards: replayed %v, %q, %v", replayed, out.Message, err)
	}
}

// TestOnceKeepsTheCallersConflict does not take a Conflict of the work itself
// for a repeat.
func TestOnceKeepsTheCallersConflict(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	var out answer
	_, err := s.once(key("k", "body"), &out, func(*store.Tx) error { return wa.Errorf(wa.Conflict, "already sending") })
	var e *wa.Error
	if !errors.As(err, &e) || e.Message != "already sending" {
		t.Error(err)
	}
}

func TestSweepReplies(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, name := range []string{"a", "b", "c"} {
		var out answer
		if _, err := s.once(key(name, ""), &out, func(*store.Tx) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	s.exec(`UPDATE idempotency_keys SET created_at = now() - interval '25 hours' WHERE key <> 'c'`)
	for _, gone := range []int64{1, 1, 0} {
		if n := mustSystem(s, func(tx *store.Tx) (int64, error) { return tx.SweepReplies(t.Context(), 24*time.Hour, 1) }); n != gone {
			t.Errorf("swept %d, want %d", n, gone)
		}
	}
}
