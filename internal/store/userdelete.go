package store

import (
	"context"

	"chasqui/internal/wa"
)

// DeleteUser takes a person away with everything that hangs on them: sessions,
// second factors, links, codes, what they look after. Where their address stands
// beside what they did, their id takes its place. It reports false when they are
// the org's last active admin; callers hold the org's lock.
func (tx *Tx) DeleteUser(ctx context.Context, org wa.OrgID, u wa.User) (bool, error) {
	n, err := tx.moved(ctx, "delete user", `
		DELETE FROM users
		WHERE org_id = $1 AND id = $2
		  AND (role <> 'admin' OR status <> 'active'
		       OR EXISTS (SELECT FROM users o WHERE o.org_id = $1 AND o.id <> $2 AND o.role = 'admin' AND o.status = 'active'))`, org, u.ID)
	if err != nil || n == 0 {
		return false, err
	}
	if _, err := tx.moved(ctx, "forget invitations of user", `DELETE FROM invitations WHERE org_id = $1 AND email = $2`, org, u.Email); err != nil {
		return false, err
	}
	for _, q := range []string{
		`UPDATE invitations SET invited_by = $3 WHERE org_id = $1 AND invited_by = $2`,
		`UPDATE api_keys SET made_by = $3 WHERE org_id = $1 AND made_by = $2`,
		`UPDATE stops SET set_by = $3 WHERE org_id = $1 AND set_by = $2`,
	} {
		if _, err := tx.moved(ctx, "forget user", q, org, u.Email, u.ID.String()); err != nil {
			return false, err
		}
	}
	return true, nil
}
