package store

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

const clientColumns = `id, org_id, name, provider, status, status_reason, status_at, until, desire, phone, lid,
	push_name, paused, send_read_receipts, device, limits, created_at, updated_at, jid, slot, worker_epoch, epoch, version, ` + haltOf

// ClientRow is a client with the counter of what people asked of it.
type ClientRow struct {
	wa.Client
	Version int64
}

// InsertClient keeps a new client and its event counter.
func (tx *Tx) InsertClient(ctx context.Context, c wa.Client) (wa.Client, error) {
	if _, err := tx.moved(ctx, "insert client", withHistory(`
		INSERT INTO clients (id, org_id, name, provider, device, limits) VALUES ($1, $2, $3, $4, $5, $6)`),
		c.ID, c.OrgID, c.Name, c.Provider, c.Device, c.Limits, wa.ClientCreated); err != nil {
		return wa.Client{}, err
	}
	if _, err := tx.moved(ctx, "insert client counter", `
		INSERT INTO client_sequences (client_id, org_id) VALUES ($1, $2)`, c.ID, c.OrgID); err != nil {
		return wa.Client{}, err
	}
	return tx.Client(ctx, c.OrgID, c.ID)
}

// Client reads one client; NotFound for another org's and for deleted ones.
func (tx *Tx) Client(ctx context.Context, org wa.OrgID, id wa.ClientID) (wa.Client, error) {
	row, err := tx.ClientRow(ctx, org, id)
	if err == nil && row.Desire == wa.WantDeleted {
		return wa.Client{}, wrap(pgx.ErrNoRows, "find client")
	}
	return row.Client, err
}

// ClientRow is Client with its version, for the owner, who also sees one that is
// about to be deleted.
func (tx *Tx) ClientRow(ctx context.Context, org wa.OrgID, id wa.ClientID) (ClientRow, error) {
	return one(ctx, tx, "find client", scanClient, `
		SELECT `+clientColumns+` FROM clients WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL`, org, id)
}

// Hosts reads the clients that messages are being accepted for, and keeps them
// from being deleted until the transaction ends: what a deletion withdraws is
// then all there is. Clients that are not there are left out.
func (tx *Tx) Hosts(ctx context.Context, org wa.OrgID, ids []wa.ClientID) (map[wa.ClientID]wa.Client, error) {
	found, err := collect(ctx, tx, "find clients", scanClient, `
		SELECT `+clientColumns+` FROM clients
		WHERE org_id = $1 AND id = ANY ($2) AND deleted_at IS NULL AND desire <> 'deleted' ORDER BY id FOR KEY SHARE`, org, uuidTexts(ids))
	clients := make(map[wa.ClientID]wa.Client, len(found))
	for _, c := range found {
		clients[c.ID] = c.Client
	}
	return clients, err
}

// Clients pages through the clients of a view, newest first.
func (tx *Tx) Clients(ctx context.Context, v wa.View, p Page) ([]wa.Client, error) {
	rows, err := collect(ctx, tx, "list clients", scanClient, `
		SELECT `+clientColumns+` FROM clients
		WHERE org_id = $1 AND deleted_at IS NULL AND desire <> 'deleted' AND (created_at, id) < ($2, $3)
		  AND (NOT $5 OR id = ANY ($6::uuid[]))
		ORDER BY created_at DESC, id DESC LIMIT $4`, v.Org, p.Before, p.BeforeID, p.Limit, v.Limited, viewed(v))
	clients := make([]wa.Client, len(rows))
	for i, r := range rows {
		clients[i] = r.Client
	}
	return clients, err
}

// Desire notes what somebody wants of a client. The owner works until the
// facts agree. It reports whether the client exists.
func (tx *Tx) Desire(ctx context.Context, org wa.OrgID, id wa.ClientID, want wa.Desire) (bool, error) {
	n, err := tx.moved(ctx, "note desire", `
		UPDATE clients SET desire = $3, version = version + 1, updated_at = now()
		WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL AND desire <> 'deleted'`, org, id, want)
	return n == 1, err
}

// Desired turns a desire that has been met into the one that follows from it,
// unless somebody asked for something else meanwhile.
func (tx *Tx) Desired(ctx context.Context, org wa.OrgID, id wa.ClientID, met, next wa.Desire) error {
	_, err := tx.moved(ctx, "settle desire", `
		UPDATE clients SET desire = $4, version = version + 1, updated_at = now()
		WHERE org_id = $1 AND id = $2 AND desire = $3`, org, id, met, next)
	return err
}

// SetLimits changes how fast a client may send.
func (tx *Tx) SetLimits(ctx context.Context, org wa.OrgID, id wa.ClientID, l wa.Limits) error {
	return tx.exactly(ctx, "set limits", `
		UPDATE clients SET limits = $3, version = version + 1, updated_at = now()
		WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL`, org, id, l)
}

// SetPaused stops or resumes what leaves a client.
func (tx *Tx) SetPaused(ctx context.Context, org wa.OrgID, id wa.ClientID, paused bool) error {
	return tx.exactly(ctx, "pause client", `
		UPDATE clients SET paused = $3, version = version + 1, updated_at = now()
		WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL`, org, id, paused)
}

// RenameClient gives a client another name.
func (tx *Tx) RenameClient(ctx context.Context, org wa.OrgID, id wa.ClientID, name string) error {
	return tx.exactly(ctx, "rename client", `
		UPDATE clients SET name = $3, updated_at = now() WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL`, org, id, name)
}

