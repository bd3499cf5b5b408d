package account

import (
	"context"
	"slices"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Assignment is what a person looks after.
type Assignment struct {
	Clients  []wa.ClientID `json:"clients" nullable:"false" doc:"What an agent sees of the org is what belongs to these"`
	OwnChats bool          `json:"own_chats" doc:"Of these, an agent sees only the chats assigned to them"`
}

// Assignments tells what a person looks after.
func (s *Service) Assignments(ctx context.Context, by wa.Actor, user wa.UserID) (a Assignment, err error) {
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		a.Clients, a.OwnChats, err = tx.Assignments(ctx, by.Org, user)
		return err
	})
	return a, err
}

// Assign gives a person clients to look after, these and no others. It is felt
// within seconds, also by their open streams.
func (s *Service) Assign(ctx context.Context, by wa.Actor, user wa.UserID, a Assignment) error {
	return s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		by, err := s.asNow(ctx, tx, by, wa.WriteUsers)
		if err != nil {
			return err
		}
		var before Assignment
		if before.Clients, before.OwnChats, err = tx.Assignments(ctx, by.Org, user); err != nil {
			return err
		}
		for _, c := range a.Clients {
			if _, err := tx.Client(ctx, by.Org, c); err != nil {
				return notNamed(err, "clients", "names a client that is not there: %s", c)
			}
		}
		if err := tx.Assign(ctx, by.Org, user, a.Clients, a.OwnChats); err != nil {
			return err
		}
		return tx.Audit(by, wa.AuditClientAssigned, user.String(), before, a)
	})
}

// Agents tells whom a client is assigned to.
func (s *Service) Agents(ctx context.Context, by wa.Actor, client wa.ClientID) (users []wa.UserID, err error) {
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if _, err := tx.Client(ctx, by.Org, client); err != nil {
			return err
		}
		users, err = tx.Agents(ctx, by.Org, client)
		return err
	})
	return users, err
}

// SetAgents assigns a client to these people and no others.
func (s *Service) SetAgents(ctx context.Context, by wa.Actor, client wa.ClientID, users []wa.UserID) error {
	return s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		by, err := s.asNow(ctx, tx, by, wa.WriteUsers)
		if err != nil {
			return err
		}
		if _, err := tx.Client(ctx, by.Org, client); err != nil {
			return err
		}
		for _, u := range users {
			if _, err := tx.RoleOf(ctx, by.Org, u); err != nil {
				return notNamed(err, "users", "names somebody who is not in the team: %s", u)
			}
		}
		before, err := tx.Agents(ctx, by.Org, client)
		if err != nil {
			return err
		}
		if err := tx.SetAgents(ctx, by.Org, client, users); err != nil {
			return err
		}
		return tx.Audit(by, wa.AuditClientAssigned, client.String(), before, users)
	})
}

// AssignChat gives a conversation to somebody who can see its client; the zero
// id takes it from whoever has it.
func (s *Service) AssignChat(ctx context.Context, by wa.Actor, id wa.ChatID, user wa.UserID) (chat wa.Chat, err error) {
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		by, err := s.asNow(ctx, tx, by, wa.WriteChats)
		if err != nil {
			return err
		}
		if v := by.View(wa.WriteChats); v.Limited {
			if err := tx.Sees(ctx, v, store.AChat, id.UUID()); err != nil {
				return err
			}
		}
		if chat, err = tx.Chat(ctx, by.Org, id); err != nil {
			return err
		}
		if err := s.canHold(ctx, tx, by, chat, user); err != nil {
			return err
		}
		if err := tx.AssignChat(ctx, by.Org, id, user); err != nil {
			return err
		}
		action, before := wa.AuditChatAssigned, chat.AssignedTo
		if user.IsZero() {
			action = wa.AuditChatUnassigned
		}
		chat.AssignedTo = user
		if err := tx.Emit(by.Org, chat.ClientID, wa.ChatUpdated, chat.Event()); err != nil {
			return err
		}
		return tx.Audit(by, action, id.String(), before, user)
	})
	return chat, err
}

// canHold refuses to give a conversation to somebody who could not read it.
func (s *Service) canHold(ctx context.Context, tx *store.Tx, by wa.Actor, chat wa.Chat, user wa.UserID) error {
	if user.IsZero() {
		return nil
	}
	role, err := tx.RoleOf(ctx, by.Org, user)
	if err != nil {
		return notNamed(err, "user", "is nobody of the team")
	}
	clients, _, err := tx.Assignments(ctx, by.Org, user)
	if err != nil {
		return err
	}
	switch wa.Grants()[wa.ReadMessages].Of(role) {
	case wa.All:
		return nil
	case wa.Own:
		if slices.Contains(clients, chat.ClientID) {
			return nil
		}
	}
	return wa.InvalidField("user", "is not assigned to the chat's client")
}

// notNamed makes what is not there the fault of the field that names it.
func notNamed(err error, field, format string, args ...any) error {
	if wa.CodeOf(err) == wa.NotFound {
		return wa.InvalidField(field, format, args...)
	}
	return err
}
