package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Mark is a place in an org's feed of events.
type Mark struct {
	Tx       string // xid8 as text
	Position int64
}

// EventFilter narrows a feed; zero fields do not.
type EventFilter struct {
	Client wa.ClientID
	Types  []wa.EventType
}

// MarkOf finds the place right after an event; NotFound for another org's.
func (tx *Tx) MarkOf(ctx context.Context, org wa.OrgID, id wa.EventID) (Mark, error) {
	return one(ctx, tx, "find event", scanMark, `SELECT tx::text, position FROM events WHERE org_id = $1 AND id = $2`, org, id)
}

// MarkNow is the place after everything that can be seen now.
func (tx *Tx) MarkNow(ctx context.Context) (Mark, error) {
	return one(ctx, tx, "find end of feed", scanMark, `SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::numeric - 1)::text, 9223372036854775807`)
}

// Events reads the feed after a mark, oldest first, and gives the new mark. It
// stays below the oldest open transaction, so that no event that commits late
// is ever stepped over. When there is no more, the mark is the end of the feed:
// a reader with a narrow filter does not look at the same events again. The text of tx has a name of its own in the statement:
// under the column's name it would be what is sorted by, and "10" < "9".
func (tx *Tx) Events(ctx context.Context, org wa.OrgID, after Mark, f EventFilter, limit int) ([]wa.Event, Mark, error) {
	types := make([]string, len(f.Types))
	for i, t := range f.Types {
		types[i] = string(t)
	}
	if after.Tx == "" {
		after.Tx = "0"
	}
	end, err := tx.MarkNow(ctx)
	if err != nil {
		return nil, after, err
	}
	mark := after
	events, err := collect(ctx, tx, "read events", func(r pgx.CollectableRow) (e wa.Event, err error) {
		err = r.Scan(&e.ID, &e.Type, &e.CreatedAt, &e.OrgID, &e.ClientID, &e.Sequence, &e.Data, &mark.Tx, &mark.Position)
		e.Version = wa.EventVersion
		return e, err
	}, `
		SELECT id, type, created_at, org_id, client_id, sequence, data, tx::text AS mark, position FROM events
		WHERE org_id = $1 AND (tx, position) > ($2::text::xid8, $3) AND tx <= $7::text::xid8
		  AND ($4::uuid IS NULL OR client_id = $4) AND (cardinality($5::text[]) = 0 OR type = ANY($5))
		ORDER BY tx, position LIMIT $6`, org, after.Tx, after.Position, f.Client, types, limit, end.Tx)
	if err == nil && len(events) < limit && end.after(mark) {
		mark = end
	}
	return events, mark, err
}

// after compares transactions only. The texts are numbers without leading
// zeros.
func (m Mark) after(other Mark) bool {
	if len(m.Tx) != len(other.Tx) {
		return len(m.Tx) > len(other.Tx)
	}
	return m.Tx >= other.Tx
}

// SweepEvents deletes events older than age, at most limit.
func (tx *Tx) SweepEvents(ctx context.Context, age time.Duration, limit int) (int64, error) {
	return tx.moved(ctx, "sweep events", `
		DELETE FROM events WHERE id = ANY (ARRAY(
			SELECT id FROM events WHERE created_at < now() - $1::interval ORDER BY created_at LIMIT $2))`, age, limit)
}

func scanMark(r pgx.CollectableRow) (m Mark, err error) {
	err = r.Scan(&m.Tx, &m.Position)
	return m, err
}
