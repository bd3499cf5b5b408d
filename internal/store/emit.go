package store

import (
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"chasqui/internal/wa"
)

// An event and its deliveries are one statement, so that no endpoint misses an
// event that was committed, and an org without endpoints pays one look into an
// index. Every statement below ends in deliver, with a CTE "e" of the events
// just written.
//
// $1 event, $2 org, $3 client, $4 type, $5 data, $6 chat, $7 direction,
// $8 endpoint it is about, $9 endpoint of the message's callback, $10 patterns,
// $11 trace. Without a counter there is no tx, which the table refuses.
const (
	emitNumbered = `
		WITH s AS (
			UPDATE client_sequences SET last = last + 1, tx = greatest(tx, pg_current_xact_id())
			WHERE client_id = $3 AND org_id = $2 RETURNING last, tx
		), e AS (
			INSERT INTO events (id, org_id, client_id, type, data, sequence, tx, chat_id, direction, trace)
			SELECT $1, $2, $3, $4, $5, s.last, s.tx, $6, nullif($7, ''), nullif($11, '') FROM (SELECT) AS always LEFT JOIN s ON true
			RETURNING id, org_id, client_id, position, chat_id, direction, $10::text[] AS patterns, $8::uuid AS about, $9::uuid AS callback
		)` + deliverIn + `$2` + deliver

	emitUnnumbered = `
		WITH e AS (
			INSERT INTO events (id, org_id, client_id, type, data, chat_id, direction, trace)
			VALUES ($1, $2, $3, $4, $5, $6, nullif($7, ''), nullif($11, ''))
			RETURNING id, org_id, client_id, position, chat_id, direction, $10::text[] AS patterns, $8::uuid AS about, $9::uuid AS callback
		)` + deliverIn + `$2` + deliver

	// Of accepted messages, by the column: $1 org, $2 events, $3 clients,
	// $4 types, $5 data, $6 chats, $7 and $8 the patterns of the two types,
	// $9 traces.
	emitAccepted = `
		WITH i AS (
			INSERT INTO events (id, org_id, client_id, type, data, chat_id, direction, trace)
			SELECT u.event, $1, u.client, u.type, u.data, u.chat, 'outbound', u.trace
			FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::json[], $6::uuid[], $9::text[]) AS u(event, client, type, data, chat, trace)
			RETURNING id, org_id, client_id, type, position, chat_id, direction
		), e AS (
			SELECT i.*, CASE i.type WHEN 'message.queued' THEN $7::text[] ELSE $8::text[] END AS patterns,
			       NULL::uuid AS about, NULL::uuid AS callback FROM i
		)` + deliverIn + `$1` + deliver

	// The org stands between the two as a parameter, so that the index on it is
	// used whatever the planner thinks of e.
	deliverIn = `, m AS (
			SELECT w.id AS endpoint, w.org_id, w.ordered, e.id AS event, e.chat_id, e.client_id, e.position
			FROM e, webhook_endpoints w WHERE w.org_id = `

	deliver = ` AND w.enabled AND w.deleted_at IS NULL AND (` + wants + ` OR w.id = e.callback) AND w.id IS DISTINCT FROM e.about
		), d AS (
			INSERT INTO webhook_deliveries (id, org_id, endpoint_id, event_id, chat_id, position)
			SELECT md5(m.endpoint::text || m.event::text)::uuid, m.org_id, m.endpoint, m.event,
			       CASE WHEN m.ordered THEN coalesce(m.chat_id, m.client_id, m.org_id) END, CASE WHEN m.ordered THEN m.position END FROM m
		)
		SELECT DISTINCT m.endpoint, coalesce(l.open_until > now(), false)
		FROM e LEFT JOIN m ON m.event = e.id LEFT JOIN webhook_lines l ON l.endpoint_id = m.endpoint`

	// wants is whether an endpoint w is subscribed to an event e.
	wants = `w.events && e.patterns
			  AND (w.clients IS NULL OR e.client_id = ANY (w.clients))
			  AND (w.directions IS NULL OR e.direction IS NULL OR e.direction = ANY (w.directions))
			  AND (w.chat_kinds IS NULL OR e.chat_id IS NULL OR (SELECT c.kind FROM chats c WHERE c.id = e.chat_id) = ANY (w.chat_kinds))`
)

// ringEndpoints rings, after commit, for the endpoints that a statement made
// deliveries for.
func (tx *Tx) ringEndpoints(rows pgx.Rows) error {
	var t wa.DeliverTicket
	_, err := pgx.ForEachRow(rows, []any{&t.Endpoint, &t.Slow}, func() error {
		if !t.Endpoint.IsZero() {
			tx.Ring(t)
		}
		return nil
	})
	return err
}

// withoutCounter reports whether an event was refused because its client has no
// counter (any more).
func withoutCounter(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23502" && pg.TableName == "events" && pg.ColumnName == "tx"
}
