package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Assignments gives the clients that a person is assigned to, and whether of
// these they see only their own chats.
func (tx *Tx) Assignments(ctx context.Context, org wa.OrgID, user wa.UserID) (clients []wa.ClientID, ownChats bool, err error) {
	if ownChats, err = one(ctx, tx, "read assignments", pgx.RowTo[bool], `
		SELECT own_chats FROM users WHERE org_id = $1 AND id = $2`, org, user); err != nil {
		return nil, false, missing(err, "user")
	}
	clients, err = collect(ctx, tx, "read assignments", pgx.RowTo[wa.ClientID], `
		SELECT client_id FROM user_clients WHERE org_id = $1 AND user_id = $2 ORDER BY client_id`, org, user)
	return clients, ownChats, err
}

// Assign gives a person these clients and no others.
func (tx *Tx) Assign(ctx context.Context, org wa.OrgID, user wa.UserID, clients []wa.ClientID, ownChats bool) error {
	if err := tx.exactly(ctx, "change user", `UPDATE users SET own_chats = $3 WHERE org_id = $1 AND id = $2`, org, user, ownChats); err != nil {
		return missing(err, "user")
	}
	ids := append([]string{}, uuids(clients)...)
	if _, err := tx.moved(ctx, "take clients from user", `
		DELETE FROM user_clients WHERE org_id = $1 AND user_id = $2 AND client_id <> ALL ($3::uuid[])`, org, user, ids); err != nil {
		return err
	}
	_, err := tx.moved(ctx, "give clients to user", `
		INSERT INTO user_clients (org_id, user_id, client_id) SELECT $1, $2, unnest($3::uuid[]) ON CONFLICT DO NOTHING`, org, user, ids)
	return err
}

// Agents lists whom a client is assigned to.
func (tx *Tx) Agents(ctx context.Context, org wa.OrgID, client wa.ClientID) ([]wa.UserID, error) {
	return collect(ctx, tx, "list agents", pgx.RowTo[wa.UserID], `
		SELECT user_id FROM user_clients WHERE org_id = $1 AND client_id = $2 ORDER BY user_id`, org, client)
}

// SetAgents assigns a client to these people and no others.
func (tx *Tx) SetAgents(ctx context.Context, org wa.OrgID, client wa.ClientID, users []wa.UserID) error {
	ids := make([]string, len(users))
	for i, u := range users {
		ids[i] = u.UUID()
	}
	if _, err := tx.moved(ctx, "take client from users", `
		DELETE FROM user_clients WHERE org_id = $1 AND client_id = $2 AND user_id <> ALL ($3::uuid[])`, org, client, ids); err != nil {
		return err
	}
	_, err := tx.moved(ctx, "give client to users", `
		INSERT INTO user_clients (org_id, client_id, user_id) SELECT $1, $2, unnest($3::uuid[]) ON CONFLICT DO NOTHING`, org, client, ids)
	return err
}

// RoleOf gives a person's role; NotFound for another org's.
func (tx *Tx) RoleOf(ctx context.Context, org wa.OrgID, user wa.UserID) (wa.Role, error) {
	role, err := one(ctx, tx, "find user", pgx.RowTo[string], `SELECT role FROM users WHERE org_id = $1 AND id = $2`, org, user)
	return wa.Role(role), missing(err, "user")
}

// AssignChat gives a conversation to a person; the zero id takes it from
// whoever has it.
func (tx *Tx) AssignChat(ctx context.Context, org wa.OrgID, chat wa.ChatID, user wa.UserID) error {
	return missing(tx.exactly(ctx, "assign chat", `UPDATE chats SET assigned_to = $3 WHERE org_id = $1 AND id = $2`, org, chat, user), "chat")
}

// ChatHolder tells who looks after a client's conversation with an address, if
// there is one; NotFound otherwise.
func (tx *Tx) ChatHolder(ctx context.Context, org wa.OrgID, client wa.ClientID, to wa.Address) (user wa.UserID, err error) {
	asks := map[wa.AddressKind]string{
		wa.ToPhone: `SELECT h.assigned_to FROM contacts p JOIN chats h ON h.client_id = $2 AND h.contact_id = p.id WHERE p.org_id = $1 AND p.phone = $3`,
		wa.ToLID:   `SELECT h.assigned_to FROM contacts p JOIN chats h ON h.client_id = $2 AND h.contact_id = p.id WHERE p.org_id = $1 AND p.lid = $3`,
		wa.ToGroup: `SELECT h.assigned_to FROM chats h WHERE h.org_id = $1 AND h.client_id = $2 AND h.group_id = $3`,

		wa.ToContact: `SELECT h.assigned_to FROM chats h WHERE h.org_id = $1 AND h.client_id = $2 AND h.contact_id = $3::uuid`,
	}
	if to.Kind == wa.ToContact {
		var id wa.ContactID
		if err := id.UnmarshalText([]byte(to.Value)); err != nil {
			return user, err
		}
		to.Value = id.UUID()
	}
	return one(ctx, tx, "find chat", pgx.RowTo[wa.UserID], asks[to.Kind], org, client, to.Value)
}
