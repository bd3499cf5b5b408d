package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Caps names a client and how many sendings each of its windows has room for.
type Caps struct {
	Client            wa.ClientID
	Minute, Hour, Day int
}

// Spent is what one window holds of a client's sendings.
type Spent struct {
	Used  int
	First *time.Time // the oldest of them
	// Bar is the one that must have left the window before another may start; nil
	// while there is room.
	Bar *time.Time
}

// Spending is what a client sent lately, by the database's clock. What is in
// flight counts as now.
type Spending struct {
	Minute, Hour, Day Spent
	Last              *time.Time
}

// Spendings counts what clients sent. It is what their pace is rebuilt from.
func (tx *Tx) Spendings(ctx context.Context, org wa.OrgID, caps []Caps) (map[wa.ClientID]Spending, error) {
	var ids []string
	var minutes, hours, days []int32
	for _, c := range caps {
		ids = append(ids, c.Client.UUID())
		minutes, hours, days = append(minutes, int32(c.Minute)), append(hours, int32(c.Hour)), append(days, int32(c.Day))
	}
	return mapped(ctx, tx, "count sendings", func(r pgx.CollectableRow, id *wa.ClientID) (s Spending, err error) {
		err = r.Scan(id, &s.Minute.Used, &s.Hour.Used, &s.Day.Used, &s.Minute.First, &s.Hour.First, &s.Day.First,
			&s.Minute.Bar, &s.Hour.Bar, &s.Day.Bar, &s.Last)
		return s, err
	}, `
		SELECT u.client, s.* FROM unnest($2::uuid[], $3::int[], $4::int[], $5::int[]) AS u(client, minute, hour, day), LATERAL (
			SELECT count(*) FILTER (WHERE at > now() - interval '1 minute'), count(*) FILTER (WHERE at > now() - interval '1 hour'), count(*),
			       min(at) FILTER (WHERE at > now() - interval '1 minute'), min(at) FILTER (WHERE at > now() - interval '1 hour'), min(at),
			       max(at) FILTER (WHERE n = u.minute AND at > now() - interval '1 minute'),
			       max(at) FILTER (WHERE n = u.hour AND at > now() - interval '1 hour'), max(at) FILTER (WHERE n = u.day), max(at)
			FROM (
				SELECT at, row_number() OVER (ORDER BY at DESC) AS n FROM (
					SELECT m.sent_at AS at FROM messages m
					WHERE m.org_id = $1 AND m.client_id = u.client AND m.direction = 'outbound' AND m.origin <> 'phone'
					  AND m.sent_at > now() - interval '1 day'
					UNION ALL
					SELECT e.sent_at FROM erased_sends e WHERE e.org_id = $1 AND e.client_id = u.client AND e.sent_at > now() - interval '1 day'
					UNION ALL
					SELECT now() FROM messages m WHERE m.org_id = $1 AND m.client_id = u.client AND m.status = 'sending') x) y) s`,
		org, ids, minutes, hours, days)
}

// NewContacts counts the people whom clients wrote to in the last day before
// these ever wrote, and gives when the first of them was. A client without any
// has a row too.
func (tx *Tx) NewContacts(ctx context.Context, org wa.OrgID, clients []wa.ClientID) (map[wa.ClientID]Spent, error) {
	return mapped(ctx, tx, "count new contacts", func(r pgx.CollectableRow, id *wa.ClientID) (s Spent, err error) {
		err = r.Scan(id, &s.Used, &s.First)
		return s, err
	}, `
		SELECT u.client, s.* FROM unnest($2::uuid[]) AS u(client), LATERAL (
			SELECT count(*), min(h.created_at) FROM chats h
			WHERE h.org_id = $1 AND h.client_id = u.client AND h.moved_at > now() - interval '1 day'
			  AND h.created_at > now() - interval '1 day' AND h.kind = 'direct' AND h.last_message_at IS NOT NULL
			  AND (SELECT m.direction FROM messages m WHERE m.chat_id = h.id ORDER BY m.created_at, m.id LIMIT 1) = 'outbound') s`,
		org, uuidTexts(clients))
}

