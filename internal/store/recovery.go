package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

const recoveryColumns = `id, org_id, endpoint_id, kind, since, until, total, moved, created_at, finished_at`

// failedOf finds what a recovery of an endpoint ($2, of org $1) puts on its way
// again: what was given up and what waits for another try, made between $3 and
// $4. $5 is how far the clock is ahead. They are two so that each has its index.
const failedOf = `
	SELECT d.id FROM webhook_deliveries d
	WHERE d.org_id = $1 AND d.endpoint_id = $2 AND d.status = 'exhausted' AND d.created_at >= $3 AND d.created_at < $4
	UNION ALL
	SELECT d.id FROM webhook_deliveries d
	WHERE d.org_id = $1 AND d.endpoint_id = $2 AND d.status = 'pending' AND d.created_at >= $3 AND d.created_at < $4
	  AND d.attempts > d.base AND d.next_attempt_at > statement_timestamp() + $5::interval`

// InsertRecovery keeps work to be done in the background, with how much there
// is of it if that can be told. What waits for nothing but the circuit is on its
// way already: it counts, and as moved.
func (tx *Tx) InsertRecovery(ctx context.Context, r wa.Recovery, ahead time.Duration) (wa.Recovery, error) {
	if r.Kind == wa.RecoverFailed {
		type counts struct{ All, Failed int64 }
		c, err := one(ctx, tx, "count failed deliveries", pgx.RowToStructByPos[counts], `
			SELECT (SELECT count(*) FROM webhook_deliveries d
			        WHERE d.org_id = $1 AND d.endpoint_id = $2 AND d.status = 'exhausted' AND d.created_at >= $3 AND d.created_at < $4)
			     + (SELECT count(*) FROM webhook_deliveries d
			        WHERE d.org_id = $1 AND d.endpoint_id = $2 AND d.status = 'pending' AND d.created_at >= $3 AND d.created_at < $4),
			       (SELECT count(*) FROM (`+failedOf+`) f)`, r.OrgID, r.EndpointID, r.Since, r.Until, ahead)
		if err != nil {
			return r, err
		}
		r.Total, r.Moved = &c.All, c.All-c.Failed
	}
	return one(ctx, tx, "insert recovery", scanRecovery, `
		INSERT INTO webhook_recoveries (id, org_id, endpoint_id, kind, since, until, total, moved)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING `+recoveryColumns,
		r.ID, r.OrgID, r.EndpointID, string(r.Kind), r.Since, r.Until, r.Total, r.Moved)
}

// Recovery reads one recovery of an endpoint.
func (tx *Tx) Recovery(ctx context.Context, org wa.OrgID, endpoint wa.EndpointID, id wa.RecoveryID) (wa.Recovery, error) {
	found, err := one(ctx, tx, "find recovery", scanRecovery, `
		SELECT `+recoveryColumns+` FROM webhook_recoveries WHERE org_id = $1 AND endpoint_id = $2 AND id = $3`, org, endpoint, id)
	return found, missing(err, "recovery")
}

// Recoveries pages through an endpoint's recoveries, newest first.
func (tx *Tx) Recoveries(ctx context.Context, org wa.OrgID, endpoint wa.EndpointID, p Page) ([]wa.Recovery, error) {
	return collect(ctx, tx, "list recoveries", scanRecovery, `
		SELECT `+recoveryColumns+` FROM webhook_recoveries
		WHERE org_id = $1 AND endpoint_id = $2 AND (created_at, id) < ($3, $4) ORDER BY created_at DESC, id DESC LIMIT $5`,
		org, endpoint, p.Before, p.BeforeID, p.Limit)
}

// NextRecovery locks the oldest recovery that nobody works at; NotFound when
// there is none.
func (tx *Tx) NextRecovery(ctx context.Context) (wa.Recovery, error) {
	return one(ctx, tx, "take recovery", scanRecovery, `
		SELECT `+recoveryColumns+` FROM webhook_recoveries WHERE finished_at IS NULL
		ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED`)
}

// RecoverBatch begins up to limit failed deliveries anew and tells how many.
func (tx *Tx) RecoverBatch(ctx context.Context, r wa.Recovery, ahead time.Duration, limit int) (int64, error) {
	return tx.moved(ctx, "recover deliveries", `
		UPDATE webhook_deliveries SET status = 'pending', base = attempts, trigger = 'recover', next_attempt_at = clock_timestamp() + $5::interval
		WHERE id = ANY (ARRAY(`+failedOf+` LIMIT $6)) AND status <> 'delivered'`,
		r.OrgID, r.EndpointID, r.Since, r.Until, ahead, limit)
}

