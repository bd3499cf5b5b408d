package store

import (
	"context"
	"encoding/json"
	"fmt"
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

// Due is a delivery whose time has come, with all that its body is made of.
// Gone tells that the event is not kept any more.
type Due struct {
	wa.Delivery
	Event   wa.Event
	Client  wa.EnvelopeClient
	Chat    wa.Chat
	Contact wa.Contact
	Gone    bool
}

// DueDeliveries lists what an endpoint shall get now, longest due first,
// without those under way. Of a chat that is kept in order there is only the
// head.
func (tx *Tx) DueDeliveries(ctx context.Context, org wa.OrgID, id wa.EndpointID, ahead time.Duration, flying []wa.DeliveryID, limit int) ([]Due, error) {
	without := make([]string, len(flying))
	for i, f := range flying {
		without[i] = f.UUID()
	}
	return collect(ctx, tx, "list due deliveries", scanDue, `
		SELECT d.id, d.org_id, d.endpoint_id, d.event_id, d.status, d.trigger, d.attempts, d.base, d.next_attempt_at, d.created_at,
		       e.id IS NULL, coalesce(e.type, ''), coalesce(e.created_at, d.created_at), e.client_id, e.sequence, e.data,
		       coalesce(c.phone, ''), coalesce(c.name, ''), coalesce(c.provider, ''),
		       e.chat_id, coalesce(h.kind, ''), p.id, coalesce(p.phone, ''), coalesce(p.lid, ''), coalesce(p.name, ''), coalesce(p.push_name, '')
		FROM webhook_deliveries d LEFT JOIN events e ON e.id = d.event_id
		LEFT JOIN clients c ON c.id = e.client_id LEFT JOIN chats h ON h.id = e.chat_id LEFT JOIN contacts p ON p.id = h.contact_id
		WHERE d.org_id = $1 AND d.endpoint_id = $2 AND d.status = 'pending' AND d.next_attempt_at <= statement_timestamp() + $3::interval
		  AND d.id <> ALL ($4::uuid[]) AND `+isHead+`
		ORDER BY d.next_attempt_at LIMIT $5`, org, id, ahead, without, limit)
}

func scanDue(r pgx.CollectableRow) (d Due, err error) {
	e := &d.Event
	var data []byte
	err = r.Scan(&d.ID, &d.OrgID, &d.EndpointID, &d.EventID, &d.Status, &d.Trigger, &d.Attempts, &d.Base, &d.NextAttemptAt, &d.CreatedAt,
		&d.Gone, &e.Type, &e.CreatedAt, &e.ClientID, &e.Sequence, &data, &d.Client.Phone, &d.Client.Name, &d.Client.Provider,
		&d.Chat.ID, &d.Chat.Kind, &d.Contact.ID, &d.Contact.Phone, &d.Contact.LID, &d.Contact.Name, &d.Contact.PushName)
	e.ID, e.OrgID, e.Version, e.Data = d.EventID, d.OrgID, wa.EventVersion, data
	d.EventType, d.Client.ID = e.Type, e.ClientID
	return d, err
}

// HookOutcome is what became of one attempt. After is the time to the next
// one; it counts only while Status is pending.
type HookOutcome struct {
	wa.Attempt
	After  time.Duration
	Result wa.DeliveryStatus
}

// SettleDeliveries writes the outcomes of attempts to one endpoint, and the
// attempts. What was settled before stays as it is.
func (tx *Tx) SettleDeliveries(ctx context.Context, org wa.OrgID, id wa.EndpointID, ahead time.Duration, outcomes []HookOutcome) error {
	n := len(outcomes)
	ids, states, codes, after, numbers := make([]string, n), make([]string, n), make([]*int, n), make([]float64, n), make([]int, n)
	triggers, ats, took, ips := make([]string, n), make([]time.Time, n), make([]int, n), make([]string, n)
	errs, details, headers, bodies := make([]string, n), make([]string, n), make([]*string, n), make([][]byte, n)
	for i, o := range outcomes {
		ids[i], states[i], after[i], numbers[i] = o.Delivery.UUID(), string(o.Result), o.After.Seconds(), o.Number
		triggers[i], ats[i], took[i], ips[i] = string(o.Trigger), o.At, o.DurationMS, o.IP
		errs[i], details[i] = string(o.Error), o.Detail
		if o.Body != "" {
			bodies[i] = []byte(o.Body)
		}
		if o.Attempt.Status != 0 {
			codes[i] = &outcomes[i].Attempt.Status
		}
		if len(o.Headers) > 0 {
			raw, err := json.Marshal(o.Headers)
			if err != nil {
				return fmt.Errorf("encode headers: %w", err)
			}
			text := string(raw)
			headers[i] = &text
		}
	}
	_, err := tx.moved(ctx, "settle deliveries", `
		WITH u AS (
			SELECT * FROM unnest($4::uuid[], $5::text[], $6::int[], $7::float8[], $8::int[], $9::text[], $10::timestamptz[], $11::int[], $12::text[],
				$13::text[], $14::text[], $15::jsonb[], $16::bytea[])
				AS u(id, state, code, after, number, trigger, at, took, ip, error, detail, headers, body)
		), a AS (
			INSERT INTO webhook_attempts (org_id, delivery_id, number, trigger, at, duration_ms, ip, status, error, detail, headers, body)
			SELECT $1, u.id, u.number, u.trigger, u.at, u.took, u.ip, u.code, u.error, u.detail, u.headers, u.body FROM u
		)
		UPDATE webhook_deliveries d SET status = u.state, attempts = u.number, last_status = u.code, trigger = 'auto',
			next_attempt_at = CASE WHEN u.state = 'pending' THEN clock_timestamp() + $3::interval + make_interval(secs => u.after) END
		FROM u WHERE d.id = u.id AND d.org_id = $1 AND d.endpoint_id = $2 AND d.status = 'pending'`,
		org, id, ahead, ids, states, codes, after, numbers, triggers, ats, took, ips, errs, details, headers, bodies)
	return err
}

func endpointUUIDs(ids []wa.EndpointID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.UUID()
	}
	return out
}
