package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Tx is a transaction. Only a Tx can Emit and Ring, so no event and no bell
// can outrun, or outlive, the rows they speak of.
type Tx struct {
	tx    pgx.Tx
	late  pgx.Batch // written right before commit: steps and events
	bells []wa.Job  // rung after commit

	audits []wa.AuditEntry // written last of all
}

// InOrg runs fn in a transaction that sees only this org's rows. A nil error
// commits. fn must not touch the network.
func (db *DB) InOrg(ctx context.Context, org wa.OrgID, fn func(*Tx) error) error {
	return db.run(ctx, "BEGIN; SET "+tenantScope+" app.org = '"+org.UUID()+"'", fn)
}

// InOrgRelaxed is InOrg for what may be forgotten in a crash of Postgres: the
// commit does not wait for the disk.
func (db *DB) InOrgRelaxed(ctx context.Context, org wa.OrgID, fn func(*Tx) error) error {
	return db.run(ctx, "BEGIN; SET LOCAL synchronous_commit = off; SET "+tenantScope+" app.org = '"+org.UUID()+"'", fn)
}

// InTx runs fn in a transaction of the system's, which sees every org. It is
// for leases, reconcilers and looking up who somebody is.
func (db *DB) InTx(ctx context.Context, fn func(*Tx) error) error {
	return db.run(ctx, "BEGIN; SET "+tenantScope+" app.system = 'on'", fn)
}

// InTxRelaxed is InTx for what may be forgotten in a crash of Postgres.
func (db *DB) InTxRelaxed(ctx context.Context, fn func(*Tx) error) error {
	return db.run(ctx, "BEGIN; SET LOCAL synchronous_commit = off; SET "+tenantScope+" app.system = 'on'", fn)
}

func (db *DB) run(ctx context.Context, begin string, fn func(*Tx) error) error {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return wrap(err, "begin")
	}
	defer conn.Release()
	ptx, err := conn.BeginTx(ctx, pgx.TxOptions{BeginQuery: begin})
	if err != nil {
		return wrap(err, "begin")
	}
	tx := &Tx{tx: ptx}
	if err := tx.finish(ctx, fn); err != nil {
		// The context may be what failed: the rollback must go through all the same.
		if rollErr := ptx.Rollback(context.WithoutCancel(ctx)); rollErr != nil && !errors.Is(rollErr, pgx.ErrTxClosed) {
			return errors.Join(err, wrap(rollErr, "roll back"))
		}
		return err
	}
	if len(tx.bells) > 0 {
		db.ring(context.WithoutCancel(ctx), tx.bells)
	}
	return nil
}

// finish runs fn and commits. The commit goes out together with what is written
// late: until it is answered, others wait for the counter's row.
func (tx *Tx) finish(ctx context.Context, fn func(*Tx) error) error {
	if err := fn(tx); err != nil {
		return err
	}
	if len(tx.audits) > 0 {
		tx.late.QueuedQueries = append(tx.late.QueuedQueries, auditBatch(tx.audits).QueuedQueries...)
	}
	if tx.late.Len() == 0 {
		return wrap(tx.tx.Commit(ctx), "commit")
	}
	tx.late.Queue("COMMIT")
	err := tx.tx.SendBatch(ctx, &tx.late).Close()
	if withoutCounter(err) {
		return &wa.Error{Code: wa.NotFound, Message: "the client of this event does not exist", Err: err}
	}
	return wrap(err, "write steps and events, and commit")
}

// Ring asks for a bell after commit, best effort: the row is what counts.
func (tx *Tx) Ring(jobs ...wa.Job) { tx.bells = append(tx.bells, jobs...) }

// Step writes a line of a message's timeline.
func (tx *Tx) Step(org wa.OrgID, message wa.MessageID, status wa.Status, note string, data any) error {
	raw, err := optionalJSON(data)
	if err != nil {
		return fmt.Errorf("encode step: %w", err)
	}
	tx.late.Queue(`
		INSERT INTO message_events (org_id, message_id, status, note, data)
		VALUES ($1, $2, $3, $4, $5)`, org, message, status, note, raw)
	return nil
}

// Emit writes an event, and a delivery for every endpoint that wants it. Its
// sequence is drawn last, right before commit, so that the counter's row is
// locked for as short as can be.
func (tx *Tx) Emit(org wa.OrgID, client wa.ClientID, kind wa.EventType, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event %s: %w", kind, err)
	}
	about := aboutOf(data)
	statement := emitNumbered
	if client.IsZero() || unnumbered[kind] {
		statement = emitUnnumbered
	}
	tx.late.Queue(statement, wa.NewEventID(), org, client, kind, raw, about.Chat, string(about.Direction), about.Endpoint,
		about.Callback, wa.Patterns(kind), about.Trace).Query(tx.ringEndpoints)
	return nil
}

func aboutOf(data any) wa.About {
	if d, ok := data.(interface{ About() wa.About }); ok {
		return d.About()
	}
	return wa.About{}
}

// unnumbered events come from many API processes at once. Numbering them would
// make every accepted message wait for the one before it.
var unnumbered = map[wa.EventType]bool{wa.MessageQueued: true, wa.MessageScheduled: true}

// collect reads all rows of a query.
func collect[T any](ctx context.Context, tx *Tx, doing string, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, err := tx.tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, wrap(err, doing)
	}
	out, err := pgx.CollectRows(rows, decoding(scan))
	return out, wrap(err, doing)
}

// one reads the single row of a query; none is NotFound.
func one[T any](ctx context.Context, tx *Tx, doing string, scan pgx.RowToFunc[T], sql string, args ...any) (T, error) {
	rows, err := tx.tx.Query(ctx, sql, args...)
	if err != nil {
		var zero T
		return zero, wrap(err, doing)
	}
	out, err := pgx.CollectExactlyOneRow(rows, decoding(scan))
	return out, wrap(err, doing)
}

// moved runs a guarded statement and reports how many rows it moved.
func (tx *Tx) moved(ctx context.Context, doing, sql string, args ...any) (int64, error) {
	tag, err := tx.tx.Exec(ctx, sql, args...)
	return tag.RowsAffected(), wrap(err, doing)
}

func optionalJSON(v any) ([]byte, error) {
	if v == nil {
		return nil, nil
	}
	return json.Marshal(v)
}
