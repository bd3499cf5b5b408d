package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// heard makes inbound messages, a second apart; the last one is now.
func (s shop) heard(contact wa.ContactID, texts ...string) (chat wa.ChatID) {
	s.t.Helper()
	from := time.Now().UTC().Truncate(time.Second).Add(-time.Duration(len(texts)) * time.Second)
	s.in(func(tx *store.Tx) (err error) {
		if chat, err = tx.DirectChat(s.t.Context(), s.org, s.client, contact); err != nil {
			return err
		}
		for i, body := range texts {
			at := from.Add(time.Duration(i+1) * time.Second)
			m := wa.Message{
				ID: wa.NewMessageID(), OrgID: s.org, ClientID: s.client, ChatID: chat, Origin: wa.FromContact, WireID: fmt.Sprint("IN ", i),
				From: wa.Recipient{ContactID: contact},
			}
			m.SetContent(wa.Text{Body: body})
			if _, err := tx.InsertInbound(s.t.Context(), m, at, ""); err != nil {
				return err
			}
			if err := tx.TouchChat(s.t.Context(), s.org, chat, at, true); err != nil {
				return err
			}
		}
		return nil
	})
	return chat
}

func (s shop) found(v wa.View, f store.MessageFilter, p store.Page) (bodies []string, all []wa.Message) {
	s.t.Helper()
	all = must(s, func(tx *store.Tx) ([]wa.Message, error) { return tx.Messages(s.t.Context(), v, f, p) })
	for _, m := range all {
		bodies = append(bodies, m.Text.Body)
	}
	return bodies, all
}

// Both ways, newest first, for everybody and for who was given a client or a
// chat.
func TestMessagesBothWays(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	contact, _ := s.person()
	chat := s.heard(contact, "1", "2", "3", "4", "5", "6")
	_, all := s.found(wa.Whole(s.org), store.MessageFilter{Chat: chat}, firstPage(t, 50))
	user := wa.NewUserID()
	s.exec(`INSERT INTO users (id, org_id, email, password_hash, role) VALUES ($1, $2, $3, '', 'agent')`, user, s.org, user.UUID()+"@example.com")
	s.in(func(tx *store.Tx) error { return tx.AssignChat(t.Context(), s.org, chat, user) })
	for name, v := range map[string]wa.View{
		"all": wa.Whole(s.org), "given": {Org: s.org, Limited: true, Clients: []wa.ClientID{s.client}},
		"own": {Org: s.org, Limited: true, Clients: []wa.ClientID{s.client}, Chats: user},
	} {
		third := store.Page{Before: all[3].CreatedAt, BeforeID: all[3].ID.UUID(), Limit: 2}
		at, newer := third, third
		at.At, newer.Newer = true, true
		beyond := newer
		beyond.Limit = 50
		for _, c := range []struct {
			p    store.Page
			want []string
		}{{third, []string{"2", "1"}}, {at, []string{"3", "2"}}, {newer, []string{"5", "4"}}, {beyond, []string{"6", "5", "4"}}} {
			if got, _ := s.found(v, store.MessageFilter{}, c.p); !slices.Equal(got, c.want) {
				t.Errorf("%s, %+v: %v, want %v", name, c.p, got, c.want)
			}
		}
	}
}

// Words are found whatever their case and accents, in the views that may see
// them, and not in one-time codes.
func TestSearch(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	contact, _ := s.person()
	chat := s.heard(contact, "Olá, onde está o PEDIDO?", "obrigado", "pedido ok")
	code := s.draft(contact, chat)
	code.Origin = wa.FromSignIn
	code.SetContent(wa.Text{Body: "pedido 123456"})
	s.accept(code)
	search := func(v wa.View, f store.MessageFilter, words string) []string {
		f.Words = store.WordsOf(words)
		got, _ := s.found(v, f, firstPage(t, 50))
		return got
	}
	for words, want := range map[string][]string{
		"pedido": {"pedido ok", "Olá, onde está o PEDIDO?"}, "ola esta": {"Olá, onde está o PEDIDO?"}, "OBRIGADO": {"obrigado"}, "123456": nil, "none": nil,
	} {
		for name, v := range map[string]wa.View{"all": wa.Whole(s.org), "given": {Org: s.org, Limited: true, Clients: []wa.ClientID{s.client}}} {
			if diff := cmp.Diff(want, search(v, store.MessageFilter{Chat: chat}, words)); diff != "" {
				t.Errorf("%s, %q: %s", name, words, diff)
			}
		}
	}
	if got := search(wa.Whole(s.org), store.MessageFilter{Direction: wa.Outbound}, "pedido"); got != nil {
		t.Errorf("of what went out: %v", got)
	}
	if got := search(wa.View{Org: s.org, Limited: true}, store.MessageFilter{}, "pedido"); got != nil {
		t.Errorf("who sees nothing finds %v", got)
	}
}

