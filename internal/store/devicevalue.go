package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// DeviceKey names one value of a device.
type DeviceKey struct {
	Kind string
	Key  []byte
}

// DeviceValue is one sealed value of a device.
type DeviceValue struct {
	DeviceKey
	Sealed []byte // nil: only that it was there is kept
	Mark   bool
	At     time.Time // of what is forgotten by age; zero leaves it as it was
}

const deviceValueColumns = `v.kind, v.key, v.sealed, v.mark, v.at`

func scanDeviceValue(r pgx.CollectableRow) (v DeviceValue, err error) {
	var at *time.Time
	err = r.Scan(&v.Kind, &v.Key, &v.Sealed, &v.Mark, &at)
	if at != nil {
		v.At = *at
	}
	return v, err
}

// DeviceValues reads values by their names; those that are not there are left
// out. Each is looked up by itself: as a plain join, a plan that was made while
// the table was young would read all that is kept of the device and compare.
func (db *DB) DeviceValues(ctx context.Context, d Device, names []DeviceKey) (found []DeviceValue, err error) {
	kinds, keys := unzip(names)
	err = db.once(ctx, d.Org, "read device values", relaxed, func(b *pgx.Batch) {
		b.Queue(`
			SELECT `+deviceValueColumns+` FROM unnest($3::text[], $4::bytea[]) AS wanted(kind, key), LATERAL (
				SELECT * FROM device_values d
				WHERE d.org_id = $1 AND d.device_id = $2 AND d.kind = wanted.kind AND d.key = wanted.key LIMIT 1) v`,
			d.Org, d.ID, kinds, keys).Query(gather(&found, scanDeviceValue))
	})
	return found, err
}

// DeviceRange reads the values of some kinds whose keys begin with prefix, in
// order.
func (db *DB) DeviceRange(ctx context.Context, d Device, kinds []string, prefix []byte) (found []DeviceValue, err error) {
	err = db.once(ctx, d.Org, "read device values", relaxed, func(b *pgx.Batch) {
		b.Queue(`
			SELECT `+deviceValueColumns+` FROM unnest($3::text[]) AS wanted(kind)
			JOIN device_values v ON v.org_id = $1 AND v.device_id = $2 AND v.kind = wanted.kind AND v.key >= $4 AND ($5::bytea IS NULL OR v.key < $5)
			ORDER BY v.kind, v.key`,
			d.Org, d.ID, kinds, prefix, after(prefix)).Query(gather(&found, scanDeviceValue))
	})
	return found, err
}

// after is the first key that does not begin with prefix; nil when all do.
func after(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			end := append([]byte{}, prefix[:i+1]...)
			end[i]++
			return end
		}
	}
	return nil
}

// DeviceChange is what happens to a device's values at once.
type DeviceChange struct {
	Put  []DeviceValue
	Drop []DeviceKey
	// KeepOld leaves values that are there as they are.
	KeepOld bool
	// Forgettable is what a crash of Postgres may undo.
	Forgettable bool
}

const (
	putValues = `
		WITH ` + ours + `, kept AS (
			INSERT INTO device_values AS v (org_id, device_id, kind, key, sealed, mark, at)
			SELECT $1, ours.id, n.kind, n.key, n.sealed, n.mark, n.at
			FROM ours, unnest($4::text[], $5::bytea[], $6::bytea[], $7::boolean[], $8::timestamptz[]) AS n(kind, key, sealed, mark, at)
			ON CONFLICT (org_id, device_id, kind, key) `
	overwrite = `DO UPDATE SET sealed = excluded.sealed, mark = excluded.mark, at = coalesce(excluded.at, v.at)`
	leave     = `DO NOTHING`
	countOurs = `) SELECT count(*) FROM ours`
	putOver   = putValues + overwrite + countOurs
	putKeep   = putValues + leave + countOurs

	// One value at a time, for the same reason as DeviceValues: few are dropped.
	dropValue = `
		WITH ` + ours + `
		DELETE FROM device_values v
		WHERE v.org_id = $1 AND v.device_id = (SELECT id FROM ours) AND v.kind = $4 AND v.key = $5`
)

