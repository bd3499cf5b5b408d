package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// state is where a row may stand: a status and, of failed ones, why.
type state struct {
	wa.Status
	code wa.FailCode
}

func states() []state {
	list := []state{{wa.Received, ""}, {wa.Failed, wa.FailUnconfirmed}}
	for _, s := range wa.Statuses() {
		list = append(list, state{s, map[bool]wa.FailCode{true: "rejected"}[s == wa.Failed]})
	}
	return list
}

// insertIn makes a message in any state, due and in time.
func (s shop) insertIn(tx *store.Tx, at state, client wa.ClientID, chat wa.ChatID) (wa.MessageID, error) {
	id := wa.NewMessageID()
	_, err := tx.Exec(s.t.Context(), `
		INSERT INTO messages (id, org_id, client_id, chat_id, direction, origin, type, status, seq, wire_id, claim_epoch, not_before, error_code, sent_at, expires_at)
		VALUES ($1, $2, $3, $4, CASE WHEN $5 = 'received' THEN 'inbound' ELSE 'outbound' END, 'api', 'text', $5, nextval('message_seq'), $6,
		        CASE WHEN $5 = 'sending' THEN 0 END, CASE WHEN $5 IN ('scheduled', 'retry_wait') THEN now() - interval '1 minute' END,
		        nullif($7, ''), CASE WHEN $5 IN ('sent', 'delivered', 'read', 'played') THEN now() END, now() + interval '1 hour')`,
		id, s.org, client, chat, string(at.Status), wireOf(id), string(at.code))
	return id, err
}

// wireOf is the wire id of a message made by insertIn.
func wireOf(id wa.MessageID) string { return "W" + id.UUID() }

// transition is one guarded statement and the signal it stands for.
type transition struct {
	name   string
	signal wa.Signal
	run    func(ctx context.Context, s shop, tx *store.Tx, id wa.MessageID) (bool, error)
}

func receipt(sig wa.Signal) func(context.Context, shop, *store.Tx, wa.MessageID) (bool, error) {
	return func(ctx context.Context, s shop, tx *store.Tx, id wa.MessageID) (bool, error) {
		moved, err := tx.Receipt(ctx, s.org, s.client, []string{wireOf(id), "unknown"}, sig, time.Now())
		return len(moved) == 1 && moved[0].ID == id && moved[0].Status == sig.Move().To, err
	}
}

func sweep(run func(*store.Tx, context.Context, int) ([]store.Moved, error)) func(context.Context, shop, *store.Tx, wa.MessageID) (bool, error) {
	return func(ctx context.Context, _ shop, tx *store.Tx, id wa.MessageID) (bool, error) {
		moved, err := run(tx, ctx, 100)
		return slices.ContainsFunc(moved, func(m store.Moved) bool { return m.Message.ID == id }), err
	}
}

var transitions = []transition{
	{"PromoteDue", wa.Due, sweep((*store.Tx).PromoteDue)},
	{"Claim", wa.Claim, func(ctx context.Context, s shop, tx *store.Tx, id wa.MessageID) (bool, error) {
		c, err := tx.Claim(ctx, s.org, s.client, 0, wa.Lanes(), false)
		if wa.CodeOf(err) == wa.NotFound && err != nil {
			return false, nil
		}
		return c.ID == id, err
	}},
	{"FinishSent", wa.Accept, func(ctx context.Context, s shop, tx *store.Tx, id wa.MessageID) (bool, error) {
		_, moved, err := tx.FinishSent(ctx, s.org, id, 0, []byte("p"), "note")
		return moved, err
	}},
	{"Receipt delivered", wa.Deliver, receipt(wa.Deliver)},
	{"Receipt read", wa.See, receipt(wa.See)},
	{"Receipt played", wa.Play, receipt(wa.Play)},
	{"Requeue", wa.Requeue, func(ctx context.Context, s shop, tx *store.Tx, id wa.MessageID) (bool, error) {
		return tx.Requeue(ctx, s.org, id)
	}},
	{"Delay", wa.Delay, func(ctx context.Context, s shop, tx *store.Tx, id wa.MessageID) (bool, error) {
		return tx.Delay(ctx, s.org, id, time.Now().Add(time.Minute), false)
	}},
	{"Reject", wa.Reject, func(ctx context.Context, s shop, tx *store.Tx, id wa.MessageID) (bool, error) {
		return tx.Reject(ctx, s.org, id, wa.Failure{Code: "rejected"})
	}},
	{"Cancel", wa.Cancel, func(ctx context.Context, s shop, tx *store.Tx, id wa.MessageID) (bool, error) {
		return tx.Cancel(ctx, s.org, id)
	}},
	{"ExpireDue", wa.Expire, func(ctx context.Context, s shop, tx *store.Tx, id wa.MessageID) (bool, error) {
		if _, err := tx.Exec(ctx, `UPDATE messages SET expires_at = now() - interval '1 second' WHERE id = $1`, id); err != nil {
			return false, err
		}
		return sweep((*store.Tx).ExpireDue)(ctx, s, tx, id)
	}},
	{"Redrive", wa.Redrive, func(ctx context.Context, s shop, tx *store.Tx, id wa.MessageID) (bool, error) {
		return tx.Redrive(ctx, s.org, id, time.Now().Add(time.Hour))
	}},
}

