package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// drain claims and sends until nothing is left, and gives the order.
func (s shop) drain(lanes ...wa.Lane) []string {
	s.t.Helper()
	order := []string{}
	for {
		c, err := s.claim(0, lanes...)
		if wa.CodeOf(err) == wa.NotFound && err != nil {
			return order
		}
		if err != nil {
			s.t.Fatal(err)
		}
		order = append(order, c.ID.String())
		s.sent(c.ID)
	}
}

func (s shop) sent(id wa.MessageID) {
	s.t.Helper()
	if !must(s, func(tx *store.Tx) (bool, error) {
		_, moved, err := tx.FinishSent(s.t.Context(), s.org, id, 0, []byte("wire"), "taken")
		return moved, err
	}) {
		s.t.Fatalf("%s was not waiting to be sent", id)
	}
}

func TestClaimGivesWhatSendingNeeds(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	contact, chat := s.person()
	inbound := wa.Message{
		ID: wa.NewMessageID(), OrgID: s.org, ClientID: s.client, ChatID: chat, Origin: wa.FromContact, WireID: "ASKED",
		From: wa.Recipient{ContactID: contact},
	}
	inbound.SetContent(wa.Text{Body: "Are you open?"})
	s.in(func(tx *store.Tx) error {
		_, err := tx.InsertInbound(t.Context(), inbound, time.Now(), "")
		return err
	})
	answer := s.draft(contact, chat)
	answer.ReplyTo, answer.Mentions = &inbound.ID, []string{"491"}
	s.accept(answer)
	head := must(s, func(tx *store.Tx) (store.Claimed, error) {
		return tx.Head(t.Context(), s.org, s.client, []wa.Lane{wa.Normal})
	})
	c, err := s.claim(0, wa.Normal)
	if err != nil {
		t.Fatal(err)
	}
	if head.ID != c.ID || head.Status != wa.Queued {
		t.Errorf("the head was %s (%s), %s was claimed", head.ID, head.Status, c.ID)
	}
	phone := must(s, func(tx *store.Tx) (wa.Contact, error) { return tx.Contact(t.Context(), s.org, contact) }).Phone
	if c.ID != answer.ID || c.Status != wa.Sending || c.Attempts != 1 || c.To.Phone != phone || c.Text.Body != "Hello" || c.FirstClaim.IsZero() {
		t.Errorf("claimed %+v", c)
	}
	quoted := &store.QuotedRow{WireID: "ASKED", Direction: wa.Inbound, Phone: phone, Text: "Are you open?"}
	if diff := cmp.Diff(quoted, c.Quoted); diff != "" {
		t.Error(diff)
	}
	flying := must(s, func(tx *store.Tx) ([]store.Claimed, error) { return tx.InFlight(t.Context(), s.org, s.client) })
	if len(flying) != 1 || flying[0].ID != c.ID {
		t.Errorf("in flight: %v", flying)
	}
}

func TestClaimOrder(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	bulk := s.queued(2, lane(wa.Bulk))
	normal := s.queued(3)
	urgent := s.queued(2, lane(wa.Urgent))
	late := s.queued(1)
	wanted := append(append(append(ids(urgent), ids(normal)...), ids(late)...), ids(bulk)...)
	if diff := cmp.Diff(wanted, s.drain(wa.Lanes()...)); diff != "" {
		t.Error(diff)
	}
}

func TestClaimOfOneLaneLeavesTheOthers(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	bulk, normal := s.queued(2, lane(wa.Bulk)), s.queued(2)
	if diff := cmp.Diff(ids(bulk), s.drain(wa.Bulk)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{}, s.drain(wa.Urgent)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(ids(normal), s.drain(wa.Urgent, wa.Normal)); diff != "" {
		t.Error(diff)
	}
}

// TestClaimIsRefused lists what keeps a message in its line.
func TestClaimIsRefused(t *testing.T) {
	t.Parallel()
	past := func(m *wa.Message) { at := time.Now().Add(-time.Second); m.ExpiresAt = &at }
	tests := map[string]func(s shop) (epoch int64, onlyKnown bool){
		"another epoch": func(shop) (int64, bool) { return 1, false },
		"a paused client": func(s shop) (int64, bool) {
			s.in(func(tx *store.Tx) error { return tx.SetPaused(s.t.Context(), s.org, s.client, true) })
			return 0, false
		},
		"a deleted client": func(s shop) (int64, bool) {
			s.exec(`UPDATE clients SET deleted_at = now()`)
			return 0, false
		},
		"somebody who never wrote": func(shop) (int64, bool) { return 0, true },
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShop(t)
			s.queued(1)
			epoch, known := prepare(s)
			want(t, wa.NotFound, try(s, func(tx *store.Tx) (store.Claimed, error) {
				return tx.Claim(t.Context(), s.org, s.client, epoch, wa.Lanes(), known)
			}))
		})
	}
	t.Run("expired", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		s.queued(1, past)
		next := s.queued(1)
		head := must(s, func(tx *store.Tx) (store.Claimed, error) { return tx.Head(t.Context(), s.org, s.client, wa.Lanes()) })
		if diff := cmp.Diff(append(ids(next), ids(next)...), append(s.drain(wa.Lanes()...), head.ID.String())); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("another org's client", func(t *testing.T) {
		t.Parallel()
		s := newShop(t)
		other := shopIn(t, s.db)
		other.queued(1)
		want(t, wa.NotFound, try(s, func(tx *store.Tx) (store.Claimed, error) {
			return tx.Claim(t.Context(), s.org, other.client, 0, wa.Lanes(), false)
		}))
	})
}

