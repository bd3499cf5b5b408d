package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Slot is a worker's lease: who holds number Slot, in which epoch.
type Slot struct {
	Number   int
	Instance uuid.UUID
	Epoch    int64
}

// TakeSlot takes a slot whose lease has run out, for ttl: the lowest of those
// that nobody held or that were given back, else the one that has been without
// its holder for longest. After an outage of the database all leases have run
// out, and slots whose holders are about to renew them must not go to a worker
// that has just started. NotFound when all are held.
func (tx *Tx) TakeSlot(ctx context.Context, instance uuid.UUID, capacity int, ttl time.Duration) (Slot, error) {
	return one(ctx, tx, "take worker slot", func(r pgx.CollectableRow) (s Slot, err error) {
		s.Instance = instance
		err = r.Scan(&s.Number, &s.Epoch)
		return s, err
	}, `
		UPDATE workers SET instance = $1, epoch = epoch + 1, expires_at = now() + $3, capacity = $2, draining = false
		WHERE slot = (SELECT slot FROM workers WHERE expires_at < now() ORDER BY expires_at, slot LIMIT 1 FOR UPDATE SKIP LOCKED)
		RETURNING slot, epoch`, instance.String(), capacity, ttl)
}

// RenewSlot prolongs a lease, also one that has run out: only a holder in
// between takes it away. False means that somebody did.
func (tx *Tx) RenewSlot(ctx context.Context, s Slot, ttl time.Duration, draining bool) (bool, error) {
	n, err := tx.moved(ctx, "renew worker slot", `
		UPDATE workers SET expires_at = now() + $4, draining = $5
		WHERE slot = $1 AND instance = $2 AND epoch = $3`, s.Number, s.Instance.String(), s.Epoch, ttl, draining)
	return n == 1, err
}

// DropSlot gives a lease back at once.
func (tx *Tx) DropSlot(ctx context.Context, s Slot) error {
	_, err := tx.moved(ctx, "drop worker slot", `
		UPDATE workers SET expires_at = '-infinity', instance = NULL
		WHERE slot = $1 AND instance = $2 AND epoch = $3`, s.Number, s.Instance.String(), s.Epoch)
	return err
}

// FairShare counts the clients that want an owner and the workers that live,
// and gives the share of one, rounded up, plus five per cent.
func (tx *Tx) FairShare(ctx context.Context) (int, error) {
	return one(ctx, tx, "count fair share", pgx.RowTo[int], `
		SELECT ceil(1.05 * ceil(
			(SELECT count(*) FROM clients WHERE desire <> 'idle' AND deleted_at IS NULL)::numeric
			/ greatest(1, (SELECT count(*) FROM workers WHERE expires_at > now() AND NOT draining))))::int`)
}

// ClaimClients takes up to limit clients that nobody holds, those with urgent
// work first. Clients of a worker that died are taken only if inherit is set.
func (tx *Tx) ClaimClients(ctx context.Context, s Slot, limit int, inherit bool) ([]ClientRow, error) {
	whose := "c.slot IS NULL"
	if inherit {
		whose = "(c.slot IS NULL OR w.slot IS NULL)"
	}
	// free is compared by epoch when the row is locked: the join with workers is
	// not looked at again for a row that another worker took in between.
	return collect(ctx, tx, "claim clients", scanClient, `
		WITH free AS MATERIALIZED (
			SELECT c.id, c.epoch, EXISTS (SELECT FROM messages m WHERE m.client_id = c.id AND m.status = 'queued' AND m.lane = 0) AS urgent
			FROM clients c
			LEFT JOIN workers w ON w.slot = c.slot AND w.epoch = c.worker_epoch AND w.expires_at > now()
			WHERE c.deleted_at IS NULL AND c.desire <> 'idle' AND `+whose+`
		), locked AS (
			SELECT c.id FROM clients c JOIN free f ON f.id = c.id AND f.epoch = c.epoch
			WHERE c.deleted_at IS NULL AND c.desire <> 'idle'
			ORDER BY f.urgent DESC, c.id LIMIT $3 FOR UPDATE OF c SKIP LOCKED)
		UPDATE clients SET slot = $1, worker_epoch = $2, epoch = epoch + 1, owned_at = now()
		WHERE id IN (SELECT id FROM locked)
		RETURNING `+clientColumns, s.Number, s.Epoch, limit)
}

