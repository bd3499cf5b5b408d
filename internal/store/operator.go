package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// What is here needs a system transaction: operators belong to no org.

const operatorColumns = `id, name, public_id, hash, last_used_at, revoked_at, created_at`

// InsertOperator keeps a new operator; a name in use is a Conflict.
func (tx *Tx) InsertOperator(ctx context.Context, o wa.Operator) error {
	_, err := tx.moved(ctx, "insert operator", `
		INSERT INTO operators (id, name, public_id, hash) VALUES ($1, $2, $3, $4)`, o.ID, o.Name, o.PublicID, o.Hash)
	return err
}

// OperatorByPublicID finds an operator whose key is live.
func (tx *Tx) OperatorByPublicID(ctx context.Context, publicID string) (wa.Operator, error) {
	return one(ctx, tx, "find operator", scanOperator, `
		SELECT `+operatorColumns+` FROM operators WHERE public_id = $1 AND revoked_at IS NULL`, publicID)
}

// Operators lists them all, newest first, the revoked ones too.
func (tx *Tx) Operators(ctx context.Context) ([]wa.Operator, error) {
	return collect(ctx, tx, "list operators", scanOperator, `SELECT `+operatorColumns+` FROM operators ORDER BY created_at DESC, id DESC`)
}

// RenewOperator gives an operator another key, and lets them in again if they
// were revoked; NotFound if there is none of that name.
func (tx *Tx) RenewOperator(ctx context.Context, name, publicID string, hash []byte) error {
	return tx.exactly(ctx, "renew operator", `
		UPDATE operators SET public_id = $2, hash = $3, revoked_at = NULL WHERE name = $1`, name, publicID, hash)
}

// RevokeOperator ends an operator's key; it reports whether there was a live one.
func (tx *Tx) RevokeOperator(ctx context.Context, name string) (bool, error) {
	n, err := tx.moved(ctx, "revoke operator", `UPDATE operators SET revoked_at = now() WHERE name = $1 AND revoked_at IS NULL`, name)
	return n == 1, err
}

// TouchOperator notes that an operator's key was used, at most once a minute.
func (tx *Tx) TouchOperator(ctx context.Context, id wa.OperatorID) error {
	_, err := tx.moved(ctx, "touch operator", `
		UPDATE operators SET last_used_at = now()
		WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`, id)
	return err
}

func scanOperator(r pgx.CollectableRow) (o wa.Operator, err error) {
	err = r.Scan(&o.ID, &o.Name, &o.PublicID, &o.Hash, &o.LastUsedAt, &o.RevokedAt, &o.CreatedAt)
	return o, err
}
