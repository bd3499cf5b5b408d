package store

import (
	"context"

	"github.com/jackc/pgx/v5"
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