// Owned is what a worker learns of each of its clients every second.
type Owned struct {
	ID      wa.ClientID
	OrgID   wa.OrgID
	Epoch   int64
	Version int64
	Waiting [3]bool // by lane
	Flying  bool    // something is in flight, or was when its owner died
	Reading bool    // somebody is to be told that their messages were read
}

// OwnedClients lists what a worker holds, and which of it has work (R1). What is
// in flight is little, whoever holds it: read once, it is cheaper than a look for
// each client.
func (tx *Tx) OwnedClients(ctx context.Context, s Slot) ([]Owned, error) {
	return collect(ctx, tx, "list owned clients", func(r pgx.CollectableRow) (o Owned, err error) {
		err = r.Scan(&o.ID, &o.OrgID, &o.Epoch, &o.Version, &o.Waiting[0], &o.Waiting[1], &o.Waiting[2], &o.Flying, &o.Reading)
		return o, err
	}, `
		WITH flying AS MATERIALIZED (SELECT client_id FROM messages WHERE status = 'sending')
		SELECT c.id, c.org_id, c.epoch, c.version,
		       EXISTS (SELECT FROM messages m WHERE m.client_id = c.id AND m.status = 'queued' AND m.lane = 0),
		       EXISTS (SELECT FROM messages m WHERE m.client_id = c.id AND m.status = 'queued' AND m.lane = 1),
		       EXISTS (SELECT FROM messages m WHERE m.client_id = c.id AND m.status = 'queued' AND m.lane = 2),
		       c.id IN (SELECT client_id FROM flying),
		       EXISTS (SELECT FROM read_receipts r WHERE r.client_id = c.id AND r.not_before <= now())
		FROM clients c WHERE c.slot = $1 AND c.worker_epoch = $2 AND c.deleted_at IS NULL`, s.Number, s.Epoch)
}

// ReleaseClient gives one client back, so that another worker may take it at
// once. The epoch guards against giving back what others hold by now.
func (tx *Tx) ReleaseClient(ctx context.Context, org wa.OrgID, id wa.ClientID, epoch int64) error {
	_, err := tx.moved(ctx, "release client", `
		UPDATE clients SET slot = NULL WHERE org_id = $1 AND id = $2 AND epoch = $3`, org, id, epoch)
	return err
}

// Unowned counts the clients that want an owner and have had none for longer
// than grace, and gives the ids of some (R5).
func (tx *Tx) Unowned(ctx context.Context, grace time.Duration, limit int) ([]wa.ClientID, error) {
	return collect(ctx, tx, "list unowned clients", pgx.RowTo[wa.ClientID], `
		SELECT c.id FROM clients c
		LEFT JOIN workers w ON w.slot = c.slot AND w.epoch = c.worker_epoch
		WHERE c.deleted_at IS NULL AND c.desire = 'connected'
		  AND (w.slot IS NULL OR w.expires_at < now() - $1::interval)
		ORDER BY c.id LIMIT $2`, grace, limit)
}

// DeadSlots lists slots whose lease ran out longer than age ago (R10).
func (tx *Tx) DeadSlots(ctx context.Context, age time.Duration) ([]int, error) {
	return collect(ctx, tx, "list dead slots", pgx.RowTo[int], `
		SELECT slot FROM workers WHERE expires_at < now() - $1::interval ORDER BY slot`, age)
}

// LiveWorkers counts the workers whose lease holds.
func (tx *Tx) LiveWorkers(ctx context.Context) (int, error) {
	return one(ctx, tx, "count workers", pgx.RowTo[int], `SELECT count(*)::int FROM workers WHERE expires_at > now()`)
}