// Loads tells what waits in every lane of clients, urgent first. It counts as far
// as most.
func (tx *Tx) Loads(ctx context.Context, org wa.OrgID, clients []wa.ClientID, most int) (map[wa.ClientID][]wa.LaneLoad, error) {
	loads := make(map[wa.ClientID][]wa.LaneLoad, len(clients))
	_, err := collect(ctx, tx, "count lanes", func(r pgx.CollectableRow) (l wa.LaneLoad, err error) {
		var id wa.ClientID
		var lane int16
		err = r.Scan(&id, &lane, &l.Queued, &l.OldestAt)
		l.Lane = wa.Lane(lane)
		loads[id] = append(loads[id], l)
		return l, err
	}, `
		SELECT u.client, l.lane,
		       (SELECT count(*) FROM (
				SELECT FROM messages m WHERE m.org_id = $1 AND m.client_id = u.client AND m.status = 'queued' AND m.lane = l.lane LIMIT $4) w),
		       (SELECT m.created_at FROM messages m WHERE m.org_id = $1 AND m.client_id = u.client AND m.status = 'queued' AND m.lane = l.lane
			ORDER BY m.lane, m.seq LIMIT 1)
		FROM unnest($2::uuid[]) AS u(client), unnest($3::smallint[]) AS l(lane) ORDER BY u.client, l.lane`,
		org, uuidTexts(clients), laneNumbers(wa.Lanes()), most)
	return loads, err
}

// Owners tells which live workers hold clients; those that nobody holds are left
// out.
func (tx *Tx) Owners(ctx context.Context, org wa.OrgID, clients []wa.ClientID) (map[wa.ClientID]wa.ClientOwner, error) {
	return mapped(ctx, tx, "find owners", func(r pgx.CollectableRow, id *wa.ClientID) (o wa.ClientOwner, err error) {
		err = r.Scan(id, &o.ID, &o.Name, &o.Since)
		return o, err
	}, `
		SELECT c.id, w.instance::text, 'worker-' || w.slot, c.owned_at
		FROM clients c JOIN workers w ON w.slot = c.slot AND w.epoch = c.worker_epoch
		WHERE c.org_id = $1 AND c.id = ANY ($2::uuid[]) AND w.expires_at > now() AND w.instance IS NOT NULL`, org, uuidTexts(clients))
}

// Conducts tells how clients fared lately. Every client has a row.
func (tx *Tx) Conducts(ctx context.Context, org wa.OrgID, clients []wa.ClientID) (map[wa.ClientID]wa.Conduct, error) {
	return mapped(ctx, tx, "measure conduct", func(r pgx.CollectableRow, id *wa.ClientID) (c wa.Conduct, err error) {
		err = r.Scan(id, &c.Refusals, &c.Restrictions, &c.Disconnects, &c.Sent, &c.Delivered, &c.Ended, &c.Failed)
		return c, err
	}, `
		SELECT u.client, h.*, m.* FROM unnest($2::uuid[]) AS u(client), LATERAL (
			SELECT count(*) FILTER (WHERE event = 'client.error'),
			       count(*) FILTER (WHERE event IN ('client.restricted', 'client.temp_banned', 'client.banned')),
			       count(*) FILTER (WHERE event = 'client.disconnected' AND status = 'connecting' AND at > now() - interval '1 day')
			FROM client_history WHERE org_id = $1 AND client_id = u.client AND at > now() - interval '7 days') h, LATERAL (
			SELECT count(*) FILTER (WHERE sent_at < now() - interval '10 minutes'),
			       count(*) FILTER (WHERE sent_at < now() - interval '10 minutes' AND delivered_at IS NOT NULL),
			       count(*) FILTER (WHERE sent_at IS NOT NULL OR status = 'failed'), count(*) FILTER (WHERE status = 'failed')
			FROM messages WHERE org_id = $1 AND client_id = u.client AND created_at > now() - interval '1 day'
			  AND direction = 'outbound' AND origin <> 'phone') m`, org, uuidTexts(clients))
}

// mapped reads rows that begin with the client that they are about.
func mapped[T any](
	ctx context.Context, tx *Tx, doing string, scan func(pgx.CollectableRow, *wa.ClientID) (T, error), sql string, args ...any,
) (map[wa.ClientID]T, error) {
	all := map[wa.ClientID]T{}
	_, err := collect(ctx, tx, doing, func(r pgx.CollectableRow) (T, error) {
		var id wa.ClientID
		v, err := scan(r, &id)
		all[id] = v
		return v, err
	}, sql, args...)
	return all, err
}