// SetStatus records where a number stands, by its owner (epoch) only. It
// reports whether anything changed.
func (tx *Tx) SetStatus(ctx context.Context, org wa.OrgID, id wa.ClientID, epoch int64, s wa.Standing) (bool, error) {
	n, err := tx.moved(ctx, "set client status", withHistory(`
		UPDATE clients SET status = $4, status_reason = $5, until = $6, status_at = now(), updated_at = now()
		WHERE org_id = $1 AND id = $2 AND epoch = $3 AND deleted_at IS NULL
		  AND (status, status_reason, until) IS DISTINCT FROM ($4, $5, $6)`), org, id, epoch, s.Status, s.Reason, s.Until, s.Event)
	return n == 1, err
}

// SetPaired records the phone behind a client, by its owner only, and wants it
// online unless somebody asked for something else meanwhile. A phone's device
// that another client holds is a Conflict.
func (tx *Tx) SetPaired(ctx context.Context, org wa.OrgID, id wa.ClientID, epoch int64, jid string, phone wa.Phone, lid string) (bool, error) {
	n, err := tx.moved(ctx, "set client paired", withHistory(`
		UPDATE clients SET jid = $4, phone = $5, lid = $6, status = 'connecting',
		       desire = CASE WHEN desire IN ('idle', 'pairing') THEN 'connected' ELSE desire END,
		       status_reason = 'linked, coming online', status_at = now(), until = NULL, updated_at = now()
		WHERE org_id = $1 AND id = $2 AND epoch = $3 AND deleted_at IS NULL`), org, id, epoch, jid, phone, lid, wa.ClientPaired)
	return n == 1, err
}

// SetUnpaired forgets the device of a client, by its owner only. The phone
// number stays: it tells people whose number this was. What it had still to tell
// of messages read is forgotten: the next phone may have another number.
func (tx *Tx) SetUnpaired(ctx context.Context, org wa.OrgID, id wa.ClientID, epoch int64, s wa.Standing) (bool, error) {
	n, err := tx.moved(ctx, "set client unpaired", withHistory(`
		UPDATE clients SET jid = '', desire = CASE WHEN desire = 'deleted' THEN desire ELSE 'idle' END,
		       status = $4, status_reason = $5, until = $6, status_at = now(), version = version + 1, updated_at = now()
		WHERE org_id = $1 AND id = $2 AND epoch = $3 AND deleted_at IS NULL`), org, id, epoch, s.Status, s.Reason, s.Until, s.Event)
	if err != nil || n != 1 {
		return false, err
	}
	_, err = tx.DropReads(ctx, org, id)
	return true, err
}

// SetPushName records the name that the number shows to others.
func (tx *Tx) SetPushName(ctx context.Context, org wa.OrgID, id wa.ClientID, name string) error {
	_, err := tx.moved(ctx, "set push name", `
		UPDATE clients SET push_name = $3, updated_at = now() WHERE org_id = $1 AND id = $2 AND push_name <> $3`, org, id, name)
	return err
}

// DeleteClient hides a client for good and withdraws what still waits. It
// reports whether the client was there.
func (tx *Tx) DeleteClient(ctx context.Context, org wa.OrgID, id wa.ClientID) (bool, error) {
	// The client's row comes first, as it does for a claim, else the two could
	// wait for each other.
	if _, err := tx.moved(ctx, "lock client", `SELECT FROM clients WHERE org_id = $1 AND id = $2 FOR UPDATE`, org, id); err != nil {
		return false, err
	}
	if _, err := tx.moved(ctx, "withdraw messages", `
		WITH gone AS (
			UPDATE messages SET status = 'cancelled', not_before = NULL, updated_at = now()
			WHERE org_id = $1 AND client_id = $2 AND status = ANY($3) RETURNING id)
		INSERT INTO message_events (org_id, message_id, status, note) SELECT $1, id, 'cancelled', 'its client was deleted' FROM gone`,
		org, id, statusTexts(wa.Cancel.Move().From)); err != nil {
		return false, err
	}
	if _, err := tx.DropReads(ctx, org, id); err != nil {
		return false, err
	}
	// Keys that nobody may use any more are not kept, also when the phone could
	// not be told.
	if _, err := tx.moved(ctx, "forget devices", `DELETE FROM devices WHERE org_id = $1 AND client_id = $2`, org, id); err != nil {
		return false, err
	}
	n, err := tx.moved(ctx, "delete client", `
		UPDATE clients SET deleted_at = now(), jid = '', slot = NULL, epoch = epoch + 1, status = 'logged_out', updated_at = now()
		WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL`, org, id)
	return n == 1, err
}

// exactly runs a guarded statement that must move one row, else NotFound.
func (tx *Tx) exactly(ctx context.Context, doing, sql string, args ...any) error {
	n, err := tx.moved(ctx, doing, sql, args...)
	if err == nil && n == 0 {
		return wrap(pgx.ErrNoRows, doing)
	}
	return err
}

func scanClient(r pgx.CollectableRow) (c ClientRow, err error) {
	var device, limits []byte
	var slot *int32
	err = r.Scan(&c.ID, &c.OrgID, &c.Name, &c.Provider, &c.Status, &c.StatusReason, &c.StatusAt, &c.Until, &c.Desire,
		&c.Phone, &c.LID, &c.PushName, &c.Paused, &c.SendReadReceipts, &device, &limits, &c.CreatedAt, &c.UpdatedAt, &c.JID, &slot,
		&c.WorkerEpoch, &c.Epoch, &c.Version, &c.Stopped)
	if err != nil {
		return c, err
	}
	if slot != nil {
		n := int(*slot)
		c.Slot = &n
	}
	if err := json.Unmarshal(device, &c.Device); err != nil {
		return c, err
	}
	return c, json.Unmarshal(limits, &c.Limits)
}
