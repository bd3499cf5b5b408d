package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// many is a filter that may be repeated, hold several values with commas, or
// both.
type many []string

func (m many) values() []string {
	var all []string
	for _, part := range m {
		for v := range strings.SplitSeq(part, ",") {
			if v = strings.TrimSpace(v); v != "" {
				all = append(all, v)
			}
		}
	}
	return all
}

type messagesIn struct {
	Paged
	Client    wa.ClientID  `query:"client"`
	Contact   wa.ContactID `query:"contact"`
	Chat      wa.ChatID    `query:"chat"`
	Status    []string     `query:"status,explode" doc:"One or more, repeated or with commas"`
	Direction string       `query:"direction" enum:"outbound,inbound"`
	Type      string       `query:"type" maxLength:"40"`
	ClientRef string       `query:"client_ref" maxLength:"255"`
	Since     time.Time    `query:"since" doc:"Made at this time or later"`
	Until     time.Time    `query:"until" doc:"Made before this time"`
}

func (in *messagesIn) filter() (store.MessageFilter, error) {
	f := store.MessageFilter{
		Client: in.Client, Contact: in.Contact, Chat: in.Chat, Direction: wa.Direction(in.Direction), Type: in.Type,
		ClientRef: in.ClientRef, Since: given(in.Since), Until: given(in.Until),
	}
	known := append(wa.Statuses(), wa.Received)
	for _, s := range many(in.Status).values() {
		if !slices.Contains(known, wa.Status(s)) {
			return f, badQuery("status", s, "is not a status that a message can have")
		}
		f.Status = append(f.Status, wa.Status(s))
	}
	return f, nil
}

func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (a *api) messages(ctx context.Context, by wa.Actor, in *messagesIn) (*listOut[wa.Message], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	var rows []wa.Message
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		rows, err = tx.Messages(ctx, by.Org, f, p)
		return err
	})
	return listed(p, rows, func(m wa.Message) (time.Time, string) { return m.CreatedAt, m.ID.UUID() }), err
}

type chatsIn struct {
	Paged
	Client wa.ClientID `query:"client"`
}

func (a *api) chats(ctx context.Context, by wa.Actor, in *chatsIn) (*listOut[wa.Chat], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	var rows []wa.Chat
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		rows, err = tx.Chats(ctx, by.Org, in.Client, p)
		return err
	})
	return listed(p, rows, func(c wa.Chat) (time.Time, string) {
		if c.LastMessageAt != nil {
			return *c.LastMessageAt, c.ID.UUID()
		}
		return c.CreatedAt, c.ID.UUID()
	}), err
}

type chatIn struct {
	Chat ref[wa.ChatID] `path:"chat"`
}

type chatOut struct{ Body wa.Chat }

func (a *api) chat(ctx context.Context, by wa.Actor, in *chatIn) (*chatOut, error) {
	out := &chatOut{}
	err := a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		out.Body, err = tx.Chat(ctx, by.Org, in.Chat.ID)
		return err
	})
	return out, err
}

type contactsIn struct{ Paged }

func (a *api) contacts(ctx context.Context, by wa.Actor, in *contactsIn) (*listOut[wa.Contact], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	var rows []wa.Contact
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		rows, err = tx.Contacts(ctx, by.Org, p)
		return err
	})
	return listed(p, rows, func(c wa.Contact) (time.Time, string) { return c.CreatedAt, c.ID.UUID() }), err
}

type contactIn struct {
	Contact ref[wa.ContactID] `path:"contact"`
}

type contactOut struct{ Body wa.Contact }

func (a *api) contact(ctx context.Context, by wa.Actor, in *contactIn) (*contactOut, error) {
	out := &contactOut{}
	err := a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		out.Body, err = tx.Contact(ctx, by.Org, in.Contact.ID)
		return err
	})
	return out, err
}

type nothing struct{}

type meOut struct {
	Body struct {
		Org wa.Org `json:"org"`
		Key struct {
			ID     wa.KeyID        `json:"id"`
			Name   string          `json:"name"`
			Scopes []wa.Permission `json:"scopes" nullable:"false"`
		} `json:"key"`
	} `nameHint:"Me"`
}

func (a *api) me(ctx context.Context, by wa.Actor, _ *nothing) (*meOut, error) {
	out := &meOut{}
	out.Body.Key.ID, out.Body.Key.Name, out.Body.Key.Scopes = by.Key, by.Name, by.Scopes
	err := a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		out.Body.Org, err = tx.Org(ctx, by.Org)
		return err
	})
	return out, err
}
