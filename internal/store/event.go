package store

import (
	"context"
	"slices"
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
	But    []wa.EventType // none of these
}

// MarkOf finds the place right after an event; NotFound for another org's.
func (tx *Tx) MarkOf(ctx context.Context, org wa.OrgID, id wa.EventID) (Mark, error) {
	return one(ctx, tx, "find event", scanMark, `SELECT tx::text, position FROM events WHERE org_id = $1 AND id = $2`, org, id)
}

// MarkNow is the place after everything that can be seen now.
func (tx *Tx) MarkNow(ctx context.Context) (Mark, error) {
	return one(ctx, tx, "find end of feed", scanMark, `SELECT (pg_snapshot_xmin(pg_current_snapshot())::text::numeric - 1)::text, 9223372036854775807`)
}

// Events reads a view's feed after a mark, oldest first, and gives the new mark. It
// stays below the oldest open transaction, so that no event that commits late
// is ever stepped over. When there is no more, the mark is the end of the feed:
// a reader with a narrow filter does not look at the same events again.
func (tx *Tx) Events(ctx context.Context, v wa.View, after Mark, f EventFilter, limit int) ([]wa.Event, Mark, error) {
	end, err := tx.MarkNow(ctx)
	if err != nil {
		return nil, after, err
	}
	events, mark, err := tx.feed(ctx, v, after, end, f, "tx, position", limit)
	if err == nil && len(events) < limit && end.after(mark) {
		mark = end
	}
	return events, mark, err
}

// NewestEvents reads the end of a view's feed, oldest first. What follows its
// last event is what Events gives after that event.
func (tx *Tx) NewestEvents(ctx context.Context, v wa.View, f EventFilter, limit int) ([]wa.Event, error) {
	end, err := tx.MarkNow(ctx)
	if err != nil {
		return nil, err
	}
	events, _, err := tx.feed(ctx, v, Mark{}, end, f, "tx DESC, position DESC", limit)
	slices.Reverse(events)
	return events, err
}

// feed reads what lies between two marks in the order given, and the mark of
// the last one read. The text of tx has a name of its own in the statement:
// under the column's name it would be what is sorted by, and "10" < "9". Types
// are left out by containment: of "<> ALL" the planner thinks that hardly a row
// passes, and would sort the whole feed instead of reading its index in order.
func (tx *Tx) feed(ctx context.Context, v wa.View, after, end Mark, f EventFilter, order string, limit int) ([]wa.Event, Mark, error) {
	if after.Tx == "" {
		after.Tx = "0"
	}
	mark := after
	events, err := collect(ctx, tx, "read events", func(r pgx.CollectableRow) (e wa.Event, err error) {
		err = r.Scan(&e.ID, &e.Type, &e.CreatedAt, &e.OrgID, &e.ClientID, &e.Sequence, &e.Data, &mark.Tx, &mark.Position)
		e.Version = wa.EventVersion
		return e, err
	}, `
		SELECT id, type, created_at, org_id, client_id, sequence, data, tx::text AS mark, position FROM events e
		WHERE org_id = $1 AND (tx, position) > ($2::text::xid8, $3) AND tx <= $7::text::xid8
		  AND ($4::uuid IS NULL OR client_id = $4) AND (cardinality($9::text[]) = 0 OR type = ANY($9)) AND NOT ($11::text[] @> ARRAY[type])
		  AND (NOT $8 OR client_id = ANY ($10::uuid[]) OR `+everybodysEvent+`) AND ($5::uuid IS NULL OR `+ownEvent+` OR `+everybodysEvent+`)
		ORDER BY `+order+` LIMIT $6`, v.Org, after.Tx, after.Position, f.Client, viewer(v), limit, end.Tx, v.Limited, typeNames(f.Types), viewed(v), typeNames(f.But))
	return events, mark, err
}

// typeNames are never NULL.
func typeNames(types []wa.EventType) []string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = string(t)
	}
	return names
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
