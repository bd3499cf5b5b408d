package api

import (
	"context"
	"slices"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// MessageNarrow is what messages can be narrowed by.
type MessageNarrow struct {
	Client    wa.ClientID  `query:"client"`
	Contact   wa.ContactID `query:"contact"`
	Chat      wa.ChatID    `query:"chat"`
	Status    []string     `query:"status,explode" doc:"One or more, repeated or with commas"`
	Direction string       `query:"direction" enum:"outbound,inbound"`
	Type      string       `query:"type" maxLength:"40"`
	ClientRef string       `query:"client_ref" maxLength:"255"`
	Since     time.Time    `query:"since" doc:"Made at this time or later"`
	Until     time.Time    `query:"until" doc:"Made before this time"`
	Q         string       `query:"q" maxLength:"200" doc:"Words that the text holds, whatever their case and accents"`
}

func (in *MessageNarrow) filter() (store.MessageFilter, error) {
	f := store.MessageFilter{
		Client: in.Client, Contact: in.Contact, Chat: in.Chat, Direction: wa.Direction(in.Direction), Type: in.Type,
		ClientRef: in.ClientRef, Since: given(in.Since), Until: given(in.Until), Words: store.WordsOf(in.Q),
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

type messagesIn struct {
	Paged
	MessageNarrow
	Around wa.MessageID `query:"around" doc:"A page with this message in its middle, instead of one at a cursor"`
}

// listMessage is the body of a list of messages, which can be walked both ways.
type listMessage struct {
	Data []wa.Message `json:"data" nullable:"false" doc:"Newest first"`
	Next *string      `json:"next" doc:"Cursor of the page with older ones; null on the last. A page that took too long to fill has one too, however few messages it holds"`
	Prev *string      `json:"prev" doc:"Cursor of the page with newer ones; null on the one with the newest"`

	Names map[wa.ChatID]string `json:"names" nullable:"false" doc:"What the chats of these messages are called, by their ids: as GET /chats has it. Empty for who may not read contacts"`
}

type messagesOut struct{ Body listMessage }

func (a *api) messages(ctx context.Context, by wa.Actor, in *messagesIn) (*messagesOut, error) {
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	if in.Cursor != "" && !in.Around.IsZero() {
		return nil, badQuery("around", in.Around.String(), "and cursor exclude each other")
	}
	p, err := store.ParseEitherPage(in.Cursor, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &messagesOut{}
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		w := walk{tx: tx, view: by.View(wa.ReadMessages), filter: f, until: a.now().Add(searchFor), now: a.now}
		if in.Around.IsZero() {
			out.Body, err = w.list(ctx, p, in.Cursor == "")
		} else {
			out.Body, err = w.around(ctx, in.Around, p.Limit)
		}
		if err != nil {
			return err
		}
		out.Body.Names, err = namesOf(ctx, tx, by, out.Body.Data)
		return err
	})
	return out, err
}

// namesOf looks up whom messages are about, all together.
func namesOf(ctx context.Context, tx *store.Tx, by wa.Actor, messages []wa.Message) (map[wa.ChatID]string, error) {
	var chats []wa.ChatID
	for _, m := range messages {
		if !m.ChatID.IsZero() && !slices.Contains(chats, m.ChatID) {
			chats = append(chats, m.ChatID)
		}
	}
	if len(chats) == 0 || !by.May(wa.ReadContacts) {
		return map[wa.ChatID]string{}, nil
	}
	return tx.ChatNames(ctx, by.Org, chats)
}

// searchFor is how long one request looks for words before it answers with what
// it has, which may be nothing, and with where to go on.
// With something to show it looks on for searchOn only.
const (
	searchFor = 1500 * time.Millisecond
	searchOn  = 300 * time.Millisecond
)

// walk goes through messages.
type walk struct {
	tx     *store.Tx
	view   wa.View
	filter store.MessageFilter
	until  time.Time
	now    func() time.Time
}

// list is the page at p; first says that nothing is newer than it.
func (w walk) list(ctx context.Context, p store.Page, first bool) (listMessage, error) {
	rows, onward, err := w.page(ctx, p)
	out := listMessage{Data: append([]wa.Message{}, rows...)}
	from := store.Older(p.Before, p.BeforeID) // where the caller came from
	if !p.Newer {
		from = store.Newer(p.Before, p.BeforeID)
	}
	switch {
	case p.Newer && len(rows) > 0:
		out.Prev, out.Next = onward, older(rows[len(rows)-1])
	case p.Newer:
		out.Prev, out.Next = onward, &from
	case first:
		out.Next = onward
	case len(rows) > 0:
		out.Next, out.Prev = onward, newer(rows[0])
	default:
		out.Next, out.Prev = onward, &from
	}
	return out, err
}

// around is a page with a message in its middle. That the message is there for
// the caller is known.
func (w walk) around(ctx context.Context, id wa.MessageID, limit int) (out listMessage, err error) {
	m, err := w.tx.Message(ctx, w.view.Org, id)
	if err != nil {
		return out, err
	}
	half := limit / 2
	out.Data, out.Prev = []wa.Message{}, newer(m)
	if half > 0 {
		at := store.Page{Before: m.CreatedAt, BeforeID: id.UUID(), Limit: half, Newer: true}
		if out.Data, out.Prev, err = w.page(ctx, at); err != nil {
			return out, err
		}
	}
	at := store.Page{Before: m.CreatedAt, BeforeID: id.UUID(), Limit: limit - half, At: true}
	rows, onward, err := w.page(ctx, at)
	out.Data, out.Next = append(append([]wa.Message{}, out.Data...), rows...), onward
	return out, err
}

// page reads a page, newest first, and where the walk goes on behind it; nil at
// the end. A search goes from slice to slice until the page is full or its time
// is up: shortly when there is something to show.
func (w walk) page(ctx context.Context, p store.Page) (rows []wa.Message, onward *string, err error) {
	for {
		found, err := w.tx.Messages(ctx, w.view, w.filter, p)
		if err != nil {
			return nil, nil, err
		}
		full := len(found) == p.Limit
		p.Limit -= len(found)
		if p.Newer {
			rows = slices.Concat(found, rows)
		} else {
			rows = append(rows, found...)
		}
		switch {
		case full && p.Newer:
			return rows, newer(rows[0]), nil
		case full:
			return rows, older(rows[len(rows)-1]), nil
		case !w.filter.Searches():
			return rows, nil, nil
		}
		at, id, more, err := w.tx.SliceEnd(ctx, w.view, w.filter, p)
		if err != nil || !more {
			return rows, nil, err
		}
		p.Before, p.BeforeID, p.At = at, id.UUID(), false
		if left := w.until.Sub(w.now()); left < 0 || len(rows) > 0 && left < searchFor-searchOn {
			return rows, onwardOf(p), nil
		}
	}
}

func onwardOf(p store.Page) *string {
	text := store.Older(p.Before, p.BeforeID)
	if p.Newer {
		text = store.Newer(p.Before, p.BeforeID)
	}
	return &text
}

func older(m wa.Message) *string {
	text := store.Older(m.CreatedAt, m.ID.UUID())
	return &text
}

func newer(m wa.Message) *string {
	text := store.Newer(m.CreatedAt, m.ID.UUID())
	return &text
}
