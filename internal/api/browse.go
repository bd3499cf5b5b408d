package api

import (
	"context"
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

func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
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
	out.Body = chatFor(by, out.Body)
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
		rows, err = tx.Contacts(ctx, by.View(wa.ReadContacts), p)
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
