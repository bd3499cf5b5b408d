package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// MessageFilter narrows a list of messages; zero fields do not.
type MessageFilter struct {
	Client    wa.ClientID
	Contact   wa.ContactID
	Chat      wa.ChatID
	Status    []wa.Status
	Direction wa.Direction
	Type      string
	ClientRef string
	Since     *time.Time
	Until     *time.Time
	Words     Needle // that the text must hold
}

// Messages pages through the messages of a view, newest first. The statement is
// composed of the conditions that are asked for, so that each combination gets
// a plan of its own. A search looks at one slice only: see SliceEnd.
func (tx *Tx) Messages(ctx context.Context, v wa.View, f MessageFilter, p Page) ([]wa.Message, error) {
	q := newMessageQuery(v, f, p)
	found, err := collect(ctx, tx, "list messages", scanMessage, q.page(f, p.Limit), q.args...)
	if p.Newer {
		slices.Reverse(found)
	}
	return found, err
}

// Searches reports whether what is asked for may be rare and no index leads to
// it: a page then is what was found within one slice.
func (f MessageFilter) Searches() bool { return len(f.Words) > 0 || f.rare() }

// rare reports whether an organisation is asked for messages in a status that
// they have for a moment, among all that are done. Bad ends have an index.
func (f MessageFilter) rare() bool {
	within := !f.Client.IsZero() || !f.Contact.IsZero() || !f.Chat.IsZero() || f.ClientRef != ""
	usual := []wa.Status{wa.Sent, wa.Delivered, wa.Read, wa.Received}
	ended := []wa.Status{wa.Failed, wa.Cancelled, wa.Expired}
	return !within && slices.ContainsFunc(f.Status, func(s wa.Status) bool { return !slices.Contains(ended, s) }) &&
		!slices.ContainsFunc(f.Status, func(s wa.Status) bool { return slices.Contains(usual, s) })
}

// How many messages one slice of a search looks at: of everything, and of those
// that somebody was given, which are gathered from one list a client or chat.
// They are arguments of statements: a number that Postgres knows and takes for
// all that there is has it read and sort everything.
const (
	Slice      = 10_000
	givenSlice = 1_000
)

// SliceEnd is where a search that found less than a page stopped looking: the
// last of the messages that it looked at. False: there is nothing behind it.
func (tx *Tx) SliceEnd(ctx context.Context, v wa.View, f MessageFilter, p Page) (at time.Time, id wa.MessageID, more bool, err error) {
	q := newMessageQuery(v, f, p)
	found, err := collect(ctx, tx, "find the end of a slice", func(r pgx.CollectableRow) (struct{}, error) { return struct{}{}, r.Scan(&at, &id) }, `
		SELECT m.created_at, m.id FROM (`+q.rows("m.created_at, m.id", q.add(q.slice))+`) m
		`+q.order+` OFFSET `+strconv.Itoa(q.slice-1), q.args...)
	return at, id, len(found) == 1, err
}

// messageQuery is a statement over messages m in the making.
type messageQuery struct {
	from, where, order string
	each               bool // from a list of clients or chats, each by its own index
	slice              int
	args               []any
}

func newMessageQuery(v wa.View, f MessageFilter, p Page) *messageQuery {
	q := &messageQuery{from: "messages m", slice: Slice}
	where := f.conditions(v.Org, q.add)
	than, order := "<", "DESC"
	if p.Newer {
		than, order = ">", "ASC"
	}
	if p.At {
		than += "="
	}
	q.where = strings.Join(where, " AND ") + fmt.Sprintf(" AND (m.created_at, m.id) %s (%s, %s)", than, q.add(p.Before), q.add(p.BeforeID))
	q.order = fmt.Sprintf("ORDER BY m.created_at %[1]s, m.id %[1]s", order)
	if v.Limited {
		q.narrow(v)
	}
	return q
}

// add gives the place of an argument.
func (q *messageQuery) add(arg any) string {
	q.args = append(q.args, arg)
	return "$" + strconv.Itoa(len(q.args))
}

// narrow looks at each client, or chat, of a view by its own index: a filter
// would look through all.
func (q *messageQuery) narrow(v wa.View) {
	q.each, q.slice = true, givenSlice
	clients := q.add(viewed(v))
	q.from, q.where = `(SELECT unnest(`+clients+`::uuid[])) AS u(id)`, "m.client_id = u.id AND "+q.where
	if who := viewer(v); who != nil {
		q.from = `(SELECT h.id FROM chats h WHERE h.org_id = $1 AND h.assigned_to = ` + q.add(who) + ` AND h.client_id = ANY (` + clients + `::uuid[])) AS u(id)`
		q.where = strings.Replace(q.where, "m.client_id = u.id", "m.chat_id = u.id", 1)
	}
}

// rows selects the messages themselves, so many at most, in their order.
func (q *messageQuery) rows(columns, limit string) string {
	if !q.each {
		return `SELECT ` + columns + ` FROM ` + q.from + ` WHERE ` + q.where + ` ` + q.order + ` LIMIT ` + limit
	}
	return `SELECT ` + columns + ` FROM ` + q.from + `, LATERAL (SELECT * FROM messages m WHERE ` + q.where + ` ` + q.order + ` LIMIT ` + limit + `) m ` +
		q.order + ` LIMIT ` + limit
}

// page is the whole statement of a page.
func (q *messageQuery) page(f MessageFilter, limit int) string {
	most := q.add(limit)
	switch {
	case f.Searches():
		return q.search(f, most)
	case !q.each:
		return `SELECT ` + messageColumns + ` FROM messages` + messageTables + `WHERE ` + q.where + ` ` + q.order + ` LIMIT ` + most
	}
	return `SELECT ` + messageColumns + ` FROM (` + q.rows("m.*", most) + `)` + messageTables + q.order
}

// search looks through one slice. What a one-time code says is not shown, so it
// is not to be found either.
func (q *messageQuery) search(f MessageFilter, most string) string {
	slice, filter := q.rows("m.*", q.add(q.slice)), "true"
	if len(f.Words) > 0 {
		filter = `m.origin <> 'sign_in' AND m.content->>'body' ~ ALL (` + q.add([]string(f.Words)) + `::text[])`
	}
	if f.rare() {
		filter += " AND m.status IN (" + statusList(f.Status) + ")"
	}
	return `SELECT ` + messageColumns + ` FROM (
		SELECT * FROM (` + slice + `) m WHERE ` + filter + ` ` + q.order + ` LIMIT ` + most + `)` + messageTables + q.order
}

// conditions spells out what is asked for; add gives the place of an argument,
// the org's being the first.
func (f MessageFilter) conditions(org wa.OrgID, add func(any) string) []string {
	where := []string{"m.org_id = " + add(org)}
	is := func(column string, asked bool, arg any) {
		if asked {
			where = append(where, "m."+column+" "+add(arg))
		}
	}
	is("client_id =", !f.Client.IsZero(), f.Client)
	is("contact_id =", !f.Contact.IsZero(), f.Contact)
	is("chat_id =", !f.Chat.IsZero(), f.Chat)
	if len(f.Status) > 0 && !f.rare() {
		// Spelled out, because only then the planner knows which partial indexes
		// hold the answer.
		where = append(where, "m.status IN ("+statusList(f.Status)+")")
	}
	is("direction =", f.Direction != "", f.Direction)
	is("type =", f.Type != "", f.Type)
	is("client_ref =", f.ClientRef != "", f.ClientRef)
	is("created_at >=", f.Since != nil, f.Since)
	is("created_at <", f.Until != nil, f.Until)
	return where
}
