package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// CallbackEndpoint finds the endpoint that stands for a host of messages' own
// addresses, and writes down, once a day, that it was named: whoever takes out
// hosts at that moment either leaves this one or has it be NotFound. One that an
// earlier version switched off is switched on again.
func (tx *Tx) CallbackEndpoint(ctx context.Context, org wa.OrgID, base string) (wa.EndpointID, error) {
	if _, err := tx.moved(ctx, "name callback endpoint", `
		UPDATE webhook_endpoints SET enabled = true, disabled_reason = '', disabled_at = NULL, named_at = now(),
			updated_at = CASE WHEN enabled THEN updated_at ELSE now() END
		WHERE org_id = $1 AND url = $2 AND callback
		  AND (NOT enabled OR named_at < now() - interval '1 day')`, org, base); err != nil {
		return wa.EndpointID{}, err
	}
	return one(ctx, tx, "find callback endpoint", pgx.RowTo[wa.EndpointID], `
		SELECT id FROM webhook_endpoints WHERE org_id = $1 AND url = $2 AND callback`, org, base)
}

// CallbackEndpoints lists the endpoints that stand for hosts of an org's
// messages' own addresses. Until the transaction ends none is added or taken out.
func (tx *Tx) CallbackEndpoints(ctx context.Context, org wa.OrgID) ([]wa.EndpointID, error) {
	if err := tx.lockCallbackHosts(ctx, org); err != nil {
		return nil, err
	}
	return collect(ctx, tx, "list callback endpoints", pgx.RowTo[wa.EndpointID], `
		SELECT id FROM webhook_endpoints WHERE org_id = $1 AND callback ORDER BY created_at`, org)
}

func (tx *Tx) lockCallbackHosts(ctx context.Context, org wa.OrgID) error {
	_, err := tx.moved(ctx, "lock callback endpoints", `SELECT pg_advisory_xact_lock(hashtextextended('callbacks ' || $1::uuid, 0))`, org)
	return err
}

// UnnamedHostOrgs pages by id through the orgs that have hosts which no message
// has named for a time, besides the one that was named last. It needs a system
// transaction.
func (tx *Tx) UnnamedHostOrgs(ctx context.Context, after wa.OrgID, unnamed time.Duration, limit int) ([]wa.OrgID, error) {
	return collect(ctx, tx, "list orgs with unnamed hosts", pgx.RowTo[wa.OrgID], `
		SELECT DISTINCT w.org_id FROM webhook_endpoints w
		WHERE w.callback AND w.org_id > $1 AND w.named_at < now() - $2::interval
		  AND EXISTS (SELECT FROM webhook_endpoints o WHERE o.org_id = w.org_id AND o.callback AND (o.named_at, o.id) > (w.named_at, w.id))
		ORDER BY w.org_id LIMIT $3`, after.UUID(), unnamed, limit)
}

// DropUnnamedHosts takes out an org's hosts that no message has named for a time
// and that have no deliveries any more, with their lines and secrets. The one
// that was named last stays, however long ago that was: it holds the secret that
// signs all of them.
func (tx *Tx) DropUnnamedHosts(ctx context.Context, org wa.OrgID, unnamed time.Duration) (int64, error) {
	if err := tx.lockCallbackHosts(ctx, org); err != nil {
		return 0, err
	}
	return tx.moved(ctx, "drop unnamed hosts", `
		DELETE FROM webhook_endpoints w
		WHERE w.org_id = $1 AND w.callback AND w.named_at < now() - $2::interval
		  AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = w.id)
		  AND EXISTS (SELECT FROM webhook_endpoints o WHERE o.org_id = $1 AND o.callback AND (o.named_at, o.id) > (w.named_at, w.id))`,
		org, unnamed)
}

// MoveCallback has what becomes of a message told by another endpoint.
func (tx *Tx) MoveCallback(ctx context.Context, org wa.OrgID, message wa.MessageID, to wa.EndpointID) error {
	return missing(tx.exactly(ctx, "move callback", `UPDATE messages SET callback_id = $3 WHERE org_id = $1 AND id = $2`, org, message, to), "message")
}
