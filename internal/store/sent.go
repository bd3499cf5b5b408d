package store

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// FinishSent is MarkSent together with what belongs to it, the touch of the
// conversation and the line of the timeline: one statement, because it is the
// one that every message pays for.
func (tx *Tx) FinishSent(ctx context.Context, org wa.OrgID, id wa.MessageID, at time.Time, payload []byte, note string) (bool, error) {
	moved, err := one(ctx, tx, "finish sent message", pgx.RowTo[bool], `
		WITH old AS (
			SELECT id, chat_id, status = ANY($5) AS waits FROM messages WHERE org_id = $1 AND id = $2 FOR UPDATE
		), marked AS (
			UPDATE messages m SET status = CASE WHEN old.waits THEN 'sent' ELSE m.status END, sent_at = $3, payload = $4,
			       unconfirmed = false, not_before = NULL, updated_at = now()
			-- Asked of m alone: a receipt that has just committed is in old already, but not in m as this statement first sees it.
			FROM old WHERE m.id = old.id AND m.status = ANY($5 || '{delivered,read,played}'::text[])
			RETURNING m.id, old.chat_id, old.waits
		), touched AS (
			UPDATE chats h SET last_message_at = greatest(coalesce(h.last_message_at, $3), $3)
			FROM marked WHERE h.org_id = $1 AND h.id = marked.chat_id AND marked.waits
		), told AS (
			INSERT INTO message_events (org_id, message_id, status, note) SELECT $1, id, 'sent', $6 FROM marked WHERE waits
		)
		SELECT waits FROM marked`, org, id, at, payload, statusTexts(wa.Accept.Move().From), note)
	var e *wa.Error
	if errors.As(err, &e) && e.Code == wa.NotFound {
		return false, nil
	}
	return moved, err
}
