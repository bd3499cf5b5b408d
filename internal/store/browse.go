package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Org reads an org.
func (tx *Tx) Org(ctx context.Context, id wa.OrgID) (wa.Org, error) {
	return one(ctx, tx, "find org", func(r pgx.CollectableRow) (o wa.Org, err error) {
		err = r.Scan(&o.ID, &o.Name, &o.CreatedAt)
		return o, err
	}, `SELECT id, name, created_at FROM orgs WHERE id = $1`, id)
}

// Contacts pages through an org's contacts, newest first.
func (tx *Tx) Contacts(ctx context.Context, org wa.OrgID, p Page) ([]wa.Contact, error) {
	return collect(ctx, tx, "list contacts", scanContact, `
		SELECT `+contactColumns+` FROM contacts
		WHERE org_id = $1 AND (created_at, id) < ($2, $3)
		ORDER BY created_at DESC, id DESC LIMIT $4`, org, p.Before, p.BeforeID, p.Limit)
}

// Chats pages through an org's conversations, or one client's, the one that
// moved last first. A conversation in which nothing was said yet counts by when
// it was made.
func (tx *Tx) Chats(ctx context.Context, org wa.OrgID, client wa.ClientID, p Page) ([]wa.Chat, error) {
	where, args := "org_id = $1", []any{org, p.Before, p.BeforeID, p.Limit}
	if !client.IsZero() {
		where, args = "org_id = $1 AND client_id = $5", append(args, client)
	}
	return collect(ctx, tx, "list chats", func(r pgx.CollectableRow) (h wa.Chat, err error) {
		err = r.Scan(&h.ID, &h.OrgID, &h.ClientID, &h.Kind, &h.ContactID, &h.GroupID, &h.Unread, &h.LastMessageAt, &h.CreatedAt)
		return h, err
	}, `
		SELECT id, org_id, client_id, kind, contact_id, coalesce(group_id, ''), unread, last_message_at, created_at
		FROM chats
		WHERE `+where+` AND (moved_at, id) < ($2, $3)
		ORDER BY moved_at DESC, id DESC LIMIT $4`, args...)
}
