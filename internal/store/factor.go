package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// KeepSeed keeps the seed of an authenticator app that is not confirmed yet, in
// place of one that never was. It reports false when there is a confirmed one.
func (tx *Tx) KeepSeed(ctx context.Context, org wa.OrgID, id wa.UserID, sealed []byte) (bool, error) {
	n, err := tx.moved(ctx, "keep seed", `
		UPDATE users SET totp_seed = $3, totp_step = 0 WHERE org_id = $1 AND id = $2 AND totp_confirmed_at IS NULL`, org, id, sealed)
	return n == 1, err
}

// ConfirmSeed makes the seed count, with the step by which it was confirmed.
func (tx *Tx) ConfirmSeed(ctx context.Context, org wa.OrgID, id wa.UserID, step int64, now time.Time) (bool, error) {
	n, err := tx.moved(ctx, "confirm seed", `
		UPDATE users SET totp_confirmed_at = $4, totp_step = $3
		WHERE org_id = $1 AND id = $2 AND totp_seed IS NOT NULL AND totp_confirmed_at IS NULL`, org, id, step, now)
	return n == 1, err
}

// TakeStep uses a time step up. It reports false for one that was used before,
// or lies before one that was: a code that somebody saw opens nothing twice.
func (tx *Tx) TakeStep(ctx context.Context, org wa.OrgID, id wa.UserID, step int64) (bool, error) {
	n, err := tx.moved(ctx, "take step", `
		UPDATE users SET totp_step = $3 WHERE org_id = $1 AND id = $2 AND totp_confirmed_at IS NOT NULL AND totp_step < $3`, org, id, step)
	return n == 1, err
}

// DropFactors takes away the authenticator app, the recovery codes and the
// number for one-time codes. It reports whether there was an app.
func (tx *Tx) DropFactors(ctx context.Context, org wa.OrgID, id wa.UserID) (bool, error) {
	if err := tx.ReplaceRecoveryCodes(ctx, org, id, nil); err != nil {
		return false, err
	}
	n, err := tx.moved(ctx, "drop second factors", `
		UPDATE users SET totp_seed = NULL, totp_confirmed_at = NULL, totp_step = 0, phone = ''
		WHERE org_id = $1 AND id = $2 AND (totp_seed IS NOT NULL OR phone <> '')`, org, id)
	return n == 1, err
}

// ReplaceRecoveryCodes keeps the hashes of new codes and forgets all old ones.
func (tx *Tx) ReplaceRecoveryCodes(ctx context.Context, org wa.OrgID, id wa.UserID, hashes [][]byte) error {
	if _, err := tx.moved(ctx, "forget recovery codes", `DELETE FROM recovery_codes WHERE org_id = $1 AND user_id = $2`, org, id); err != nil {
		return err
	}
	_, err := tx.moved(ctx, "keep recovery codes", `
		INSERT INTO recovery_codes (org_id, user_id, hash) SELECT $1, $2, unnest($3::bytea[])`, org, id, hashes)
	return err
}

// TakeRecoveryCode uses a code up; it reports whether there was such a one.
func (tx *Tx) TakeRecoveryCode(ctx context.Context, org wa.OrgID, id wa.UserID, hash []byte, now time.Time) (bool, error) {
	n, err := tx.moved(ctx, "take recovery code", `
		UPDATE recovery_codes SET used_at = $4 WHERE org_id = $1 AND user_id = $2 AND hash = $3 AND used_at IS NULL`, org, id, hash, now)
	return n == 1, err
}

// CountRecoveryCodes tells how many are left.
func (tx *Tx) CountRecoveryCodes(ctx context.Context, org wa.OrgID, id wa.UserID) (int, error) {
	return one(ctx, tx, "count recovery codes", pgx.RowTo[int], `
		SELECT count(*) FROM recovery_codes WHERE org_id = $1 AND user_id = $2 AND used_at IS NULL`, org, id)
}

// OneTimeCode is a code that was sent, as it is kept.
type OneTimeCode struct {
	Purpose   string // "sign_in" or "phone"
	Hash      []byte
	Phone     wa.Phone
	SentAt    time.Time
	ExpiresAt time.Time
}

// KeepOneTimeCode keeps a code in place of the one before it. It reports false
// when that was sent after since: nobody is sent codes without end.
func (tx *Tx) KeepOneTimeCode(ctx context.Context, org wa.OrgID, id wa.UserID, c OneTimeCode, since time.Time) (bool, error) {
	n, err := tx.moved(ctx, "keep one-time code", `
		INSERT INTO one_time_codes (org_id, user_id, purpose, hash, phone, sent_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (user_id, purpose) DO UPDATE
		SET hash = excluded.hash, phone = excluded.phone, sent_at = excluded.sent_at, expires_at = excluded.expires_at
		WHERE one_time_codes.sent_at <= $8`, org, id, c.Purpose, c.Hash, string(c.Phone), c.SentAt, c.ExpiresAt, since)
	return n == 1, err
}

// CountCode counts a code that goes to a subject on a day, and gives how many
// went there with it.
func (tx *Tx) CountCode(ctx context.Context, org wa.OrgID, subject []byte, day time.Time) (int, error) {
	return one(ctx, tx, "count codes", pgx.RowTo[int], `
		INSERT INTO code_counts (org_id, subject, day, sent) VALUES ($1, $2, $3, 1)
		ON CONFLICT (org_id, subject, day) DO UPDATE SET sent = code_counts.sent + 1 RETURNING sent`, org, subject, day)
}

// TakeOneTimeCode uses a code up and gives the number it was sent to; none that
// is right and in time is NotFound.
func (tx *Tx) TakeOneTimeCode(ctx context.Context, org wa.OrgID, id wa.UserID, purpose string, hash []byte, now time.Time) (wa.Phone, error) {
	phone, err := one(ctx, tx, "take one-time code", pgx.RowTo[string], `
		DELETE FROM one_time_codes
		WHERE org_id = $1 AND user_id = $2 AND purpose = $3 AND hash = $4 AND expires_at > $5 RETURNING phone`, org, id, purpose, hash, now)
	return wa.Phone(phone), err
}
