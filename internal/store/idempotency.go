package store

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"chasqui/internal/wa"
)

// Once runs fn in a transaction of the org and, when the caller named the
// request, keeps *out there as its answer. A repeat finds that answer in *out,
// *replayed set, and fn is not run; a repeat with another body is Invalid. A
// repeat that runs at the same moment waits up to two seconds for the first,
// then it is a Conflict.
func (db *DB) Once(ctx context.Context, org wa.OrgID, key wa.IdempotencyKey, out any, replayed *bool, fn func(*Tx) error) error {
	if key.IsZero() {
		return db.InOrg(ctx, org, fn)
	}
	if found, err := db.replay(ctx, org, key, out); found || err != nil {
		*replayed = found
		return err
	}
	err := db.InOrg(ctx, org, func(tx *Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return tx.keepReply(ctx, org, key, out)
	})
	if wa.CodeOf(err) != wa.Conflict && wa.CodeOf(err) != wa.Unavailable {
		return err
	}
	// Somebody with the same key was faster, or is still at it.
	found, replayErr := db.replay(ctx, org, key, out)
	switch {
	case replayErr != nil:
		return replayErr
	case found:
		*replayed = true
		return nil
	}
	return err
}

func (db *DB) replay(ctx context.Context, org wa.OrgID, key wa.IdempotencyKey, out any) (bool, error) {
	var found map[ReplyName]Reply
	err := db.InOrg(ctx, org, func(tx *Tx) (err error) {
		found, err = tx.Replies(ctx, org, []wa.IdempotencyKey{key})
		return err
	})
	if err != nil || len(found) == 0 {
		return false, err
	}
	if err := found[ReplyName{key.Key, key.Route}].Read(key, out); err != nil {
		return false, err
	}
	return true, nil
}

// ReplyName is what a kept reply is found by.
type ReplyName struct{ Key, Route string }

// Reply is what a request was answered.
type Reply struct{ hash, body []byte }

// Read gives the reply to a repeat of its request; Invalid when the repeat is
// another request.
func (r Reply) Read(key wa.IdempotencyKey, out any) error {
	if !bytes.Equal(r.hash, key.Hash) {
		return &wa.Error{
			Code: wa.Invalid, Reason: "idempotency_key_reuse", Field: "Idempotency-Key",
			Message: "was used with another body, or at another address: a new request needs a new key",
		}
	}
	// What a run that came too late left in *out must not show through.
	reflect.ValueOf(out).Elem().SetZero()
	if err := json.Unmarshal(r.body, out); err != nil {
		return fmt.Errorf("read kept reply: %w", err)
	}
	return nil
}

// Replies finds what was answered under these keys.
func (tx *Tx) Replies(ctx context.Context, org wa.OrgID, keys []wa.IdempotencyKey) (map[ReplyName]Reply, error) {
	found := make(map[ReplyName]Reply)
	names, routes, _ := keyColumns(keys)
	_, err := collect(ctx, tx, "find idempotency keys", func(r pgx.CollectableRow) (p Reply, err error) {
		var n ReplyName
		err = r.Scan(&n.Key, &n.Route, &p.hash, &p.body)
		found[n] = p
		return p, err
	}, `
		SELECT i.key, i.route, i.request_hash, i.response FROM unnest($2::text[], $3::text[]) AS u(key, route)
		JOIN idempotency_keys i ON i.org_id = $1 AND i.key = u.key AND i.route = u.route`, org, names, routes)
	return found, err
}

// KeepReplies keeps what requests are answered, bodies[i] under keys[i], and
// reports which keys were free. A request that runs at this moment under the
// same key is waited for up to two seconds, then it is a Conflict.
func (tx *Tx) KeepReplies(ctx context.Context, org wa.OrgID, keys []wa.IdempotencyKey, bodies [][]byte) (map[ReplyName]bool, error) {
	if _, err := tx.moved(ctx, "bound wait", `SET LOCAL lock_timeout = '2s'`); err != nil {
		return nil, err
	}
	kept := make(map[ReplyName]bool, len(keys))
	names, routes, hashes := keyColumns(keys)
	_, err := collect(ctx, tx, "insert idempotency keys", func(r pgx.CollectableRow) (n ReplyName, err error) {
		err = r.Scan(&n.Key, &n.Route)
		kept[n] = true
		return n, err
	}, `
		INSERT INTO idempotency_keys (org_id, key, route, request_hash, response)
		SELECT $1, u.key, u.route, u.hash, u.body FROM unnest($2::text[], $3::text[], $4::bytea[], $5::bytea[]) AS u(key, route, hash, body)
		ORDER BY u.key, u.route -- so that two crowds with the same keys cannot lock crosswise
		ON CONFLICT DO NOTHING RETURNING key, route`, org, names, routes, hashes, bodies)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == lockNotAvailable {
		return nil, keyBusy(err)
	}
	return kept, err
}

const lockNotAvailable = "55P03"

func keyBusy(err error) error {
	return &wa.Error{
		Code: wa.Conflict, Reason: "idempotency_key_busy", Message: "a request with this key is running", RetryAfter: time.Second, Err: err,
	}
}

func keyColumns(keys []wa.IdempotencyKey) (names, routes []string, hashes [][]byte) {
	for _, k := range keys {
		names, routes, hashes = append(names, k.Key), append(routes, k.Route), append(hashes, k.Hash)
	}
	return names, routes, hashes
}

func (tx *Tx) keepReply(ctx context.Context, org wa.OrgID, key wa.IdempotencyKey, out any) error {
	body, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("encode reply: %w", err)
	}
	kept, err := tx.KeepReplies(ctx, org, []wa.IdempotencyKey{key}, [][]byte{body})
	if err == nil && !kept[ReplyName{key.Key, key.Route}] {
		return keyBusy(nil)
	}
	return err
}
