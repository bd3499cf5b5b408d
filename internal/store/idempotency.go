package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// IdempotentReply is what a keyed request was answered.
type IdempotentReply struct {
	Hash   []byte
	Status int
	Body   json.RawMessage
}

// Replied finds what a key's first request was answered; nil when this is the
// first.
func (tx *Tx) Replied(ctx context.Context, org wa.OrgID, key, route string) (*IdempotentReply, error) {
	found, err := collect(ctx, tx, "find idempotency key", scanReply, `
		SELECT request_hash, status, response FROM idempotency_keys WHERE org_id = $1 AND key = $2 AND route = $3`, org, key, route)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// Reply keeps the answer of a keyed request, in the transaction of its work. A
// request with the same key that runs at this moment is waited for at most two
// seconds; then, or when it won, the error is a Conflict.
func (tx *Tx) Reply(ctx context.Context, org wa.OrgID, key, route string, r IdempotentReply) error {
	if _, err := tx.moved(ctx, "bound wait", `SET LOCAL lock_timeout = '2s'`); err != nil {
		return err
	}
	_, err := tx.moved(ctx, "insert idempotency key", `
		INSERT INTO idempotency_keys (org_id, key, route, request_hash, status, response)
		VALUES ($1, $2, $3, $4, $5, $6)`, org, key, route, r.Hash, r.Status, []byte(r.Body))
	if err != nil {
		return fmt.Errorf("keep reply: %w", err)
	}
	return nil
}

func scanReply(r pgx.CollectableRow) (p IdempotentReply, err error) {
	var body []byte
	err = r.Scan(&p.Hash, &p.Status, &body)
	p.Body = body
	return p, err
}
