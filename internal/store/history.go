package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// withHistory makes of a statement that writes one client's status one that
// also writes the line of its history. It moves as many rows as the statement
// does. $7 is the event that the change is told as.
func withHistory(statement string) string {
	return `
		WITH changed AS (` + statement + `
			RETURNING org_id, id, status, status_reason, until)
		INSERT INTO client_history (org_id, client_id, status, reason, until, event)
		SELECT org_id, id, status, status_reason, until, $7::text FROM changed`
}

// ClientHistory pages through the changes of a client's status, newest first.
func (tx *Tx) ClientHistory(ctx context.Context, org wa.OrgID, id wa.ClientID, p Page) ([]wa.ClientChange, error) {
	return collect(ctx, tx, "list client history", func(r pgx.CollectableRow) (c wa.ClientChange, err error) {
		err = r.Scan(&c.ID, &c.At, &c.Status, &c.Reason, &c.Until)
		return c, err
	}, `
		SELECT id::text, at, status, reason, until FROM client_history
		WHERE org_id = $1 AND client_id = $2 AND (at, id) < ($3, $4::uuid)
		ORDER BY at DESC, client_history.id DESC LIMIT $5`, org, id, p.Before, p.BeforeID, p.Limit)
}

// SweepHistory deletes what is older than age, at most limit lines. The last
// line of a client stays: it says how the client is.
func (tx *Tx) SweepHistory(ctx context.Context, age time.Duration, limit int) (int64, error) {
	return tx.moved(ctx, "sweep client history", `
		DELETE FROM client_history WHERE id = ANY (ARRAY(
			SELECT h.id FROM client_history h
			WHERE h.at < now() - $1::interval AND EXISTS (SELECT FROM client_history n WHERE n.client_id = h.client_id AND n.at > h.at)
			ORDER BY h.at LIMIT $2))`, age, limit)
}
