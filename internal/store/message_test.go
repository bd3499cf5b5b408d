package store_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// TestOutboundRoundTrip keeps a message with everything in it, and one with
// next to nothing.
func TestOutboundRoundTrip(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	contact, chat := s.person()
	phone := must(s, func(tx *store.Tx) (wa.Contact, error) { return tx.Contact(t.Context(), s.org, contact) }).Phone
	full, bare := s.draft(contact, chat), s.draft(contact, chat)
	at, yes, reply := full.CreatedAt.Add(time.Minute), true, wa.NewMessageID()
	full.Status, full.SendAt, full.Typing, full.ReplyTo = wa.Scheduled, &at, &yes, &reply
	full.Lane, full.ClientRef, full.Metadata, full.Mentions = wa.Bulk, "order 7", map[string]string{"a": "\"b\""}, []string{"491", "492"}
	full.SetContent(wa.Text{Body: "naïve “quotes”, \t 😀 and {braces, \"x\"}", PreviewURL: true})
	bare.ExpiresAt, bare.To.Input = nil, ""
	s.accept(full, bare)
	for _, m := range []wa.Message{full, bare} {
		wanted := m
		wanted.To.Phone, wanted.Provider = phone, wa.ProviderWhatsmeow
		if diff := cmp.Diff(wanted, s.message(m.ID), cmp.Exporter(func(reflect.Type) bool { return true }), cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
		steps := must(s, func(tx *store.Tx) ([]wa.Step, error) { return tx.Timeline(t.Context(), s.org, m.ID) })
		if len(steps) != 1 || steps[0].Status != m.Status {
			t.Errorf("timeline %v", steps)
		}
	}
	types := mustSystem(s, func(tx *store.Tx) ([]string, error) {
		return store.List(t.Context(), tx, rowText, `SELECT type FROM events ORDER BY type`)
	})
	if diff := cmp.Diff([]string{"message.queued", "message.scheduled"}, types); diff != "" {
		t.Error(diff)
	}
	want(t, wa.Conflict, s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) error { return tx.InsertOutbound(s.org, []wa.Message{bare}) }))
}

// TestABatchKeepsItsOrder accepts a thousand at once.
func TestABatchKeepsItsOrder(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	contact, chat := s.person()
	batch := make([]wa.Message, 1000)
	for i := range batch {
		batch[i] = s.draft(contact, chat)
	}
	s.accept(batch...)
	order := mustSystem(s, func(tx *store.Tx) ([]wa.MessageID, error) {
		return store.List(t.Context(), tx, rowMessageID, `SELECT id FROM messages ORDER BY seq`)
	})
	for i, id := range order {
		if id != batch[i].ID {
			t.Fatalf("place %d has the wrong message", i)
		}
	}
	last := batch[len(batch)-1].ID
	for limit, ahead := range map[int]int{100: 100, 5000: 999} {
		if n := must(s, func(tx *store.Tx) (int, error) { return tx.Ahead(t.Context(), s.org, last, limit) }); n != ahead {
			t.Errorf("%d are ahead, want %d", n, ahead)
		}
	}
}

