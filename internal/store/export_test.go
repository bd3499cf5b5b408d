package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"chasqui/internal/wa"
)

// OpenTraced is Open with somebody who watches every statement.
func OpenTraced(ctx context.Context, o Options, tracer pgx.QueryTracer) (*DB, error) {
	cfg, err := poolConfig(o)
	if err != nil {
		return nil, err
	}
	cfg.ConnConfig.Tracer = tracer
	return openPool(ctx, cfg)
}

// Exec runs any statement, to set up what no query of ours can.
func (tx *Tx) Exec(ctx context.Context, sql string, args ...any) (int64, error) {
	tag, err := tx.tx.Exec(ctx, sql, args...)
	return tag.RowsAffected(), err
}

// Get reads one row into targets.
func (tx *Tx) Get(ctx context.Context, sql string, args []any, into ...any) error {
	return tx.tx.QueryRow(ctx, sql, args...).Scan(into...)
}

// List reads all rows of a query.
func List[T any](ctx context.Context, tx *Tx, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	return collect(ctx, tx, "test", scan, sql, args...)
}

// CountOutside asks outside of any transaction of ours.
func (db *DB) CountOutside(ctx context.Context, sql string) (n int, err error) {
	err = db.pool.QueryRow(ctx, sql).Scan(&n)
	return n, err
}

// Role is whom Postgres takes a connection of the pool for.
func (db *DB) Role(ctx context.Context) (role string, err error) {
	err = db.pool.QueryRow(ctx, `SELECT current_user`).Scan(&role)
	return role, err
}

// IsRefusedByPolicy reports whether row-level security said no.
func IsRefusedByPolicy(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "42501"
}

// IsRefusedByTable reports whether a constraint said no.
func IsRefusedByTable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "23514" || pg.Code == "23505" || pg.Code == "23502")
}

// KeyNames are the columns that tell a row of a sealed column.
func KeyNames(c wa.SealedColumn) []string { return names(c.Key) }

// Settle is what follows every migration, without the migration before it.
func Settle(ctx context.Context, url string) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	db := stdlib.OpenDB(*cfg)
	defer func() { _ = db.Close() }()
	return settle(ctx, db)
}