// replayMargin is longer than any transaction lives.
const replayMargin = 10 * time.Minute

// ReplayBatch goes through up to limit events after the recovery's mark, makes
// deliveries of those that the endpoint wants and never got, and moves the mark.
// It tells how many events it saw and how many deliveries it made. The mark
// begins at the first event of that time, less replayMargin: of two events the
// one that is kept first may belong to the younger transaction.
func (tx *Tx) ReplayBatch(ctx context.Context, r wa.Recovery, optIn []wa.EventType, ahead time.Duration, limit int) (seen, made int64, err error) {
	type counts struct{ Seen, Made int64 }
	c, err := one(ctx, tx, "replay events", pgx.RowToStructByPos[counts], `
		WITH r AS (
			SELECT CASE WHEN mark_pos = 0 THEN coalesce((
				SELECT v.tx FROM events v WHERE v.created_at >= $4::timestamptz - $10::interval ORDER BY v.created_at LIMIT 1), '0') ELSE mark_tx END AS mark_tx,
				mark_pos
			FROM webhook_recoveries WHERE id = $1
		), batch AS (
			SELECT v.id, v.org_id, v.client_id, v.type, v.position, v.tx, v.chat_id, v.direction, v.data->>'endpoint_id' AS about, v.created_at
			FROM events v WHERE v.org_id = $2 AND (v.tx, v.position) > ((SELECT mark_tx FROM r), (SELECT mark_pos FROM r))
			ORDER BY v.tx, v.position LIMIT $9
		), e AS (
			SELECT b.*, CASE WHEN b.type = ANY ($7::text[]) THEN ARRAY[b.type] ELSE ARRAY[b.type, split_part(b.type, '.', 1) || '.*', '*'] END AS patterns
			FROM batch b
			WHERE b.created_at >= $4 AND b.created_at < $5 AND b.type <> 'webhook.test' AND b.about IS DISTINCT FROM $6
		), d AS (
			INSERT INTO webhook_deliveries (id, org_id, endpoint_id, event_id, chat_id, position, trigger, next_attempt_at)
			SELECT md5(w.id::text || e.id::text)::uuid, w.org_id, w.id, e.id,
			       CASE WHEN w.ordered THEN coalesce(e.chat_id, e.client_id, e.org_id) END, CASE WHEN w.ordered THEN e.position END,
			       'replay', clock_timestamp() + $8::interval
			FROM e JOIN webhook_endpoints w ON w.id = $3 AND w.org_id = e.org_id
			WHERE `+wants+`
			ON CONFLICT (id) DO NOTHING RETURNING 1
		), last AS (
			SELECT tx, position FROM batch ORDER BY tx DESC, position DESC LIMIT 1
		), moved AS (
			UPDATE webhook_recoveries x SET mark_tx = last.tx, mark_pos = last.position FROM last WHERE x.id = $1
		)
		SELECT (SELECT count(*) FROM batch), (SELECT count(*) FROM d)`,
		r.ID, r.OrgID, r.EndpointID, r.Since, r.Until, r.EndpointID.String(), texts(optIn), ahead, limit, replayMargin)
	return c.Seen, c.Made, err
}

// ProgressRecovery writes how far a recovery has come. Where there is a total,
// moved never tells more, though what failed meanwhile is moved too, and in the
// end it tells as much: what another recovery moved, or what arrived by itself,
// is on its way as well.
func (tx *Tx) ProgressRecovery(ctx context.Context, id wa.RecoveryID, moved int64, finished bool) error {
	_, err := tx.moved(ctx, "write progress", `
		UPDATE webhook_recoveries SET moved = CASE WHEN $3 THEN coalesce(total, moved + $2) ELSE least(total, moved + $2) END,
			finished_at = CASE WHEN $3 THEN now() END WHERE id = $1`, id, moved, finished)
	return err
}

func scanRecovery(r pgx.CollectableRow) (v wa.Recovery, err error) {
	err = r.Scan(&v.ID, &v.OrgID, &v.EndpointID, &v.Kind, &v.Since, &v.Until, &v.Total, &v.Moved, &v.CreatedAt, &v.FinishedAt)
	return v, err
}
