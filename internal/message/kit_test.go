package message_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"chasqui/internal/guard"
	"chasqui/internal/message"
	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// A line that ended has ended: nothing of it may go on.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 15 * time.Second

// world is a database with one org and one client that is online.
type world struct {
	testing.TB
	url    string
	db     *store.DB
	by     wa.Actor
	client wa.Client
	*message.Service
}

func newWorld(t testing.TB, change ...func(*message.Options)) *world {
	t.Helper()
	url := testkit.DatabaseURL(t)
	db := testkit.OpenDB(t, url)
	org, _ := testkit.Org(t, db)
	w := &world{TB: t, url: url, db: db, by: testkit.Actor(org.ID)}
	o := message.Options{SendTimeout: 2 * time.Second, CatchUp: 300 * time.Millisecond}
	for _, c := range change {
		c(&o)
	}
	w.Service = message.New(db, o)
	w.client = w.newClient(false)
	return w
}

// newClient makes a client that is linked and held by slot 1 in epoch 1.
func (w *world) newClient(paced bool) wa.Client {
	w.Helper()
	c := testkit.Client(w, w.db, w.by.Org)
	w.sql(`UPDATE clients SET jid = $2, phone = '51900000001', desire = 'connected', status = 'connected', slot = 1, epoch = 1,
		limits = jsonb_set(limits, '{enabled}', to_jsonb($3::boolean)) WHERE id = $1`, c.ID.UUID(), "jid-"+c.ID.String(), paced)
	return w.read(c.ID)
}

func (w *world) read(id wa.ClientID) (c wa.Client) {
	w.Helper()
	w.must(w.db.InOrg(w.Context(), w.by.Org, func(tx *store.Tx) (err error) {
		c, err = tx.Client(w.Context(), w.by.Org, id)
		return err
	}))
	return c
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) conn() *pgx.Conn {
	w.Helper()
	cfg, err := pgx.ParseConfig(w.url)
	w.must(err)
	cfg.RuntimeParams["app.system"] = "on"
	c, err := pgx.ConnectConfig(w.Context(), cfg)
	w.must(err)
	return c
}

// sql runs a statement past the store.
func (w *world) sql(query string, args ...any) int64 {
	w.Helper()
	c := w.conn()
	defer c.Close(context.Background())
	tag, err := c.Exec(w.Context(), query, args...)
	w.must(err)
	return tag.RowsAffected()
}

