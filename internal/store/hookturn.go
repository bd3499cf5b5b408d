package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Due is a delivery whose time has come, with all that its body is made of.
// Gone tells that the event is not kept any more.
type Due struct {
	wa.Delivery
	Event   wa.Event
	Client  wa.EnvelopeClient
	Chat    wa.Chat
	Contact wa.Contact
	Gone    bool
	Trace   string // the event is part of, as telemetry.Link gives it; mostly ""
	Rest    []Due  // what goes in the same request, in order
}

const (
	dueColumns = `d.id, d.org_id, d.endpoint_id, d.event_id, d.status, d.trigger, d.attempts, d.base, d.next_attempt_at, d.created_at,
	       e.id IS NULL, coalesce(e.type, ''), coalesce(e.created_at, d.created_at), e.client_id, e.sequence, e.data,
	       coalesce(c.phone, ''), coalesce(c.name, ''), coalesce(c.provider, ''),
	       e.chat_id, coalesce(h.kind, ''), p.id, coalesce(p.phone, ''), coalesce(p.lid, ''), coalesce(p.name, ''), coalesce(p.push_name, ''),
	       coalesce(e.trace, '')`
	dueTables = ` d LEFT JOIN events e ON e.id = d.event_id
	LEFT JOIN clients c ON c.id = e.client_id LEFT JOIN chats h ON h.id = e.chat_id LEFT JOIN contacts p ON p.id = h.contact_id `
)

const dueDeliveries = `
	SELECT ` + dueColumns + ` FROM webhook_deliveries` + dueTables + `
	WHERE d.org_id = $1 AND d.endpoint_id = $2 AND d.status = 'pending' AND d.next_attempt_at <= statement_timestamp() + $3::interval
	  AND d.id <> ALL ($4::uuid[]) AND ` + isHead + `
	ORDER BY d.next_attempt_at LIMIT $5`

// dueBehind is what waits behind the heads of chats, whenever its own time is.
const dueBehind = `
	SELECT o.id, ` + dueColumns + `
	FROM unnest($3::uuid[]) AS u(id) JOIN webhook_deliveries o ON o.id = u.id AND o.chat_id IS NOT NULL
	CROSS JOIN LATERAL (
		SELECT * FROM webhook_deliveries
		WHERE org_id = $1 AND endpoint_id = $2 AND status = 'pending' AND chat_id = o.chat_id AND position > o.position
		ORDER BY position LIMIT $4)` + dueTables + `
	ORDER BY o.id, d.position`

func scanDue(r pgx.CollectableRow) (Due, error) { return scanDueAfter(r) }

// scanDueAfter scans a delivery that stands behind other columns.
func scanDueAfter(r pgx.CollectableRow, before ...any) (d Due, err error) {
	e := &d.Event
	var data []byte
	err = r.Scan(append(before, &d.ID, &d.OrgID, &d.EndpointID, &d.EventID, &d.Status, &d.Trigger, &d.Attempts, &d.Base, &d.NextAttemptAt, &d.CreatedAt,
		&d.Gone, &e.Type, &e.CreatedAt, &e.ClientID, &e.Sequence, &data, &d.Client.Phone, &d.Client.Name, &d.Client.Provider,
		&d.Chat.ID, &d.Chat.Kind, &d.Contact.ID, &d.Contact.Phone, &d.Contact.LID, &d.Contact.Name, &d.Contact.PushName, &d.Trace)...)
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

// HookTurn is what the holder of a line asks of the database at once: to write
// down what came of requests, and to tell what is due.
type HookTurn struct {
	Org      wa.OrgID
	Endpoint wa.EndpointID
	Ahead    time.Duration
	Outcomes []HookOutcome   // nil: nothing to write down
	Flying   []wa.DeliveryID // under way: not told again
	Most     int             // how many to tell; 0: none
}

// HookState is an endpoint as its line's holder must know it. Version changes
// with everything that a person can change.
type HookState struct {
	Enabled   bool
	Version   time.Time
	OpenUntil *time.Time
}

// TakeHookTurn does a turn. Outcomes are written first: what was settled before
// stays as it is. Due deliveries come longest due first; of a chat that is kept
// in order there is only the head.
func (tx *Tx) TakeHookTurn(ctx context.Context, t HookTurn) (state HookState, due []Due, err error) {
	var b pgx.Batch
	b.Queue(oneByOne)
	if len(t.Outcomes) > 0 {
		args, err := settling(t)
		if err != nil {
			return state, nil, err
		}
		b.Queue(settleDeliveries, args...)
	}
	b.Queue(`
		SELECT w.enabled AND w.deleted_at IS NULL, w.updated_at, l.open_until
		FROM webhook_endpoints w JOIN webhook_lines l ON l.endpoint_id = w.id WHERE w.org_id = $1 AND w.id = $2`, t.Org, t.Endpoint).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{&state.Enabled, &state.Version, &state.OpenUntil}, func() error { return nil })
		return err
	})
	if t.Most > 0 {
		b.Queue(dueDeliveries, t.Org, t.Endpoint, t.Ahead, deliveryUUIDs(t.Flying), t.Most).Query(func(rows pgx.Rows) error {
			due, err = pgx.CollectRows(rows, decoding(scanDue))
			return err
		})
	}
	err = tx.tx.SendBatch(ctx, &b).Close()
	return state, due, wrap(err, "take a line's turn")
}

