package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// PairingRow is a pairing with the counter of what people did to it.
type PairingRow struct {
	wa.Pairing
	Version   int64
	Confirmed bool
}

// StartPairing begins a fresh attempt and forgets the one before.
func (tx *Tx) StartPairing(ctx context.Context, org wa.OrgID, client wa.ClientID, method wa.PairMethod, phone wa.Phone) error {
	_, err := tx.moved(ctx, "start pairing", `
		INSERT INTO pairings (client_id, org_id, method, phone) VALUES ($1, $2, $3, $4)
		ON CONFLICT (client_id) DO UPDATE SET method = $3, phone = $4, code = '', expires_at = NULL, error = '',
		       passkey = NULL, answer = NULL, confirm = '', confirmed = false, version = pairings.version + 1,
		       started_at = now(), updated_at = now()`, client, org, method, phone)
	return err
}

// Pairing reads a client's attempt; NotFound when there is none.
func (tx *Tx) Pairing(ctx context.Context, org wa.OrgID, client wa.ClientID) (PairingRow, error) {
	return one(ctx, tx, "find pairing", func(r pgx.CollectableRow) (p PairingRow, err error) {
		err = r.Scan(&p.ClientID, &p.Method, &p.Phone, &p.Code, &p.ExpiresAt, &p.Error, &p.Passkey, &p.Answer, &p.Confirm,
			&p.StartedAt, &p.Version, &p.Confirmed)
		return p, err
	}, `
		SELECT client_id, method, phone, code, expires_at, error, passkey, answer, confirm, started_at, version, confirmed
		FROM pairings WHERE org_id = $1 AND client_id = $2`, org, client)
}

// SetPairingCode shows the code that the phone shall read.
func (tx *Tx) SetPairingCode(ctx context.Context, org wa.OrgID, client wa.ClientID, code string, expires time.Time) error {
	_, err := tx.moved(ctx, "set pairing code", `
		UPDATE pairings SET code = $3, expires_at = $4, error = '', updated_at = now()
		WHERE org_id = $1 AND client_id = $2`, org, client, code, expires)
	return err
}

// SetPasskey shows what the phone's owner must sign (a new request, in place of
// the code and of any answer to another request), or the code to compare, for
// which request is nil.
func (tx *Tx) SetPasskey(ctx context.Context, org wa.OrgID, client wa.ClientID, request []byte, confirm string, expires time.Time) error {
	_, err := tx.moved(ctx, "set passkey request", `
		UPDATE pairings SET passkey = coalesce($3, passkey), answer = CASE WHEN $3::bytea IS NULL THEN answer END, confirm = $4, confirmed = false,
		       code = '', expires_at = $5, updated_at = now()
		WHERE org_id = $1 AND client_id = $2`, org, client, request, confirm, expires)
	return err
}

// AnswerPasskey keeps the passkey's answer, or the person's confirmation, for
// the owner to pass on.
func (tx *Tx) AnswerPasskey(ctx context.Context, org wa.OrgID, client wa.ClientID, answer []byte, confirmed bool) error {
	return tx.exactly(ctx, "answer passkey", `
		UPDATE pairings SET answer = coalesce($3, answer), confirmed = confirmed OR $4, version = version + 1, updated_at = now()
		WHERE org_id = $1 AND client_id = $2 AND passkey IS NOT NULL`, org, client, answer, confirmed)
}

// FailPairing ends an attempt with a reason; the row stays so that the person
// who waits can read it.
func (tx *Tx) FailPairing(ctx context.Context, org wa.OrgID, client wa.ClientID, reason string) error {
	_, err := tx.moved(ctx, "fail pairing", `
		UPDATE pairings SET code = '', expires_at = NULL, passkey = NULL, answer = NULL, error = $3, updated_at = now()
		WHERE org_id = $1 AND client_id = $2`, org, client, reason)
	return err
}

// EndPairing forgets an attempt that succeeded or is not wanted any more.
func (tx *Tx) EndPairing(ctx context.Context, org wa.OrgID, client wa.ClientID) error {
	_, err := tx.moved(ctx, "end pairing", `DELETE FROM pairings WHERE org_id = $1 AND client_id = $2`, org, client)
	return err
}
