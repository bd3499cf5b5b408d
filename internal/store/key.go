package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

const columnsOfKey = `id, org_id, public_id, hash, name, scopes, networks, coalesce(rate, 0), made_by, expires_at, revoked_at, last_used_at,
	CASE WHEN old_until > now() THEN old_until END, created_at`

// InsertKey keeps a new API key.
func (tx *Tx) InsertKey(ctx context.Context, k wa.APIKey) error {
	_, err := tx.moved(ctx, "insert key", `
		INSERT INTO api_keys (id, org_id, public_id, hash, name, scopes, networks, rate, made_by, expires_at)
		VALUES ($1, $2, $3, $4, $5, coalesce($6::text[], '{}'), coalesce($7::text[], '{}'), nullif($8, 0), $9, $10)`,
		k.ID, k.OrgID, k.PublicID, k.Hash, k.Name, texts(k.Scopes), k.Networks, k.Rate, k.MadeBy, k.ExpiresAt)
	return err
}

// KeyByPublicID finds a live key, not revoked, not expired and of an org that
// is not being deleted, by its text's public id or, until a rotation's overlap
// ends, by that of its former text: PublicID and Hash are those of the text that
// was asked for. It needs a system transaction, because whose key it is is the
// question.
func (tx *Tx) KeyByPublicID(ctx context.Context, publicID string) (wa.APIKey, error) {
	return one(ctx, tx, "find key", scanKey, `
		SELECT id, org_id, $1::text, CASE WHEN public_id = $1 THEN hash ELSE old_hash END, name, scopes, networks, coalesce(rate, 0), made_by,
		       CASE WHEN public_id = $1 THEN expires_at ELSE least(expires_at, old_until) END, revoked_at, last_used_at, old_until, created_at
		FROM api_keys
		WHERE (public_id = $1::text OR old_public_id = $1::text AND old_until > now())
		  AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
		  AND NOT EXISTS (SELECT FROM org_deletions d WHERE d.org_id = api_keys.org_id)`, publicID)
}

// Key reads one key of an org.
func (tx *Tx) Key(ctx context.Context, org wa.OrgID, id wa.KeyID) (wa.APIKey, error) {
	k, err := one(ctx, tx, "find key", scanKey, `SELECT `+columnsOfKey+` FROM api_keys WHERE org_id = $1 AND id = $2`, org, id)
	return k, missing(err, "API key")
}

// LockKey is Key, held until the transaction ends.
func (tx *Tx) LockKey(ctx context.Context, org wa.OrgID, id wa.KeyID) (wa.APIKey, error) {
	k, err := one(ctx, tx, "lock key", scanKey, `
		SELECT `+columnsOfKey+` FROM api_keys WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE`, org, id)
	return k, missing(err, "API key")
}

// Keys pages through an org's keys, newest first, the revoked ones too.
func (tx *Tx) Keys(ctx context.Context, org wa.OrgID, p Page) ([]wa.APIKey, error) {
	return collect(ctx, tx, "list keys", scanKey, `
		SELECT `+columnsOfKey+` FROM api_keys WHERE org_id = $1 AND (created_at, id) < ($2, $3)
		ORDER BY created_at DESC, id DESC LIMIT $4`, org, p.Before, p.BeforeID, p.Limit)
}

// CountKeys counts the keys of an org that are not revoked.
func (tx *Tx) CountKeys(ctx context.Context, org wa.OrgID) (int, error) {
	return one(ctx, tx, "count keys", pgx.RowTo[int], `SELECT count(*) FROM api_keys WHERE org_id = $1 AND revoked_at IS NULL`, org)
}

// UpdateKey keeps what a person changed of a key.
func (tx *Tx) UpdateKey(ctx context.Context, k wa.APIKey) error {
	return tx.exactly(ctx, "change key", `
		UPDATE api_keys SET name = $3, scopes = $4, networks = coalesce($5::text[], '{}'), rate = nullif($6, 0), expires_at = $7
		WHERE org_id = $1 AND id = $2 AND revoked_at IS NULL`, k.OrgID, k.ID, k.Name, texts(k.Scopes), k.Networks, k.Rate, k.ExpiresAt)
}

// RotateKey gives a key another text. The text of now opens too for overlap; one
// from before it ends.
func (tx *Tx) RotateKey(ctx context.Context, org wa.OrgID, id wa.KeyID, publicID string, hash []byte, overlap time.Duration) error {
	return tx.exactly(ctx, "rotate key", `
		UPDATE api_keys SET public_id = $3, hash = $4,
			old_public_id = CASE WHEN $5::interval > '0' THEN public_id END, old_hash = CASE WHEN $5::interval > '0' THEN hash END,
			old_until = CASE WHEN $5::interval > '0' THEN now() + $5::interval END
		WHERE org_id = $1 AND id = $2 AND revoked_at IS NULL`, org, id, publicID, hash, overlap)
}

// TouchKey notes that a key was used, at most once a minute.
func (tx *Tx) TouchKey(ctx context.Context, id wa.KeyID) error {
	_, err := tx.moved(ctx, "touch key", `
		UPDATE api_keys SET last_used_at = now()
		WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`, id)
	return err
}

// RevokeKey ends a key; it reports whether there was a live one.
func (tx *Tx) RevokeKey(ctx context.Context, org wa.OrgID, id wa.KeyID) (bool, error) {
	n, err := tx.moved(ctx, "revoke key", `
		UPDATE api_keys SET revoked_at = now() WHERE org_id = $1 AND id = $2 AND revoked_at IS NULL`, org, id)
	return n == 1, err
}

func scanKey(r pgx.CollectableRow) (k wa.APIKey, err error) {
	var scopes []string
	err = r.Scan(&k.ID, &k.OrgID, &k.PublicID, &k.Hash, &k.Name, &scopes, &k.Networks, &k.Rate, &k.MadeBy, &k.ExpiresAt, &k.RevokedAt,
		&k.LastUsedAt, &k.OldUntil, &k.CreatedAt)
	for _, s := range scopes {
		k.Scopes = append(k.Scopes, wa.Permission(s))
	}
	return k, err
}
