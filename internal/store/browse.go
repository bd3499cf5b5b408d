package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Org reads an org.
func (tx *Tx) Org(ctx context.Context, id wa.OrgID) (wa.Org, error) {
	return one(ctx, tx, "find org", func(r pgx.CollectableRow) (o wa.Org, err error) {
		var d wa.OrgDeletion
		var asked, due *time.Time
		err = r.Scan(&o.ID, &o.Name, &o.TimeZone, &o.CreatedAt, &d.By, &asked, &due, &d.Erasing)
		if asked != nil && due != nil {
			d.AskedAt, d.DueAt = *asked, *due
			o.Deletion = &d
		}
		return o, err
	}, `
		SELECT o.id, o.name, o.time_zone, o.created_at, coalesce(d.asked_by, ''), d.asked_at, d.due_at, d.erasing_at
		FROM orgs o LEFT JOIN org_deletions d ON d.org_id = $1 WHERE o.id = $1`, id)
}

// Contacts pages through the contacts of a view, newest first. Who sees some
// clients sees whom these talk to.
func (tx *Tx) Contacts(ctx context.Context, v wa.View, p Page) ([]wa.Contact, error) {
	if !v.Limited {
		return collect(ctx, tx, "list contacts", scanContact, `
			SELECT `+contactColumns+` FROM contacts
			WHERE org_id = $1 AND erased_at IS NULL AND (created_at, id) < ($2, $3)
			ORDER BY created_at DESC, id DESC LIMIT $4`, v.Org, p.Before, p.BeforeID, p.Limit)
	}
	return collect(ctx, tx, "list contacts", scanContact, `
		SELECT `+contactColumns+` FROM (
			SELECT DISTINCT h.contact_id FROM chats h
			WHERE h.org_id = $1 AND h.client_id = ANY ($5::uuid[]) AND h.contact_id IS NOT NULL AND ($6::uuid IS NULL OR h.assigned_to = $6)) t,
		LATERAL (SELECT * FROM contacts WHERE id = t.contact_id AND org_id = $1 LIMIT 1) c
		WHERE erased_at IS NULL AND (created_at, id) < ($2, $3)
		ORDER BY created_at DESC, id DESC LIMIT $4`, v.Org, p.Before, p.BeforeID, p.Limit, viewed(v), viewer(v))
}

// ContactLine is a contact with what was going on with them, over all clients.
type ContactLine struct {
	wa.Contact
	Chats                        int
	LastMessageAt, LastInboundAt *time.Time // nil: never
}

// ContactLines pages through the contacts of a view that sees all of an org,
// newest first; of a narrower one there are none.
func (tx *Tx) ContactLines(ctx context.Context, v wa.View, p Page) ([]ContactLine, error) {
	return collect(ctx, tx, "export contacts", func(r pgx.CollectableRow) (c ContactLine, err error) {
		err = r.Scan(&c.ID, &c.OrgID, &c.Phone, &c.LID, &c.Name, &c.PushName, &c.CreatedAt, &c.UpdatedAt, &c.Chats, &c.LastMessageAt, &c.LastInboundAt)
		return c, err
	}, `
		SELECT `+contactColumns+`, h.n, h.last, h.inbound FROM (
			SELECT * FROM contacts WHERE org_id = $1 AND NOT $5 AND erased_at IS NULL AND (created_at, id) < ($2, $3)
			ORDER BY created_at DESC, id DESC LIMIT $4) c,
		LATERAL (SELECT count(*) AS n, max(last_message_at) AS last, max(last_inbound_at) AS inbound FROM chats WHERE org_id = $1 AND contact_id = c.id) h
		ORDER BY c.created_at DESC, c.id DESC`, v.Org, p.Before, p.BeforeID, p.Limit, v.Limited)
}