// TestMachine tries every transition from every status: it moves exactly the
// rows that the machine in package wa says, and no other row.
func TestMachine(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	_, chat := s.person()
	_, otherChat := shop{t: t, db: s.db, org: s.org, client: s.second()}.person()
	for _, tr := range transitions {
		for _, from := range states() {
			t.Run(fmt.Sprintf("%s from %s %s", tr.name, from.Status, from.code), func(t *testing.T) {
				s.checkMove(t, tr, from, chat, otherChat)
			})
		}
	}
	for _, sig := range wa.Signals() {
		if !slices.ContainsFunc(transitions, func(tr transition) bool { return tr.signal == sig }) {
			t.Errorf("nothing here tries %q", sig)
		}
	}
}

// second makes another client of the org.
func (s shop) second() wa.ClientID {
	s.t.Helper()
	id := wa.NewClientID()
	s.in(func(tx *store.Tx) error {
		_, err := tx.InsertClient(s.t.Context(), wa.Client{ID: id, OrgID: s.org, Name: "another", Provider: wa.ProviderWhatsmeow})
		return err
	})
	return id
}

func (s shop) checkMove(t *testing.T, tr transition, from state, chat, otherChat wa.ChatID) {
	t.Helper()
	next, may := from.Next(tr.signal)
	if from.Status == wa.Failed && tr.signal != wa.Redrive && from.code != wa.FailUnconfirmed {
		next, may = from.Status, false
	}
	err := s.db.InTx(t.Context(), func(tx *store.Tx) error {
		id, err := s.insertIn(tx, from, s.client, chat)
		if err != nil {
			return err
		}
		var bystander wa.MessageID
		var before, after string
		const row = `SELECT m::text FROM messages m WHERE id = $1`
		if tr.signal != wa.Due { // which moves whatever is due
			var client wa.ClientID
			if err := tx.Get(t.Context(), `SELECT client_id FROM chats WHERE id = $1`, []any{otherChat}, &client); err != nil {
				return err
			}
			if bystander, err = s.insertIn(tx, from, client, otherChat); err == nil {
				err = tx.Get(t.Context(), row, []any{bystander}, &before)
			}
		}
		if err != nil {
			return err
		}
		moved, err := tr.run(t.Context(), s, tx, id)
		if err != nil {
			return err
		}
		var now wa.Status
		if err := tx.Get(t.Context(), `SELECT status FROM messages WHERE id = $1`, []any{id}, &now); err != nil {
			return err
		}
		if moved != may || now != next {
			t.Errorf("moved %v to %q, want %v to %q", moved, now, may, next)
		}
		if !bystander.IsZero() {
			if err := tx.Get(t.Context(), row, []any{bystander}, &after); err != nil || before != after {
				t.Errorf("another message changed (%v):\n%s\n%s", err, before, after)
			}
		}
		return errRollback
	})
	if !errors.Is(err, errRollback) {
		t.Error(err)
	}
}

