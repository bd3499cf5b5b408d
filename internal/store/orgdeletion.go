package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// AskDeletion notes that an org is to be deleted: it can be taken back for
// grace. By is the admin's id, "" the operator; stopped says that the kill switch
// was thrown for it. Its webhooks are off. Callers hold the org's lock, and have
// seen that it was not asked for yet.
func (tx *Tx) AskDeletion(ctx context.Context, org wa.OrgID, by string, grace time.Duration, stopped bool) (wa.OrgDeletion, error) {
	d, err := one(ctx, tx, "ask for deletion", scanDeletion, `
		INSERT INTO org_deletions (org_id, asked_by, due_at, stopped) VALUES ($1, $2, clock_timestamp() + $3::interval, $4)
		RETURNING asked_at, asked_by, due_at, erasing_at`, org, by, grace, stopped)
	if err != nil {
		return d, err
	}
	_, err = tx.moved(ctx, "switch webhooks off", `
		UPDATE webhook_endpoints SET enabled = false, disabled_reason = $2, disabled_at = now(), updated_at = now()
		WHERE org_id = $1 AND enabled AND deleted_at IS NULL`, org, wa.EndedByDeletion)
	return d, err
}

// TakeDeletionBack forgets that an org was to be deleted, unless it is being
// erased: its webhooks and, if it was thrown for that, the kill switch are as
// they were. False: there is nothing to take back.
func (tx *Tx) TakeDeletionBack(ctx context.Context, org wa.OrgID) (bool, error) {
	stopped, err := one(ctx, tx, "take deletion back", pgx.RowTo[bool], `
		DELETE FROM org_deletions WHERE org_id = $1 AND erasing_at IS NULL RETURNING stopped`, org)
	if wa.CodeOf(err) == wa.NotFound {
		return false, nil
	}
	if err == nil && stopped {
		_, err = tx.Unhalt(ctx, org, wa.ClientID{})
	}
	if err != nil {
		return false, err
	}
	_, err = tx.moved(ctx, "switch webhooks on", `
		UPDATE webhook_endpoints SET enabled = true, disabled_reason = '', disabled_at = NULL, updated_at = now()
		WHERE org_id = $1 AND NOT enabled AND deleted_at IS NULL AND disabled_reason = $2`, org, wa.EndedByDeletion)
	return err == nil, err
}

// LockLasting takes the org's lock (see LockOrg) for what must not begin in an org
// that is being deleted: it is a Conflict there, and a deletion that is asked for
// meanwhile waits and finds it. It is for the beginning of a transaction.
func (tx *Tx) LockLasting(ctx context.Context, org wa.OrgID) error {
	if err := tx.LockOrg(ctx, org); err != nil {
		return err
	}
	leaving, err := one(ctx, tx, "look for a deletion", pgx.RowTo[bool], `SELECT EXISTS (SELECT FROM org_deletions WHERE org_id = $1)`, org)
	if err == nil && leaving {
		return wa.OrgLeaving()
	}
	return err
}

// Leaving is an org that is being deleted, for the operator and for what erases
// it.
type Leaving struct {
	wa.OrgDeletion
	Org    wa.OrgID
	Name   string // "" when the org's own row is gone
	GoneAt *time.Time
	Counts map[string]int64 // rows erased, by table
}

// LeavingOrgs lists the orgs that are being deleted, those first that are due
// first. It needs a system transaction.
func (tx *Tx) LeavingOrgs(ctx context.Context) ([]Leaving, error) {
	return collect(ctx, tx, "list deletions", scanLeaving, `
		SELECT d.org_id, coalesce(o.name, ''), d.asked_at, d.asked_by, d.due_at, d.erasing_at, d.gone_at, d.counts
		FROM org_deletions d LEFT JOIN orgs o ON o.id = d.org_id
		ORDER BY d.due_at, d.org_id`)
}

// BeginErasing begins to erase an org that is due, and was asked for at least
// settle ago: until then processes may take keys and people at their former
// word. From then on there is no way back and nobody comes in. False: it is not
// due, or has begun.
func (tx *Tx) BeginErasing(ctx context.Context, org wa.OrgID, settle time.Duration) (bool, error) {
	n, err := tx.moved(ctx, "begin erasing", `
		UPDATE org_deletions SET erasing_at = clock_timestamp()
		WHERE org_id = $1 AND erasing_at IS NULL AND due_at <= clock_timestamp() AND asked_at <= clock_timestamp() - $2::interval`, org, settle)
	if err != nil || n == 0 {
		return false, err
	}
	_, err = tx.moved(ctx, "close accounts", `
		UPDATE users SET status = 'disabled', session_version = session_version + 1 WHERE org_id = $1`, org)
	return err == nil, err
}

// ClientsLeft lists clients of an org that are not deleted yet, those too whose
// deletion is asked for.
func (tx *Tx) ClientsLeft(ctx context.Context, org wa.OrgID, limit int) ([]wa.Client, error) {
	rows, err := collect(ctx, tx, "list clients left", scanClient, `
		SELECT `+clientColumns+` FROM clients WHERE org_id = $1 AND deleted_at IS NULL ORDER BY created_at DESC, id DESC LIMIT $2`, org, limit)
	clients := make([]wa.Client, len(rows))
	for i, r := range rows {
		clients[i] = r.Client
	}
	return clients, err
}

func scanDeletion(r pgx.CollectableRow) (d wa.OrgDeletion, err error) {
	err = r.Scan(&d.AskedAt, &d.By, &d.DueAt, &d.Erasing)
	return d, err
}

func scanLeaving(r pgx.CollectableRow) (l Leaving, err error) {
	err = r.Scan(&l.Org, &l.Name, &l.AskedAt, &l.By, &l.DueAt, &l.Erasing, &l.GoneAt, &l.Counts)
	return l, err
}
