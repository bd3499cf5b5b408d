package store_test

import (
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// delivery makes an endpoint with a delivery that is over and 40 days old, and an
// attempt of it now, as of one that was sent again.
func (s shop) delivery() {
	s.t.Helper()
	s.exec(`INSERT INTO webhook_endpoints (id, org_id, url, events) SELECT gen_random_uuid(), $1, 'https://example.com', '{*}'`, s.org)
	s.exec(`
		INSERT INTO webhook_deliveries (id, org_id, endpoint_id, event_id, status, next_attempt_at, created_at)
		SELECT gen_random_uuid(), $1, id, gen_random_uuid(), 'delivered', NULL, now() - interval '40 days' FROM webhook_endpoints WHERE org_id = $1`, s.org)
	s.attempt()
}

func (s shop) attempt() {
	s.t.Helper()
	s.exec(attempted, s.org)
}

const attempted = `
	INSERT INTO webhook_attempts (org_id, delivery_id, number, trigger, at, duration_ms, body)
	SELECT $1, id, 9, 'manual', now(), 1, 'Ana' FROM webhook_deliveries WHERE org_id = $1`

// A delivery that is swept takes its attempts with it, late ones too; what is
// younger stays.
func TestSweepTakesLateAttempts(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	other := shopIn(t, s.db)
	s.delivery()
	other.delivery()
	other.exec(`UPDATE webhook_deliveries SET created_at = now() WHERE org_id = $1`, other.org)
	n := mustSystem(s, func(tx *store.Tx) (int64, error) { return tx.SweepDeliveries(t.Context(), 30*24*time.Hour, 100) })
	if n != 1 || s.count("webhook_deliveries") != 0 || s.count("webhook_attempts") != 0 {
		t.Errorf("%d swept, %d deliveries and %d attempts left", n, s.count("webhook_deliveries"), s.count("webhook_attempts"))
	}
	if other.count("webhook_deliveries") != 1 || other.count("webhook_attempts") != 1 {
		t.Errorf("of younger ones %d deliveries and %d attempts are left", other.count("webhook_deliveries"), other.count("webhook_attempts"))
	}
}

// An attempt that is written while its delivery is forgotten is not left behind.
func TestForgetTakesLateAttempts(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.delivery()
	forgotten := make(chan error, 1)
	s.in(func(tx *store.Tx) error {
		if _, err := tx.Exec(t.Context(), `UPDATE webhook_deliveries SET attempts = 9 WHERE org_id = $1`, s.org); err != nil {
			return err
		}
		go func() {
			forgotten <- try(s, func(tx *store.Tx) (int64, error) { return tx.ForgetDeliveries(t.Context(), s.org, 7, 10) })
		}()
		s.waits(`%webhook_deliveries%`)
		_, err := tx.Exec(t.Context(), attempted, s.org)
		return err
	})
	if err := <-forgotten; err != nil {
		t.Fatal(err)
	}
	if s.count("webhook_deliveries") != 0 || s.count("webhook_attempts") != 0 {
		t.Errorf("%d deliveries and %d attempts are left", s.count("webhook_deliveries"), s.count("webhook_attempts"))
	}
}

// What endpoints answered to an event goes with it, where deliveries are kept for
// longer, of endpoints too that are switched off or deleted; that and how it was
// tried stays.
func TestForgetEventsTakesAnswers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	other := shopIn(t, s.db)
	for _, o := range []shop{s, other} {
		for n := range 3 {
			o.in(func(tx *store.Tx) error { return o.emit(tx, wa.ClientCreated, int64(n)) })
		}
		o.exec(`UPDATE events SET created_at = now() - interval '8 days' WHERE org_id = $1`, o.org)
		o.in(func(tx *store.Tx) error { return o.emit(tx, wa.ClientCreated, 3) })
		o.exec(`INSERT INTO webhook_endpoints (id, org_id, url, events, ordered, enabled, disabled_at, deleted_at)
			SELECT gen_random_uuid(), $1, 'https://example.com/' || n, '{*}', n = 1, n <> 2, CASE WHEN n = 2 THEN now() END, CASE WHEN n = 3 THEN now() END FROM generate_series(1, 3) n`, o.org)
		o.exec(`INSERT INTO webhook_deliveries (id, org_id, endpoint_id, event_id, status, next_attempt_at)
			SELECT md5(w.id::text || e.id::text)::uuid, $1, w.id, e.id, 'delivered', NULL FROM webhook_endpoints w, events e WHERE w.org_id = $1 AND e.org_id = $1`, o.org)
		o.exec(`INSERT INTO webhook_attempts (org_id, delivery_id, number, trigger, at, duration_ms, status, body, headers, detail)
			SELECT $1, id, 1, 'auto', now(), 1, 422, 'Ana', '{"X-Who": "Ana"}', 'Ana' FROM webhook_deliveries WHERE org_id = $1`, o.org)
	}
	const holding = `SELECT count(*) FROM webhook_attempts WHERE org_id = $1 AND (body IS NOT NULL OR headers IS NOT NULL OR detail <> '')`
	before, gone := s.count("events"), s.forget(func(tx *store.Tx) (int64, error) { return tx.ForgetEvents(t.Context(), s.org, 7, 2) })
	if left := before - gone; gone < 3 || int64(get[int](s, holding, s.org)) != 3*left || s.count("webhook_attempts") != 3*before {
		t.Errorf("of %d events %d are gone, %d answers of %d are left", before, gone, get[int](s, holding, s.org), s.count("webhook_attempts"))
	}
	if n := int64(get[int](other, holding, other.org)); n != 3*before {
		t.Errorf("another org has %d answers of %d left", n, 3*before)
	}
}

// Attempts without a delivery are erased with their org, over many pages.
func TestEraseStrayAttempts(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	other := shopIn(t, s.db)
	for range 3 {
		s.delivery()
		other.delivery()
	}
	s.exec(`DELETE FROM webhook_deliveries WHERE org_id = $1`, s.org)
	mine, theirs := s.count("webhook_attempts"), other.count("webhook_attempts")
	s.askErasure()
	turns, after := 0, int64(0)
	for more := true; more; turns++ {
		s.system(func(tx *store.Tx) (err error) {
			after, more, err = tx.EraseStrayAttempts(t.Context(), s.org, after, 8)
			return err
		})
	}
	if mine < 6 || turns < 2 || s.count("webhook_attempts") != 0 || other.count("webhook_attempts") != theirs {
		t.Errorf("of %d there are %d left after %d turns, of %d of another org %d", mine, s.count("webhook_attempts"), turns, theirs, other.count("webhook_attempts"))
	}
}