func TestMessageFilters(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	other := shop{t: t, db: s.db, org: s.org, client: s.second()}
	stranger := shopIn(t, s.db)
	stranger.queued(2)
	contact, chat := s.person()
	now := time.Now().UTC().Truncate(time.Microsecond)
	at := func(minutes int) *time.Time { v := now.Add(time.Duration(minutes) * time.Minute); return &v }
	a, b, c := s.draft(contact, chat), s.draft(s.person()), other.draft(other.person())
	a.CreatedAt, b.CreatedAt, c.CreatedAt = *at(-30), *at(-20), *at(-10)
	a.ClientRef = "ref"
	later := at(60)
	b.Status, b.SendAt = wa.Scheduled, later
	s.accept(a)
	s.accept(b)
	other.accept(c)
	inbound := wa.Message{ID: wa.NewMessageID(), OrgID: s.org, ClientID: s.client, ChatID: chat, Origin: wa.FromContact, Type: "undecryptable", WireID: "IN", From: wa.Recipient{ContactID: contact}}
	s.in(func(tx *store.Tx) error { _, err := tx.InsertInbound(t.Context(), inbound, *at(-5), ""); return err })
	d := inbound
	tests := map[string]struct {
		f    store.MessageFilter
		want []wa.Message
	}{
		"all":           {store.MessageFilter{}, []wa.Message{d, c, b, a}},
		"client":        {store.MessageFilter{Client: other.client}, []wa.Message{c}},
		"another org's": {store.MessageFilter{Client: stranger.client}, nil},
		"contact":       {store.MessageFilter{Contact: contact}, []wa.Message{d, a}},
		"chat":          {store.MessageFilter{Chat: chat}, []wa.Message{d, a}},
		"status":        {store.MessageFilter{Status: []wa.Status{wa.Queued}}, []wa.Message{c, a}},
		"statuses":      {store.MessageFilter{Status: []wa.Status{wa.Scheduled, wa.Received}}, []wa.Message{d, b}},
		"direction":     {store.MessageFilter{Direction: wa.Inbound}, []wa.Message{d}},
		"type":          {store.MessageFilter{Type: wa.KindText}, []wa.Message{c, b, a}},
		"ref":           {store.MessageFilter{ClientRef: "ref"}, []wa.Message{a}},
		"since":         {store.MessageFilter{Since: at(-20)}, []wa.Message{d, c, b}},
		"until":         {store.MessageFilter{Until: at(-20)}, []wa.Message{a}},
		"between":       {store.MessageFilter{Since: at(-20), Until: at(-10)}, []wa.Message{b}},
		"everything at once": {store.MessageFilter{
			Client: s.client, Contact: contact, Chat: chat, Status: []wa.Status{wa.Queued}, Direction: wa.Outbound, Type: wa.KindText,
			ClientRef: "ref", Since: at(-31), Until: at(-29),
		}, []wa.Message{a}},
		"nothing": {store.MessageFilter{Client: s.client, ClientRef: "no"}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := must(s, func(tx *store.Tx) ([]wa.Message, error) {
				return tx.Messages(t.Context(), wa.Whole(s.org), tt.f, firstPage(t, 50))
			})
			if diff := cmp.Diff(ids(tt.want), ids(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestPagesAreComplete pages through messages while others are written, many of
// them at the same microsecond: what was there at the start comes once.
func TestPagesAreComplete(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	contact, chat := s.person()
	base := time.Now().Add(-time.Hour).UTC().Truncate(time.Microsecond)
	wanted := map[wa.MessageID]bool{}
	batch := make([]wa.Message, 150)
	for i := range batch {
		batch[i] = s.draft(contact, chat)
		batch[i].CreatedAt = base.Add(time.Duration(i/7) * time.Microsecond)
		wanted[batch[i].ID] = true
	}
	s.accept(batch...)
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			m := s.draft(contact, chat)
			if err := s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) error { return tx.InsertOutbound(s.org, []wa.Message{m}) }); err != nil {
				t.Error(err)
			}
		}
	})
	for _, limit := range []int{1, 7, 50} {
		seen := map[wa.MessageID]bool{}
		next, last := "", time.Now().Add(time.Hour)
		for {
			page, err := store.ParsePage(next, limit)
			if err != nil {
				t.Fatal(err)
			}
			list := must(s, func(tx *store.Tx) ([]wa.Message, error) {
				return tx.Messages(t.Context(), wa.Whole(s.org), store.MessageFilter{}, page)
			})
			for _, m := range list {
				if seen[m.ID] || m.CreatedAt.After(last) {
					t.Fatalf("limit %d: %s comes twice or out of order", limit, m.ID)
				}
				seen[m.ID], last = true, m.CreatedAt
			}
			if len(list) == 0 {
				break
			}
			if next = page.Next(len(list), list[len(list)-1].CreatedAt, list[len(list)-1].ID.UUID()); next == "" {
				break
			}
		}
		for id := range wanted {
			if !seen[id] {
				t.Errorf("limit %d: %s is missing", limit, id)
			}
		}
	}
	stop()
	wg.Wait()
}

