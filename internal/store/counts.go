package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Figures counts the messages of a view, or of one client of it, between each
// two of bounds, which rise and lie on quarters of an hour; one count fewer than
// bounds. What somebody sees who sees only their own chats is counted from the
// messages; everything else from the figures that are kept, which follow within
// seconds.
func (tx *Tx) Figures(ctx context.Context, v wa.View, client wa.ClientID, bounds []time.Time) ([]wa.MessageCounts, error) {
	counts := make([]wa.MessageCounts, len(bounds)-1)
	sql, args := keptFigures(v, client, bounds)
	if viewer(v) != nil {
		sql, args = ownFigures(v, client, bounds)
	}
	_, err := collect(ctx, tx, "read figures", func(r pgx.CollectableRow) (struct{}, error) {
		var n int
		var c wa.MessageCounts
		err := r.Scan(&n, &c.Accepted, &c.Sent, &c.Delivered, &c.Read, &c.Failed, &c.Received)
		if err == nil && n >= 1 && n <= len(counts) {
			counts[n-1] = c
		}
		return struct{}{}, err
	}, sql, args...)
	return counts, err
}

func keptFigures(v wa.View, client wa.ClientID, bounds []time.Time) (string, []any) {
	var where strings.Builder
	args := []any{v.Org, bounds, bounds[0], bounds[len(bounds)-1]}
	if !client.IsZero() {
		args = append(args, client)
		fmt.Fprintf(&where, " AND f.client_id = $%d", len(args))
	}
	if v.Limited {
		args = append(args, viewed(v))
		fmt.Fprintf(&where, " AND f.client_id = ANY ($%d::uuid[])", len(args))
	}
	return `
		SELECT width_bucket(f.at, $2::timestamptz[]), sum(f.accepted), sum(f.sent), sum(f.delivered), sum(f.read), sum(f.failed), sum(f.received)
		FROM message_figures f WHERE f.org_id = $1 AND f.at >= $3 AND f.at < $4` + where.String() + ` GROUP BY 1`, args
}

func ownFigures(v wa.View, client wa.ClientID, bounds []time.Time) (string, []any) {
	return `
		SELECT width_bucket(m.created_at, $2::timestamptz[]), ` + counted + `
		FROM chats h, messages m
		WHERE h.org_id = $1 AND h.assigned_to = $6 AND h.client_id = ANY ($5::uuid[]) AND ($7::uuid IS NULL OR h.client_id = $7)
		  AND m.chat_id = h.id AND m.created_at >= $3 AND m.created_at < $4 GROUP BY 1`,
		[]any{v.Org, bounds, bounds[0], bounds[len(bounds)-1], viewed(v), viewer(v), optionalUUID(client)}
}
