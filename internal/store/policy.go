package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// PolicyRow is an org's rules for signing in, with the sealed secret.
type PolicyRow struct {
	wa.SignInPolicy
	SealedSecret []byte
}

// SignInPolicy reads an org's rules; without any, the usual ones.
func (tx *Tx) SignInPolicy(ctx context.Context, org wa.OrgID) (PolicyRow, error) {
	p, err := one(ctx, tx, "find sign-in policy", func(r pgx.CollectableRow) (p PolicyRow, err error) {
		var roles []string
		err = r.Scan(&roles, &p.OIDCIssuer, &p.OIDCClientID, &p.SealedSecret, &p.CodeClient)
		for _, role := range roles {
			p.SecondFactorRoles = append(p.SecondFactorRoles, wa.Role(role))
		}
		p.OIDCSecretSet = len(p.SealedSecret) > 0
		return p, err
	}, `
		SELECT second_factor_roles, oidc_issuer, oidc_client_id, oidc_secret, code_client FROM sign_in_policies WHERE org_id = $1`, org)
	if wa.CodeOf(err) == wa.NotFound {
		err = nil
	}
	if p.SecondFactorRoles == nil {
		p.SecondFactorRoles = []wa.Role{}
	}
	return p, err
}

// SetSignInPolicy keeps an org's rules.
func (tx *Tx) SetSignInPolicy(ctx context.Context, org wa.OrgID, p PolicyRow) error {
	roles := texts(p.SecondFactorRoles)
	if roles == nil {
		roles = []string{}
	}
	_, err := tx.moved(ctx, "set sign-in policy", `
		INSERT INTO sign_in_policies (org_id, second_factor_roles, oidc_issuer, oidc_client_id, oidc_secret, code_client)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (org_id) DO UPDATE
		SET second_factor_roles = $2, oidc_issuer = $3, oidc_client_id = $4, oidc_secret = $5, code_client = $6, updated_at = now()`,
		org, roles, p.OIDCIssuer, p.OIDCClientID, p.SealedSecret, p.CodeClient)
	return err
}

// RenameOrg names an org anew.
func (tx *Tx) RenameOrg(ctx context.Context, org wa.OrgID, name string) error {
	return tx.exactly(ctx, "rename org", `UPDATE orgs SET name = $2 WHERE id = $1`, org, name)
}

// OIDCFlow is a sign-in that is at the org's provider.
type OIDCFlow struct {
	OrgID    wa.OrgID
	Browser  []byte // hash of the cookie of who began it
	Nonce    string
	Verifier string
}

// InsertOIDCFlow keeps one until end.
func (tx *Tx) InsertOIDCFlow(ctx context.Context, f OIDCFlow, state []byte, end time.Time) error {
	_, err := tx.moved(ctx, "insert OIDC flow", `
		INSERT INTO oidc_flows (org_id, state_hash, browser, nonce, verifier, expires_at) VALUES ($1, $2, $3, $4, $5, $6)`,
		f.OrgID, state, f.Browser, f.Nonce, f.Verifier, end)
	return err
}

// TakeOIDCFlow uses one up; NotFound when it was before, or is over.
func (tx *Tx) TakeOIDCFlow(ctx context.Context, org wa.OrgID, state []byte, now time.Time) (OIDCFlow, error) {
	return one(ctx, tx, "take OIDC flow", func(r pgx.CollectableRow) (f OIDCFlow, err error) {
		err = r.Scan(&f.OrgID, &f.Browser, &f.Nonce, &f.Verifier)
		return f, err
	}, `
		DELETE FROM oidc_flows WHERE org_id = $1 AND state_hash = $2 AND expires_at > $3
		RETURNING org_id, browser, nonce, verifier`, org, state, now)
}
