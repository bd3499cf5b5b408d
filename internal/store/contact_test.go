package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// who is a contact, as far as identity goes.
type who struct {
	Phone wa.Phone
	LID   string
}

// met tells the store of a person and gives who that is now.
func (s shop) met(phone wa.Phone, lid string) (wa.Contact, bool) {
	s.t.Helper()
	var c wa.Contact
	var learned bool
	s.in(func(tx *store.Tx) (err error) {
		c, learned, err = tx.Person(s.t.Context(), s.org, phone, lid)
		return err
	})
	return c, learned
}

func (s shop) contacts() []who {
	s.t.Helper()
	list := []who{}
	page, err := store.ParsePage("", store.MaxPage)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, c := range must(s, func(tx *store.Tx) ([]wa.Contact, error) { return tx.Contacts(s.t.Context(), wa.Whole(s.org), page) }) {
		list = append(list, who{c.Phone, c.LID})
	}
	return list
}

// TestPerson is every case of what is known by phone, what by LID, and what is
// told.
func TestPerson(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		known   []who
		told    who
		is      who
		learned bool
		after   []who
	}{
		{"new, by phone", nil, who{"491", ""}, who{"491", ""}, false, []who{{"491", ""}}},
		{"new, by LID", nil, who{"", "L1"}, who{"", "L1"}, false, []who{{"", "L1"}}},
		{"new, by both", nil, who{"491", "L1"}, who{"491", "L1"}, false, []who{{"491", "L1"}}},
		{"known by phone", []who{{"491", "L1"}}, who{"491", ""}, who{"491", "L1"}, false, []who{{"491", "L1"}}},
		{"known by LID", []who{{"491", "L1"}}, who{"", "L1"}, who{"491", "L1"}, false, []who{{"491", "L1"}}},
		{"known by both", []who{{"491", "L1"}}, who{"491", "L1"}, who{"491", "L1"}, false, []who{{"491", "L1"}}},
		{"the LID becomes known", []who{{"491", ""}}, who{"491", "L1"}, who{"491", "L1"}, true, []who{{"491", "L1"}}},
		{"the number becomes known", []who{{"", "L1"}}, who{"491", "L1"}, who{"491", "L1"}, true, []who{{"491", "L1"}}},
		{"two contacts are one person", []who{{"491", ""}, {"", "L1"}}, who{"491", "L1"}, who{"491", "L1"}, true, []who{{"491", "L1"}}},
		{"a person changed numbers", []who{{"491", "L1"}}, who{"492", "L1"}, who{"492", "L1"}, true, []who{{"492", "L1"}}},
		{"changed to a number we knew", []who{{"491", "L1"}, {"492", ""}}, who{"492", "L1"}, who{"492", "L1"}, true, []who{{"492", "L1"}}},
		{"a number has a new owner", []who{{"491", "L1"}}, who{"491", "L2"}, who{"491", "L2"}, true, []who{{"", "L1"}, {"491", "L2"}}},
		{"a known person took over a number", []who{{"491", "L1"}, {"492", "L2"}}, who{"491", "L2"}, who{"491", "L2"}, true, []who{{"", "L1"}, {"491", "L2"}}},
		{"a person without number took over one", []who{{"491", "L1"}, {"", "L2"}}, who{"491", "L2"}, who{"491", "L2"}, true, []who{{"", "L1"}, {"491", "L2"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			for _, k := range tt.known {
				s.met(k.Phone, k.LID)
			}
			other := shopIn(t, s.db)
			other.met("491", "L2") // another org's contacts are nobody's business
			for range 2 {
				c, learned := s.met(tt.told.Phone, tt.told.LID)
				if got := (who{c.Phone, c.LID}); got != tt.is || learned != tt.learned {
					t.Errorf("it is %v (learned: %v), want %v (%v)", got, learned, tt.is, tt.learned)
				}
				sorted := cmpopts.SortSlices(func(a, b who) bool { return a.LID < b.LID })
				if diff := cmp.Diff(tt.after, s.contacts(), sorted); diff != "" {
					t.Error(diff)
				}
				tt.learned = false // the second time it is known
			}
		})
	}
	s := newShop(t)
	want(t, wa.Invalid, s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) error {
		_, _, err := tx.Person(t.Context(), s.org, "", "")
		return err
	}))
}

