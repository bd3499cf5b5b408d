package store_test

import (
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// TestHostPlans holds what is asked of the hosts of callbacks to its indexes:
// 100 orgs have 200 each, a tenth of them unnamed for long, and every one of
// those of the first org has deliveries.
func TestHostPlans(t *testing.T) {
	t.Parallel()
	url := testkit.DatabaseURL(t)
	execute(t, admin(t, url), []string{
		`INSERT INTO orgs (id, name) SELECT pg_temp.fid('a', n), 'org ' || n FROM generate_series(0, 99) n`,
		`INSERT INTO webhook_endpoints (id, org_id, url, events, callback, named_at)
		 SELECT pg_temp.fid('1', n), pg_temp.fid('a', n % 100), 'https://h' || n || '.example.com', '{}', true,
			now() - CASE WHEN n / 100 % 10 = 0 THEN 200 ELSE n / 100 % 60 END * interval '1 day' FROM generate_series(0, 19999) n`,
		`INSERT INTO webhook_deliveries (id, org_id, endpoint_id, event_id, status, next_attempt_at)
		 SELECT md5(e || ' ' || n)::uuid, pg_temp.fid('a', 0), pg_temp.fid('1', e * 100), pg_temp.fid('e', n), 'delivered', NULL
		 FROM generate_series(0, 199) e, generate_series(0, 99) n`,
		"VACUUM (ANALYZE)",
	})
	w := world{seen: &lastStatement{}, org: *fillID(t, &wa.OrgID{}, "a", 0)}
	var err error
	if w.db, err = store.OpenTraced(t.Context(), store.Options{URL: url, MaxConns: 4}, w.seen); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.db.Close)
	const unnamed = 90 * 24 * time.Hour
	ctx, other := t.Context(), *fillID(t, &wa.OrgID{}, "a", 1)
	for _, c := range []planCase{
		{"orgs", "webhook_endpoints_named", 20_000, true, func(tx *store.Tx) error {
			return expect(tx.UnnamedHostOrgs(ctx, wa.OrgID{}, unnamed, 10))
		}},
		{"hosts that have deliveries", "webhook_endpoints_named", 500, false, func(tx *store.Tx) error {
			n, err := tx.DropUnnamedHosts(ctx, w.org, unnamed)
			if n != 0 {
				t.Errorf("%d hosts with deliveries were taken out", n)
			}
			return err
		}},
		{"hosts", "webhook_endpoints_named", 500, true, func(tx *store.Tx) error {
			n, err := tx.DropUnnamedHosts(ctx, other, unnamed)
			if n == 0 {
				t.Error("no host was taken out")
			}
			return err
		}},
		{"a host", "webhook_endpoints_callback", 5, false, func(tx *store.Tx) error {
			return expect(tx.CallbackEndpoint(ctx, w.org, "https://h100.example.com"))
		}},
	} {
		t.Run(c.name, func(t *testing.T) { w.hold(t, c, "webhook_endpoints", "webhook_deliveries") })
	}
}
