package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

const deliveryColumns = `d.id, d.org_id, d.endpoint_id, d.event_id, coalesce(e.type, ''), d.status, d.trigger, d.attempts, d.base,
	coalesce(d.last_status, 0), d.next_attempt_at, d.created_at`

// DeliveryFilter narrows a list of deliveries; zero fields do not.
type DeliveryFilter struct {
	Status     wa.DeliveryStatus
	Event      wa.EventID
	Type       wa.EventType
	Message    wa.MessageID
	LastStatus int
	Since      *time.Time
	Until      *time.Time
}

// skew is how far apart the clocks of our processes may be.
const skew = time.Minute

// Deliveries pages through an endpoint's deliveries, newest first.
func (tx *Tx) Deliveries(ctx context.Context, org wa.OrgID, id wa.EndpointID, f DeliveryFilter, p Page) ([]wa.Delivery, error) {
	args := []any{org, id}
	where := []string{"d.org_id = $1", "d.endpoint_id = $2"}
	add := func(condition string, arg any) {
		args = append(args, arg)
		where = append(where, fmt.Sprintf(condition, len(args)))
	}
	if slices.Contains(wa.DeliveryStatuses(), f.Status) { // spelled out: indexes know it
		where = append(where, "d.status = '"+string(f.Status)+"'")
	}
	if !f.Event.IsZero() {
		add("d.id = $%d", wa.DeliveryOf(id, f.Event))
	}
	if f.Type != "" {
		add("e.type = $%d", f.Type)
	}
	if !f.Message.IsZero() {
		add("e.data->'message'->>'id' = $%d", f.Message.String())
		add("d.created_at >= $%d", f.Message.Time().Add(-skew)) // there was nothing to tell of it before
	}
	if f.LastStatus != 0 {
		add("d.last_status = $%d", f.LastStatus)
	}
	if f.Since != nil {
		add("d.created_at >= $%d", *f.Since)
	}
	if f.Until != nil {
		add("d.created_at < $%d", *f.Until)
	}
	args = append(args, p.Before, p.BeforeID, p.Limit)
	n := len(args)
	return collect(ctx, tx, "list deliveries", scanDelivery, fmt.Sprintf(`
		SELECT `+deliveryColumns+` FROM webhook_deliveries d LEFT JOIN events e ON e.id = d.event_id
		WHERE %s AND (d.created_at, d.id) < ($%d, $%d) ORDER BY d.created_at DESC, d.id DESC LIMIT $%d`,
		strings.Join(where, " AND "), n-2, n-1, n), args...)
}

// Delivery reads one delivery of an endpoint.
func (tx *Tx) Delivery(ctx context.Context, org wa.OrgID, endpoint wa.EndpointID, id wa.DeliveryID) (wa.Delivery, error) {
	found, err := one(ctx, tx, "find delivery", scanDelivery, `
		SELECT `+deliveryColumns+` FROM webhook_deliveries d LEFT JOIN events e ON e.id = d.event_id
		WHERE d.org_id = $1 AND d.endpoint_id = $2 AND d.id = $3`, org, endpoint, id)
	return found, missing(err, "delivery")
}

// Attempts lists the requests that were made for a delivery, oldest first.
func (tx *Tx) Attempts(ctx context.Context, org wa.OrgID, id wa.DeliveryID) ([]wa.Attempt, error) {
	return collect(ctx, tx, "list attempts", func(r pgx.CollectableRow) (a wa.Attempt, err error) {
		var headers, body []byte
		err = r.Scan(&a.Number, &a.Trigger, &a.At, &a.DurationMS, &a.IP, &a.Status, &a.Error, &a.Detail, &headers, &body)
		if err == nil && headers != nil {
			err = json.Unmarshal(headers, &a.Headers)
		}
		a.Body = strings.ToValidUTF8(string(body), "\uFFFD")
		return a, err
	}, `
		SELECT number, trigger, at, duration_ms, ip, coalesce(status, 0), error, detail, headers, body
		FROM webhook_attempts WHERE org_id = $1 AND delivery_id = $2 ORDER BY id LIMIT 200`, org, id)
}

