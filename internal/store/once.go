package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

const scopeToOrg = `SELECT set_config('app.org', $1, '` + tenantScope + `' = 'LOCAL')`

// Durability of what is written at once.
const (
	durable = false
	relaxed = true // a crash of Postgres may forget it
)

// once runs an org's statements in one round trip. They are one transaction,
// because no Sync comes in between, and the setting ends with it: all of them
// count, or none.
func (db *DB) once(ctx context.Context, org wa.OrgID, doing string, forgettable bool, fill func(*pgx.Batch)) error {
	b := &pgx.Batch{}
	b.Queue(scopeToOrg, org.UUID())
	if forgettable {
		b.Queue(`SELECT set_config('synchronous_commit', 'off', true)`)
	}
	fill(b)
	return wrap(db.pool.SendBatch(ctx, b).Close(), doing)
}

// gather reads all rows of a queued statement into a list.
func gather[T any](into *[]T, scan pgx.RowToFunc[T]) func(pgx.Rows) error {
	return func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, decoding(scan))
		return err
	}
}
