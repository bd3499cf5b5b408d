package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// HookLine is what the holder of an endpoint's line knows and leaves to the
// next one.
type HookLine struct {
	OrgID         wa.OrgID
	OpenUntil     *time.Time
	Trips         int
	Recent        json.RawMessage // the holder's own
	FailingSince  *time.Time
	FailingTold   bool
	LastSuccessAt *time.Time
	LastFailureAt *time.Time
}

// TakeHookLine takes an endpoint's line for ttl if nobody holds it; NotFound
// otherwise.
func (tx *Tx) TakeHookLine(ctx context.Context, id wa.EndpointID, holder uuid.UUID, ttl time.Duration) (HookLine, error) {
	return one(ctx, tx, "take line", func(r pgx.CollectableRow) (l HookLine, err error) {
		err = r.Scan(&l.OrgID, &l.OpenUntil, &l.Trips, &l.Recent, &l.FailingSince, &l.FailingTold, &l.LastSuccessAt, &l.LastFailureAt)
		return l, err
	}, `
		UPDATE webhook_lines SET holder = $2, lease_until = clock_timestamp() + $3::interval
		WHERE endpoint_id = $1 AND (lease_until < clock_timestamp() OR holder = $2)
		  AND EXISTS (SELECT FROM webhook_endpoints w WHERE w.id = $1 AND w.enabled AND w.deleted_at IS NULL)
		RETURNING org_id, open_until, trips, recent, failing_since, failing_told, last_success_at, last_failure_at`,
		id, holder.String(), ttl)
}

// RenewHookLines keeps lines for another ttl and gives those that are still the
// holder's.
func (tx *Tx) RenewHookLines(ctx context.Context, holder uuid.UUID, ids []wa.EndpointID, ttl time.Duration) ([]wa.EndpointID, error) {
	return collect(ctx, tx, "renew lines", pgx.RowTo[wa.EndpointID], `
		UPDATE webhook_lines SET lease_until = clock_timestamp() + $3::interval
		WHERE endpoint_id = ANY ($2::uuid[]) AND holder = $1 RETURNING endpoint_id`, holder.String(), endpointUUIDs(ids), ttl)
}

// KeepHookLine writes down what the holder knows, and lets go of the line when
// release says so. A line that another process has taken is left alone.
func (tx *Tx) KeepHookLine(ctx context.Context, id wa.EndpointID, holder uuid.UUID, l HookLine, release bool) error {
	_, err := tx.moved(ctx, "keep line", `
		UPDATE webhook_lines SET open_until = $3, trips = $4, recent = $5, failing_since = $6, failing_told = $7,
			last_success_at = $8, last_failure_at = $9,
			holder = CASE WHEN $10 THEN NULL ELSE holder END, lease_until = CASE WHEN $10 THEN '-infinity' ELSE lease_until END
		WHERE endpoint_id = $1 AND holder = $2`,
		id, holder.String(), l.OpenUntil, l.Trips, l.Recent, l.FailingSince, l.FailingTold, l.LastSuccessAt, l.LastFailureAt, release)
	return err
}

// LeaveHookLine lets go of a line and changes nothing else.
func (tx *Tx) LeaveHookLine(ctx context.Context, id wa.EndpointID, holder uuid.UUID) error {
	_, err := tx.moved(ctx, "leave line", `
		UPDATE webhook_lines SET holder = NULL, lease_until = '-infinity' WHERE endpoint_id = $1 AND holder = $2`, id, holder.String())
	return err
}

// FreeHookLines lists endpoints that have something due and that nobody
// delivers to, without those whose circuit is open.
func (tx *Tx) FreeHookLines(ctx context.Context, ahead time.Duration, limit int) ([]wa.EndpointID, error) {
	return collect(ctx, tx, "list free lines", pgx.RowTo[wa.EndpointID], `
		SELECT w.id FROM webhook_endpoints w JOIN webhook_lines l ON l.endpoint_id = w.id
		WHERE w.enabled AND w.deleted_at IS NULL AND l.lease_until < statement_timestamp()
		  AND (l.open_until IS NULL OR l.open_until <= statement_timestamp() + $1::interval)
		  AND EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = w.id AND d.status = 'pending'
		              AND d.next_attempt_at <= statement_timestamp() + $1::interval AND `+isHead+`)
		LIMIT $2`, ahead, limit)
}

// BusyHookLines gives those of some endpoints that have something due.
func (tx *Tx) BusyHookLines(ctx context.Context, ids []wa.EndpointID, ahead time.Duration) ([]wa.EndpointID, error) {
	return collect(ctx, tx, "list busy lines", pgx.RowTo[wa.EndpointID], `
		SELECT u.id FROM unnest($1::uuid[]) AS u(id)
		WHERE EXISTS (SELECT FROM webhook_deliveries d WHERE d.endpoint_id = u.id AND d.status = 'pending'
		              AND d.next_attempt_at <= statement_timestamp() + $2::interval AND `+isHead+`)`, endpointUUIDs(ids), ahead)
}

// OpenUntil tells until when an endpoint's circuit is open; zero when it is
// closed.
func (tx *Tx) OpenUntil(ctx context.Context, id wa.EndpointID) (time.Time, error) {
	return one(ctx, tx, "read circuit", pgx.RowTo[time.Time], `
		SELECT coalesce(open_until, '0001-01-01') FROM webhook_lines WHERE endpoint_id = $1`, id)
}

// Conditions use statement_timestamp(), which indexes can be searched by:
// clock_timestamp() might change from row to row.

// isHead leaves out what must wait for an earlier delivery d of its chat.
const isHead = `(d.chat_id IS NULL OR NOT EXISTS (
			SELECT FROM webhook_deliveries b
			WHERE b.endpoint_id = d.endpoint_id AND b.status = 'pending' AND b.chat_id = d.chat_id AND b.position < d.position))`

func endpointUUIDs(ids []wa.EndpointID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.UUID()
	}
	return out
}