// PendingDeliveries counts what an endpoint still has to get, up to most.
func (tx *Tx) PendingDeliveries(ctx context.Context, id wa.EndpointID, most int) (int64, error) {
	return one(ctx, tx, "count pending deliveries", pgx.RowTo[int64], `
		SELECT count(*) FROM (SELECT FROM webhook_deliveries WHERE endpoint_id = $1 AND status = 'pending' LIMIT $2) p`, id, most)
}

// BeginAnew puts one delivery on its way again, now, with the whole schedule
// before it.
func (tx *Tx) BeginAnew(ctx context.Context, org wa.OrgID, endpoint wa.EndpointID, id wa.DeliveryID, why wa.Trigger, ahead time.Duration) error {
	err := tx.exactly(ctx, "begin delivery anew", `
		UPDATE webhook_deliveries SET status = 'pending', base = attempts, trigger = $4, next_attempt_at = clock_timestamp() + $5::interval
		WHERE org_id = $1 AND endpoint_id = $2 AND id = $3`, org, endpoint, id, string(why), ahead)
	return missing(err, "delivery")
}

// InsertTest writes an event for one endpoint alone.
func (tx *Tx) InsertTest(ctx context.Context, org wa.OrgID, endpoint wa.EndpointID, event wa.EventID, data any, ahead time.Duration) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode test event: %w", err)
	}
	_, err = tx.moved(ctx, "insert test event", `
		WITH e AS (INSERT INTO events (id, org_id, type, data) VALUES ($1, $2, $3, $4))
		INSERT INTO webhook_deliveries (id, org_id, endpoint_id, event_id, trigger, next_attempt_at)
		VALUES ($5, $2, $6, $1, 'test', clock_timestamp() + $7::interval)`,
		event, org, wa.WebhookTest, raw, wa.DeliveryOf(endpoint, event), endpoint, ahead)
	return err
}

// SweepDeliveries deletes finished deliveries that are older than age, with all
// of their attempts, and other attempts that are; at most limit of each. It
// counts the deliveries and those others. A delivery is held before its attempts
// are deleted: one may be written until then.
func (tx *Tx) SweepDeliveries(ctx context.Context, age time.Duration, limit int) (int64, error) {
	old, err := collect(ctx, tx, "hold old deliveries", pgx.RowTo[wa.DeliveryID], `
		SELECT d.id FROM webhook_deliveries d
		WHERE d.created_at < now() - $1::interval AND (d.status <> 'pending' OR NOT EXISTS (
			SELECT FROM webhook_endpoints w WHERE w.id = d.endpoint_id AND w.deleted_at IS NULL)) LIMIT $2 FOR UPDATE SKIP LOCKED`, age, limit)
	if err != nil {
		return 0, err
	}
	n, err := tx.moved(ctx, "sweep deliveries", `
		WITH attempts AS (
			DELETE FROM webhook_attempts WHERE delivery_id = ANY ($1::uuid[])
		)
		DELETE FROM webhook_deliveries WHERE id = ANY ($1::uuid[])`, deliveryUUIDs(old))
	if err != nil {
		return n, err
	}
	m, err := tx.moved(ctx, "sweep attempts", `
		DELETE FROM webhook_attempts WHERE id IN (SELECT id FROM webhook_attempts WHERE at < now() - $1::interval LIMIT $2)`, age, limit)
	return n + m, err
}

// HookFigures counts endpoints whose circuit is open and deliveries that were
// given up in the last day.
func (tx *Tx) HookFigures(ctx context.Context) (open, dead int64, err error) {
	type figures struct{ Open, Dead int64 }
	f, err := one(ctx, tx, "count open circuits", pgx.RowToStructByPos[figures], `
		SELECT (SELECT count(*) FROM webhook_lines WHERE open_until IS NOT NULL),
		       (SELECT count(*) FROM webhook_deliveries WHERE status = 'exhausted' AND created_at > now() - interval '3 days')`)
	return f.Open, f.Dead, err
}

func scanDelivery(r pgx.CollectableRow) (d wa.Delivery, err error) {
	err = r.Scan(&d.ID, &d.OrgID, &d.EndpointID, &d.EventID, &d.EventType, &d.Status, &d.Trigger, &d.Attempts, &d.Base,
		&d.LastStatus, &d.NextAttemptAt, &d.CreatedAt)
	return d, err
}