// TestMergeKeepsEverything has a person known twice, who wrote under both
// addresses to one client, and under one address to another.
func TestMergeKeepsEverything(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	elsewhere := shop{t: t, db: s.db, org: s.org, client: s.second()}
	byPhone, _ := s.met("491", "")
	byLID, _ := s.met("", "L1")
	early, late := time.Now().Add(-time.Hour).UTC().Truncate(time.Microsecond), time.Now().UTC().Truncate(time.Microsecond)
	kept := s.said(byPhone.ID, early, "A1", "BOTH")
	gone := s.said(byLID.ID, late, "B1", "B2", "BOTH")
	moved := elsewhere.said(byLID.ID, late, "C1")
	s.in(func(tx *store.Tx) error {
		_, err := tx.NameContact(t.Context(), s.org, byLID.ID, "Ada", "Ada L.")
		return err
	})
	mine := s.draft(byLID.ID, gone)
	s.accept(mine)

	c, learned := s.met("491", "L1")
	if c.ID != byPhone.ID || !learned {
		t.Fatalf("%v is not the contact known by phone, %v", c.ID, byPhone.ID)
	}
	if diff := cmp.Diff([2]string{"Ada", "Ada L."}, [2]string{c.Name, c.PushName}); diff != "" {
		t.Error(diff)
	}
	chat := must(s, func(tx *store.Tx) (wa.Chat, error) { return tx.Chat(t.Context(), s.org, kept) })
	if chat.Unread != 5 || !chat.LastMessageAt.Equal(late) {
		t.Errorf("unread %d, last message %v", chat.Unread, chat.LastMessageAt)
	}
	for _, wire := range []string{"A1", "B1", "B2", "BOTH", mine.WireID} {
		if got := get[wa.ChatID](s, `SELECT chat_id FROM messages WHERE client_id = $1 AND wire_id = $2`, s.client, wire); got != kept {
			t.Errorf("%s is in %v", wire, got)
		}
	}
	if n := get[int](s, `SELECT count(*) FROM messages WHERE contact_id IS DISTINCT FROM $1`, byPhone.ID); n != 0 {
		t.Errorf("%d messages of somebody else", n)
	}
	if n := get[int](s, `SELECT count(*) FROM messages`); n != 6 {
		t.Errorf("%d messages, want 6: BOTH is one", n)
	}
	if owner := must(elsewhere, func(tx *store.Tx) (wa.Chat, error) { return tx.Chat(t.Context(), s.org, moved) }).ContactID; owner != byPhone.ID {
		t.Errorf("the other client's conversation is with %v", owner)
	}
	want(t, wa.NotFound, try(s, func(tx *store.Tx) (wa.Chat, error) { return tx.Chat(t.Context(), s.org, gone) }))
}