// TestImpossibleRows asks the table itself to refuse what cannot be.
func TestImpossibleRows(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	_, chat := s.person()
	tests := map[string]string{
		"inbound and waiting":             `UPDATE messages SET direction = 'inbound' WHERE status = 'queued'`,
		"outbound and received":           `UPDATE messages SET status = 'received' WHERE status = 'queued'`,
		"queued without a place":          `UPDATE messages SET seq = NULL WHERE status = 'queued'`,
		"sending without an owner":        `UPDATE messages SET claim_epoch = NULL WHERE status = 'sending'`,
		"sending without a place":         `UPDATE messages SET seq = NULL WHERE status = 'sending'`,
		"scheduled for never":             `UPDATE messages SET not_before = NULL WHERE status = 'scheduled'`,
		"tried again never":               `UPDATE messages SET not_before = NULL WHERE status = 'retry_wait'`,
		"failed for no reason":            `UPDATE messages SET error_code = NULL WHERE status = 'failed'`,
		"sent and failed":                 `UPDATE messages SET error_code = 'x' WHERE status = 'sent'`,
		"sent at no time":                 `UPDATE messages SET sent_at = NULL WHERE status = 'sent'`,
		"waiting without an answer":       `UPDATE messages SET unconfirmed = true WHERE status = 'queued'`,
		"no such status":                  `UPDATE messages SET status = 'lost' WHERE status = 'queued'`,
		"no such lane":                    `UPDATE messages SET lane = 3 WHERE status = 'queued'`,
		"two in flight":                   `UPDATE messages SET status = 'sending', claim_epoch = 1 WHERE status = 'queued'`,
		"online without a phone":          `UPDATE clients SET status = 'connected'`,
		"a conversation with two sides":   `UPDATE chats SET group_id = 'g'`,
		"a conversation with nobody":      `UPDATE chats SET contact_id = NULL`,
		"a person without an address":     `UPDATE contacts SET phone = NULL`,
		"an e-mail address in capitals":   `UPDATE users SET email = 'A@B.C'`,
		"a slot that no queue exists for": `UPDATE workers SET slot = 33 WHERE slot = 32`,
	}
	s.system(func(tx *store.Tx) error {
		for _, at := range states() {
			if _, err := s.insertIn(tx, at, s.client, chat); err != nil {
				return err
			}
		}
		return tx.InsertUser(t.Context(), wa.User{ID: wa.NewUserID(), OrgID: s.org, Email: "a@b.c", Role: wa.Admin}, "hash")
	})
	for name, sql := range tests {
		err := s.db.InTx(t.Context(), func(tx *store.Tx) error {
			n, err := tx.Exec(t.Context(), sql)
			if err == nil {
				return fmt.Errorf("%d rows", n)
			}
			return err
		})
		if !store.IsRefusedByTable(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReceiptsNeverLowerTheRank sends the server's answer and receipts in any
// order, any number of times.
func TestReceiptsNeverLowerTheRank(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	_, chat := s.person()
	rank := []wa.Status{wa.Queued, wa.Sent, wa.Delivered, wa.Read, wa.Played}
	by := map[wa.Signal]transition{}
	for _, tr := range transitions {
		by[tr.signal] = tr
	}
	rapid.Check(t, func(r *rapid.T) {
		start := rapid.SampledFrom([]state{{Status: wa.Queued}, {Status: wa.Sending}, {Status: wa.Sent}, {wa.Failed, wa.FailUnconfirmed}}).Draw(r, "start")
		signals := rapid.SliceOfN(rapid.SampledFrom([]wa.Signal{wa.Accept, wa.Deliver, wa.See, wa.Play}), 1, 8).Draw(r, "signals")
		err := s.db.InTx(t.Context(), func(tx *store.Tx) error {
			id, err := s.insertIn(tx, start, s.client, chat)
			if err != nil {
				return err
			}
			want := start.Status
			for _, sig := range signals {
				if _, err := by[sig].run(t.Context(), s, tx, id); err != nil {
					return err
				}
				if next, may := want.Next(sig); may && slices.Index(rank, next) > slices.Index(rank, want) {
					want = next
				}
				var now wa.Status
				var whole bool
				if err := tx.Get(t.Context(), `
					SELECT status, (status IN ('queued', 'sending', 'failed') OR sent_at IS NOT NULL)
					   AND (status NOT IN ('delivered', 'read', 'played') OR delivered_at IS NOT NULL)
					   AND (status NOT IN ('read', 'played') OR read_at IS NOT NULL) FROM messages WHERE id = $1`, []any{id}, &now, &whole); err != nil {
					return err
				}
				if now != want || !whole {
					r.Fatalf("from %s by %v it became %s (whole: %v), want %s", start.Status, signals, now, whole, want)
				}
			}
			return errRollback
		})
		if !errors.Is(err, errRollback) {
			r.Fatal(err)
		}
	})
}
