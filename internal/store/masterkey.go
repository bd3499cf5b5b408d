package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// MasterKeys lists the master keys that something may hang on, the current one
// first.
func (db *DB) MasterKeys(ctx context.Context) (all []wa.MasterKey, err error) {
	err = db.InTx(ctx, func(tx *Tx) (err error) {
		all, err = collect(ctx, tx, "list master keys", func(r pgx.CollectableRow) (k wa.MasterKey, err error) {
			err = r.Scan(&k.ID, &k.Canary, &k.Current)
			return k, err
		}, `SELECT id, canary, current FROM master_keys WHERE retired_at IS NULL ORDER BY current DESC, created_at, id`)
		return err
	})
	return all, err
}

// InsertMasterKeys keeps the first master keys. Of many processes that try, one
// does; where there are any, none does.
func (db *DB) InsertMasterKeys(ctx context.Context, keys []wa.MasterKey) error {
	return db.InTx(ctx, func(tx *Tx) error {
		if _, err := tx.moved(ctx, "lock master keys", `LOCK TABLE master_keys IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		known, err := one(ctx, tx, "count master keys", pgx.RowTo[int], `SELECT count(*) FROM master_keys`)
		if err != nil || known > 0 {
			return err
		}
		for _, k := range keys {
			if _, err := tx.moved(ctx, "insert master key", `
				INSERT INTO master_keys (id, canary, current) VALUES ($1, $2, $3)`, k.ID, k.Canary, k.Current); err != nil {
				return err
			}
		}
		return nil
	})
}

// SetMasterKey makes a master key the current one: from now on data keys are
// wrapped under it.
func (db *DB) SetMasterKey(ctx context.Context, k wa.MasterKey) error {
	return db.InTx(ctx, func(tx *Tx) error {
		if _, err := tx.moved(ctx, "lock master keys", `LOCK TABLE master_keys IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		if _, err := tx.moved(ctx, "change master key", `UPDATE master_keys SET current = false WHERE current AND id <> $1`, k.ID); err != nil {
			return err
		}
		_, err := tx.moved(ctx, "set master key", `
			INSERT INTO master_keys (id, canary, current) VALUES ($1, $2, true)
			ON CONFLICT (id) DO UPDATE SET canary = excluded.canary, current = true, retired_at = NULL
			WHERE NOT master_keys.current`, k.ID, k.Canary)
		return err
	})
}

// RetireMasterKeys says of every master key but the current one that nothing
// hangs on it any more, unless a data key does. The caller knows of the texts
// that the first scheme sealed.
func (db *DB) RetireMasterKeys(ctx context.Context) error {
	return db.InTx(ctx, func(tx *Tx) error {
		_, err := tx.moved(ctx, "retire master keys", `
			UPDATE master_keys m SET retired_at = clock_timestamp()
			WHERE NOT current AND retired_at IS NULL AND NOT EXISTS (SELECT FROM data_keys d WHERE d.master_id = m.id)`)
		return err
	})
}

// holdMasterKey makes sure that a master key is the current one and stays it
// until the transaction ends; Conflict if it is not.
func (tx *Tx) holdMasterKey(ctx context.Context, id string) error {
	_, err := one(ctx, tx, "hold master key", pgx.RowTo[string], `SELECT id FROM master_keys WHERE id = $1 AND current FOR SHARE`, id)
	if err != nil && wa.CodeOf(err) == wa.NotFound {
		return &wa.Error{Code: wa.Conflict, Message: "the master key is being changed", Err: err}
	}
	return err
}