// said makes inbound messages in a direct conversation.
func (s shop) said(contact wa.ContactID, at time.Time, wires ...string) (chat wa.ChatID) {
	s.t.Helper()
	s.in(func(tx *store.Tx) (err error) {
		if chat, err = tx.DirectChat(s.t.Context(), s.org, s.client, contact); err != nil {
			return err
		}
		for _, w := range wires {
			m := wa.Message{ID: wa.NewMessageID(), OrgID: s.org, ClientID: s.client, ChatID: chat, Origin: wa.FromContact, WireID: w, From: wa.Recipient{ContactID: contact}}
			m.SetContent(wa.Text{Body: w})
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

// TestMergeKeepsOursOfAPair has somebody send a message under the id of one of
// ours, in the conversation under their other address.
func TestMergeKeepsOursOfAPair(t *testing.T) {
	t.Parallel()
	for _, oursByPhone := range []bool{true, false} {
		t.Run(fmt.Sprint(oursByPhone), func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			byPhone, _ := s.met("491", "")
			byLID, _ := s.met("", "L1")
			ours, theirs := byPhone.ID, byLID.ID
			if !oursByPhone {
				ours, theirs = theirs, ours
			}
			m := s.draft(ours, s.said(ours, time.Now()))
			s.accept(m)
			s.said(theirs, time.Now(), m.WireID)
			s.met("491", "L1")
			if got := s.message(m.ID); got.Direction != wa.Outbound || got.To.ContactID != byPhone.ID {
				t.Errorf("%+v", got)
			}
			if n := get[int](s, `SELECT count(*) FROM messages`); n != 1 {
				t.Errorf("%d messages", n)
			}
		})
	}
}

// TestIdentityInAnyOrder tells facts of three people in any order, again and
// again: no address is ever two contacts', and the last word about a LID holds.
func TestIdentityInAnyOrder(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	rapid.Check(t, func(r *rapid.T) {
		s.exec(`DELETE FROM chats`)
		s.exec(`DELETE FROM contacts`)
		facts := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) who {
			return who{rapid.SampledFrom([]wa.Phone{"", "491", "492", "493"}).Draw(r, "phone"), rapid.SampledFrom([]string{"", "L1", "L2", "L3"}).Draw(r, "lid")}
		}).Filter(func(w who) bool { return w != who{} }), 1, 12).Draw(r, "facts")
		for _, f := range facts {
			c, _ := s.met(f.Phone, f.LID)
			if f.Phone != "" && c.Phone != f.Phone || f.LID != "" && c.LID != f.LID {
				r.Fatalf("told %v, it is %v", f, who{c.Phone, c.LID})
			}
			s.in(func(tx *store.Tx) error {
				_, err := tx.DirectChat(t.Context(), s.org, s.client, c.ID)
				return err
			})
		}
		seen := map[string]bool{}
		for _, c := range s.contacts() {
			for _, address := range []string{string(c.Phone), c.LID} {
				if address != "" && seen[address] {
					r.Fatalf("%s is two contacts'", address)
				}
				seen[address] = true
			}
		}
	})
}

// TestManyMeetTheSamePerson has twenty transactions meet somebody new at once,
// by phone, by LID, by both and through the API, again and again.
func TestManyMeetTheSamePerson(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for round := range 15 {
		phone, lid := newPhone(), fmt.Sprintf("LID%d", round)
		parallel(20, func(i int) bool {
			err := s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) (err error) {
				switch i % 4 {
				case 0:
					_, _, err = tx.Person(t.Context(), s.org, phone, "")
				case 1:
					_, _, err = tx.Person(t.Context(), s.org, "", lid)
				case 2:
					_, _, err = tx.Person(t.Context(), s.org, phone, lid)
				case 3:
					_, err = tx.PhoneChats(t.Context(), s.org, []store.ChatKey{{Client: s.client, Phone: phone}})
				}
				return err
			})
			// Being told to come again is fine, as long as it is said.
			if err != nil && wa.CodeOf(err) != wa.Unavailable {
				t.Error(err)
			}
			return true
		})
		s.met(phone, lid)
		if n := get[int](s, `SELECT count(*) FROM contacts WHERE phone = $1 OR lid = $2`, phone, lid); n != 1 {
			t.Fatalf("round %d: %d contacts of one person", round, n)
		}
		if n := get[int](s, `SELECT count(*) FROM chats h JOIN contacts c ON c.id = h.contact_id WHERE c.phone = $1`, phone); n != 1 {
			t.Fatalf("round %d: %d conversations with one person", round, n)
		}
	}
}

func TestNameContact(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	id, _ := s.person()
	tests := []struct {
		name, push string
		news       bool
		want       [2]string
	}{
		{"", "", false, [2]string{"", ""}},
		{"Ada", "", true, [2]string{"Ada", ""}},
		{"", "ada", true, [2]string{"Ada", "ada"}},
		{"Ada", "ada", false, [2]string{"Ada", "ada"}},
		{"", "", false, [2]string{"Ada", "ada"}},
		{"Ada L.", "ada", true, [2]string{"Ada L.", "ada"}},
	}
	for _, tt := range tests {
		news := must(s, func(tx *store.Tx) (bool, error) { return tx.NameContact(t.Context(), s.org, id, tt.name, tt.push) })
		c := must(s, func(tx *store.Tx) (wa.Contact, error) { return tx.Contact(t.Context(), s.org, id) })
		if got := [2]string{c.Name, c.PushName}; got != tt.want || news != tt.news {
			t.Errorf("after %q, %q: %q (news: %v)", tt.name, tt.push, got, news)
		}
	}
	want(t, wa.NotFound, try(s, func(tx *store.Tx) (wa.Contact, error) { return tx.Contact(t.Context(), s.org, wa.NewContactID()) }))
}
