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
	case errors.Is(err, errKeyBusy):
		return &wa.Error{Code: wa.Conflict, Reason: "idempotency_key_busy", Message: "a request with this key is running", RetryAfter: time.Second, Err: err}
	}
	return err
}

// errKeyBusy marks an insert that met the same key.
var errKeyBusy = errors.New("idempotency key in use")

func (db *DB) replay(ctx context.Context, org wa.OrgID, key wa.IdempotencyKey, out any) (bool, error) {
	var found []reply
	err := db.InOrg(ctx, org, func(tx *Tx) (err error) {
		found, err = collect(ctx, tx, "find idempotency key", scanReply, `
			SELECT request_hash, response FROM idempotency_keys WHERE org_id = $1 AND key = $2 AND route = $3`, org, key.Key, key.Route)
		return err
	})
	if err != nil || len(found) == 0 {
		return false, err
	}
	if !bytes.Equal(found[0].hash, key.Hash) {
		return false, &wa.Error{
			Code: wa.Invalid, Reason: "idempotency_key_reuse", Field: "Idempotency-Key",
			Message: "this key was used with another body; a new request needs a new key",
		}
	}
	// What a run that came too late left in *out must not show through.
	reflect.ValueOf(out).Elem().SetZero()
	if err := json.Unmarshal(found[0].body, out); err != nil {
		return false, fmt.Errorf("read kept reply: %w", err)
	}
	return true, nil
}

func (tx *Tx) keepReply(ctx context.Context, org wa.OrgID, key wa.IdempotencyKey, out any) error {
	body, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("encode reply: %w", err)
	}
	if _, err := tx.moved(ctx, "bound wait", `SET LOCAL lock_timeout = '2s'`); err != nil {
		return err
	}
	_, err = tx.moved(ctx, "insert idempotency key", `
		INSERT INTO idempotency_keys (org_id, key, route, request_hash, response) VALUES ($1, $2, $3, $4, $5)`,
		org, key.Key, key.Route, key.Hash, body)
	if err != nil {
		return fmt.Errorf("%w: %w", errKeyBusy, err)
	}
	return nil
}

type reply struct{ hash, body []byte }

func scanReply(r pgx.CollectableRow) (p reply, err error) {
	err = r.Scan(&p.hash, &p.body)
	return p, err
}