func TestCursors(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	b64 := base64.RawURLEncoding.EncodeToString
	id := "01900000-0000-7000-8000-000000000000"
	bad := []string{
		"x", "!!!", "e30", b64([]byte(`{}`)), b64([]byte(`[]`)), b64([]byte(`{"t":"2026-01-01T00:00:00Z"}`)), b64([]byte("\x00\xff")),
		b64([]byte(`{"t":"2026-01-01T00:00:00Z","i":"garbage-that-has-36-characters-in-it"}`)),
		b64([]byte(`{"t":"0001-01-01T00:00:00Z","i":"` + id + `"}`)), b64([]byte(`{"t":"0000-01-01T00:00:00Z","i":"` + id + `"}`)),
		b64([]byte(`{"t":"2026-01-01T00:00:00Z","i":"{` + id[1:35] + `}"}`)), b64([]byte(`{"t":1,"i":"` + id + `"}`)),
		b64([]byte(`{"t":"2026-01-01T00:00:00Z","i":"' OR 1=1 -- -------------------------"}`)),
	}
	for _, text := range bad {
		_, err := store.ParsePage(text, 50)
		want(t, wa.Invalid, err)
	}
	for _, when := range []string{"9999-12-31T23:59:59Z", "0002-01-01T00:00:00Z", "2026-01-01T00:00:00.123456789+14:00"} {
		p, err := store.ParsePage(b64([]byte(`{"t":"`+when+`","i":"`+id+`"}`)), 50)
		want(t, "", err)
		must(s, func(tx *store.Tx) ([]wa.Message, error) {
			return tx.Messages(t.Context(), wa.Whole(s.org), store.MessageFilter{}, p)
		})
	}
	for asked, limit := range map[int]int{-1: 50, 0: 50, 1: 1, 200: 200, 201: 50} {
		if p := firstPage(t, asked); p.Limit != limit {
			t.Errorf("asked for %d, got %d", asked, p.Limit)
		}
	}
}

// TestALaterReleasesRows reads a message of a type that only the next release
// knows, and one that is broken.
func TestALaterReleasesRows(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	m := s.queued(1)[0]
	s.exec(`UPDATE messages SET type = 'hologram'`)
	if got := s.message(m.ID); got.Type != "hologram" || got.Text != nil {
		t.Errorf("read as %+v", got)
	}
	s.exec(`UPDATE messages SET type = 'text', content = '[1]'`)
	want := try(s, func(tx *store.Tx) (wa.Message, error) { return tx.Message(t.Context(), s.org, m.ID) })
	if want == nil || wa.CodeOf(want) != wa.Internal {
		t.Errorf("a broken row: %v", want)
	}
}

func TestInbound(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	contact, chat := s.person()
	asked := s.draft(contact, chat)
	s.accept(asked)
	message := func(wire string) wa.Message {
		m := wa.Message{ID: wa.NewMessageID(), OrgID: s.org, ClientID: s.client, ChatID: chat, Origin: wa.FromContact, WireID: wire, From: wa.Recipient{ContactID: contact}}
		m.SetContent(wa.Text{Body: "Yes"})
		return m
	}
	at := time.Now().UTC().Truncate(time.Microsecond)
	insert := func(m wa.Message, quoted string) bool {
		t.Helper()
		return must(s, func(tx *store.Tx) (bool, error) { return tx.InsertInbound(t.Context(), m, at, quoted) })
	}
	first := message("W1")
	if !insert(first, asked.WireID) || insert(message("W1"), "") {
		t.Error("the same message is kept once")
	}
	got := s.message(first.ID)
	if got.Status != wa.Received || got.From.ContactID != contact || got.ReplyTo == nil || *got.ReplyTo != asked.ID || got.SentAt != nil || !got.CreatedAt.Equal(at) {
		t.Errorf("kept %+v", got)
	}
	if won := parallel(20, func(int) bool { return insert(message("W2"), "nobody knows this") }); won != 1 {
		t.Errorf("kept %d times", won)
	}
	unread := message("W3")
	unread.Text, unread.Type = nil, "undecryptable"
	insert(unread, "")
	readable := message("W3")
	for _, filled := range []bool{true, false} {
		ok := must(s, func(tx *store.Tx) (bool, error) {
			kept, ok, err := tx.FillInbound(t.Context(), readable, asked.WireID)
			if ok && (kept.ID != unread.ID || kept.ReplyTo == nil || *kept.ReplyTo != asked.ID) {
				t.Errorf("filled %+v", kept)
			}
			return ok, err
		})
		if ok != filled {
			t.Errorf("filled: %v, want %v", ok, filled)
		}
	}
	if got := s.message(unread.ID); got.Text == nil || got.Text.Body != "Yes" {
		t.Errorf("filled to %+v", got)
	}
	phone := message("P1")
	phone.Origin, phone.To, phone.From = wa.FromPhone, phone.From, wa.Recipient{}
	for _, fresh := range []bool{true, false} {
		phone.ID = wa.NewMessageID()
		if ok := must(s, func(tx *store.Tx) (bool, error) { return tx.InsertFromPhone(t.Context(), phone, at) }); ok != fresh {
			t.Errorf("from the phone: %v, want %v", ok, fresh)
		}
	}
	for wire, known := range map[string]bool{asked.WireID: true, "P1": true, "W9": false} {
		if ok := must(s, func(tx *store.Tx) (bool, error) { return tx.KnowsWireID(t.Context(), s.org, s.client, wire) }); ok != known {
			t.Errorf("knows %s: %v", wire, ok)
		}
	}
}

