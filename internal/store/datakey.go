package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// What a keyring asks for is not asked within somebody's transaction: a key
// must be there for everybody before the first text that it seals. So these
// methods are the database's, and make transactions of their own.

const dataKeyColumns = `org_id, keyset, master_id, version, coalesce(pending, 0), resealing,
	clock_timestamp() - changed_at, clock_timestamp() - made_at`

// inOrgOrSystem is InOrg; for the zero org, which is the installation, InTx.
func (db *DB) inOrgOrSystem(ctx context.Context, org wa.OrgID, fn func(*Tx) error) error {
	if org.IsZero() {
		return db.InTx(ctx, fn)
	}
	return db.InOrg(ctx, org, fn)
}

// DataKey reads an org's data key; NotFound when it has none.
func (db *DB) DataKey(ctx context.Context, org wa.OrgID) (k wa.DataKey, err error) {
	err = db.inOrgOrSystem(ctx, org, func(tx *Tx) (err error) {
		k, err = one(ctx, tx, "read data key", scanDataKey, `
			SELECT `+dataKeyColumns+` FROM data_keys
			WHERE org_id = $1 OR (org_id IS NULL AND $1::uuid IS NULL)`, org)
		return err
	})
	return k, err
}

// InsertDataKey keeps an org's first data key. Conflict: there is one, or its
// master key is not the current one.
func (db *DB) InsertDataKey(ctx context.Context, k wa.DataKey) error {
	return db.inOrgOrSystem(ctx, k.Org, func(tx *Tx) error {
		if err := tx.holdMasterKey(ctx, k.Master); err != nil {
			return err
		}
		_, err := tx.moved(ctx, "insert data key", `
			INSERT INTO data_keys (org_id, keyset, master_id, version) VALUES ($1, $2, $3, $4)`, k.Org, k.Keyset, k.Master, k.Version)
		return err
	})
}

// ChangeDataKey keeps a changed keyset, one version after the one it was made
// of. False: somebody else changed it. Fresh says that it has a new key.
func (db *DB) ChangeDataKey(ctx context.Context, k wa.DataKey, fresh bool) (done bool, err error) {
	err = db.inOrgOrSystem(ctx, k.Org, func(tx *Tx) error {
		if err := tx.holdMasterKey(ctx, k.Master); err != nil {
			return err
		}
		n, err := tx.moved(ctx, "change data key", `
			UPDATE data_keys SET keyset = $2, master_id = $3, version = version + 1, pending = nullif($5::bigint, 0), resealing = $6,
				changed_at = clock_timestamp(), made_at = CASE WHEN $7 THEN clock_timestamp() ELSE made_at END
			WHERE (org_id = $1 OR (org_id IS NULL AND $1::uuid IS NULL)) AND version = $4`,
			k.Org, k.Keyset, k.Master, k.Version, int64(k.Pending), k.Resealing, fresh)
		done = n == 1
		return err
	})
	return done, err
}

// RewrapDataKey keeps the same keyset under the current master key. False:
// somebody else changed it.
func (db *DB) RewrapDataKey(ctx context.Context, k wa.DataKey, from string) (done bool, err error) {
	err = db.inOrgOrSystem(ctx, k.Org, func(tx *Tx) error {
		if err := tx.holdMasterKey(ctx, k.Master); err != nil {
			return err
		}
		n, err := tx.moved(ctx, "wrap data key", `
			UPDATE data_keys SET keyset = $2, master_id = $3
			WHERE (org_id = $1 OR (org_id IS NULL AND $1::uuid IS NULL)) AND version = $4 AND master_id = $5`,
			k.Org, k.Keyset, k.Master, k.Version, from)
		done = n == 1
		return err
	})
	return done, err
}

// DataKeysUnderOthers gives some that are not under a master key yet.
func (db *DB) DataKeysUnderOthers(ctx context.Context, master string, most int) (all []wa.DataKey, err error) {
	err = db.InTx(ctx, func(tx *Tx) (err error) {
		all, err = collect(ctx, tx, "list data keys", scanDataKey, `
			SELECT `+dataKeyColumns+` FROM data_keys WHERE master_id <> $1 LIMIT $2`, master, most)
		return err
	})
	return all, err
}

// ChangedDataKeys gives the orgs whose keysets changed lately, with their
// versions.
func (db *DB) ChangedDataKeys(ctx context.Context, lately time.Duration) (map[wa.OrgID]int64, error) {
	changed := map[wa.OrgID]int64{}
	err := db.InTx(ctx, func(tx *Tx) error {
		rows, err := collect(ctx, tx, "list changed data keys", func(r pgx.CollectableRow) (k wa.DataKey, err error) {
			err = r.Scan(&k.Org, &k.Version)
			return k, err
		}, `SELECT org_id, version FROM data_keys WHERE changed_at > clock_timestamp() - $1::interval`, lately)
		for _, k := range rows {
			changed[k.Org] = k.Version
		}
		return err
	})
	return changed, err
}

func scanDataKey(r pgx.CollectableRow) (k wa.DataKey, err error) {
	err = r.Scan(&k.Org, &k.Keyset, &k.Master, &k.Version, &k.Pending, &k.Resealing, &k.Settled, &k.Age)
	return k, err
}

// InstallationSecret reads a secret of the installation's; NotFound when there
// is none of that name.
func (db *DB) InstallationSecret(ctx context.Context, name string) (sealed []byte, err error) {
	err = db.InTx(ctx, func(tx *Tx) (err error) {
		sealed, err = one(ctx, tx, "read secret", pgx.RowTo[[]byte], `SELECT sealed FROM installation_secrets WHERE name = $1`, name)
		return err
	})
	return sealed, err
}

// KeepInstallationSecret keeps one, unless there is one of that name.
func (db *DB) KeepInstallationSecret(ctx context.Context, name string, sealed []byte) error {
	return db.InTx(ctx, func(tx *Tx) error {
		_, err := tx.moved(ctx, "keep secret", `
			INSERT INTO installation_secrets (name, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING`, name, sealed)
		return err
	})
}

// SecretLost reports whether a secret of the installation's, which is not there,
// must have been: what is made by it is younger than the first master key, and
// the data key that sealed it is not from this moment. What is older than the
// master keys is from before a lost one was given up, or from before there were
// any.
func (db *DB) SecretLost(ctx context.Context, name string) (lost bool, err error) {
	err = db.InTx(ctx, func(tx *Tx) (err error) {
		lost, err = one(ctx, tx, "look for what hangs on a secret", pgx.RowTo[bool], `
			SELECT EXISTS (SELECT FROM data_keys WHERE org_id IS NULL AND (version > 1 OR made_at < clock_timestamp() - interval '10 seconds'))
			  AND CASE $1
			      WHEN 'root' THEN EXISTS (SELECT FROM orgs WHERE created_at > (SELECT min(created_at) FROM master_keys))
			      WHEN 'audit anchors' THEN EXISTS (SELECT FROM audit_anchors WHERE at > (SELECT min(created_at) FROM master_keys))
			      ELSE false END`, name)
		return err
	})
	return lost, err
}
