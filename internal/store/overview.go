package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// CountStates counts the clients of a view, or the one named, by how they are.
func (tx *Tx) CountStates(ctx context.Context, v wa.View, client wa.ClientID) (counts wa.ClientCounts, err error) {
	_, err = collect(ctx, tx, "count clients of a view", func(r pgx.CollectableRow) (struct{}, error) {
		var status wa.ClientStatus
		var paused, held bool
		var n int
		err := r.Scan(&status, &paused, &held, &n)
		counts.Add(status, paused, held, n)
		return struct{}{}, err
	}, `
		SELECT status, paused, `+haltOf+` <> '' AS held, count(*) FROM clients
		WHERE org_id = $1 AND deleted_at IS NULL AND desire <> 'deleted'
		  AND (NOT $2 OR id = ANY ($3::uuid[])) AND ($4::uuid IS NULL OR id = $4) GROUP BY 1, 2, 3`,
		v.Org, v.Limited, viewed(v), optionalUUID(client))
	return counts, err
}

// CountLanes tells what waits in the lanes of a view's clients, urgent first. It
// counts as far as most in each.
func (tx *Tx) CountLanes(ctx context.Context, v wa.View, client wa.ClientID, most int) ([]wa.LaneLoad, error) {
	return collect(ctx, tx, "count lanes of a view", func(r pgx.CollectableRow) (l wa.LaneLoad, err error) {
		var lane int16
		err = r.Scan(&lane, &l.Queued, &l.OldestAt)
		l.Lane = wa.Lane(lane)
		return l, err
	}, `
		WITH c AS MATERIALIZED (
			SELECT id FROM clients WHERE org_id = $1 AND deleted_at IS NULL AND (NOT $2 OR id = ANY ($3::uuid[])) AND ($4::uuid IS NULL OR id = $4))
		SELECT l.lane, (
				SELECT count(*) FROM (
					SELECT FROM c, messages m
					WHERE m.client_id = c.id AND m.status = 'queued' AND m.lane = l.lane AND `+ownMessage+` LIMIT $6) q),
		       (SELECT min(head.created_at) FROM c, LATERAL (
					SELECT m.created_at FROM messages m
					WHERE m.client_id = c.id AND m.status = 'queued' AND m.lane = l.lane AND `+ownMessage+` ORDER BY m.seq LIMIT 1) head)
		FROM (VALUES (0::smallint), (1), (2)) AS l(lane) ORDER BY 1`,
		v.Org, v.Limited, viewed(v), optionalUUID(client), viewer(v), most)
}

// ownMessage is a message m that somebody ($5) may see who sees only their own
// chats.
const ownMessage = `($5::uuid IS NULL OR EXISTS (SELECT FROM chats h WHERE h.id = m.chat_id AND h.assigned_to = $5))`

// CountUnread counts the conversations of a view in which something is unread,
// as far as most.
func (tx *Tx) CountUnread(ctx context.Context, v wa.View, client wa.ClientID, most int) (int, error) {
	return one(ctx, tx, "count unread conversations", pgx.RowTo[int], `
		SELECT count(*) FROM (
			SELECT FROM chats WHERE org_id = $1 AND unread > 0 AND (NOT $2 OR client_id = ANY ($3::uuid[]))
			  AND ($4::uuid IS NULL OR client_id = $4) AND ($5::uuid IS NULL OR assigned_to = $5) LIMIT $6) u`,
		v.Org, v.Limited, viewed(v), optionalUUID(client), viewer(v), most)
}

// CountEndpointStates counts an org's webhooks by how they are, and what waits
// for them, as far as most of each.
func (tx *Tx) CountEndpointStates(ctx context.Context, org wa.OrgID, most int) (wa.EndpointCounts, error) {
	return one(ctx, tx, "count webhooks", pgx.RowToStructByPos[wa.EndpointCounts], `
		SELECT count(*) FILTER (WHERE w.enabled AND l.failing_since IS NULL), count(*) FILTER (WHERE w.enabled AND l.failing_since IS NOT NULL),
		       count(*) FILTER (WHERE NOT w.enabled), coalesce(least(sum(d.n), $2), 0)
		FROM webhook_endpoints w LEFT JOIN webhook_lines l ON l.endpoint_id = w.id
		LEFT JOIN LATERAL (SELECT count(*) AS n FROM (
			SELECT FROM webhook_deliveries WHERE endpoint_id = w.id AND status = 'pending' LIMIT $2) p) d ON w.enabled
		WHERE w.org_id = $1 AND w.deleted_at IS NULL AND NOT w.callback`, org, most)
}

// SendTime is the time in which 95 of 100 messages of an org went that were sent
// within the last span, from being taken to WhatsApp's confirmation; nil when
// none was sent. It looks at the newest of each client, as far as most.
func (tx *Tx) SendTime(ctx context.Context, org wa.OrgID, last time.Duration, most int) (*time.Duration, error) {
	seconds, err := one(ctx, tx, "measure sendings", pgx.RowTo[*float64], `
		SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY s.took) FROM clients c, LATERAL (
			SELECT extract(epoch FROM m.sent_at - m.claimed_at)::float8 AS took FROM messages m
			WHERE m.org_id = $1 AND m.client_id = c.id AND m.direction = 'outbound' AND m.origin <> 'phone'
			  AND m.sent_at > now() - $2::interval AND m.claimed_at <= m.sent_at
			ORDER BY m.sent_at DESC LIMIT $3) s
		WHERE c.org_id = $1 AND c.deleted_at IS NULL`, org, last, most)
	if err != nil || seconds == nil {
		return nil, err
	}
	took := time.Duration(*seconds * float64(time.Second))
	return &took, nil
}
