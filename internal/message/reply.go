package message

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// answered serves those whose request was answered before, and gives the
// others. Of two with one key only the first is left.
func answered(ctx context.Context, tx *store.Tx, org wa.OrgID, asks []*ask) ([]*ask, error) {
	var keys []wa.IdempotencyKey
	for _, a := range asks {
		if !a.key.IsZero() {
			keys = append(keys, a.key)
		}
	}
	if len(keys) == 0 {
		return asks, nil
	}
	replies, err := tx.Replies(ctx, org, keys)
	if err != nil {
		return nil, err
	}
	var open []*ask
	seen := map[store.ReplyName]bool{}
	for _, a := range asks {
		a.again = false
		name := store.ReplyName{Key: a.key.Key, Route: a.key.Route}
		if old, ok := replies[name]; ok && !a.key.IsZero() {
			a.err = old.Read(a.key, &a.out)
			a.out.Replayed = a.err == nil
			continue
		}
		if a.again = seen[name] && !a.key.IsZero(); !a.again {
			open = append(open, a)
		}
		seen[name] = true
	}
	return open, nil
}

// keep keeps the answers of those who named their request, and gives those who
// were not answered by somebody else at the same moment.
func keep(ctx context.Context, tx *store.Tx, org wa.OrgID, asks []*ask) ([]*ask, error) {
	var keys []wa.IdempotencyKey
	var bodies [][]byte
	for _, a := range asks {
		if a.key.IsZero() {
			continue
		}
		body, err := json.Marshal(a.out)
		if err != nil {
			return nil, fmt.Errorf("encode reply: %w", err)
		}
		keys, bodies = append(keys, a.key), append(bodies, body)
	}
	if len(keys) == 0 {
		return asks, nil
	}
	kept, err := tx.KeepReplies(ctx, org, keys, bodies)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(asks, func(a *ask) bool {
		a.again = !a.key.IsZero() && !kept[store.ReplyName{Key: a.key.Key, Route: a.key.Route}]
		return a.again
	}), nil
}
