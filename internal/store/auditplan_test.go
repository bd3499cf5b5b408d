package store_test

import (
	"fmt"
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// TestAuditPlans fills a log with a hundred thousand lines, all but a few by
// admins, and holds every search to the index that is meant for it and to a
// bound on what it looks at.
func TestAuditPlans(t *testing.T) {
	t.Parallel()
	url := testkit.DatabaseURL(t)
	w := world{seen: &lastStatement{}, org: wa.NewOrgID()}
	db, err := store.OpenTraced(t.Context(), store.Options{URL: url, MaxConns: 2, Timeout: time.Minute}, w.seen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	w.db = db
	c := admin(t, url)
	for _, s := range []string{
		`ALTER TABLE audit_log DISABLE TRIGGER audit_link`, // places are given here: one by one they take minutes
		`SET app.system = 'on'`,
		fmt.Sprintf(`INSERT INTO audit_log (org_id, seq, at, id, kind, actor_id, role, action, target, ip, digest, prev, hash)
			SELECT CASE n %% 2 WHEN 0 THEN '%s'::uuid ELSE gen_random_uuid() END, n, now() - n * interval '1 minute', gen_random_uuid(), 'user', 'usr_' || n %% 1000,
			       CASE WHEN n %% 500 = 0 THEN 'agent' ELSE 'admin' END, CASE WHEN n %% 100 = 0 THEN 'session.sign_in_failed' ELSE 'client.renamed' END, 'cli_' || n %% 1000, '192.0.2.' || n %% 9,
			       sha256('x'), sha256('x'), sha256('x') FROM generate_series(1, 100000) n`, w.org.UUID()),
		`ALTER TABLE audit_log ENABLE TRIGGER audit_link`,
		`ANALYZE audit_log`,
	} {
		if _, err := c.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	p := page50(t)
	search := func(f store.AuditFilter) func(*store.Tx) error {
		return func(tx *store.Tx) error {
			_, err := tx.AuditEntries(t.Context(), w.org, f, p)
			return err
		}
	}
	for _, c := range []planCase{
		{"newest first", "audit_log_time", 50, false, search(store.AuditFilter{})},
		{"one action", "audit_log_action", 50, false, search(store.AuditFilter{Action: "session.sign_in_failed"})},
		{"one actor", "audit_log_actor", 50, false, search(store.AuditFilter{Actor: "usr_500"})},
		{"one target", "audit_log_target", 50, false, search(store.AuditFilter{Target: "cli_500"})},
		{"a manager's page", "audit_log_below", 50, false, search(store.AuditFilter{BelowAdmin: true})},
		{"a time", "audit_log_time", 100, false, search(store.AuditFilter{Since: time.Now().Add(-time.Hour), Until: time.Now().Add(-30 * time.Minute)})},
		{"the chain", "audit_log_pkey", 100, true, func(tx *store.Tx) error {
			_, err := tx.AuditChain(t.Context(), w.org, 50_000, 100)
			return err
		}},
		{"the next log", "audit_log_pkey", 100, true, func(tx *store.Tx) error {
			_, err := tx.NextAudited(t.Context(), wa.OrgID{})
			return err
		}},
		{"old logs", "audit_log_pkey", 100, true, func(tx *store.Tx) error {
			_, err := tx.OldAudits(t.Context(), time.Now(), nil, 730, 100)
			return err
		}},
		{"failed sign-ins", "audit_log_signals", 100, true, func(tx *store.Tx) error {
			_, err := tx.FailedSignIns(t.Context(), time.Hour, 10)
			return err
		}},
		{"failed from an address", "audit_log_signals", 100, true, func(tx *store.Tx) error {
			_, err := tx.FailedFromAddress(t.Context(), time.Hour, 10)
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) { w.hold(t, c, "audit_log") })
	}
}
