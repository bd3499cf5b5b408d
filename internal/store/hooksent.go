package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// AttemptMade reads a request that was made for a delivery, without what came of
// it; number 0 stands for the last one.
func (tx *Tx) AttemptMade(ctx context.Context, org wa.OrgID, id wa.DeliveryID, number int) (wa.Attempt, error) {
	found, err := one(ctx, tx, "find attempt", func(r pgx.CollectableRow) (a wa.Attempt, err error) {
		err = r.Scan(&a.Number, &a.Trigger, &a.At, &a.Signature)
		a.OrgID, a.Delivery = org, id
		return a, err
	}, `
		SELECT number, trigger, at, signature FROM webhook_attempts
		WHERE org_id = $1 AND delivery_id = $2 AND ($3::int = 0 OR number = $3::int) ORDER BY id DESC LIMIT 1`, org, id, number)
	return found, missing(err, "attempt")
}

// SentTogether lists the deliveries that went in the same request as an attempt,
// itself among them: no two requests have both their time and their signature.
func (tx *Tx) SentTogether(ctx context.Context, a wa.Attempt) ([]wa.DeliveryID, error) {
	return collect(ctx, tx, "list what went together", pgx.RowTo[wa.DeliveryID], `
		SELECT delivery_id FROM webhook_attempts WHERE org_id = $1 AND at = $2 AND signature = $3 LIMIT $4`,
		a.OrgID, a.At, a.Signature, wa.MaxHookBatch)
}

// Parcels reads deliveries of an endpoint with all that their bodies are made of,
// whatever became of them, in the order of their chat.
func (tx *Tx) Parcels(ctx context.Context, org wa.OrgID, endpoint wa.EndpointID, ids []wa.DeliveryID) ([]Due, error) {
	return collect(ctx, tx, "read what is sent", scanDue, `
		SELECT `+dueColumns+` FROM webhook_deliveries`+dueTables+`
		WHERE d.org_id = $1 AND d.endpoint_id = $2 AND d.id = ANY ($3::uuid[]) ORDER BY d.position`, org, endpoint, deliveryUUIDs(ids))
}
