package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// reads reads a conversation as somebody does who has it before them, and gives
// how many messages are to be told of.
func (s shop) reads(chat wa.ChatID) int {
	s.t.Helper()
	return s.readsWith(chat, true)
}

func (s shop) readsWith(chat wa.ChatID, tell bool) int {
	s.t.Helper()
	return must(s, func(tx *store.Tx) (int, error) {
		unread, err := tx.MarkRead(s.t.Context(), s.org, chat)
		if err != nil || unread == 0 {
			return 0, err
		}
		return tx.ReadInbound(s.t.Context(), s.org, chat, unread, tell)
	})
}

func (s shop) claimRead(epoch int64, most int) (r store.Read, err error) {
	err = s.db.InOrg(s.t.Context(), s.org, func(tx *store.Tx) (err error) {
		r, err = tx.ClaimRead(s.t.Context(), s.org, s.client, epoch, most, time.Minute)
		return err
	})
	return r, err
}

// toTell gives the wire ids of what is to be told next, and claims it.
func (s shop) toTell(most int) []string {
	s.t.Helper()
	r, err := s.claimRead(0, most)
	if wa.CodeOf(err) == wa.NotFound && err != nil {
		return nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return r.WireIDs
}

// TestOnlyWhatWasUnreadIsTold reads a conversation again and again.
func TestOnlyWhatWasUnreadIsTold(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	contact, _ := s.person()
	old := s.heard(contact, "of a release that told nothing", "and another one")
	s.exec(`UPDATE chats SET unread = 0`)
	at := time.Now().UTC().Truncate(time.Second).Add(time.Second)
	if chat := s.said(contact, at, "A", "B", "C"); chat != old {
		t.Fatal("the same person writes in another conversation")
	}
	s.exec(`UPDATE chats SET unread = 3`)
	s.exec(`UPDATE messages SET type = 'undecryptable' WHERE wire_id = 'C'`)
	s.exec(`UPDATE chats SET unread = 2`)
	s.accept(s.draft(contact, old))
	if n := s.reads(old); n != 2 {
		t.Errorf("%d to tell, want 2", n)
	}
	s.in(func(tx *store.Tx) error { _, err := tx.MarkUnread(t.Context(), s.org, old); return err })
	if n := s.reads(old); n != 0 {
		t.Errorf("read again: %d to tell", n)
	}
	r, err := s.claimRead(0, 10)
	phone := must(s, func(tx *store.Tx) (wa.Contact, error) { return tx.Contact(t.Context(), s.org, contact) }).Phone
	if err != nil || r.Phone != phone || r.Attempts != 1 || r.At.IsZero() || len(r.Messages) != 2 {
		t.Fatalf("claimed %+v, %v", r, err)
	}
	if diff := cmp.Diff([]string{"A", "B"}, r.WireIDs); diff != "" {
		t.Error(diff)
	}
	if got := s.toTell(10); got != nil {
		t.Errorf("claimed twice: %v", got)
	}
	if m := s.message(r.Messages[0]); m.ReadAt == nil {
		t.Error("it does not say when it was read")
	}
	s.in(func(tx *store.Tx) error { return tx.Untold(t.Context(), s.org, r.Messages, 0) })
	again, err := s.claimRead(0, 10)
	if diff := cmp.Diff(r.WireIDs, again.WireIDs); diff != "" || err != nil || again.Attempts != 1 || !again.At.Equal(r.At) {
		t.Errorf("put back: %+v, %v", again, err)
	}
	s.in(func(tx *store.Tx) error { return tx.Told(t.Context(), s.org, r.Messages) })
	if n := s.count("read_receipts"); n != 0 {
		t.Errorf("%d left when all are told", n)
	}
}

// TestWhoIsNotTold lists reasons to tell nobody. What was read without a word is
// not told later.
func TestWhoIsNotTold(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare string // of what, before it is read
		silent  bool
	}{
		"the reader wants it so":      {silent: true},
		"the number does not tell":    {prepare: `UPDATE clients SET send_read_receipts = false`},
		"a chat with oneself":         {prepare: `UPDATE clients SET phone = (SELECT phone FROM contacts)`},
		"oneself by another address":  {prepare: `WITH p AS (UPDATE contacts SET lid = '777') UPDATE clients SET lid = '777'`},
		"a group":                     {prepare: `UPDATE chats SET kind = 'group', contact_id = NULL, group_id = '120363@g'`},
		"it came before anybody told": {prepare: `UPDATE messages SET read_at = now()`},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			contact, _ := s.person()
			chat := s.heard(contact, "a", "b")
			if c.prepare != "" {
				s.exec(c.prepare)
			}
			if n := s.readsWith(chat, !c.silent); n != 0 {
				t.Errorf("%d to tell", n)
			}
			s.exec(`UPDATE clients SET send_read_receipts = true, phone = '', lid = ''`)
			s.in(func(tx *store.Tx) error { _, err := tx.MarkUnread(t.Context(), s.org, chat); return err })
			if n := s.reads(chat); n != 0 {
				t.Errorf("%d to tell when it is read once more", n)
			}
		})
	}
}

