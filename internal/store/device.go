package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// ErrTaken means that a device was opened by somebody else since, or that its
// client has another owner: nothing was stored.
var ErrTaken = errors.New("the device is in other hands by now")

// Device is a linked device in the hands of whoever opened it last.
type Device struct {
	Org    wa.OrgID
	Client wa.ClientID
	ID     uuid.UUID
	Epoch  int64 // in which the opener owns the client
	Opened int64 // counts the openings; an older count writes nothing
	JID    string
	Sealed []byte // the device's own keys; the place is Place of "devices"
}

// ours is the fence in front of everything that is written to a device. The
// lock makes the next opener wait for the writer, so that it reads what was
// written; a writer who comes later finds another number.
const ours = `
	ours AS MATERIALIZED (
		SELECT d.id FROM devices d
		WHERE d.org_id = $1 AND d.id = $2 AND d.opened = $3
		  AND EXISTS (SELECT FROM clients c WHERE c.org_id = $1 AND c.id = d.client_id AND c.epoch = d.epoch AND c.deleted_at IS NULL)
		FOR SHARE OF d
	)`

// OpenDevice takes a client's device into the hands of its owner in an epoch.
// NotFound when there is none; ErrTaken when the client has another owner.
func (db *DB) OpenDevice(ctx context.Context, org wa.OrgID, client wa.ClientID, epoch int64, jid string) (Device, error) {
	d := Device{Org: org, Client: client, Epoch: epoch, JID: jid}
	var opened []Device
	var there []bool
	err := db.once(ctx, org, "open device", durable, func(b *pgx.Batch) {
		b.Queue(`
			UPDATE devices d SET opened = opened + 1, epoch = $4
			WHERE d.org_id = $1 AND d.client_id = $2 AND d.jid = $3 AND d.epoch <= $4
			  AND EXISTS (SELECT FROM clients c WHERE c.org_id = $1 AND c.id = $2 AND c.epoch = $4 AND c.deleted_at IS NULL)
			RETURNING d.id, d.opened, d.sealed`, org, client, jid, epoch).
			Query(gather(&opened, func(r pgx.CollectableRow) (o Device, err error) {
				o = d
				err = r.Scan(&o.ID, &o.Opened, &o.Sealed)
				return o, err
			}))
		b.Queue(`SELECT true FROM devices WHERE org_id = $1 AND client_id = $2 AND jid = $3`, org, client, jid).
			Query(gather(&there, pgx.RowTo[bool]))
	})
	switch {
	case err != nil:
		return d, err
	case len(opened) == 1:
		return opened[0], nil
	case len(there) == 1:
		return d, ErrTaken
	}
	return d, wrap(pgx.ErrNoRows, "open device")
}

// InsertDevice keeps a new device, in place of one with the same address, and
// opens it. ErrTaken when the client has another owner.
func (db *DB) InsertDevice(ctx context.Context, d Device) (Device, error) {
	var kept []int64
	err := db.once(ctx, d.Org, "insert device", durable, func(b *pgx.Batch) {
		b.Queue(`DELETE FROM devices WHERE org_id = $1 AND client_id = $2 AND jid = $3 AND epoch <= $4`, d.Org, d.Client, d.JID, d.Epoch)
		b.Queue(`
			INSERT INTO devices (org_id, id, client_id, jid, epoch, sealed)
			SELECT $1, $5, $2, $3, $4, $6
			WHERE EXISTS (SELECT FROM clients c WHERE c.org_id = $1 AND c.id = $2 AND c.epoch = $4 AND c.deleted_at IS NULL)
			RETURNING opened`, d.Org, d.Client, d.JID, d.Epoch, d.ID, d.Sealed).Query(gather(&kept, pgx.RowTo[int64]))
	})
	if err != nil {
		return d, err
	}
	if len(kept) == 0 {
		return d, ErrTaken
	}
	d.Opened = kept[0]
	return d, nil
}

// SetDevice changes what a device says of itself.
func (db *DB) SetDevice(ctx context.Context, d Device) error {
	return db.fenced(ctx, d, "set device", durable, `
		WITH `+ours+`, changed AS (
			UPDATE devices SET sealed = $4 WHERE org_id = $1 AND id = (SELECT id FROM ours))
		SELECT count(*) FROM ours`, d.Sealed)
}

// DropDevice forgets a device and all of its keys.
func (db *DB) DropDevice(ctx context.Context, d Device) error {
	return db.fenced(ctx, d, "drop device", durable, `
		WITH `+ours+`, gone AS (
			DELETE FROM devices WHERE org_id = $1 AND id = (SELECT id FROM ours))
		SELECT count(*) FROM ours`)
}

// fenced runs a statement that begins with ours and counts it.
func (db *DB) fenced(ctx context.Context, d Device, doing string, forgettable bool, sql string, args ...any) error {
	var held int
	err := db.once(ctx, d.Org, doing, forgettable, func(b *pgx.Batch) {
		b.Queue(sql, append([]any{d.Org, d.ID, d.Opened}, args...)...).QueryRow(func(r pgx.Row) error { return r.Scan(&held) })
	})
	if err == nil && held == 0 {
		return ErrTaken
	}
	return err
}
