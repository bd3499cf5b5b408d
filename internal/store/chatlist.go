package store

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// A conversation h is shown with whom it is with, p, and the newest message of
// it, l. Both are looked up for each that is shown, by an index, so that
// accepting and sending messages has nothing to keep up.
const (
	chatColumns = `h.id, h.org_id, h.client_id, h.kind, h.contact_id, coalesce(h.group_id, ''), h.unread, h.last_message_at, h.assigned_to, h.created_at,
	coalesce(p.phone, ''), coalesce(p.name, ''), coalesce(p.push_name, ''),
	l.id, l.direction, l.origin, l.type, l.content, l.status, l.created_at`

	chatPerson = ` LEFT JOIN LATERAL (SELECT phone, name, push_name FROM contacts WHERE (org_id = $1) IS TRUE AND id = h.contact_id LIMIT 1) p ON true`

	chatTables = chatPerson + ` LEFT JOIN LATERAL (
		SELECT m.id, m.direction, m.origin, m.type, m.content, m.status, m.created_at FROM messages m
		WHERE m.chat_id = h.id AND (m.org_id = $1) IS TRUE ORDER BY m.created_at DESC, m.id DESC LIMIT 1) l ON true `
)

// Chat reads one conversation.
func (tx *Tx) Chat(ctx context.Context, org wa.OrgID, id wa.ChatID) (wa.Chat, error) {
	return one(ctx, tx, "find chat", scanChat, `
		SELECT `+chatColumns+` FROM (SELECT * FROM chats WHERE org_id = $1 AND id = $2) h`+chatTables, org, id)
}

// ChatNames gives the names under which people find conversations; those that
// have none are left out.
func (tx *Tx) ChatNames(ctx context.Context, org wa.OrgID, ids []wa.ChatID) (map[wa.ChatID]string, error) {
	rows, err := collect(ctx, tx, "name chats", func(r pgx.CollectableRow) (h wa.Chat, err error) {
		var name, pushName string
		err = r.Scan(&h.ID, &h.Phone, &name, &pushName)
		return h.Named(name, pushName), err
	}, `
		SELECT h.id, coalesce(p.phone, ''), coalesce(p.name, ''), coalesce(p.push_name, '')
		FROM (SELECT id, contact_id FROM chats WHERE org_id = $1 AND id = ANY ($2::uuid[])) h`+chatPerson, org, uuids(ids))
	names := make(map[wa.ChatID]string, len(rows))
	for _, h := range rows {
		if h.Name != "" {
			names[h.ID] = h.Name
		}
	}
	return names, err
}

// ChatFilter narrows a list of conversations; zero fields do not.
type ChatFilter struct {
	Client   wa.ClientID
	Unread   bool
	Assigned wa.UserID // to this person
	Nobody   bool      // to nobody
	Names    Needle    // that the contact's names and number hold
}

// Chats pages through the conversations of a view, the one that moved last
// first. A conversation in which nothing was said yet counts by when it was
// made. With names it looks at one slice only: see ChatSliceEnd.
func (tx *Tx) Chats(ctx context.Context, v wa.View, f ChatFilter, p Page) ([]wa.Chat, error) {
	q := newChatQuery(v, f, p)
	most := q.add(p.Limit)
	rows := q.rows("h.*", most)
	if len(f.Names) > 0 {
		rows = `SELECT h.* FROM (` + q.rows("h.*", q.add(q.slice)) + `) h` + chatPerson + `
			WHERE p.name || ' ' || p.push_name || ' ' || coalesce(p.phone, '') ~ ALL (` + q.add([]string(f.Names)) + `::text[])
			` + chatOrder + ` LIMIT ` + most
	}
	return collect(ctx, tx, "list chats", scanChat, `SELECT `+chatColumns+` FROM (`+rows+`) h`+chatTables+chatOrder, q.args...)
}

// ChatSliceEnd is where a search that found less than a page stopped looking:
// the last of the conversations that it looked at. False: there is nothing
// behind it.
func (tx *Tx) ChatSliceEnd(ctx context.Context, v wa.View, f ChatFilter, p Page) (at time.Time, id wa.ChatID, more bool, err error) {
	q := newChatQuery(v, f, p)
	found, err := collect(ctx, tx, "find the end of a slice", func(r pgx.CollectableRow) (struct{}, error) { return struct{}{}, r.Scan(&at, &id) }, `
		SELECT h.moved_at, h.id FROM (`+q.rows("h.moved_at, h.id", q.add(q.slice))+`) h `+chatOrder+` OFFSET `+strconv.Itoa(q.slice-1), q.args...)
	return at, id, len(found) == 1, err
}

const chatOrder = `ORDER BY h.moved_at DESC, h.id DESC`

// chatQuery is a statement over conversations h in the making.
type chatQuery struct {
	where string
	each  string // the place of the clients that are looked at one by one, or ""
	slice int
	args  []any
}

