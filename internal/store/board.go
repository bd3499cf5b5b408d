package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Fate is where a message stands, for the operator's view of its ticket.
type Fate struct {
	Status wa.Status
	Code   string // of its failure
	WireID string
}

// Fate tells where a message stands. Tickets do not say whose it is, so it
// needs a system transaction.
func (tx *Tx) Fate(ctx context.Context, client wa.ClientID, id wa.MessageID) (Fate, error) {
	return one(ctx, tx, "read fate", func(r pgx.CollectableRow) (f Fate, err error) {
		err = r.Scan(&f.Status, &f.Code, &f.WireID)
		return f, err
	}, `SELECT status, coalesce(error_code, ''), wire_id FROM messages WHERE id = $1 AND client_id = $2`, id, client)
}

// OwnerSlot tells which live worker holds a client; NotFound when none does. It
// needs a system transaction.
func (tx *Tx) OwnerSlot(ctx context.Context, client wa.ClientID) (int, error) {
	return one(ctx, tx, "find owner", pgx.RowTo[int], `
		SELECT w.slot FROM clients c JOIN workers w ON w.slot = c.slot AND w.epoch = c.worker_epoch
		WHERE c.id = $1 AND w.expires_at > now()`, client)
}