// ChangeDevice drops and writes values of an opened device, at once. ErrTaken
// when it is in other hands.
func (db *DB) ChangeDevice(ctx context.Context, d Device, c DeviceChange) error {
	put := putOver
	if c.KeepOld {
		put = putKeep
	}
	var held int
	err := db.once(ctx, d.Org, "change device values", c.Forgettable, func(b *pgx.Batch) {
		for _, name := range c.Drop {
			b.Queue(dropValue, d.Org, d.ID, d.Opened, name.Kind, name.Key)
		}
		b.Queue(put, append([]any{d.Org, d.ID, d.Opened}, columnsOf(c.Put)...)...).
			QueryRow(func(r pgx.Row) error { return r.Scan(&held) })
	})
	if err == nil && held == 0 {
		return ErrTaken
	}
	return err
}

// columnsOf turns values into a list for each column.
func columnsOf(values []DeviceValue) []any {
	names := make([]DeviceKey, len(values))
	sealed, marks, times := make([][]byte, len(values)), make([]bool, len(values)), make([]*time.Time, len(values))
	for i, v := range values {
		names[i], sealed[i], marks[i] = v.DeviceKey, v.Sealed, v.Mark
		if !v.At.IsZero() {
			times[i] = &values[i].At
		}
	}
	kinds, keys := unzip(names)
	return []any{kinds, keys, sealed, marks, times}
}

func unzip(names []DeviceKey) (kinds []string, keys [][]byte) {
	kinds, keys = make([]string, len(names)), make([][]byte, len(names))
	for i, n := range names {
		kinds[i], keys[i] = n.Kind, n.Key
	}
	return kinds, keys
}

// UnmarkedValues reads the first values of a kind that bear no mark, and the
// highest key of the kind, marked or not; nil when there is none.
func (db *DB) UnmarkedValues(ctx context.Context, d Device, kind string, limit int) (found []DeviceValue, last []byte, err error) {
	var keys [][]byte
	err = db.once(ctx, d.Org, "read unmarked device values", relaxed, func(b *pgx.Batch) {
		b.Queue(`
			SELECT `+deviceValueColumns+` FROM device_values v
			WHERE v.org_id = $1 AND v.device_id = $2 AND v.kind = $3 AND NOT v.mark ORDER BY v.key LIMIT $4`,
			d.Org, d.ID, kind, limit).Query(gather(&found, scanDeviceValue))
		b.Queue(`
			SELECT key FROM device_values
			WHERE org_id = $1 AND device_id = $2 AND kind = $3 ORDER BY key DESC LIMIT 1`, d.Org, d.ID, kind).
			Query(gather(&keys, pgx.RowTo[[]byte]))
	})
	if len(keys) == 1 {
		last = keys[0]
	}
	return found, last, err
}

// MarkValues marks the values of a kind up to a key.
func (db *DB) MarkValues(ctx context.Context, d Device, kind string, upTo []byte) error {
	return db.fenced(ctx, d, "mark device values", durable, `
		WITH `+ours+`, marked AS (
			UPDATE device_values v SET mark = true FROM ours
			WHERE v.org_id = $1 AND v.device_id = ours.id AND v.kind = $4 AND v.key <= $5 AND NOT v.mark)
		SELECT count(*) FROM ours`, kind, upTo)
}

// MarkedValues counts the values of a kind that bear a mark.
func (db *DB) MarkedValues(ctx context.Context, d Device, kind string) (n int, err error) {
	err = db.once(ctx, d.Org, "count marked device values", relaxed, func(b *pgx.Batch) {
		b.Queue(`
			SELECT count(*) FROM device_values
			WHERE org_id = $1 AND device_id = $2 AND kind = $3 AND mark`, d.Org, d.ID, kind).
			QueryRow(func(r pgx.Row) error { return r.Scan(&n) })
	})
	return n, err
}

// ForgetValues drops the values of a kind that are older than a time, and
// counts them.
func (db *DB) ForgetValues(ctx context.Context, d Device, kind string, before time.Time) (n int64, err error) {
	var held int
	err = db.once(ctx, d.Org, "forget old device values", relaxed, func(b *pgx.Batch) {
		b.Queue(`
			WITH `+ours+`, old AS (
				DELETE FROM device_values v USING ours
				WHERE v.org_id = $1 AND v.device_id = ours.id AND v.kind = $4 AND v.at < $5 RETURNING v.kind)
			SELECT (SELECT count(*) FROM ours), (SELECT count(*) FROM old)`, d.Org, d.ID, d.Opened, kind, before).
			QueryRow(func(r pgx.Row) error { return r.Scan(&held, &n) })
	})
	if err == nil && held == 0 {
		return 0, ErrTaken
	}
	return n, err
}
