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

// Schema of the tables that whatsmeow keeps for itself.
const WhatsmeowSchema = "whatsmeow"

// Migrate brings the database up to date. Any number of processes may call it
// at once: one works, the others wait and find nothing to do. The step after
// (whatsmeow's own upgrade, which takes no lock of its own) runs under the same
// lock. It needs a direct connection, not a transaction pooler.
func Migrate(ctx context.Context, url string, after func(context.Context, *sql.DB) error) error {
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
	if err := rebaseFeed(ctx, db); err != nil {
		return err
	}
	return upgradeWhatsmeow(ctx, db, url, after)
}

// rebaseFeed puts events from before a restore to the beginning of the feed. A
// dump that is loaded into a fresh cluster carries transaction ids that the
// cluster has not reached; readers would wait for them for ever.
func rebaseFeed(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit this does nothing
	for _, q := range []string{
		"SET LOCAL app.system = 'on'",
		"UPDATE events SET tx = '0' WHERE tx > pg_current_xact_id()",
		"UPDATE client_sequences SET tx = '0' WHERE tx > pg_current_xact_id()",
	} {
		if _, err := tx.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("rebase feed: %w", err)
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

// upgradeLock is an arbitrary number that only this step uses.
const upgradeLock = 7_241_983_001

func upgradeWhatsmeow(ctx context.Context, db *sql.DB, url string, after func(context.Context, *sql.DB) error) (err error) {
	if after == nil {
		return nil
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("reserve connection: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	for _, q := range []string{
		"SET lock_timeout = '120s'", // the upgrade of the one before us may take its time
		fmt.Sprintf("SELECT pg_advisory_lock(%d)", upgradeLock),
		"CREATE SCHEMA IF NOT EXISTS " + WhatsmeowSchema,
	} {
		if _, err := conn.ExecContext(ctx, q); err != nil {
			return fmt.Errorf("prepare schema %s: %w", WhatsmeowSchema, err)
		}
	}
	own, err := OpenSQL(url, WhatsmeowSchema, 2)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, own.Close()) }()
	if err := after(ctx, own); err != nil {
		return fmt.Errorf("upgrade whatsmeow's tables: %w", err)
	}
	_, err = conn.ExecContext(ctx, fmt.Sprintf("SELECT pg_advisory_unlock(%d)", upgradeLock))
	return err
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