// AddRest lets up to most deliveries that wait behind each head of a chat go
// with it: those that were tried as the head was, or were not, so that a batch
// that failed is tried again as it was.
func (tx *Tx) AddRest(ctx context.Context, org wa.OrgID, endpoint wa.EndpointID, heads []Due, most int) error {
	if most < 1 || len(heads) == 0 {
		return nil
	}
	ids, at := make([]wa.DeliveryID, len(heads)), make(map[wa.DeliveryID]int, len(heads))
	for i, d := range heads {
		ids[i], at[d.ID] = d.ID, i
	}
	full := make([]bool, len(heads))
	_, err := collect(ctx, tx, "read what goes together", func(r pgx.CollectableRow) (d Due, err error) {
		var behind wa.DeliveryID
		if d, err = scanDueAfter(r, &behind); err != nil {
			return d, err
		}
		i := at[behind]
		head := &heads[i]
		if full[i] = full[i] || d.Gone || head.Gone || (d.Attempts > 0) != (head.Attempts > 0); !full[i] {
			head.Rest = append(head.Rest, d)
		}
		return d, nil
	}, dueBehind, org, endpoint, deliveryUUIDs(ids), most)
	return err
}

// oneByOne has a turn's statements find each row by its own index. Statements
// are planned once, perhaps while the tables are empty: then Postgres would
// rather read all of them, and goes on to when they are full.
const oneByOne = `
	SELECT set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true), set_config('enable_seqscan', 'off', true)`

// settleDeliveries leaves Postgres no index but the one of the ids: with those
// of endpoints and of what is pending it would look through all that waits, for
// every single outcome. What has a next attempt is pending.
const settleDeliveries = `
	WITH u AS (
		SELECT * FROM unnest($4::uuid[], $5::text[], $6::int[], $7::float8[], $8::int[], $9::text[], $10::timestamptz[], $11::int[], $12::text[],
			$13::text[], $14::text[], $15::jsonb[], $16::bytea[], $17::text[])
			AS u(id, state, code, after, number, trigger, at, took, ip, error, detail, headers, body, signature)
	), a AS (
		INSERT INTO webhook_attempts (org_id, delivery_id, number, trigger, at, duration_ms, ip, status, error, detail, headers, body, signature)
		SELECT $1, u.id, u.number, u.trigger, u.at, u.took, u.ip, u.code, u.error, u.detail, u.headers, u.body, u.signature FROM u
	)
	UPDATE webhook_deliveries d SET status = u.state, attempts = u.number, last_status = u.code, trigger = 'auto',
		next_attempt_at = CASE WHEN u.state = 'pending' THEN clock_timestamp() + $3::interval + make_interval(secs => u.after) END
	FROM u WHERE d.id = u.id AND d.org_id = $1 AND d.endpoint_id IS NOT DISTINCT FROM $2 AND d.next_attempt_at IS NOT NULL`

// settling lays outcomes out as settleDeliveries takes them.
func settling(t HookTurn) ([]any, error) {
	n := len(t.Outcomes)
	ids, states, codes, after, numbers := make([]string, n), make([]string, n), make([]*int, n), make([]float64, n), make([]int, n)
	triggers, ats, took, ips := make([]string, n), make([]time.Time, n), make([]int, n), make([]string, n)
	errs, details, headers, bodies := make([]string, n), make([]string, n), make([]*string, n), make([][]byte, n)
	signatures := make([]string, n)
	for i, o := range t.Outcomes {
		ids[i], states[i], after[i], numbers[i] = o.Delivery.UUID(), string(o.Result), o.After.Seconds(), o.Number
		triggers[i], ats[i], took[i], ips[i] = string(o.Trigger), o.At, o.DurationMS, o.IP
		errs[i], details[i], signatures[i] = string(o.Error), o.Detail, o.Signature
		if o.Body != "" {
			bodies[i] = []byte(o.Body)
		}
		if o.Attempt.Status != 0 {
			codes[i] = &t.Outcomes[i].Attempt.Status
		}
		if len(o.Headers) > 0 {
			raw, err := json.Marshal(o.Headers)
			if err != nil {
				return nil, fmt.Errorf("encode headers: %w", err)
			}
			text := string(raw)
			headers[i] = &text
		}
	}
	return []any{t.Org, t.Endpoint, t.Ahead, ids, states, codes, after, numbers, triggers, ats, took, ips, errs, details, headers, bodies, signatures}, nil
}

func deliveryUUIDs(ids []wa.DeliveryID) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.UUID()
	}
	return out
}
