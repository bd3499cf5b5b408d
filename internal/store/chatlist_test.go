package store_test

import (
	"slices"
	"testing"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// listed gives the names of the conversations found.
func (s shop) listed(v wa.View, f store.ChatFilter) (names []string) {
	s.t.Helper()
	for _, c := range must(s, func(tx *store.Tx) ([]wa.Chat, error) { return tx.Chats(s.t.Context(), v, f, firstPage(s.t, 50)) }) {
		names = append(names, c.Name)
	}
	return names
}

func TestChatsAreFound(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	people := map[string]wa.ChatID{}
	for _, p := range []struct{ name, push, phone string }{{"", "", "+5511987654321"}, {"", "Zoë", "+4917612345678"}, {"José Álvarez", "jose", "+5215512345678"}} {
		c, _ := s.met(wa.Phone(p.phone), "")
		s.in(func(tx *store.Tx) error {
			_, err := tx.NameContact(t.Context(), s.org, c.ID, p.name, p.push)
			return err
		})
		people[p.phone] = s.heard(c.ID, "from "+p.phone)
	}
	jose, zoe, number := "José Álvarez", "Zoë", "+5511987654321"
	user := wa.NewUserID()
	s.exec(`INSERT INTO users (id, org_id, email, password_hash, role) VALUES ($1, $2, $3, '', 'agent')`, user, s.org, user.UUID()+"@example.com")
	s.in(func(tx *store.Tx) error {
		if _, err := tx.MarkRead(t.Context(), s.org, people["+4917612345678"]); err != nil {
			return err
		}
		return tx.AssignChat(t.Context(), s.org, people["+5215512345678"], user)
	})
	given := wa.View{Org: s.org, Limited: true, Clients: []wa.ClientID{s.client}}
	own := given
	own.Chats = user
	for _, c := range []struct {
		name string
		view wa.View
		f    store.ChatFilter
		want []string
	}{
		{"all", wa.Whole(s.org), store.ChatFilter{}, []string{jose, number, zoe}},
		{"given", given, store.ChatFilter{}, []string{jose, number, zoe}},
		{"own", own, store.ChatFilter{}, []string{jose}},
		{"by name", wa.Whole(s.org), store.ChatFilter{Names: store.NamesOf("alvarez jose")}, []string{jose}},
		{"by the name they gave", wa.Whole(s.org), store.ChatFilter{Names: store.NamesOf("ZOE")}, []string{zoe}},
		{"by number", wa.Whole(s.org), store.ChatFilter{Names: store.NamesOf("0176 12345")}, []string{zoe}},
		{"by part of a number", wa.Whole(s.org), store.ChatFilter{Names: store.NamesOf("176 12345")}, []string{zoe}},
		{"by a number of two", given, store.ChatFilter{Names: store.NamesOf("12345678")}, []string{jose, zoe}},
		{"by name among one's own", own, store.ChatFilter{Names: store.NamesOf("zoe")}, nil},
		{"unread", wa.Whole(s.org), store.ChatFilter{Unread: true}, []string{jose, number}},
		{"unread, given", given, store.ChatFilter{Unread: true, Client: s.client}, []string{jose, number}},
		{"of somebody", wa.Whole(s.org), store.ChatFilter{Assigned: user}, []string{jose}},
		{"of nobody", wa.Whole(s.org), store.ChatFilter{Nobody: true}, []string{number, zoe}},
		{"of nobody, by name", wa.Whole(s.org), store.ChatFilter{Nobody: true, Names: store.NamesOf("jose")}, nil},
		{"of nothing", wa.View{Org: s.org, Limited: true}, store.ChatFilter{}, nil},
	} {
		got := s.listed(c.view, c.f)
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	c := must(s, func(tx *store.Tx) (wa.Chat, error) { return tx.Chat(t.Context(), s.org, people["+5215512345678"]) })
	if c.Phone != "+5215512345678" || c.LastMessage == nil || c.LastMessage.Preview != "from +5215512345678" || c.LastMessage.Status != wa.Received {
		t.Errorf("%+v, %+v", c, c.LastMessage)
	}
}

func TestMarkingChats(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	contact, _ := s.person()
	chat := s.heard(contact, "a", "b")
	mark := func(do func(tx *store.Tx) (bool, error), changed bool, unread int) {
		t.Helper()
		if got := must(s, do); got != changed {
			t.Errorf("changed: %v", got)
		}
		if c := must(s, func(tx *store.Tx) (wa.Chat, error) { return tx.Chat(t.Context(), s.org, chat) }); c.Unread != unread {
			t.Errorf("%d unread, want %d", c.Unread, unread)
		}
	}
	was := 2
	read := func(tx *store.Tx) (bool, error) {
		n, err := tx.MarkRead(t.Context(), s.org, chat)
		if n != was {
			t.Errorf("%d were unread, want %d", n, was)
		}
		was = 0
		return n > 0, err
	}
	unread := func(tx *store.Tx) (bool, error) { return tx.MarkUnread(t.Context(), s.org, chat) }
	mark(unread, false, 2)
	mark(read, true, 0)
	mark(read, false, 0)
	mark(unread, true, 1)
	stranger := shopIn(t, s.db)
	if must(stranger, func(tx *store.Tx) (int, error) { return tx.MarkRead(t.Context(), stranger.org, chat) }) != 0 {
		t.Error("another org marked it")
	}
}
