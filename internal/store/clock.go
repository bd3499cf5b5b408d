package store

import (
	"context"
	"time"
)

// Clock gives the database's time, by which leases and due times are judged.
func (db *DB) Clock(ctx context.Context) (now time.Time, err error) {
	err = db.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
	return now, wrap(err, "read the database's clock")
}
