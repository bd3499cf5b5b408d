package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// goes is whether nothing holds client $2 of org $1. Both tables are empty but
// for emergencies.
const goes = `NOT EXISTS (SELECT FROM installation_stop WHERE id)
			  AND NOT EXISTS (SELECT FROM stops s WHERE s.org_id = $1 AND (s.client_id IS NULL OR s.client_id = $2))`

// haltOf is what holds a client: the widest stop there is.
const haltOf = `CASE
	WHEN EXISTS (SELECT FROM installation_stop WHERE id) THEN 'installation'
	WHEN EXISTS (SELECT FROM stops s WHERE s.org_id = clients.org_id AND s.client_id IS NULL) THEN 'org'
	WHEN EXISTS (SELECT FROM stops s WHERE s.org_id = clients.org_id AND s.client_id = clients.id) THEN 'client' ELSE '' END`

// Halt throws the kill switch for a client, or for all of the org when there is
// none. False: it was thrown already, and stays as it was.
func (tx *Tx) Halt(ctx context.Context, h wa.Halt) (bool, error) {
	n, err := tx.moved(ctx, "stop", `
		INSERT INTO stops (org_id, client_id, reason, set_by) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
		h.OrgID, h.ClientID, h.Reason, h.By)
	return n == 1, err
}

// Unhalt takes back what Halt did, for exactly that scope; false when it was not
// in force.
func (tx *Tx) Unhalt(ctx context.Context, org wa.OrgID, client wa.ClientID) (bool, error) {
	n, err := tx.moved(ctx, "release", `
		DELETE FROM stops WHERE org_id = $1 AND client_id IS NOT DISTINCT FROM $2::uuid`, org, client)
	return n == 1, err
}

// HaltAll throws the kill switch for the whole installation.
func (tx *Tx) HaltAll(ctx context.Context, h wa.Halt) (bool, error) {
	n, err := tx.moved(ctx, "stop everything", `
		INSERT INTO installation_stop (reason, set_by) VALUES ($1, $2) ON CONFLICT DO NOTHING`, h.Reason, h.By)
	return n == 1, err
}

// UnhaltAll takes back what HaltAll did.
func (tx *Tx) UnhaltAll(ctx context.Context) (bool, error) {
	n, err := tx.moved(ctx, "release everything", `DELETE FROM installation_stop WHERE id`)
	return n == 1, err
}

const haltColumns = `scope, org_id, client_id, reason, set_by, created_at FROM (
	SELECT 'installation' AS scope, NULL::uuid AS org_id, NULL::uuid AS client_id, reason, set_by, created_at FROM installation_stop WHERE id
	UNION ALL
	SELECT CASE WHEN client_id IS NULL THEN 'org' ELSE 'client' END, org_id, client_id, reason, set_by, created_at FROM stops`

// OrgHalts lists what holds an org or clients of it, the widest first.
func (tx *Tx) OrgHalts(ctx context.Context, org wa.OrgID) ([]wa.Halt, error) {
	return collect(ctx, tx, "list stops", scanHalt, `
		SELECT `+haltColumns+` WHERE org_id = $1) h
		ORDER BY CASE scope WHEN 'installation' THEN 0 WHEN 'org' THEN 1 ELSE 2 END, created_at, client_id`, org)
}

// Halts lists everything that is held anywhere.
func (tx *Tx) Halts(ctx context.Context) ([]wa.Halt, error) {
	return collect(ctx, tx, "list all stops", scanHalt, `SELECT `+haltColumns+`) h`)
}

// OrgOfClient tells whose client it is; NotFound when nobody's. It needs a
// system transaction, because whose it is is the question.
func (tx *Tx) OrgOfClient(ctx context.Context, id wa.ClientID) (wa.OrgID, error) {
	return one(ctx, tx, "find a client's org", pgx.RowTo[wa.OrgID], `SELECT org_id FROM clients WHERE id = $1 AND deleted_at IS NULL`, id)
}

// OrgIDs lists every org.
func (tx *Tx) OrgIDs(ctx context.Context) ([]wa.OrgID, error) {
	return collect(ctx, tx, "list orgs", pgx.RowTo[wa.OrgID], `SELECT id FROM orgs`)
}

func scanHalt(r pgx.CollectableRow) (h wa.Halt, err error) {
	err = r.Scan(&h.Scope, &h.OrgID, &h.ClientID, &h.Reason, &h.By, &h.Since)
	return h, err
}
