package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// attempt runs fn inside a savepoint: its failure leaves the transaction usable.
// fn may query, not Step, Emit or Ring.
func (tx *Tx) attempt(ctx context.Context, fn func(*Tx) error) error {
	inner, err := tx.tx.Begin(ctx)
	if err != nil {
		return wrap(err, "set savepoint")
	}
	if err := fn(&Tx{tx: inner}); err != nil {
		if rollErr := inner.Rollback(ctx); rollErr != nil {
			return errors.Join(err, wrap(rollErr, "roll back to savepoint"))
		}
		return err
	}
	return wrap(inner.Commit(ctx), "release savepoint")
}

// decodeError is a row that we cannot read: our fault, not the connection's.
type decodeError struct{ err error }

func (e *decodeError) Error() string { return "decode row: " + e.err.Error() }

// decoding marks the errors of reading a row as such.
func decoding[T any](scan pgx.RowToFunc[T]) pgx.RowToFunc[T] {
	return func(r pgx.CollectableRow) (T, error) {
		v, err := scan(r)
		if err != nil {
			err = &decodeError{err}
		}
		return v, err
	}
}
