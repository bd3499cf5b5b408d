package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// counted are the figures of messages m, in the order of wa.MessageCounts. What
// people type on the phone itself is not ours.
const counted = `
	count(*) FILTER (WHERE m.direction = 'outbound' AND m.origin <> 'phone') AS accepted,
	count(*) FILTER (WHERE m.direction = 'outbound' AND m.origin <> 'phone' AND m.status IN ('sent', 'delivered', 'read', 'played')) AS sent,
	count(*) FILTER (WHERE m.direction = 'outbound' AND m.origin <> 'phone' AND m.status IN ('delivered', 'read', 'played')) AS delivered,
	count(*) FILTER (WHERE m.direction = 'outbound' AND m.origin <> 'phone' AND m.status IN ('read', 'played')) AS read,
	count(*) FILTER (WHERE m.direction = 'outbound' AND m.origin <> 'phone' AND m.status = 'failed') AS failed,
	count(*) FILTER (WHERE m.direction = 'inbound') AS received`

// MarkFigures looks through what every org's feed got since the last time, as
// far as most events of each, notes which quarters of an hour are to be counted
// again, and tells how many events it saw. The feed misses no change: whatever
// moves a message writes its event in the same transaction.
//
// An event tells its message's time in nanoseconds and the row in microseconds,
// so what lies on a boundary may belong to either side: both are counted.
func (tx *Tx) MarkFigures(ctx context.Context, most int) (int, error) {
	if _, err := tx.moved(ctx, "begin to follow feeds", `
		INSERT INTO message_figures_marks (org_id) SELECT o.id FROM orgs o
		WHERE NOT EXISTS (SELECT FROM message_figures_marks k WHERE k.org_id = o.id) ON CONFLICT DO NOTHING`); err != nil {
		return 0, err
	}
	return one(ctx, tx, "look for figures that moved", pgx.RowTo[int], `
		WITH seen AS MATERIALIZED (
			SELECT k.org_id, e.client_id, e.type, e.tx, e.position, e.data FROM message_figures_marks k, LATERAL (
				SELECT client_id, type, tx, position, data FROM events
				WHERE org_id = k.org_id AND (tx, position) > (k.tx, k.position) AND tx < pg_snapshot_xmin(pg_current_snapshot())
				ORDER BY tx, position LIMIT $1) e
		), touched AS (
			SELECT DISTINCT s.client_id, date_bin('15 minutes', v.at, 'epoch') AS at, s.org_id
			FROM seen s, LATERAL (SELECT (s.data -> 'message' ->> 'created_at')::timestamptz) c(at),
			     LATERAL (VALUES (c.at), (c.at - interval '1 microsecond'), (c.at + interval '1 microsecond')) v(at)
			WHERE s.type LIKE 'message.%' AND s.type <> 'message.sending' AND s.client_id IS NOT NULL AND c.at IS NOT NULL
		), due AS (
			INSERT INTO message_figures_due (client_id, at, org_id) SELECT client_id, at, org_id FROM touched ORDER BY 1, 2
			ON CONFLICT (client_id, at) DO UPDATE SET since = message_figures_due.since
		), followed AS (
			UPDATE message_figures_marks k SET tx = l.tx, position = l.position
			FROM (SELECT DISTINCT ON (org_id) org_id, tx, position FROM seen ORDER BY org_id, tx DESC, position DESC) l
			WHERE k.org_id = l.org_id AND (l.tx, l.position) > (k.tx, k.position)
		)
		SELECT count(*) FROM seen`, most)
}

// quarters are what is to be counted, turned by a quarter themselves.
type quarters struct {
	clients, orgs []string
	at            []time.Time
	fewer         []bool
}

// CountFigures counts the messages of up to most quarters that are due, those
// that wait longest first, and tells how many it counted. What another process
// counts at this moment is left to it. Counting is a statement of its own: it
// begins when the quarters are locked, and so sees all that made them due.
func (tx *Tx) CountFigures(ctx context.Context, most int) (int, error) {
	q, err := tx.takeQuarters(ctx, most)
	if err != nil || len(q.at) == 0 {
		return 0, err
	}
	// Where messages turned out to be one, there may be fewer now.
	if _, err := tx.moved(ctx, "forget figures", `
		DELETE FROM message_figures f USING unnest($1::uuid[], $2::timestamptz[], $3::bool[]) AS q(client, at, fewer)
		WHERE q.fewer AND f.client_id = q.client AND f.at = q.at`, q.clients, q.at, q.fewer); err != nil {
		return 0, err
	}
	// Those of erased people count all the same. Anywhere else fewer messages mean
	// that they were forgotten for their age: the figures stay.
	_, err = tx.moved(ctx, "count figures", `
		INSERT INTO message_figures (client_id, at, org_id, accepted, sent, delivered, read, failed, received)
		SELECT q.client, q.at, q.org, n.accepted + coalesce(x.accepted, 0), n.sent + coalesce(x.sent, 0), n.delivered + coalesce(x.delivered, 0),
		       n.read + coalesce(x.read, 0), n.failed + coalesce(x.failed, 0), n.received + coalesce(x.received, 0)
		FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[]) AS q(client, at, org) CROSS JOIN LATERAL (
			SELECT `+counted+` FROM messages m
			WHERE m.client_id = q.client AND m.created_at >= q.at AND m.created_at < q.at + interval '15 minutes') n
		LEFT JOIN erased_figures x ON x.client_id = q.client AND x.at = q.at
		WHERE n.accepted + n.received + coalesce(x.accepted + x.received, 0) > 0
		ON CONFLICT (client_id, at) DO UPDATE SET accepted = excluded.accepted, sent = excluded.sent, delivered = excluded.delivered,
			read = excluded.read, failed = excluded.failed, received = excluded.received
		WHERE excluded.accepted >= message_figures.accepted AND excluded.received >= message_figures.received`, q.clients, q.at, q.orgs)
	return len(q.at), err
}

func (tx *Tx) takeQuarters(ctx context.Context, most int) (q quarters, err error) {
	_, err = collect(ctx, tx, "take due figures", func(r pgx.CollectableRow) (struct{}, error) {
		var client, org string
		var at time.Time
		var fewer bool
		err := r.Scan(&client, &org, &at, &fewer)
		q.clients, q.orgs, q.at, q.fewer = append(q.clients, client), append(q.orgs, org), append(q.at, at), append(q.fewer, fewer)
		return struct{}{}, err
	}, `
		WITH taken AS MATERIALIZED (
			SELECT client_id, at FROM message_figures_due ORDER BY since LIMIT $1 FOR UPDATE SKIP LOCKED)
		DELETE FROM message_figures_due d USING taken t WHERE d.client_id = t.client_id AND d.at = t.at
		RETURNING d.client_id::text, d.org_id::text, d.at, d.fewer`, most)
	return q, err
}

// OldestFigureDue is for how long the oldest quarter has been waiting to be
// counted; 0 when none does.
func (tx *Tx) OldestFigureDue(ctx context.Context) (time.Duration, error) {
	seconds, err := one(ctx, tx, "read oldest due figure", pgx.RowTo[float64], `
		SELECT coalesce((SELECT extract(epoch FROM clock_timestamp() - since)::float8 FROM message_figures_due ORDER BY since LIMIT 1), 0)`)
	return time.Duration(seconds * float64(time.Second)), err
}
