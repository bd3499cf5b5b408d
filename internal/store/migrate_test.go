package store_test

import (
	"context"
	"net/url"
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

// TestMigrateAtOnce starts three migrations of an empty database together.
func TestMigrateAtOnce(t *testing.T) {
	t.Parallel()
	u := emptyDatabase(t, ownURL(t)).String()
	if won := parallel(3, func(int) bool {
		err := store.Migrate(context.WithoutCancel(t.Context()), u)
		if err != nil {
			t.Error(err)
		}
		return err == nil
	}); won != 3 {
		t.Errorf("%d of 3 succeeded", won)
	}
	files, err := migrations.FS.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	s := shop{t: t, db: testkit.OpenDB(t, u)}
	if n := get[int](s, `SELECT count(*) FROM goose_db_version WHERE version_id > 0`); n != len(files) {
		t.Errorf("%d migrations were applied, there are %d", n, len(files))
	}
	if err := s.db.Current(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestSettleAtOnce: what follows a migration is done by every process that
// starts. Postgres fails two grants of one table at the same time, so they must
// wait for each other.
func TestSettleAtOnce(t *testing.T) {
	t.Parallel()
	u, _ := logins(t)
	ctx := context.WithoutCancel(t.Context())
	if err := store.Migrate(ctx, u); err != nil {
		t.Fatal(err)
	}
	const processes = 8
	if won := parallel(processes, func(int) bool {
		for range 3 {
			if err := store.Settle(ctx, u); err != nil {
				t.Error(err)
				return false
			}
		}
		return true
	}); won != processes {
		t.Errorf("%d of %d succeeded", won, processes)
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
	if err := store.Migrate(t.Context(), base); err != nil {
		t.Fatal(err)
	}
	s.in(func(tx *store.Tx) error { return s.emit(tx, "message.sent", 2) })
	testkit.Eventually(t, time.Minute, "both events", func() bool {
		events, _ := s.after(store.Mark{}, store.EventFilter{}, 10)
		return len(events) == 2 && number(t, events[0]) == 1
	})
}
