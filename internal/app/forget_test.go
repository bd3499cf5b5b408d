package app_test

import (
	"testing"

	"chasqui/internal/app"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// What an org has set to be kept for so long goes, all of it, by the clock; what
// others keep for ever stays.
func TestTheClockForgets(t *testing.T) {
	t.Parallel()
	database := migrated(t)
	k, _ := serve(t, "scheduler", load(t, settings(t, database)), app.Scheduler)
	db := testkit.OpenDB(t, database)
	raw, err := testkit.OpenSQL(database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	exec := func(statement string, args ...any) {
		t.Helper()
		if _, err := raw.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	exec(`SET app.system = 'on'`)
	brief, _ := testkit.Org(t, db)
	other, _ := testkit.Org(t, db)
	for _, org := range []wa.Org{brief, other} {
		client := testkit.Client(t, db, org.ID)
		for range 1100 { // more than a batch
			err := db.InOrgRelaxed(t.Context(), org.ID, func(tx *store.Tx) error {
				return tx.Emit(org.ID, client.ID, wa.ClientCreated, wa.EventClient{Client: client})
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	exec(`UPDATE events SET created_at = now() - interval '8 days'`)
	exec(`UPDATE orgs SET keep_events = 7, keep_messages = 7 WHERE id = $1`, brief.ID.UUID())
	if err := app.Forget(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	for org, want := range map[wa.OrgID]int{brief.ID: 0, other.ID: 1100} {
		var left int
		if err := raw.QueryRowContext(t.Context(), `SELECT count(*) FROM events WHERE org_id = $1`, org.UUID()).Scan(&left); err != nil || left != want {
			t.Errorf("%d events are left, want %d (%v)", left, want, err)
		}
	}
}
