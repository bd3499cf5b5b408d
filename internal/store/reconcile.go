package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Moved is a message that the clock moved, and who owns its client.
type Moved struct {
	Message wa.Message
	Slot    int // 0 when nobody does
}

// PromoteDue queues what has become due (R3). A scheduled message gets its
// place in line now, in the order of due times and, among equals, of
// acceptance; one that waited to be tried again keeps the place it had.
func (tx *Tx) PromoteDue(ctx context.Context, limit int) ([]Moved, error) {
	return collect(ctx, tx, "promote due messages", scanMoved, `
		WITH due AS (
			SELECT id, not_before FROM messages WHERE status IN ('scheduled', 'retry_wait') AND not_before <= now()
			ORDER BY not_before LIMIT $1 FOR UPDATE SKIP LOCKED
		), numbered AS MATERIALIZED (
			SELECT id, nextval('message_seq') AS seq FROM (SELECT id FROM due ORDER BY not_before, id) d
		), moved AS (
			UPDATE messages u SET status = 'queued', seq = coalesce(u.seq, d.seq), not_before = NULL, updated_at = now()
			FROM numbered d WHERE u.id = d.id RETURNING u.*)
		SELECT `+messageColumns+`, coalesce(c.slot, 0) FROM moved`+messageTables+`ORDER BY m.seq`, limit)
}

// ExpireDue ends what was not sent in time (R4).
func (tx *Tx) ExpireDue(ctx context.Context, limit int) ([]Moved, error) {
	return collect(ctx, tx, "expire messages", scanMoved, `
		WITH due AS (
			SELECT id FROM messages WHERE status IN ('scheduled', 'queued', 'retry_wait') AND expires_at < now()
			ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
		), moved AS (
			UPDATE messages SET status = 'expired', not_before = NULL, updated_at = now()
			WHERE id IN (SELECT id FROM due) RETURNING *)
		SELECT `+messageColumns+`, coalesce(c.slot, 0) FROM moved`+messageTables, limit)
}

// LateUrgent lists urgent messages that wait longer than age on a client that
// somebody holds (R6).
func (tx *Tx) LateUrgent(ctx context.Context, age time.Duration, limit int) ([]wa.SendTicket, error) {
	return collect(ctx, tx, "list late urgent messages", func(r pgx.CollectableRow) (t wa.SendTicket, err error) {
		err = r.Scan(&t.Message, &t.Client, &t.Redrive, &t.Slot)
		return t, err
	}, `
		SELECT m.id, m.client_id, m.redrive, c.slot FROM messages m JOIN clients c ON c.id = m.client_id
		WHERE m.status = 'queued' AND m.lane = 0 AND m.updated_at < now() - $1::interval AND c.slot IS NOT NULL
		ORDER BY m.seq LIMIT $2`, age, limit)
}

// Stuck counts messages that should have ended by now (R11): in flight for
// longer than a day, or waiting beyond their expiry.
func (tx *Tx) Stuck(ctx context.Context) (int, error) {
	return one(ctx, tx, "count stuck messages", pgx.RowTo[int], `
		SELECT (SELECT count(*) FROM messages WHERE status = 'sending' AND first_claim < now() - interval '24 hours')
		     + (SELECT count(*) FROM messages WHERE status IN ('scheduled', 'queued', 'retry_wait') AND expires_at < now() - interval '5 minutes')`)
}

// OldestQueued gives, by lane and by whether the client is online and not held
// by the kill switch, for how long the oldest message has been waiting.
func (tx *Tx) OldestQueued(ctx context.Context) (map[Waiting]time.Duration, error) {
	ages := map[Waiting]time.Duration{}
	_, err := collect(ctx, tx, "read oldest queued", func(r pgx.CollectableRow) (w Waiting, err error) {
		var lane int16
		var seconds float64
		err = r.Scan(&lane, &w.Connected, &seconds)
		w.Lane = wa.Lane(lane)
		ages[w] = time.Duration(seconds * float64(time.Second))
		return w, err
	}, `
		SELECT m.lane, c.status IN ('connected', 'degraded', 'restricted')
		         AND NOT EXISTS (SELECT FROM installation_stop WHERE id)
		         AND NOT EXISTS (SELECT FROM stops s WHERE s.org_id = c.org_id AND (s.client_id IS NULL OR s.client_id = c.id)), extract(epoch FROM now() - min(m.updated_at))::float8
		FROM clients c CROSS JOIN (VALUES (0), (1), (2)) AS l(lane)
		CROSS JOIN LATERAL (
			SELECT m.lane, m.updated_at FROM messages m
			WHERE m.client_id = c.id AND m.status = 'queued' AND m.lane = l.lane ORDER BY m.seq LIMIT 1) m
		WHERE c.deleted_at IS NULL GROUP BY 1, 2`)
	return ages, err
}

// Waiting names a series of OldestQueued.
type Waiting struct {
	Lane      wa.Lane
	Connected bool
}

// SweepReplies forgets the answers of keyed requests after age.
func (tx *Tx) SweepReplies(ctx context.Context, age time.Duration, limit int) (int64, error) {
	return tx.moved(ctx, "sweep idempotency keys", `
		DELETE FROM idempotency_keys WHERE ctid = ANY (ARRAY(
			SELECT ctid FROM idempotency_keys WHERE created_at < now() - $1::interval ORDER BY created_at LIMIT $2))`, age, limit)
}

func scanMoved(r pgx.CollectableRow) (Moved, error) {
	var s messageScan
	var v Moved
	if err := r.Scan(append(s.targets(), &v.Slot)...); err != nil {
		return v, err
	}
	var err error
	v.Message, err = s.message()
	return v, err
}