func newChatQuery(v wa.View, f ChatFilter, p Page) *chatQuery {
	q := &chatQuery{slice: Slice}
	q.where = "h.org_id = " + q.add(v.Org)
	and := func(condition string, asked bool, arg any) {
		if asked {
			q.where += " AND h." + condition + " " + q.add(arg)
		}
	}
	and("client_id =", !f.Client.IsZero(), f.Client)
	and("assigned_to =", !f.Assigned.IsZero(), f.Assigned)
	if f.Nobody {
		q.where += " AND h.assigned_to IS NULL"
	}
	if f.Unread {
		q.where += " AND h.unread > 0" // the words of the index on those
	}
	q.where += " AND (h.moved_at, h.id) < (" + q.add(p.Before) + ", " + q.add(p.BeforeID) + ")"
	if v.Limited {
		q.narrow(v, f)
	}
	return q
}

// narrow keeps to the clients, or the chats, of a view. Where what is asked for
// has an index of its own and is little, that is a filter; otherwise each client
// is looked at by its index.
func (q *chatQuery) narrow(v wa.View, f ChatFilter) {
	clients := q.add(viewed(v))
	if who := viewer(v); who != nil {
		q.where += " AND h.client_id = ANY (" + clients + "::uuid[]) AND h.assigned_to = " + q.add(who)
		return
	}
	if f.Unread {
		q.where += " AND h.client_id = ANY (" + clients + "::uuid[])"
		return
	}
	q.each, q.slice = clients, givenSlice
}

// add gives the place of an argument.
func (q *chatQuery) add(arg any) string {
	q.args = append(q.args, arg)
	return "$" + strconv.Itoa(len(q.args))
}

// rows selects the conversations themselves, so many at most, in their order.
func (q *chatQuery) rows(columns, limit string) string {
	if q.each == "" {
		return `SELECT ` + columns + ` FROM chats h WHERE ` + q.where + ` ` + chatOrder + ` LIMIT ` + limit
	}
	return `SELECT ` + columns + ` FROM unnest(` + q.each + `::uuid[]) AS u(client),
		LATERAL (SELECT * FROM chats h WHERE h.client_id = u.client AND ` + q.where + ` ` + chatOrder + ` LIMIT ` + limit + `) h ` + chatOrder + ` LIMIT ` + limit
}

func scanChat(r pgx.CollectableRow) (h wa.Chat, err error) {
	var name, pushName string
	var l lastMessage
	err = r.Scan(&h.ID, &h.OrgID, &h.ClientID, &h.Kind, &h.ContactID, &h.GroupID, &h.Unread, &h.LastMessageAt, &h.AssignedTo, &h.CreatedAt,
		&h.Phone, &name, &pushName, &l.ID, &l.Direction, &l.Origin, &l.Type, &l.Content, &l.Status, &l.CreatedAt)
	h.LastMessage = l.shown()
	return h.Named(name, pushName), err
}

// lastMessage receives what may not be there.
type lastMessage struct {
	ID                              wa.MessageID
	Direction, Origin, Type, Status *string
	Content                         []byte
	CreatedAt                       *time.Time
}

// shown is the message as a list of chats shows it; nil when there is none.
// Content that cannot be read shows nothing: it must not hide a whole page.
func (l lastMessage) shown() *wa.ChatMessage {
	if l.ID.IsZero() || l.CreatedAt == nil {
		return nil
	}
	m := wa.Message{
		ID: l.ID, Direction: wa.Direction(text(l.Direction)), Origin: wa.Origin(text(l.Origin)), Type: text(l.Type),
		Status: wa.Status(text(l.Status)), CreatedAt: *l.CreatedAt,
	}
	if json.Valid(l.Content) && m.Type != wa.KindUnknown {
		if c, err := wa.DecodeContent(m.Type, l.Content); err == nil {
			m.SetContent(c)
		}
	}
	out := m.InChat()
	return &out
}

// MarkRead empties the count of unread messages of a conversation, and gives
// what it was. The row is locked from then on, so that what came in and is
// counted can be seen, and nothing else comes in.
func (tx *Tx) MarkRead(ctx context.Context, org wa.OrgID, id wa.ChatID) (unread int, err error) {
	was, err := collect(ctx, tx, "mark chat read", pgx.RowTo[int], `
		WITH was AS (SELECT id, unread FROM chats WHERE org_id = $1 AND id = $2 AND unread <> 0 FOR UPDATE)
		UPDATE chats h SET unread = 0 FROM was WHERE h.org_id = $1 AND h.id = was.id RETURNING was.unread`, org, id)
	if err != nil || len(was) == 0 {
		return 0, err
	}
	return was[0], nil
}

// MarkUnread has a conversation count as unread; false when it does.
func (tx *Tx) MarkUnread(ctx context.Context, org wa.OrgID, id wa.ChatID) (bool, error) {
	n, err := tx.moved(ctx, "mark chat unread", `UPDATE chats SET unread = 1 WHERE org_id = $1 AND id = $2 AND unread = 0`, org, id)
	return n == 1, err
}
