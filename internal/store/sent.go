package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// FinishSent records that WhatsApp's server took a message, with what belongs
// to that, the touch of the conversation and the line of the timeline: one
// statement, because it is the one that every message pays for. Receipts may have
// overtaken this news; then only what they could not know is filled in. Not
// moved: the message was not waiting for this news. It was sent that long ago:
// when, is told by the database's clock, from which the pace is rebuilt on other
// machines.
//
// (org_id = $1) IS TRUE here and elsewhere checks the org and keeps the planner
// from looking for it, as it does while a table is young and its statistics are
// missing: the ids are what finds the rows.
func (tx *Tx) FinishSent(ctx context.Context, org wa.OrgID, id wa.MessageID, ago time.Duration, payload []byte, note string) (at time.Time, moved bool, err error) {
	_, err = one(ctx, tx, "finish sent message", func(r pgx.CollectableRow) (struct{}, error) { return struct{}{}, r.Scan(&moved, &at) }, `
		WITH old AS (
			SELECT id, chat_id, status = ANY($5) AS waits, clock_timestamp() - $3::interval AS at FROM messages WHERE (org_id = $1) IS TRUE AND id = $2 FOR UPDATE
		), marked AS (
			UPDATE messages m SET status = CASE WHEN old.waits THEN 'sent' ELSE m.status END, sent_at = old.at, payload = $4,
			       unconfirmed = false, not_before = NULL, updated_at = now()
			-- Asked of m alone: a receipt that has just committed is in old already, but not in m as this statement first sees it.
			FROM old WHERE m.id = old.id AND m.status = ANY($5 || '{delivered,read,played}'::text[])
			RETURNING m.id, old.chat_id, old.waits, old.at
		), touched AS (
			UPDATE chats h SET last_message_at = greatest(coalesce(h.last_message_at, marked.at), marked.at)
			FROM marked WHERE (h.org_id = $1) IS TRUE AND h.id = marked.chat_id AND marked.waits
		), told AS (
			INSERT INTO message_events (org_id, message_id, status, note) SELECT $1, id, 'sent', $6 FROM marked WHERE waits
		)
		SELECT waits, at FROM marked`, org, id, ago, payload, statusTexts(wa.Accept.Move().From), note)
	var e *wa.Error
	if errors.As(err, &e) && e.Code == wa.NotFound {
		return at, false, nil
	}
	return at, moved, err
}
