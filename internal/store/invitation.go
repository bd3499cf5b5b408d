package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

const invitationColumns = `id, org_id, email, role, invited_by, expires_at, accepted_at, revoked_at, created_at`

// InsertInvitation keeps an invitation; an open one to the same address is
// revoked.
func (tx *Tx) InsertInvitation(ctx context.Context, i wa.Invitation, token []byte) error {
	if _, err := tx.moved(ctx, "replace invitation", `
		UPDATE invitations SET revoked_at = $3
		WHERE org_id = $1 AND email = $2 AND accepted_at IS NULL AND revoked_at IS NULL`, i.OrgID, i.Email, i.CreatedAt); err != nil {
		return err
	}
	_, err := tx.moved(ctx, "insert invitation", `
		INSERT INTO invitations (org_id, id, email, role, token_hash, invited_by, expires_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, i.OrgID, i.ID, i.Email, i.Role, token, i.InvitedBy, i.ExpiresAt, i.CreatedAt)
	return err
}

// Invitations pages through an org's invitations, newest first.
func (tx *Tx) Invitations(ctx context.Context, org wa.OrgID, p Page) ([]wa.Invitation, error) {
	return collect(ctx, tx, "list invitations", scanInvitation, `
		SELECT `+invitationColumns+` FROM invitations
		WHERE org_id = $1 AND (created_at, id) < ($2, $3::uuid)
		ORDER BY created_at DESC, id DESC
		LIMIT $4`, org, p.Before, p.BeforeID, p.Limit)
}

// Invitation reads one.
func (tx *Tx) Invitation(ctx context.Context, org wa.OrgID, id wa.InvitationID) (wa.Invitation, error) {
	i, err := one(ctx, tx, "find invitation", scanInvitation, `SELECT `+invitationColumns+` FROM invitations WHERE org_id = $1 AND id = $2`, org, id)
	return i, missing(err, "invitation")
}

// OpenInvitation finds the open one to an address; NotFound if none.
func (tx *Tx) OpenInvitation(ctx context.Context, org wa.OrgID, email string) (wa.Invitation, error) {
	return one(ctx, tx, "find invitation", scanInvitation, `
		SELECT `+invitationColumns+` FROM invitations
		WHERE org_id = $1 AND email = $2 AND accepted_at IS NULL AND revoked_at IS NULL`, org, email)
}

// InvitationByToken finds an open invitation, of an org that is not being
// deleted. It needs a system transaction.
func (tx *Tx) InvitationByToken(ctx context.Context, token []byte, now time.Time) (wa.Invitation, error) {
	return one(ctx, tx, "find invitation", scanInvitation, `
		SELECT `+invitationColumns+` FROM invitations
		WHERE token_hash = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $2
		  AND NOT EXISTS (SELECT FROM org_deletions d WHERE d.org_id = invitations.org_id)`, token, now)
}

// UseInvitation marks it accepted; false when somebody was faster.
func (tx *Tx) UseInvitation(ctx context.Context, org wa.OrgID, id wa.InvitationID, now time.Time) (bool, error) {
	n, err := tx.moved(ctx, "use invitation", `
		UPDATE invitations SET accepted_at = $3
		WHERE org_id = $1 AND id = $2 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $3`, org, id, now)
	return n == 1, err
}

// RevokeInvitation ends an open one; it reports whether it was.
func (tx *Tx) RevokeInvitation(ctx context.Context, org wa.OrgID, id wa.InvitationID, now time.Time) (bool, error) {
	n, err := tx.moved(ctx, "revoke invitation", `
		UPDATE invitations SET revoked_at = $3
		WHERE org_id = $1 AND id = $2 AND accepted_at IS NULL AND revoked_at IS NULL`, org, id, now)
	return n == 1, err
}

// RevokeInvitationsBy ends the open ones that somebody made: who may not invite
// any more must not have invited.
func (tx *Tx) RevokeInvitationsBy(ctx context.Context, org wa.OrgID, email string, now time.Time) (int64, error) {
	return tx.moved(ctx, "revoke invitations", `
		UPDATE invitations SET revoked_at = $3
		WHERE org_id = $1 AND invited_by = $2 AND accepted_at IS NULL AND revoked_at IS NULL`, org, email, now)
}

func scanInvitation(r pgx.CollectableRow) (i wa.Invitation, err error) {
	err = r.Scan(&i.ID, &i.OrgID, &i.Email, &i.Role, &i.InvitedBy, &i.ExpiresAt, &i.AcceptedAt, &i.RevokedAt, &i.CreatedAt)
	return i, err
}
