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
		err = r.Scan(&o.ID, &o.Name, &o.TimeZone, &o.CreatedAt)
		return o, err
	}, `SELECT id, name, time_zone, created_at FROM orgs WHERE name = $1 ORDER BY created_at LIMIT 1`, name)
}

// InsertUser keeps a new user; a known e-mail address is a Conflict.
func (tx *Tx) InsertUser(ctx context.Context, u wa.User, passwordHash string) error {
	_, err := tx.moved(ctx, "insert user", `
		INSERT INTO users (id, org_id, email, password_hash, role, name) VALUES ($1, $2, $3, $4, $5, $6)`,
		u.ID, u.OrgID, u.Email, passwordHash, u.Role, u.Name)
	return err
}
