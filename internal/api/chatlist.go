package api

import (
	"context"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

type chatsIn struct {
	Paged
	Client     wa.ClientID `query:"client"`
	Q          string      `query:"q" maxLength:"100" doc:"Part of the contact's name, whatever its case and accents, or of their number"`
	Unread     bool        `query:"unread" doc:"Only those with something unread"`
	AssignedTo string      `query:"assigned_to" maxLength:"60" doc:"Only those of this person; me is whoever asks, none those of nobody"`
}

func (in *chatsIn) filter(by wa.Actor) (store.ChatFilter, error) {
	f := store.ChatFilter{Client: in.Client, Unread: in.Unread, Names: store.NamesOf(in.Q)}
	switch {
	case in.AssignedTo == "":
	case in.AssignedTo == "none":
		f.Nobody = true
	case in.AssignedTo == "me" && by.User.IsZero():
		return f, badQuery("assigned_to", in.AssignedTo, "is for people who are signed in")
	case in.AssignedTo == "me":
		f.Assigned = by.User
	case f.Assigned.UnmarshalText([]byte(in.AssignedTo)) != nil:
		return f, badQuery("assigned_to", in.AssignedTo, "is me, none, or the id of a person")
	}
	return f, nil
}

func (a *api) chats(ctx context.Context, by wa.Actor, in *chatsIn) (*listOut[wa.Chat], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	f, err := in.filter(by)
	if err != nil {
		return nil, err
	}
	out := &listOut[wa.Chat]{}
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		out, err = a.findChats(ctx, tx, by.View(wa.ReadContacts), f, p)
		return err
	})
	if err == nil {
		for i, c := range out.Body.Data {
			out.Body.Data[i] = chatFor(by, c)
		}
	}
	return out, err
}

// chatFor is a conversation as somebody may see it: what was said last is for who
// may read messages.
func chatFor(by wa.Actor, c wa.Chat) wa.Chat {
	if c.LastMessage != nil && !by.May(wa.ReadMessages) {
		quiet := *c.LastMessage
		quiet.Preview = ""
		c.LastMessage = &quiet
	}
	return c
}

// findChats reads a page. A search goes from slice to slice until it has found
// something or its time is up.
func (a *api) findChats(ctx context.Context, tx *store.Tx, v wa.View, f store.ChatFilter, p store.Page) (*listOut[wa.Chat], error) {
	until := a.now().Add(searchFor)
	for {
		rows, err := tx.Chats(ctx, v, f, p)
		out := listed(p, rows, placeOfChat)
		if err != nil || len(rows) == p.Limit || len(f.Names) == 0 {
			return out, err
		}
		at, id, more, err := tx.ChatSliceEnd(ctx, v, f, p)
		if err != nil || !more {
			return out, err
		}
		p.Before, p.BeforeID = at, id.UUID()
		if len(rows) > 0 || a.now().After(until) {
			onward := store.Older(at, id.UUID())
			out.Body.Next = &onward
			return out, nil
		}
	}
}

// placeOfChat is what conversations are ordered by.
func placeOfChat(c wa.Chat) (time.Time, string) {
	if c.LastMessageAt != nil {
		return *c.LastMessageAt, c.ID.UUID()
	}
	return c.CreatedAt, c.ID.UUID()
}

type readChatIn struct {
	Chat ref[wa.ChatID] `path:"chat"`
	Body *struct {
		Receipt *bool `json:"receipt,omitempty" doc:"false: whoever wrote is not told; true, and if absent: they are, if the client sends read receipts"`
	} `nameHint:"ChatRead"`
}

func (a *api) readChat(ctx context.Context, by wa.Actor, in *readChatIn) (*chatOut, error) {
	tell := in.Body == nil || in.Body.Receipt == nil || *in.Body.Receipt
	c, err := a.Messages.MarkRead(ctx, by, in.Chat.ID, tell)
	return &chatOut{chatFor(by, c)}, err
}

// markChat gives the handler of a change of a conversation's count.
func markChat(mark func(ctx context.Context, by wa.Actor, id wa.ChatID) (wa.Chat, error)) handler[chatIn, chatOut] {
	return func(ctx context.Context, by wa.Actor, in *chatIn) (*chatOut, error) {
		c, err := mark(ctx, by, in.Chat.ID)
		return &chatOut{chatFor(by, c)}, err
	}
}
