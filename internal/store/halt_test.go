package store_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Whatever holds a client, nothing of it is claimed; others are.
func TestNothingIsClaimedWhileHeld(t *testing.T) {
	t.Parallel()
	for _, scope := range wa.HaltScopes() {
		t.Run(string(scope), func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			other := shopIn(t, s.db)
			s.queued(2)
			other.queued(2)
			halt := wa.Halt{OrgID: s.org, Reason: "why", By: "me"}
			switch scope {
			case wa.HaltClient:
				halt.ClientID = s.client
				fallthrough
			case wa.HaltOrg:
				s.in(func(tx *store.Tx) error { _, err := tx.Halt(t.Context(), halt); return err })
			default:
				s.system(func(tx *store.Tx) error { _, err := tx.HaltAll(t.Context(), halt); return err })
			}
			_, err := s.claim(0, wa.Normal)
			want(t, wa.NotFound, err)
			if c := s.row(); c.Stopped != scope {
				t.Errorf("the client is stopped by %q", c.Stopped)
			}
			_, err = other.claim(0, wa.Normal)
			if held := wa.CodeOf(err) == wa.NotFound && err != nil; held != (scope == wa.HaltAll) {
				t.Errorf("another org's claim: %v", err)
			}
			if scope == wa.HaltAll {
				s.system(func(tx *store.Tx) error { _, err := tx.UnhaltAll(t.Context()); return err })
			} else {
				s.in(func(tx *store.Tx) error { _, err := tx.Unhalt(t.Context(), s.org, halt.ClientID); return err })
			}
			if _, err := s.claim(0, wa.Normal); err != nil {
				t.Errorf("after the release: %v", err)
			}
		})
	}
}

// A message in flight is not sent again while its client is held.
func TestNothingIsReclaimedWhileHeld(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.queued(1)
	m, err := s.claim(0, wa.Normal)
	if err != nil {
		t.Fatal(err)
	}
	reclaim := func() bool {
		return must(s, func(tx *store.Tx) (bool, error) { return tx.Reclaim(t.Context(), s.org, s.client, m.ID, 0) })
	}
	if !reclaim() {
		t.Error("it cannot be reclaimed at all")
	}
	s.in(func(tx *store.Tx) error {
		_, err := tx.Halt(t.Context(), wa.Halt{OrgID: s.org, Reason: "why", By: "me"})
		return err
	})
	if reclaim() {
		t.Error("it was reclaimed although its client is held")
	}
}

// Throwing twice is the same as once, the first word stays, and one org does not
// see what holds another.
func TestHalts(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	other := shopIn(t, s.db)
	throw := func(h wa.Halt) bool {
		return must(s, func(tx *store.Tx) (bool, error) { return tx.Halt(t.Context(), h) })
	}
	if !throw(wa.Halt{OrgID: s.org, Reason: "first", By: "me"}) || throw(wa.Halt{OrgID: s.org, Reason: "second", By: "you"}) {
		t.Error("the second throw counts, or the first does not")
	}
	if !throw(wa.Halt{OrgID: s.org, ClientID: s.client, Reason: "also", By: "me"}) {
		t.Error("a client cannot be held beside its org")
	}
	s.system(func(tx *store.Tx) error {
		_, err := tx.HaltAll(t.Context(), wa.Halt{Reason: "all", By: "operator"})
		return err
	})
	words := func(s shop) (found []string) {
		for _, h := range must(s, func(tx *store.Tx) ([]wa.Halt, error) { return tx.OrgHalts(t.Context(), s.org) }) {
			found = append(found, string(h.Scope)+": "+h.Reason)
		}
		return found
	}
	if diff := cmp.Diff([]string{"installation: all", "org: first", "client: also"}, words(s)); diff != "" {
		t.Errorf("halts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"installation: all"}, words(other)); diff != "" {
		t.Errorf("another org's halts (-want +got):\n%s", diff)
	}
	all := mustSystem(s, func(tx *store.Tx) ([]wa.Halt, error) { return tx.Halts(t.Context()) })
	if len(all) != 3 {
		t.Errorf("in all there are %d", len(all))
	}
	if must(other, func(tx *store.Tx) (bool, error) { return tx.Unhalt(t.Context(), s.org, wa.ClientID{}) }) {
		t.Error("another org released it")
	}
}