// A search that finds nothing in a slice tells where to go on.
func TestSliceEnd(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	contact, _ := s.person()
	chat := s.heard(contact, "the needle")
	s.exec(`INSERT INTO messages (id, org_id, client_id, chat_id, contact_id, direction, origin, type, content, status, wire_id, created_at)
		SELECT gen_random_uuid(), $1, $2, $3, $4, 'inbound', 'contact', 'text', '{"body": "hay"}', 'received', 'W' || n, now() + n * interval '1 second'
		FROM generate_series(1, $5::int) n`, s.org, s.client, chat, contact, store.Slice)
	f, p := store.MessageFilter{Words: store.WordsOf("needle")}, firstPage(t, 50)
	if got, _ := s.found(wa.Whole(s.org), f, p); got != nil {
		t.Fatalf("one slice found %v", got)
	}
	s.in(func(tx *store.Tx) error {
		at, id, more, err := tx.SliceEnd(t.Context(), wa.Whole(s.org), f, p)
		if err != nil || !more {
			t.Fatalf("more %v, %v", more, err)
		}
		p.Before, p.BeforeID = at, id.UUID()
		return nil
	})
	if got, _ := s.found(wa.Whole(s.org), f, p); !slices.Equal(got, []string{"the needle"}) {
		t.Errorf("the next slice found %v", got)
	}
	s.in(func(tx *store.Tx) error {
		if _, _, more, err := tx.SliceEnd(t.Context(), wa.Whole(s.org), f, p); more || err != nil {
			t.Errorf("more behind everything: %v, %v", more, err)
		}
		return nil
	})
}

// What waits is found, alone and with other ends, by everybody who may see it.
func TestRareStatuses(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	contact, _ := s.person()
	chat := s.heard(contact, "in")
	waits, cancelled := s.draft(contact, chat), s.draft(contact, chat)
	s.accept(waits, cancelled)
	s.in(func(tx *store.Tx) error { _, err := tx.Cancel(t.Context(), s.org, cancelled.ID); return err })
	given := wa.View{Org: s.org, Limited: true, Clients: []wa.ClientID{s.client}}
	for _, c := range []struct {
		status []wa.Status
		want   int
	}{
		{[]wa.Status{wa.Queued}, 1},
		{[]wa.Status{wa.Queued, wa.Cancelled}, 2},
		{[]wa.Status{wa.Cancelled}, 1},
		{[]wa.Status{wa.Queued, wa.Received}, 2},
		{[]wa.Status{wa.Sending, wa.Played}, 0},
	} {
		for _, v := range []wa.View{wa.Whole(s.org), given} {
			if got, _ := s.found(v, store.MessageFilter{Status: c.status}, firstPage(t, 50)); len(got) != c.want {
				t.Errorf("%v, limited %v: %d, want %d", c.status, v.Limited, len(got), c.want)
			}
		}
	}
}

func TestCursorsOfBothWays(t *testing.T) {
	t.Parallel()
	at, id := time.Now().UTC(), wa.NewMessageID()
	p, err := store.ParseEitherPage(store.Newer(at, id.UUID()), 10)
	if err != nil || !p.Newer || !p.Before.Equal(at) || p.BeforeID != id.UUID() {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err := store.ParseEitherPage(store.Older(at, id.UUID()), 10); err != nil || p.Newer {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := store.ParsePage(store.Newer(at, id.UUID()), 10); wa.CodeOf(err) != wa.Invalid {
		t.Errorf("a list of one direction takes it: %v", err)
	}
}
