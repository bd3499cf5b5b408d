package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"chasqui/migrations"
)

// Migrate brings the database up to date. Any number of processes may call it
// at once: one works, the others wait and find nothing to do. It needs a direct
// connection, not a transaction pooler.
func Migrate(ctx context.Context, url string) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("read DATABASE_URL: %w", err)
	}
	cfg.RuntimeParams["lock_timeout"] = "3000"
	db := stdlib.OpenDB(*cfg)
	defer db.Close()
	p, err := newMigrator(db)
	if err != nil {
		return err
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return settle(ctx, db)
}

// settle does what follows every migration. It holds the lock of migrations for
// it, since granting the same table twice at once fails in Postgres, as does
// granting a table that another process is just altering.
func settle(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit this does nothing
	for _, q := range []string{
		"SET LOCAL lock_timeout = '2min'", // as long as the others may take to migrate
		fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", lock.DefaultLockID),
		"SET LOCAL lock_timeout = '3s'",
		// What was made is for the login that only works with rows, too.
		"SELECT grant_runtime()",
		// Events from before a restore go to the beginning of the feed: a dump that
		// is loaded into a fresh cluster carries transaction ids that the cluster
		// has not reached, and readers would wait for them for ever.
		"SET LOCAL app.system = 'on'",
		"UPDATE events SET tx = '0' WHERE tx > pg_current_xact_id()",
		"UPDATE client_sequences SET tx = '0' WHERE tx > pg_current_xact_id()",
		"UPDATE message_figures_marks SET tx = '0', position = 0 WHERE tx > pg_current_xact_id()",
	} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("after migrating: %s: %w", q, err)
		}
	}
	return tx.Commit()
}

func newMigrator(db *sql.DB) (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120))
	if err != nil {
		return nil, fmt.Errorf("prepare migration lock: %w", err)
	}
	files, err := fs.Sub(migrations.FS, ".")
	if err != nil {
		return nil, fmt.Errorf("open migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return p, nil
}

// Current reports whether every migration of this build has been applied.
func (db *DB) Current(ctx context.Context) error {
	entries, err := fs.ReadDir(migrations.FS, ".")
	if err != nil {
		return fmt.Errorf("list migrations: %w", err)
	}
	var applied int
	err = db.pool.QueryRow(ctx, `SELECT count(*) FROM goose_db_version WHERE is_applied AND version_id > 0`).Scan(&applied)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42P01" {
		applied, err = 0, nil // not even goose's own table is there
	}
	if err != nil {
		return wrap(err, "read migration level")
	}
	if applied < len(entries) {
		return fmt.Errorf("database is at migration %d of %d: run chasqui migrate up", applied, len(entries))
	}
	return nil
}