func TestChats(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	other := shop{t: t, db: s.db, org: s.org, client: s.second()}
	contact, quiet := s.person()
	again := must(s, func(tx *store.Tx) (wa.ChatID, error) { return tx.DirectChat(t.Context(), s.org, s.client, contact) })
	if again != quiet {
		t.Error("a person has two conversations with one client")
	}
	elsewhere := must(other, func(tx *store.Tx) (wa.ChatID, error) { return tx.DirectChat(t.Context(), s.org, other.client, contact) })
	var groups sync.Map
	parallel(10, func(int) bool {
		groups.Store(must(s, func(tx *store.Tx) (wa.ChatID, error) { return tx.GroupChat(t.Context(), s.org, s.client, "g1") }), true)
		return true
	})
	var group wa.ChatID
	groups.Range(func(id, _ any) bool { group = id.(wa.ChatID); return true })
	now := time.Now().Add(time.Minute).UTC().Truncate(time.Microsecond)
	touch := func(id wa.ChatID, at time.Time, inbound bool) {
		s.in(func(tx *store.Tx) error { return tx.TouchChat(t.Context(), s.org, id, at, inbound) })
	}
	touch(group, now, true)
	touch(group, now.Add(-time.Hour), true) // came late
	touch(group, now.Add(time.Second), false)
	h := must(s, func(tx *store.Tx) (wa.Chat, error) { return tx.Chat(t.Context(), s.org, group) })
	if h.Unread != 2 || !h.LastMessageAt.Equal(now.Add(time.Second)) || h.Kind != wa.Group || h.GroupID != "g1" {
		t.Errorf("%+v", h)
	}
	touch(elsewhere, now, false)
	list := func(client wa.ClientID, limit int) (found []wa.ChatID) {
		page := firstPage(t, limit)
		for {
			got := must(s, func(tx *store.Tx) ([]wa.Chat, error) {
				return tx.Chats(t.Context(), wa.Whole(s.org), store.ChatFilter{Client: client}, page)
			})
			for _, h := range got {
				found = append(found, h.ID)
				page.Before, page.BeforeID = h.CreatedAt, h.ID.UUID()
				if h.LastMessageAt != nil {
					page.Before = *h.LastMessageAt
				}
			}
			if len(got) == 0 {
				return found
			}
		}
	}
	if got := list(wa.ClientID{}, 1); !slices.Equal(got, []wa.ChatID{group, elsewhere, quiet}) {
		t.Errorf("listed %v", got)
	}
	if got := list(s.client, 50); !slices.Equal(got, []wa.ChatID{group, quiet}) {
		t.Errorf("listed of a client %v", got)
	}
	stranger := shopIn(t, s.db)
	want(t, wa.NotFound, try(stranger, func(tx *store.Tx) (wa.Chat, error) { return tx.Chat(t.Context(), stranger.org, group) }))
}

func TestPhoneChats(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	list := []wa.Phone{"491", "492", "493"}
	get3 := func(phones ...wa.Phone) map[wa.Phone]store.DirectChat {
		t.Helper()
		keys := []store.ChatKey{}
		for _, p := range phones {
			keys = append(keys, store.ChatKey{Client: s.client, Phone: p})
		}
		found := map[wa.Phone]store.DirectChat{}
		for k, d := range must(s, func(tx *store.Tx) (map[store.ChatKey]store.DirectChat, error) {
			return tx.PhoneChats(t.Context(), s.org, keys)
		}) {
			found[k.Phone] = d
		}
		return found
	}
	known := get3("492")
	all := get3(list...)
	if len(all) != 3 || all["492"].ChatID != known["492"].ChatID || all["491"].Contact.Phone != "491" {
		t.Errorf("found %v", all)
	}
	if got := get3(); len(got) != 0 {
		t.Errorf("nobody is %v", got)
	}
	// Two batches over the same new people, in opposite orders.
	var many, back []wa.Phone
	for i := range 100 {
		many = append(many, wa.Phone(fmt.Sprintf("500%d", i)))
	}
	back = slices.Clone(many)
	slices.Reverse(back)
	parallel(8, func(i int) bool {
		if got := get3([][]wa.Phone{many, back}[i%2]...); len(got) != 100 {
			t.Errorf("%d of 100", len(got))
		}
		return true
	})
}

