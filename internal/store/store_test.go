package store_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// shop is an org with a client, which most tests need.
type shop struct {
	t      testing.TB
	db     *store.DB
	org    wa.OrgID
	client wa.ClientID
}

func newShop(t testing.TB) shop {
	t.Helper()
	return shopIn(t, testkit.DB(t))
}

func shopIn(t testing.TB, db *store.DB) shop {
	t.Helper()
	org, _ := testkit.Org(t, db)
	return shop{t: t, db: db, org: org.ID, client: testkit.Client(t, db, org.ID).ID}
}

// in runs fn in a transaction of the org that must commit.
func (s shop) in(fn func(tx *store.Tx) error) {
	s.t.Helper()
	if err := s.db.InOrg(s.t.Context(), s.org, fn); err != nil {
		s.t.Fatal(err)
	}
}

// system runs fn in a transaction of the system's that must commit.
func (s shop) system(fn func(tx *store.Tx) error) {
	s.t.Helper()
	if err := s.db.InTx(s.t.Context(), fn); err != nil {
		s.t.Fatal(err)
	}
}

// must gives the result of a query in a transaction of the org.
func must[T any](s shop, query func(tx *store.Tx) (T, error)) T {
	s.t.Helper()
	var v T
	s.in(func(tx *store.Tx) (err error) {
		v, err = query(tx)
		return err
	})
	return v
}

// mustSystem is must for the system.
func mustSystem[T any](s shop, query func(tx *store.Tx) (T, error)) T {
	s.t.Helper()
	var v T
	s.system(func(tx *store.Tx) (err error) {
		v, err = query(tx)
		return err
	})
	return v
}

// try gives the error of a query in a transaction of the org.
func try[T any](s shop, query func(tx *store.Tx) (T, error)) error {
	return s.db.InOrg(s.t.Context(), s.org, func(tx *store.Tx) error {
		_, err := query(tx)
		return err
	})
}

// exec runs a statement that no query of ours could.
func (s shop) exec(sql string, args ...any) {
	s.t.Helper()
	s.system(func(tx *store.Tx) error {
		_, err := tx.Exec(s.t.Context(), sql, args...)
		return err
	})
}

// get reads one value.
func get[T any](s shop, sql string, args ...any) T {
	s.t.Helper()
	return mustSystem(s, func(tx *store.Tx) (v T, err error) {
		err = tx.Get(s.t.Context(), sql, args, &v)
		return v, err
	})
}

var phones atomic.Int64

// newPhone is a number that no other test uses.
func newPhone() wa.Phone {
	return wa.Phone("49151" + fmt.Sprintf("%08d", phones.Add(1)))
}

// person makes somebody and a conversation with them.
func (s shop) person() (wa.ContactID, wa.ChatID) {
	s.t.Helper()
	phone := newPhone()
	key := store.ChatKey{Client: s.client, Phone: phone}
	d := must(s, func(tx *store.Tx) (map[store.ChatKey]store.DirectChat, error) {
		return tx.PhoneChats(s.t.Context(), s.org, []store.ChatKey{key})
	})[key]
	return d.Contact.ID, d.ChatID
}

// draft is a message as a caller would have it accepted.
func (s shop) draft(contact wa.ContactID, chat wa.ChatID) wa.Message {
	now := time.Now().UTC().Truncate(time.Microsecond)
	expires := now.Add(time.Hour)
	m := wa.Message{
		ID: wa.NewMessageID(), OrgID: s.org, ClientID: s.client, ChatID: chat, Direction: wa.Outbound, Origin: wa.FromAPI,
		Status: wa.Queued, Lane: wa.Normal, To: wa.Recipient{ContactID: contact, Input: "+49"}, ExpiresAt: &expires,
		CreatedAt: now, UpdatedAt: now,
	}
	m.SetContent(wa.Text{Body: "Hello"})
	m.WireID = wa.WireID(s.client, m.ID)
	return m
}

// accept keeps messages in the order given.
func (s shop) accept(messages ...wa.Message) {
	s.t.Helper()
	s.in(func(tx *store.Tx) error { return tx.InsertOutbound(s.org, messages) })
}

// queued makes n waiting messages, each for somebody else.
func (s shop) queued(n int, change ...func(*wa.Message)) []wa.Message {
	s.t.Helper()
	messages := make([]wa.Message, n)
	for i := range messages {
		messages[i] = s.draft(s.person())
		for _, c := range change {
			c(&messages[i])
		}
	}
	s.accept(messages...)
	return messages
}

func lane(l wa.Lane) func(*wa.Message) { return func(m *wa.Message) { m.Lane = l } }

// claim takes the next message of a lane.
func (s shop) claim(epoch int64, lanes ...wa.Lane) (store.Claimed, error) {
	var c store.Claimed
	err := s.db.InOrg(s.t.Context(), s.org, func(tx *store.Tx) (err error) {
		c, err = tx.Claim(s.t.Context(), s.org, s.client, epoch, lanes, false)
		return err
	})
	return c, err
}

// message reads one back.
func (s shop) message(id wa.MessageID) wa.Message {
	s.t.Helper()
	return must(s, func(tx *store.Tx) (wa.Message, error) { return tx.Message(s.t.Context(), s.org, id) })
}

// slot takes a worker slot for a minute.
func (s shop) slot() store.Slot {
	s.t.Helper()
	return mustSystem(s, func(tx *store.Tx) (store.Slot, error) {
		return tx.TakeSlot(s.t.Context(), uuid.New(), 1000, time.Minute)
	})
}

// want checks an error's code; "" is none.
func want(t testing.TB, code wa.Code, err error) {
	t.Helper()
	var e *wa.Error
	if code == "" && err == nil {
		return
	}
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("got %v, want a %q error", err, code)
	}
}

func ids(messages []wa.Message) []string {
	list := make([]string, len(messages))
	for i, m := range messages {
		list[i] = m.ID.String()
	}
	return list
}

func rowText(r pgx.CollectableRow) (v string, err error) {
	err = r.Scan(&v)
	return v, err
}

func rowMessageID(r pgx.CollectableRow) (v wa.MessageID, err error) {
	err = r.Scan(&v)
	return v, err
}

// Locks of a process that stands still must be gone when its lease is.
func TestNoTransactionWaitsLongerThanALease(t *testing.T) {
	t.Parallel()
	var limit string
	err := testkit.DB(t).InTx(t.Context(), func(tx *store.Tx) error {
		return tx.Get(t.Context(), `SHOW idle_in_transaction_session_timeout`, nil, &limit)
	})
	if err != nil || limit != "8s" {
		t.Errorf("transactions may wait %q, %v", limit, err)
	}
}
