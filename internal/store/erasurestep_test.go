package store_test

import (
	"fmt"
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// personPlans hold the steps of a person's erasure, and the export of people, to
// indexes, in the middle of everybody's rows.
func (w world) personPlans(t *testing.T) []planCase {
	ctx := t.Context()
	page := page50(t)
	e := store.Erasing{Erasure: wa.Erasure{OrgID: w.org, ContactID: w.contact}, Phone: "4912345678901", LID: "146612345678901"}
	long := *fillID(t, &wa.ChatID{}, "d", longChat)
	return []planCase{
		{"cancel messages of erased", "", 300, false, func(tx *store.Tx) error { return expect(tx.CancelErased(ctx, e, 500)) }},
		{"delete messages of erased", "", 400, false, func(tx *store.Tx) error { return expect(tx.DeleteErased(ctx, e, 500)) }},
		{"any messages of erased", "", 10, false, func(tx *store.Tx) error { return expect(tx.AnyErased(ctx, e)) }},
		{"chats of erased", "chats_contact", 10, false, func(tx *store.Tx) error { return expect(tx.ErasedChats(ctx, e)) }},
		{"events of erased", "events_feed", 1100, false, func(tx *store.Tx) error {
			return expect(tx.ForgetErasedEvents(ctx, e, []wa.ChatID{wa.NewChatID()}, 1000))
		}},
		{"replies about erased", "", 20_000, false, func(tx *store.Tx) error { return expect(tx.ForgetErasedReplies(ctx, e, nil, 1000)) }}, // all of an org's day
		{"mentions of erased", "messages_chat_page", 1100, false, func(tx *store.Tx) error {
			if _, err := tx.Exec(ctx, `UPDATE chats SET kind = 'group', contact_id = NULL, group_id = '120363@g' WHERE id = $1`, long); err != nil {
				return err
			}
			e := e
			e.Mark = fmt.Sprintf("%s %s %s", long.UUID(), e.ContactID.UUID(), time.Now().Add(-17*time.Hour).Format(time.RFC3339Nano))
			w, err := tx.ForgetMentions(ctx, e, 500)
			if w.Rows != 500 {
				t.Errorf("looked at %d", w.Rows)
			}
			return err
		}},
		{"groups with mentions of erased", "chats_client_id_group_id_key", 10, false, func(tx *store.Tx) error {
			return expect(tx.ForgetMentions(ctx, e, 500))
		}},
		{"export contacts", "contacts_page", 200, false, func(tx *store.Tx) error { return expect(tx.ContactLines(ctx, wa.Whole(w.org), page)) }},
	}
}

// group makes a group with so many messages of others, each with a number in it.
func (s shop) group(n int, number string) wa.ChatID {
	s.t.Helper()
	chat := wa.NewChatID()
	s.exec(`INSERT INTO chats (id, org_id, client_id, kind, group_id) VALUES ($1, $2, $3, 'group', $4)`, chat, s.org, s.client, chat.String())
	s.exec(`INSERT INTO messages (id, org_id, client_id, chat_id, direction, origin, type, content, status, wire_id, created_at, mentions, payload)
		SELECT gen_random_uuid(), $2, $3, $1, 'inbound', 'contact', 'text', jsonb_build_object('body', 'ask @' || $4::text), 'received', 'in ' || $1::uuid || ' ' || i,
			now() - i / 2 * interval '1 second', ARRAY['+' || $4::text], convert_to('to ' || $4::text, 'UTF8')
		FROM generate_series(1, $5::int) i`, chat, s.org, s.client, number, n)
	return chat
}

// naming counts the messages of a group that hold a number.
func (s shop) naming(chat wa.ChatID, number string) (n int) {
	s.t.Helper()
	s.in(func(tx *store.Tx) error {
		return tx.Get(s.t.Context(), `SELECT count(*) FROM messages WHERE chat_id = $1
			AND (content::text LIKE '%' || $2 || '%' OR mentions::text LIKE '%' || $2 || '%' OR encode(payload, 'escape') LIKE '%' || $2 || '%')`, []any{chat, number}, &n)
	})
	return n
}

// A walk through groups looks at so much at a time, however large a group is,
// and forgets nothing between two pages of it.
func TestMentionsAreForgottenBitByBit(t *testing.T) {
	t.Parallel()
	const number, other = "4912345678901", "4900000000002"
	s := newShop(t)
	groups := []wa.ChatID{s.group(11, number), s.group(0, number), s.group(7, number), s.group(5, other)}
	e := store.Erasing{Erasure: wa.Erasure{OrgID: s.org}, Phone: number}
	steps, changed := 0, 0
	for rows := 4; rows == 4; steps++ {
		s.in(func(tx *store.Tx) error {
			w, err := tx.ForgetMentions(t.Context(), e, 4)
			if rows = w.Rows; w.Rows > 4 || w.Changed > 4 {
				t.Errorf("a step looked at %d and changed %d", w.Rows, w.Changed)
			}
			e.Mark, changed = w.Mark, changed+w.Changed
			return err
		})
	}
	if want := 7; steps != want || changed != 18 { // 23 messages and 4 groups, 4 at a time
		t.Errorf("%d steps changed %d", steps, changed)
	}
	for i, g := range groups {
		if n := s.naming(g, number); n != 0 {
			t.Errorf("%d messages of group %d still hold the number", n, i)
		}
	}
	if n := s.naming(groups[3], other); n != 5 {
		t.Errorf("somebody else is in %d messages", n)
	}
}

// An erasure that another version began has the last group that is done for its
// mark.
func TestAWalkThroughGroupsOfBefore(t *testing.T) {
	t.Parallel()
	const number = "4912345678901"
	s := newShop(t)
	one, two := s.group(3, number), s.group(3, number)
	e := store.Erasing{Erasure: wa.Erasure{OrgID: s.org}, Phone: number, Mark: one.UUID()}
	s.in(func(tx *store.Tx) error { return expect(tx.ForgetMentions(t.Context(), e, 100)) })
	if a, b := s.naming(one, number), s.naming(two, number); a != 3 || b != 0 {
		t.Errorf("%d and %d messages hold the number", a, b)
	}
}
