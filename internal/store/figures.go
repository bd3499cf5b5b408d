package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// ClientGroup names a group of clients that are counted together. Wanted says
// that somebody wants them online.
type ClientGroup struct {
	Status wa.ClientStatus
	Wanted bool
}

// CountClients counts every org's clients by how they are and should be.
func (tx *Tx) CountClients(ctx context.Context) (map[ClientGroup]int, error) {
	counts := map[ClientGroup]int{}
	_, err := collect(ctx, tx, "count clients", func(r pgx.CollectableRow) (g ClientGroup, err error) {
		var n int
		err = r.Scan(&g.Status, &g.Wanted, &n)
		counts[g] = n
		return g, err
	}, `SELECT status, desire = 'connected', count(*) FROM clients WHERE deleted_at IS NULL GROUP BY 1, 2`)
	return counts, err
}

// CountWaiting counts what every org's messages wait for: by lane those in
// line, and those that were sent without an answer. Of the lines it counts as
// far as most; beyond that the exact number says nothing more.
func (tx *Tx) CountWaiting(ctx context.Context, most int) (lanes map[wa.Lane]int, unconfirmed int, err error) {
	lanes = map[wa.Lane]int{}
	_, err = collect(ctx, tx, "count waiting messages", func(r pgx.CollectableRow) (lane wa.Lane, err error) {
		var n int
		var number int16
		err = r.Scan(&number, &n)
		lanes[wa.Lane(number)] = n
		return wa.Lane(number), err
	}, `
		SELECT lane, count(*) FROM (SELECT lane FROM messages WHERE status = 'queued' LIMIT $1) q GROUP BY lane`, most)
	if err != nil {
		return nil, 0, err
	}
	unconfirmed, err = one(ctx, tx, "count unconfirmed messages", pgx.RowTo[int], `
		SELECT count(*) FROM messages WHERE status = 'sending' AND unconfirmed`)
	return lanes, unconfirmed, err
}

// HookBacklog is how webhooks stand over all orgs.
type HookBacklog struct {
	// Late is for how long the oldest delivery is overdue at an endpoint that
	// answers and has no rate of its own: what waits there waits for us.
	Late time.Duration
	// Failing counts endpoints whose last attempts all failed. Disabled counts
	// those that were switched off in the last day, by whomever.
	Failing, Disabled, Enabled int
}

// HookBacklog measures how webhooks stand.
func (tx *Tx) HookBacklog(ctx context.Context) (b HookBacklog, err error) {
	return one(ctx, tx, "measure webhook backlog", func(r pgx.CollectableRow) (b HookBacklog, err error) {
		var seconds float64
		err = r.Scan(&seconds, &b.Failing, &b.Disabled, &b.Enabled)
		b.Late = time.Duration(seconds * float64(time.Second))
		return b, err
	}, `
		SELECT coalesce(extract(epoch FROM now() - min(d.next_attempt_at) FILTER (WHERE l.failing_since IS NULL AND e.rate IS NULL)), 0)::float8,
		       count(*) FILTER (WHERE e.enabled AND l.failing_since IS NOT NULL),
		       count(*) FILTER (WHERE NOT e.enabled AND e.disabled_at > now() - interval '1 day'),
		       count(*) FILTER (WHERE e.enabled)
		FROM webhook_endpoints e LEFT JOIN webhook_lines l ON l.endpoint_id = e.id
		LEFT JOIN LATERAL (
			SELECT next_attempt_at FROM webhook_deliveries
			WHERE endpoint_id = e.id AND status = 'pending' AND next_attempt_at < now() AND e.enabled
			ORDER BY next_attempt_at LIMIT 1) d ON true
		WHERE e.deleted_at IS NULL AND (e.enabled OR e.disabled_at > now() - interval '1 day')`)
}

// Size is how many bytes the whole database takes on disk.
func (tx *Tx) Size(ctx context.Context) (int64, error) {
	return one(ctx, tx, "measure database", pgx.RowTo[int64], `SELECT pg_database_size(current_database())`)
}
