package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// quarter names a row of the figures.
type quarter struct {
	Client wa.ClientID
	At     int64 // Unix
}

// kept are the figures as they are kept.
func (s shop) kept() map[quarter]wa.MessageCounts {
	s.t.Helper()
	all := map[quarter]wa.MessageCounts{}
	_ = mustSystem(s, func(tx *store.Tx) ([]quarter, error) {
		return store.List(s.t.Context(), tx, func(r pgx.CollectableRow) (q quarter, err error) {
			var at time.Time
			var c wa.MessageCounts
			err = r.Scan(&q.Client, &at, &c.Accepted, &c.Sent, &c.Delivered, &c.Read, &c.Failed, &c.Received)
			q.At = at.Unix()
			all[q] = c
			return q, err
		}, `SELECT client_id, at, accepted, sent, delivered, read, failed, received FROM message_figures WHERE org_id = $1`, s.org)
	})
	return all
}

// reckoned are the figures as the messages are, reckoned here.
func (s shop) reckoned() map[quarter]wa.MessageCounts {
	s.t.Helper()
	all := map[quarter]wa.MessageCounts{}
	_ = mustSystem(s, func(tx *store.Tx) ([]quarter, error) {
		return store.List(s.t.Context(), tx, func(r pgx.CollectableRow) (q quarter, err error) {
			var at time.Time
			var m wa.Message
			err = r.Scan(&q.Client, &at, &m.Direction, &m.Origin, &m.Status)
			q.At = at.Truncate(15 * time.Minute).Unix()
			if c := countOf(m); c != (wa.MessageCounts{}) {
				all[q] = all[q].Plus(c)
			}
			return q, err
		}, `SELECT client_id, created_at, direction, origin, status FROM messages WHERE org_id = $1`, s.org)
	})
	return all
}

func countOf(m wa.Message) (c wa.MessageCounts) {
	switch {
	case m.Direction == wa.Inbound:
		c.Received = 1
		return c
	case m.Origin == wa.FromPhone:
		return c
	}
	c.Accepted = 1
	switch m.Status {
	case wa.Read, wa.Played:
		c.Sent, c.Delivered, c.Read = 1, 1, 1
	case wa.Delivered:
		c.Sent, c.Delivered = 1, 1
	case wa.Sent:
		c.Sent = 1
	case wa.Failed:
		c.Failed = 1
	}
	return c
}

// settle has the figures kept up until nothing is left to do. Other tests'
// transactions hold the feed up as long as they are open.
func (s shop) settle() {
	s.t.Helper()
	testkit.Eventually(s.t, time.Minute, "every change is counted", func() bool {
		s.system(func(tx *store.Tx) error {
			if _, err := tx.MarkFigures(s.t.Context(), 7); err != nil {
				return err
			}
			_, err := tx.CountFigures(s.t.Context(), 3)
			return err
		})
		return get[int](s, `
			SELECT (SELECT count(*) FROM message_figures_due)
			     + (SELECT count(*) FROM events e LEFT JOIN message_figures_marks k USING (org_id)
			        WHERE (e.tx, e.position) > (coalesce(k.tx, '0'), coalesce(k.position, 0)))`) == 0
	})
}

// checkFigures settles and compares.
func (s shop) checkFigures() string {
	s.t.Helper()
	s.settle()
	return cmp.Diff(s.reckoned(), s.kept())
}

// lives are messages to which things happen.
type lives struct {
	shop
	chat    wa.ChatID
	contact wa.ContactID
	all     []wa.Message
}

func newLives(s shop) *lives {
	l := &lives{shop: s}
	l.contact, l.chat = s.person()
	return l
}

