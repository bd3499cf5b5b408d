package store_test

import (
	"fmt"
	"testing"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// count counts rows of a table of the shop's org.
func (s shop) count(table string) (n int64) {
	s.t.Helper()
	s.in(func(tx *store.Tx) error {
		return tx.Get(s.t.Context(), "SELECT count(*) FROM "+table+" WHERE org_id = $1", []any{s.org}, &n)
	})
	return n
}

// forget runs one of the deletions until it finds nothing.
func (s shop) forget(some func(tx *store.Tx) (int64, error)) (n int64) {
	s.t.Helper()
	for more := int64(1); more > 0; n += more {
		s.in(func(tx *store.Tx) (err error) {
			more, err = some(tx)
			return err
		})
	}
	return n
}

// Old messages go with their timelines when they have ended, and nobody else's.
func TestForgetMessages(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	other := shopIn(t, s.db)
	for _, shop := range []shop{s, other} {
		for n, m := range shop.queued(12) {
			shop.in(func(tx *store.Tx) error {
				if err := tx.Step(shop.org, m.ID, wa.Queued, "a step", nil); err != nil {
					return err
				}
				status, age := "cancelled", 40
				switch {
				case n < 2: // still on their way
					status = "queued"
				case n < 5: // young
					age = 5
				}
				_, err := tx.Exec(t.Context(), `UPDATE messages SET status = $2, created_at = now() - make_interval(days => $3) WHERE id = $1`, m.ID, status, age)
				return err
			})
		}
	}
	before := other.count("messages")
	n := s.forget(func(tx *store.Tx) (int64, error) { return tx.ForgetMessages(t.Context(), s.org, 30, 3) })
	if left := s.count("messages"); n != 7 || left != 5 {
		t.Errorf("%d forgotten, %d left", n, left)
	}
	s.in(func(tx *store.Tx) error {
		var orphans int
		err := tx.Get(t.Context(), `SELECT count(*) FROM message_events e WHERE org_id = $1 AND NOT EXISTS (SELECT FROM messages m WHERE m.id = e.message_id)`, []any{s.org}, &orphans)
		if orphans > 0 {
			t.Errorf("%d lines of timelines stay", orphans)
		}
		return err
	})
	if after := other.count("messages"); after != before {
		t.Errorf("another org has %d of %d left", after, before)
	}
}

// Old events go from the beginning of the feed, old deliveries that are over go
// with their attempts.
func TestForgetEventsAndDeliveries(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for n := range 9 {
		s.in(func(tx *store.Tx) error { return s.emit(tx, wa.ClientCreated, int64(n)) })
	}
	s.in(func(tx *store.Tx) error {
		for _, statement := range []string{
			`UPDATE events SET created_at = now() - interval '40 days' WHERE org_id = $1 AND sequence <= 6`,
			`INSERT INTO webhook_endpoints (id, org_id, url, events) SELECT gen_random_uuid(), $1, 'https://example.com', '{*}'`,
			`INSERT INTO webhook_deliveries (id, org_id, endpoint_id, event_id, status, next_attempt_at, created_at)
			 SELECT gen_random_uuid(), $1, w.id, e.id, x.status, x.next, now() - x.age
			 FROM webhook_endpoints w, events e, (VALUES ('delivered', NULL, interval '10 days'), ('pending', now(), interval '10 days'), ('exhausted', NULL, interval '1 day')) AS x(status, next, age)
			 WHERE w.org_id = $1 AND e.org_id = $1 AND e.sequence = 7`,
			`INSERT INTO webhook_attempts (org_id, delivery_id, number, trigger, at, duration_ms) SELECT $1, id, 1, 'auto', now(), 1 FROM webhook_deliveries WHERE org_id = $1`,
		} {
			if _, err := tx.Exec(t.Context(), statement, s.org); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
	total := s.count("events")
	if n := s.forget(func(tx *store.Tx) (int64, error) { return tx.ForgetEvents(t.Context(), s.org, 30, 2) }); n != 6 || s.count("events") != total-6 {
		t.Errorf("%d events forgotten, %d of %d left", n, s.count("events"), total)
	}
	n := s.forget(func(tx *store.Tx) (int64, error) { return tx.ForgetDeliveries(t.Context(), s.org, 7, 100) })
	if n != 1 || s.count("webhook_deliveries") != 2 || s.count("webhook_attempts") != 2 {
		t.Errorf("%d deliveries forgotten, %d left with %d attempts", n, s.count("webhook_deliveries"), s.count("webhook_attempts"))
	}
}

// Orgs that have set nothing are not looked at.
func TestForgettingOrgs(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	other := shopIn(t, s.db)
	list := func() []store.Forgetting {
		return mustSystem(s, func(tx *store.Tx) ([]store.Forgetting, error) { return tx.ForgettingOrgs(t.Context()) })
	}
	if found := list(); len(found) != 0 {
		t.Errorf("%+v", found)
	}
	other.in(func(tx *store.Tx) error {
		o, err := tx.OrgSettings(t.Context(), other.org)
		if err != nil {
			return err
		}
		o.RetentionDays = wa.Retention{Messages: new(30), Deliveries: 7}
		return tx.SetOrgSettings(t.Context(), other.org, o)
	})
	if found := list(); len(found) != 1 || found[0].Org != other.org || *found[0].Keep.Messages != 30 || found[0].Keep.Events != nil || found[0].Keep.Deliveries != 7 {
		t.Errorf("%+v", found)
	}
}
