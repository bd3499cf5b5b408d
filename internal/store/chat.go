package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// DirectChat is a conversation with one person.
type DirectChat struct {
	ChatID  wa.ChatID
	Contact wa.Contact
}

// DirectChat finds or makes a client's conversation with a contact.
func (tx *Tx) DirectChat(ctx context.Context, org wa.OrgID, client wa.ClientID, contact wa.ContactID) (wa.ChatID, error) {
	if _, err := tx.moved(ctx, "insert chat", `
		INSERT INTO chats (id, org_id, client_id, kind, contact_id) VALUES ($1, $2, $3, 'direct', $4)
		ON CONFLICT (client_id, contact_id) DO NOTHING`, wa.NewChatID(), org, client, contact); err != nil {
		return wa.ChatID{}, err
	}
	return one(ctx, tx, "find chat", pgx.RowTo[wa.ChatID], `
		SELECT id FROM chats WHERE org_id = $1 AND client_id = $2 AND contact_id = $3`, org, client, contact)
}

// GroupChat finds or makes a client's conversation with a group.
func (tx *Tx) GroupChat(ctx context.Context, org wa.OrgID, client wa.ClientID, group string) (wa.ChatID, error) {
	if _, err := tx.moved(ctx, "insert group chat", `
		INSERT INTO chats (id, org_id, client_id, kind, group_id) VALUES ($1, $2, $3, 'group', $4)
		ON CONFLICT (client_id, group_id) DO NOTHING`, wa.NewChatID(), org, client, group); err != nil {
		return wa.ChatID{}, err
	}
	return one(ctx, tx, "find group chat", pgx.RowTo[wa.ChatID], `
		SELECT id FROM chats WHERE org_id = $1 AND client_id = $2 AND group_id = $3`, org, client, group)
}

// ChatKey is a client's conversation with whoever has a number.
type ChatKey struct {
	Client wa.ClientID
	Phone  wa.Phone
}

// PhoneChats finds or makes the contacts and conversations of many numbers at
// once. Keys must differ. The statements look numbers up one by one: a join, if
// planned while there were few people, would go on to read all of them.
func (tx *Tx) PhoneChats(ctx context.Context, org wa.OrgID, keys []ChatKey) (map[ChatKey]DirectChat, error) {
	if len(keys) == 0 {
		return map[ChatKey]DirectChat{}, nil
	}
	clients, phones := make([]string, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		clients[i], phones[i] = k.Client.UUID(), string(k.Phone)
	}
	known, err := tx.knownPhoneChats(ctx, org, clients, phones)
	if err != nil || len(known) == len(keys) {
		return known, err
	}
	if err := tx.makePhoneChats(ctx, org, clients, phones); err != nil {
		return nil, err
	}
	return tx.knownPhoneChats(ctx, org, clients, phones)
}

func (tx *Tx) knownPhoneChats(ctx context.Context, org wa.OrgID, clients, phones []string) (map[ChatKey]DirectChat, error) {
	known := make(map[ChatKey]DirectChat, len(phones))
	_, err := collect(ctx, tx, "find chats", func(r pgx.CollectableRow) (d DirectChat, err error) {
		var client wa.ClientID
		err = r.Scan(&client, &d.ChatID, &d.Contact.ID, &d.Contact.Phone, &d.Contact.LID, &d.Contact.Name, &d.Contact.PushName)
		known[ChatKey{client, d.Contact.Phone}] = d
		return d, err
	}, `
		SELECT h.client_id, h.id, c.id, c.phone, coalesce(c.lid, ''), c.name, c.push_name
		FROM unnest($2::uuid[], $3::text[]) AS u(client, phone),
		LATERAL (SELECT * FROM contacts WHERE org_id = $1 AND phone = u.phone LIMIT 1) c,
		LATERAL (SELECT * FROM chats WHERE client_id = u.client AND contact_id = c.id LIMIT 1) h`, org, clients, phones)
	return known, err
}

func (tx *Tx) makePhoneChats(ctx context.Context, org wa.OrgID, clients, phones []string) error {
	contacts, chats := make([]string, len(phones)), make([]string, len(phones))
	for i := range phones {
		contacts[i], chats[i] = wa.NewContactID().UUID(), wa.NewChatID().UUID()
	}
	// Sorted, so that two batches over the same people cannot lock crosswise.
	if _, err := tx.moved(ctx, "insert contacts", `
		INSERT INTO contacts (id, org_id, phone)
		SELECT u.id, $1, u.phone FROM unnest($2::uuid[], $3::text[]) AS u(id, phone) ORDER BY u.phone
		ON CONFLICT (org_id, phone) DO NOTHING`, org, contacts, phones); err != nil {
		return err
	}
	_, err := tx.moved(ctx, "insert chats", `
		INSERT INTO chats (id, org_id, client_id, kind, contact_id)
		SELECT u.id, $1, u.client, 'direct', c.id FROM unnest($2::uuid[], $3::uuid[], $4::text[]) AS u(id, client, phone),
		LATERAL (SELECT contacts.id FROM contacts WHERE org_id = $1 AND phone = u.phone LIMIT 1) c ORDER BY u.client, c.id
		ON CONFLICT (client_id, contact_id) DO NOTHING`, org, chats, clients, phones)
	return err
}

// TouchChat notes that a message went (inbound false) or came and is unread.
func (tx *Tx) TouchChat(ctx context.Context, org wa.OrgID, id wa.ChatID, at time.Time, inbound bool) error {
	_, err := tx.moved(ctx, "touch chat", `
		UPDATE chats SET last_message_at = greatest(coalesce(last_message_at, $3), $3),
		       last_inbound_at = CASE WHEN $4 THEN greatest(coalesce(last_inbound_at, $3), $3) ELSE last_inbound_at END,
		       unread = unread + CASE WHEN $4 THEN 1 ELSE 0 END
		WHERE org_id = $1 AND id = $2`, org, id, at, inbound)
	return err
}