// list runs a query of one text column.
func (w *world) list(query string, args ...any) []string {
	w.Helper()
	c := w.conn()
	defer c.Close(context.Background())
	rows, err := c.Query(w.Context(), query, args...)
	w.must(err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	w.must(err)
	return found
}

// events lists the types of the client's events, in order.
func (w *world) events() []string {
	w.Helper()
	return w.list(`SELECT type FROM events WHERE client_id = $1 ORDER BY position`, w.client.ID.UUID())
}

func (w *world) told(kind wa.EventType) (n int) {
	w.Helper()
	for _, e := range w.events() {
		if e == string(kind) {
			n++
		}
	}
	return n
}

func draft(to, body string, lane wa.Lane) wa.Draft {
	return wa.Draft{To: to, Type: wa.KindText, Text: &wa.Text{Body: body}, Lane: lane}
}

// person is the phone of the n-th recipient.
func person(n int) string { return fmt.Sprintf("+5511%09d", 900000000+n) }

func (w *world) accept(d wa.Draft) wa.MessageID {
	w.Helper()
	a, err := w.Accept(w.Context(), w.by, w.client.ID, d, wa.IdempotencyKey{})
	w.must(err)
	return a.ID
}

// send accepts a text to the n-th person.
func (w *world) send(n int, body string, lane wa.Lane) wa.MessageID {
	w.Helper()
	return w.accept(draft(person(n), body, lane))
}

func (w *world) message(id wa.MessageID) (m wa.Message) {
	w.Helper()
	w.must(w.db.InOrg(context.WithoutCancel(w.Context()), w.by.Org, func(tx *store.Tx) (err error) {
		m, err = tx.Message(context.WithoutCancel(w.Context()), w.by.Org, id)
		return err
	}))
	return m
}

func (w *world) await(id wa.MessageID, s wa.Status) (m wa.Message) {
	w.Helper()
	defer func() {
		if w.Failed() {
			w.Logf("message is %s (%+v); steps: %q", m.Status, m.Error, w.list(`SELECT status || ': ' || note FROM message_events WHERE message_id = $1 ORDER BY id`, id.UUID()))
		}
	}()
	testkit.Eventually(w, patience, "message "+string(s), func() bool {
		m = w.message(id)
		return m.Status == s
	})
	return m
}

// hold is a client in our hands, as fleet would hold it.
type hold struct {
	*session
	mu      sync.Mutex
	client  wa.Client
	flow    guard.Flow
	closed  bool
	since   time.Time
	caught  bool
	epoch   atomic.Int64
	nudges  chan wa.Nudge
	limited time.Time
	nextWhy wa.Wait
}

func (h *hold) set(fn func(*hold)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fn(h)
}

func (h *hold) Client() (c wa.Client) {
	h.set(func(h *hold) { c = h.client })
	return c
}
func (h *hold) Epoch() int64 { return h.epoch.Load() }
func (h *hold) Line() (provider.Session, guard.Flow, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.session, h.flow, h.epoch.Load() != 0 && !h.closed && !h.client.Paused
}

func (h *hold) OnlineSince() (time.Time, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.since, h.caught
}
func (h *hold) Wake() <-chan wa.Nudge { return h.nudges }
func (h *hold) Restrict(_ context.Context, until time.Time, _ string) {
	h.set(func(h *hold) { h.limited, h.flow = until, guard.HoldNew })
}
func (h *hold) Forecast(_ time.Time, why wa.Wait) { h.set(func(h *hold) { h.nextWhy = why }) }

// wake is a bell for every lane.
func (h *hold) wake(flying bool) {
	h.nudge(wa.Nudge{Source: "ring", Lanes: [3]bool{true, true, true}, Flying: flying, At: time.Now()})
}

// nudge wakes the line; one that it has not seen yet is replaced.
func (h *hold) nudge(n wa.Nudge) {
	select {
	case <-h.nudges:
	default:
	}
	select {
	case h.nudges <- n:
	default:
	}
}

// deliver holds the client and works its line until the test ends, or stop is
// called. The poll comes every 50 ms.
func (w *world) deliver(change ...func(*hold)) *hold {
	w.Helper()
	h := &hold{session: &session{}, client: w.read(w.client.ID), flow: guard.Go, since: time.Now(), caught: true, nudges: make(chan wa.Nudge, 1)}
	h.epoch.Store(h.client.Epoch)
	for _, c := range change {
		c(h)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { w.Deliver(ctx, h) })
	running.Go(func() { w.poll(ctx, h) })
	h.cancel, h.stop = cancel, sync.OnceFunc(func() { cancel(); running.Wait() })
	w.Cleanup(h.stop)
	return h
}

// underWay is deliver with a message under way, which the network answers when it
// is released. It is for one message only.
func (w *world) underWay(answer func() (provider.Ack, error)) (h *hold, release func()) {
	w.Helper()
	begun, released := make(chan struct{}), make(chan struct{})
	h = w.deliver(func(h *hold) {
		h.onSend = func(context.Context, provider.Outgoing) (provider.Ack, error) {
			close(begun)
			<-released
			return answer()
		}
	})
	<-begun
	return h, func() { close(released) }
}

func (w *world) poll(ctx context.Context, h *hold) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if w.db.InTx(ctx, func(tx *store.Tx) error {
			owned, err := tx.OwnedClients(ctx, store.Slot{Number: 1})
			for _, o := range owned {
				if o.ID == h.Client().ID {
					h.nudge(wa.Nudge{Source: "poll", Lanes: o.Waiting, Flying: o.Flying, At: time.Now()})
				}
			}
			return err
		}) != nil && ctx.Err() == nil {
			w.Log("the poll failed")
		}
	}
}

// session is a line to a network that does what the test says.
type session struct {
	stop   func() // ends the line and waits for it
	cancel func() // tells the line to end
	onSend func(context.Context, provider.Outgoing) (provider.Ack, error)
	onType func(context.Context, provider.Peer) error
	onRead func(context.Context, reading) error

	mu   sync.Mutex
	sent []transmission
	read []reading
}

// transmission is what the network saw: a message, or a typing indicator.
type transmission struct {
	at     time.Time
	wire   string
	body   string
	to     provider.Peer
	typing bool
}

func (s *session) note(tr transmission) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tr.at = time.Now()
	s.sent = append(s.sent, tr)
}

// seen lists the messages that the network saw.
func (s *session) seen() (list []transmission) {
	for _, tr := range s.all() {
		if !tr.typing {
			list = append(list, tr)
		}
	}
	return list
}

func (s *session) all() []transmission {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]transmission(nil), s.sent...)
}

func (s *session) bodies() (list []string) {
	for _, tr := range s.seen() {
		list = append(list, tr.body)
	}
	return list
}

func (s *session) Connect(context.Context) error { return nil }
func (s *session) Disconnect()                   {}
func (s *session) Close()                        {}

func (s *session) Send(ctx context.Context, m provider.Outgoing) (provider.Ack, error) {
	s.note(transmission{wire: m.WireID, body: m.Content.Plain(), to: m.To})
	if s.onSend != nil {
		return s.onSend(ctx, m)
	}
	return provider.Ack{At: time.Now(), Payload: []byte("sent " + m.WireID)}, nil
}

func (s *session) Typing(ctx context.Context, to provider.Peer, _ bool) error {
	s.note(transmission{typing: true, to: to})
	if s.onType != nil {
		return s.onType(ctx, to)
	}
	return nil
}

func taken() (provider.Ack, error) { return provider.Ack{At: time.Now()}, nil }

func failed(class provider.Class, code wa.FailCode) (provider.Ack, error) {
	return provider.Ack{}, &provider.Failure{Class: class, Code: code, Err: fmt.Errorf("the test says %s", class)}
}

func newService(db *store.DB) *message.Service { return message.New(db, message.Options{}) }
