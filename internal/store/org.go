package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// InsertOrg keeps a new org. It needs a system transaction.
func (tx *Tx) InsertOrg(ctx context.Context, o wa.Org) error {
	_, err := tx.moved(ctx, "insert org", `INSERT INTO orgs (id, name) VALUES ($1, $2)`, o.ID, o.Name)
	return err
}

// OrgByName finds an org by its exact name, oldest first; NotFound if none.
func (tx *Tx) OrgByName(ctx context.Context, name string) (wa.Org, error) {
	return one(ctx, tx, "find org", func(r pgx.CollectableRow) (o wa.Org, err error) {
		err = r.Scan(&o.ID, &o.Name, &o.CreatedAt)
		return o, err
	}, `SELECT id, name, created_at FROM orgs WHERE name = $1 ORDER BY created_at LIMIT 1`, name)
}

// InsertUser keeps a new user; a known e-mail address is a Conflict.
func (tx *Tx) InsertUser(ctx context.Context, u wa.User, passwordHash string) error {
	_, err := tx.moved(ctx, "insert user", `
		INSERT INTO users (id, org_id, email, password_hash, role) VALUES ($1, $2, $3, $4, $5)`,
		u.ID, u.OrgID, u.Email, passwordHash, u.Role)
	return err
}

// InsertKey keeps a new API key.
func (tx *Tx) InsertKey(ctx context.Context, k wa.APIKey) error {
	_, err := tx.moved(ctx, "insert key", `
		INSERT INTO api_keys (id, org_id, public_id, hash, name, scopes, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		k.ID, k.OrgID, k.PublicID, k.Hash, k.Name, permissionTexts(k.Scopes), k.ExpiresAt)
	return err
}

// KeyByPublicID finds a live key: not revoked, not expired. It needs a system
// transaction, because whose key it is is the question.
func (tx *Tx) KeyByPublicID(ctx context.Context, publicID string) (wa.APIKey, error) {
	return one(ctx, tx, "find key", scanKey, `
		SELECT id, org_id, public_id, hash, name, scopes, expires_at, revoked_at, last_used_at, created_at
		FROM api_keys
		WHERE public_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`, publicID)
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
	err = r.Scan(&k.ID, &k.OrgID, &k.PublicID, &k.Hash, &k.Name, &scopes, &k.ExpiresAt, &k.RevokedAt, &k.LastUsedAt, &k.CreatedAt)
	for _, s := range scopes {
		k.Scopes = append(k.Scopes, wa.Permission(s))
	}
	return k, err
}

func permissionTexts(ps []wa.Permission) []string {
	texts := make([]string, len(ps))
	for i, p := range ps {
		texts[i] = string(p)
	}
	return texts
}