// TestReadsAreClaimedByChat takes one conversation after the other, the one read
// first before, and no more at once than asked for.
func TestReadsAreClaimedByChat(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	at := time.Now().UTC().Truncate(time.Second)
	var chats []wa.ChatID
	for _, wires := range [][]string{{"A1", "A2", "A3"}, {"B1"}} {
		contact, _ := s.person()
		chats = append(chats, s.said(contact, at, wires...))
	}
	s.exec(`UPDATE chats SET unread = 3`)
	s.reads(chats[1])
	s.reads(chats[0])
	for _, want := range [][]string{{"B1"}, {"A1", "A2"}, {"A3"}, nil} {
		if diff := cmp.Diff(want, s.toTell(2)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestClaimReadIsRefused lists what keeps receipts back. All of it passes, and
// nothing is lost by it.
func TestClaimReadIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		before, after string
		epoch         int64
	}{
		"another epoch":                {epoch: 1},
		"a paused client":              {before: `UPDATE clients SET paused = true`, after: `UPDATE clients SET paused = false`},
		"a held client":                {before: `INSERT INTO stops (org_id, client_id, reason, set_by) SELECT org_id, id, 'x', 'y' FROM clients`, after: `DELETE FROM stops`},
		"a held org":                   {before: `INSERT INTO stops (org_id, reason, set_by) SELECT org_id, 'x', 'y' FROM clients`, after: `DELETE FROM stops`},
		"a held installation":          {before: `INSERT INTO installation_stop (reason, set_by) VALUES ('x', 'y')`, after: `DELETE FROM installation_stop`},
		"a number that is not to tell": {before: `UPDATE clients SET send_read_receipts = false`, after: `UPDATE clients SET send_read_receipts = true`},
		"its time has not come":        {before: `UPDATE read_receipts SET not_before = now() + interval '1 hour'`, after: `UPDATE read_receipts SET not_before = '-infinity'`},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			contact, _ := s.person()
			s.reads(s.heard(contact, "a"))
			if c.before != "" {
				s.exec(c.before)
			}
			_, err := s.claimRead(c.epoch, 10)
			want(t, wa.NotFound, err)
			if c.after != "" {
				s.exec(c.after)
			}
			if got := s.toTell(10); len(got) != 1 {
				t.Errorf("afterwards: %v", got)
			}
		})
	}
	t.Run("another org's client", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		contact, _ := s.person()
		s.reads(s.heard(contact, "a"))
		other := shopIn(t, s.db)
		other.client = s.client
		_, err := other.claimRead(0, 10)
		want(t, wa.NotFound, err)
		other.in(func(tx *store.Tx) error {
			_, err := tx.DropReads(t.Context(), other.org, s.client)
			return err
		})
		if got := s.toTell(10); len(got) != 1 {
			t.Errorf("afterwards: %v", got)
		}
	})
}

// TestReadsAreClaimedOnce has several go for the same at once, as two owners
// might while one takes over from the other.
func TestReadsAreClaimedOnce(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	contact, _ := s.person()
	s.reads(s.heard(contact, "a", "b"))
	if won := parallel(6, func(int) bool { _, err := s.claimRead(0, 10); return err == nil }); won != 1 {
		t.Errorf("%d claims succeeded", won)
	}
}

// TestReadsAreForgotten lists what ends a receipt that was not sent.
func TestReadsAreForgotten(t *testing.T) {
	t.Parallel()
	tests := map[string]func(s shop, tx *store.Tx) error{
		"the client was unlinked": func(s shop, tx *store.Tx) error {
			_, err := tx.SetUnpaired(s.t.Context(), s.org, s.client, 0, wa.Standing{Status: wa.ClientLoggedOut})
			return err
		},
		"the client was deleted": func(s shop, tx *store.Tx) error {
			_, err := tx.DeleteClient(s.t.Context(), s.org, s.client)
			return err
		},
		"it is too old": func(s shop, tx *store.Tx) error {
			_, err := tx.SweepReads(s.t.Context(), -time.Hour, 10)
			return err
		},
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			contact, _ := s.person()
			s.reads(s.heard(contact, "a", "b"))
			kept := must(s, func(tx *store.Tx) (int64, error) { return tx.SweepReads(t.Context(), time.Hour, 10) })
			if n := s.count("read_receipts"); n != 2 || kept != 0 {
				t.Fatalf("%d receipts", n)
			}
			s.in(func(tx *store.Tx) error { return end(s, tx) })
			if n := s.count("read_receipts"); n != 0 {
				t.Errorf("%d receipts are left", n)
			}
		})
	}
}