// happen does one thing to one message, with the event that goes with it: what
// the message verbs do.
func (l *lives) happen(tx *store.Tx, what string, m wa.Message) error {
	ctx := l.t.Context()
	tell := func(moved bool, err error, kind wa.EventType) error {
		if err != nil || !moved {
			return err
		}
		return tx.Emit(l.org, l.client, kind, wa.EventMessage{Message: m})
	}
	receipt := func(sig wa.Signal, kind wa.EventType) error {
		moved, err := tx.Receipt(ctx, l.org, l.client, []string{m.WireID}, sig, time.Now())
		return tell(len(moved) > 0, err, kind)
	}
	switch what {
	case "sent":
		_, moved, err := tx.FinishSent(ctx, l.org, m.ID, 0, nil, "sent")
		return tell(moved, err, wa.MessageSent)
	case "delivered":
		return receipt(wa.Deliver, wa.MessageDelivered)
	case "read":
		return receipt(wa.See, wa.MessageRead)
	case "played":
		return receipt(wa.Play, wa.MessagePlayed)
	case "failed":
		moved, err := tx.Reject(ctx, l.org, m.ID, wa.Failure{Code: wa.FailUnconfirmed})
		return tell(moved, err, wa.MessageFailed)
	case "again":
		moved, err := tx.Redrive(ctx, l.org, m.ID, time.Now().Add(time.Hour))
		return tell(moved, err, wa.MessageQueued)
	case "cancelled":
		moved, err := tx.Cancel(ctx, l.org, m.ID)
		return tell(moved, err, wa.MessageCancelled)
	case "received":
		in := l.draft(l.contact, l.chat)
		in.Direction, in.Status, in.Origin, in.CreatedAt = wa.Inbound, wa.Received, wa.FromContact, m.CreatedAt
		fresh, err := tx.InsertInbound(ctx, in, in.CreatedAt, "")
		m = in
		return tell(fresh, err, wa.MessageReceived)
	case "phone":
		own := l.draft(l.contact, l.chat)
		own.Status, own.Origin, own.CreatedAt = wa.Sent, wa.FromPhone, m.CreatedAt
		fresh, err := tx.InsertFromPhone(ctx, own, own.CreatedAt)
		m = own
		return tell(fresh, err, wa.MessageSent)
	}
	return fmt.Errorf("what is %q?", what)
}

var things = []string{"sent", "sent", "delivered", "read", "played", "failed", "again", "cancelled", "received", "phone"}

// moment gives a time of the last hours, often a boundary between quarters, once in a
// while with nanoseconds right before one.
func moment(n int) time.Time {
	base := time.Now().UTC().Truncate(time.Hour).Add(-time.Duration(n%8) * 15 * time.Minute)
	return base.Add([]time.Duration{0, -1, -300, 400, -time.Microsecond, 7 * time.Minute}[n%6])
}

// accepted takes messages together, one at each time.
func (l *lives) accepted(times ...time.Time) {
	var fresh []wa.Message
	for _, at := range times {
		m := l.draft(l.contact, l.chat)
		m.CreatedAt, m.UpdatedAt = at, at
		fresh = append(fresh, m)
	}
	l.accept(fresh...)
	l.all = append(l.all, fresh...)
}

// Whatever happens to messages, in whatever order and however late, and whenever
// the figures are kept up meanwhile: in the end they say what the messages say.
func TestFiguresAreWhatTheMessagesSay(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	rapid.Check(t, func(r *rapid.T) {
		l := newLives(s)
		for range rapid.IntRange(1, 25).Draw(r, "steps") {
			switch do := rapid.IntRange(0, 9).Draw(r, "do"); {
			case do == 0:
				most := rapid.IntRange(1, 9).Draw(r, "most")
				s.system(func(tx *store.Tx) error { _, err := tx.MarkFigures(t.Context(), most); return err })
			case do == 1:
				s.system(func(tx *store.Tx) error { _, err := tx.CountFigures(t.Context(), 2); return err })
			case do == 2:
				s.settle()
			case do < 5 || len(l.all) == 0:
				var times []time.Time
				for range rapid.IntRange(1, 9).Draw(r, "together") {
					times = append(times, moment(rapid.IntRange(0, 47).Draw(r, "when")))
				}
				l.accepted(times...)
			default:
				m := rapid.SampledFrom(l.all).Draw(r, "message")
				l.in(func(tx *store.Tx) error { return l.happen(tx, rapid.SampledFrom(things).Draw(r, "what"), m) })
			}
		}
		if diff := l.checkFigures(); diff != "" {
			r.Fatal(diff)
		}
	})
}

var errCrash = errors.New("the process dies here")