func TestOnlyKnownPassesStrangersOver(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.queued(1)
	contact, chat := s.person()
	s.in(func(tx *store.Tx) error { return tx.TouchChat(t.Context(), s.org, chat, time.Now(), true) })
	known := s.draft(contact, chat)
	s.accept(known)
	c := must(s, func(tx *store.Tx) (store.Claimed, error) {
		return tx.Claim(t.Context(), s.org, s.client, 0, wa.Lanes(), true)
	})
	if c.ID != known.ID {
		t.Errorf("claimed %s, want %s", c.ID, known.ID)
	}
}

func TestOneInFlight(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	contact, chat := s.person()
	first, second := s.draft(contact, chat), s.draft(contact, chat)
	s.accept(first, second)
	other := s.queued(1)[0]
	if _, err := s.claim(0, wa.Normal); err != nil {
		t.Fatal(err)
	}
	_, err := s.claim(0, wa.Lanes()...)
	want(t, wa.NotFound, err)
	if !must(s, func(tx *store.Tx) (bool, error) { return tx.MarkUnconfirmed(t.Context(), s.org, first.ID) }) {
		t.Error("it was in flight")
	}
	// No answer: its conversation waits, the line goes on.
	if diff := cmp.Diff([]string{other.ID.String()}, s.drain(wa.Normal)); diff != "" {
		t.Error(diff)
	}
	s.sent(first.ID)
	if diff := cmp.Diff([]string{second.ID.String()}, s.drain(wa.Normal)); diff != "" {
		t.Error(diff)
	}
}

// One more may be taken beside the one under way, for the same sender: the next
// of the line and no other, never of the same conversation.
func TestClaimBeside(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	contact, chat := s.person()
	third := s.draft(contact, chat)
	all := append(s.queued(2), third, s.draft(contact, chat))
	s.accept(all[2:]...)
	beside := func(underWay wa.MessageID) (c store.Claimed, err error) {
		err = s.db.InOrg(t.Context(), s.org, func(tx *store.Tx) (err error) {
			c, err = tx.ClaimBeside(t.Context(), s.org, s.client, 0, []wa.Lane{wa.Normal}, false, underWay)
			return err
		})
		return c, err
	}
	first, err := s.claim(0, wa.Normal)
	if err != nil || first.ID != all[0].ID {
		t.Fatal(first.ID, err)
	}
	for i, next := range all[1:3] {
		// However many try: one gets it, and only beside the one under way.
		_, err = beside(wa.NewMessageID())
		want(t, wa.NotFound, err)
		if won := parallel(4, func(int) bool {
			c, err := beside(all[i].ID)
			return err == nil && c.ID == next.ID
		}); won != 1 {
			t.Fatalf("%d took %d", won, i+1)
		}
		_, err = s.claim(0, wa.Normal)
		want(t, wa.NotFound, err)
		s.sent(all[i].ID)
	}
	// The last one's turn has come, but it is of the conversation under way.
	s.queued(1)
	_, err = beside(third.ID)
	want(t, wa.NotFound, err)
}

func TestReclaim(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	m := s.queued(1)[0]
	reclaim := func(client wa.ClientID, epoch int64) bool {
		return must(s, func(tx *store.Tx) (bool, error) { return tx.Reclaim(t.Context(), s.org, client, m.ID, epoch) })
	}
	if reclaim(s.client, 0) {
		t.Error("reclaimed what nobody had claimed")
	}
	if _, err := s.claim(0, wa.Normal); err != nil {
		t.Fatal(err)
	}
	s.exec(`UPDATE clients SET epoch = 5`)
	if reclaim(s.client, 0) || reclaim(s.second(), 0) {
		t.Error("reclaimed by somebody who does not own the client")
	}
	if !reclaim(s.client, 5) {
		t.Error("the owner cannot reclaim")
	}
	flying := must(s, func(tx *store.Tx) ([]store.Claimed, error) { return tx.InFlight(t.Context(), s.org, s.client) })
	if len(flying) != 1 || flying[0].ClaimEpoch != 5 || flying[0].Attempts != 2 {
		t.Errorf("in flight: %+v", flying)
	}
}
