package store_test

import (
	"testing"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// TestEventOfNoClientUndoesEverything: the commit is on its way together with
// the events, and still nothing stays when one of them is refused.
func TestEventOfNoClientUndoesEverything(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	gone := wa.NewClientID()
	err := s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) error {
		if _, err := tx.Exec(t.Context(), `UPDATE orgs SET name = 'changed' WHERE id = $1`, s.org); err != nil {
			return err
		}
		if err := tx.Emit(s.org, s.client, wa.ClientChanged, wa.EventClient{}); err != nil {
			return err
		}
		return tx.Emit(s.org, gone, wa.ClientChanged, wa.EventClient{})
	})
	if wa.CodeOf(err) != wa.NotFound {
		t.Errorf("an event of a client that is not there: %v", err)
	}
	if n := get[int](s, `SELECT count(*) FROM orgs WHERE name = 'changed'`); n != 0 {
		t.Error("what was written before the event stayed")
	}
	if n := get[int](s, `SELECT count(*) FROM events`); n != 0 {
		t.Errorf("%d events stayed", n)
	}
}

// TestConnectionsComeBack: a transaction ends with its events' batch, and its
// connection serves the next.
func TestConnectionsComeBack(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for range 100 { // more than the pool has connections
		if err := s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) error {
			return tx.Emit(s.org, s.client, wa.ClientChanged, wa.EventClient{})
		}); err != nil {
			t.Fatal(err)
		}
	}
	if n := get[int](s, `SELECT max(sequence) FROM events`); n != 100 {
		t.Errorf("the last of 100 events has the number %d", n)
	}
}