// Two schedulers that both believe to lead keep the figures up while messages
// live, and die in the middle of it, again and again.
func TestFiguresSurviveTwoSchedulersThatDie(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	ctx := t.Context()
	stop := make(chan struct{})
	var schedulers, writers sync.WaitGroup
	for n := range 2 {
		rnd := rand.New(rand.NewPCG(3, uint64(n)))
		schedulers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				err := s.db.InTxRelaxed(ctx, func(tx *store.Tx) error {
					_, err := tx.MarkFigures(ctx, 5)
					if err == nil && rnd.IntN(3) > 0 {
						_, err = tx.CountFigures(ctx, 2)
					}
					if err == nil && rnd.IntN(3) == 0 {
						err = errCrash
					}
					return err
				})
				if err != nil && !errors.Is(err, errCrash) && wa.CodeOf(err) != wa.Unavailable { // a deadlock is tried again
					t.Error(err)
				}
			}
		})
	}
	for n := range 3 {
		l, rnd := newLives(s), rand.New(rand.NewPCG(4, uint64(n)))
		writers.Go(func() {
			for range 100 {
				if rnd.IntN(3) == 0 || len(l.all) == 0 {
					l.accepted(moment(rnd.IntN(48)))
				}
				m, what := l.all[rnd.IntN(len(l.all))], things[rnd.IntN(len(things))]
				l.in(func(tx *store.Tx) error { return l.happen(tx, what, m) })
			}
		})
	}
	writers.Wait()
	close(stop)
	schedulers.Wait()
	if diff := s.checkFigures(); diff != "" {
		t.Error(diff)
	}
}

// What is forgotten for its age was there; what turned out to be one message was
// never two.
func TestFiguresOutliveTheirMessages(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	l := newLives(s)
	l.accepted(moment(0))
	l.accepted(moment(0))
	s.settle()
	before := s.kept()
	s.exec(`DELETE FROM messages WHERE id = $1`, l.all[0].ID)
	l.in(func(tx *store.Tx) error { return l.happen(tx, "sent", l.all[1]) })
	s.settle()
	if diff := cmp.Diff(before, s.kept()); diff != "" {
		t.Errorf("messages were forgotten, and with them figures: %s", diff)
	}
}

// The same message, told under both addresses of a person, is counted once as
// soon as that is known.
func TestFiguresOfPeopleWhoBecomeOne(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	byPhone, _ := s.met("491", "")
	byLID, _ := s.met("", "L1")
	at := time.Now().Add(-time.Hour)
	tell := func(contact wa.ContactID, wire string) {
		s.said(contact, at, wire)
		s.in(func(tx *store.Tx) error {
			return tx.Emit(s.org, s.client, wa.MessageReceived, wa.EventMessage{Message: wa.Message{ID: wa.NewMessageID(), CreatedAt: at}})
		})
	}
	tell(byPhone.ID, "BOTH")
	tell(byLID.ID, "BOTH")
	s.settle()
	received := func() (n int64) {
		for _, c := range s.kept() {
			n += c.Received
		}
		return n
	}
	if n := received(); n != 2 {
		t.Fatalf("%d were received before", n)
	}
	s.met("491", "L1")
	if diff := s.checkFigures(); diff != "" || received() != 1 {
		t.Errorf("%d were received; %s", received(), diff)
	}
}

// A dump that is loaded into a fresh cluster carries marks that the cluster will
// not reach for long.
func TestFiguresAfterARestore(t *testing.T) {
	t.Parallel()
	base := testkit.DatabaseURL(t)
	s := shopIn(t, testkit.OpenDB(t, base))
	l := newLives(s)
	l.accepted(moment(0))
	s.settle()
	s.exec(`UPDATE events SET tx = '999999999999'`)
	s.exec(`UPDATE client_sequences SET tx = '999999999999'`)
	s.exec(`UPDATE message_figures_marks SET tx = '999999999999'`)
	if err := store.Migrate(t.Context(), base); err != nil {
		t.Fatal(err)
	}
	l.in(func(tx *store.Tx) error { return l.happen(tx, "read", l.all[0]) })
	if diff := s.checkFigures(); diff != "" {
		t.Error(diff)
	}
}

func TestOldestFigureDue(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	read := func() time.Duration {
		return mustSystem(s, func(tx *store.Tx) (time.Duration, error) { return tx.OldestFigureDue(t.Context()) })
	}
	if d := read(); d != 0 {
		t.Errorf("nothing is due, and it is late by %s", d)
	}
	s.exec(`INSERT INTO message_figures_due (client_id, at, org_id, since) VALUES ($1, now(), $2, now() - interval '1 minute')`, s.client, s.org)
	if d := read(); d < time.Minute || d > 2*time.Minute {
		t.Errorf("late by %s, want a minute", d)
	}
}