// A message that is accepted while its client is being deleted is withdrawn
// with the others: the deletion waits for it.
func TestAcceptedWhileTheClientIsDeleted(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	m := s.draft(s.person())
	hosted, deleted := make(chan struct{}), make(chan error, 1)
	go func() {
		<-hosted
		deleted <- s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) error {
			_, err := tx.DeleteClient(t.Context(), s.org, s.client)
			return err
		})
	}()
	s.in(func(tx *store.Tx) error {
		hosts, err := tx.Hosts(t.Context(), s.org, []wa.ClientID{s.client, wa.NewClientID()})
		if err != nil || len(hosts) != 1 {
			return fmt.Errorf("%d hosts, %w", len(hosts), err)
		}
		close(hosted)
		testkit.Eventually(t, 15*time.Second, "the deletion waits", func() bool {
			return get[int](s, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`) == 1
		})
		return tx.InsertOutbound(s.org, []wa.Message{m})
	})
	if err := <-deleted; err != nil {
		t.Fatal(err)
	}
	if got := s.message(m.ID); got.Status != wa.Cancelled {
		t.Errorf("it is %s", got.Status)
	}
	if hosts := must(s, func(tx *store.Tx) (map[wa.ClientID]wa.Client, error) {
		return tx.Hosts(t.Context(), s.org, []wa.ClientID{s.client})
	}); len(hosts) != 0 {
		t.Error("a deleted client takes messages")
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for i, m := range s.queued(5) {
		if _, err := s.claim(0, wa.Normal); err != nil {
			t.Fatal(err)
		}
		if i < 4 {
			s.sent(m.ID)
			s.exec(`UPDATE messages SET sent_at = now() - $2 * interval '1 second' WHERE id = $1`, m.ID, []int{5, 1800, 7200, 90000}[i])
		}
	}
	s.queued(2)
	s.queued(3, lane(wa.Urgent))
	s.queued(4, lane(wa.Bulk))
	used := must(s, func(tx *store.Tx) ([3]int, error) {
		m, h, d, err := tx.Used(t.Context(), s.client)
		return [3]int{m, h, d}, err
	})
	if used != [3]int{1, 2, 3} {
		t.Errorf("used %v", used)
	}
	for limits, wanted := range map[[2]int][2]int{{10, 10}: {5, 4}, {3, 2}: {3, 2}} {
		if got := must(s, func(tx *store.Tx) ([2]int, error) {
			w, b, err := tx.Backlog(t.Context(), s.client, limits[0], limits[1])
			return [2]int{w, b}, err
		}); got != wanted {
			t.Errorf("backlog %v, want %v", got, wanted)
		}
	}
	counts := must(s, func(tx *store.Tx) (map[wa.ClientID]store.LineCount, error) {
		return tx.LineCounts(t.Context(), s.org, []wa.ClientID{s.client, wa.NewClientID()}, 10, 3)
	})
	if got := counts[s.client]; got != (store.LineCount{Waiting: 5, Bulk: 3, Minute: 1, Hour: 2, Day: 3}) {
		t.Errorf("counted %+v", got)
	}
	ages := must(s, func(tx *store.Tx) ([]time.Duration, error) {
		return tx.SentAges(t.Context(), s.org, s.client, 24*time.Hour, 100)
	})
	rounded := []int{}
	for _, a := range ages {
		rounded = append(rounded, int(a.Round(time.Minute).Minutes()))
	}
	if diff := cmp.Diff([]int{0, 0, 30, 120}, rounded); diff != "" { // what is in flight counts as now
		t.Error(diff)
	}
	if n := len(must(s, func(tx *store.Tx) ([]time.Duration, error) {
		return tx.SentAges(t.Context(), s.org, s.client, 24*time.Hour, 2)
	})); n != 2 {
		t.Errorf("%d ages of at most 2", n)
	}
}
