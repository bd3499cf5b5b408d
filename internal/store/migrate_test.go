package store_test

import (
	"context"
	"database/sql"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/migrations"
)

// ownURL is the test's Postgres as DATABASE_URL names it.
func ownURL(t *testing.T) *url.URL {
	t.Helper()
	u, err := url.Parse(testkit.Env(t, "DATABASE_URL"))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// TestMigrateAtOnce starts three migrations of an empty database together. The
// step after them takes longer than locks are usually waited for.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	u := emptyDatabase(t, ownURL(t)).String()
	var inside, most atomic.Int64
	upgrade := func(ctx context.Context, db *sql.DB) error {
		most.Store(max(most.Load(), inside.Add(1)))
		defer inside.Add(-1)
		_, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS upgraded (); SELECT pg_sleep(2)`)
		return err
	}
	if won := parallel(3, func(int) bool {
		err := store.Migrate(context.WithoutCancel(t.Context()), u, upgrade)
		if err != nil {
			t.Error(err)
		}
		return err == nil
	}); won != 3 {
		t.Errorf("%d of 3 succeeded", won)
	}
	if most.Load() != 1 {
		t.Errorf("%d upgrades of whatsmeow's tables at once", most.Load())
	}
	files, err := migrations.FS.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	s := shop{t: t, db: testkit.OpenDB(t, u)}
	if n := get[int](s, `SELECT count(*) FROM goose_db_version WHERE version_id > 0`); n != len(files) {
		t.Errorf("%d migrations were applied, there are %d", n, len(files))
	}
	if n := get[int](s, `SELECT count(*) FROM pg_tables WHERE schemaname = $1`, store.WhatsmeowSchema); n != 1 {
		t.Errorf("%d tables of whatsmeow's", n)
	}
	if err := s.db.Current(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestCurrentTellsAnOldDatabase(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	if err := s.db.Current(t.Context()); err != nil {
		t.Error(err)
	}
	s.exec(`DELETE FROM goose_db_version WHERE version_id = (SELECT max(version_id) FROM goose_db_version)`)
	if err := s.db.Current(t.Context()); err == nil {
		t.Error("a database that misses a migration counts as current")
	}
}

// TestRestoredDump loads rows that carry transactions from another cluster,
// which are far ahead of this one's.
func TestRestoredDump(t *testing.T) {
	t.Parallel()
	base := testkit.DatabaseURL(t)
	s := shopIn(t, testkit.OpenDB(t, base))
	s.in(func(tx *store.Tx) error { return s.emit(tx, "message.sent", 1) })
	s.exec(`UPDATE events SET tx = '999999999999'`)
	s.exec(`UPDATE client_sequences SET tx = '999999999999'`)
	if err := store.Migrate(t.Context(), base, nil); err != nil {
		t.Fatal(err)
	}
	s.in(func(tx *store.Tx) error { return s.emit(tx, "message.sent", 2) })
	testkit.Eventually(t, time.Minute, "both events", func() bool {
		events, _ := s.after(store.Mark{}, store.EventFilter{}, 10)
		return len(events) == 2 && number(t, events[0]) == 1
	})
}
