package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Vitals is what Postgres counts, since whenever it began to, and how it is now.
type Vitals struct {
	At             time.Time
	Transactions   int64
	Busy           time.Duration // spent in statements, by all sessions together
	Hits, Reads    int64         // blocks found in memory, and those that were not
	Connections    int           // to all databases
	MaxConnections int
	Bytes          int64 // of our database, on disk
}

// Vitals reads what anybody may read of Postgres' own figures.
func (tx *Tx) Vitals(ctx context.Context) (Vitals, error) {
	return one(ctx, tx, "read Postgres' figures", func(r pgx.CollectableRow) (v Vitals, err error) {
		var ms float64
		err = r.Scan(&v.At, &v.Transactions, &ms, &v.Hits, &v.Reads, &v.Connections, &v.MaxConnections, &v.Bytes)
		v.Busy = time.Duration(ms * float64(time.Millisecond))
		return v, err
	}, `
		SELECT clock_timestamp(), xact_commit + xact_rollback, active_time, blks_hit, blks_read,
		       (SELECT sum(numbackends)::int FROM pg_stat_database), current_setting('max_connections')::int, pg_database_size(datid)
		FROM pg_stat_database WHERE datname = current_database()`)
}

// Statements counts the statements that our database has answered, and the time
// that they took. NotFound where Postgres does not count them.
func (tx *Tx) Statements(ctx context.Context) (calls int64, took time.Duration, err error) {
	there, err := one(ctx, tx, "look for pg_stat_statements", pgx.RowTo[bool], `
		SELECT EXISTS (SELECT FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
			WHERE extname = 'pg_stat_statements' AND n.nspname = ANY (current_schemas(false)))`)
	if err == nil && !there {
		err = wrap(pgx.ErrNoRows, "count statements")
	}
	if err != nil {
		return 0, 0, err
	}
	type counted struct {
		Calls int64
		MS    float64
	}
	c, err := one(ctx, tx, "count statements", pgx.RowToStructByPos[counted], `
		SELECT coalesce(sum(calls), 0)::bigint, coalesce(sum(total_exec_time), 0)::float8 FROM pg_stat_statements(false)
		WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	return c.Calls, time.Duration(c.MS * float64(time.Millisecond)), err
}
