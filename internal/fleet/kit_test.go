package fleet_test

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"chasqui/internal/fleet"
	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// No test of this package may leave a goroutine behind: a worker that stopped
// has stopped.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 15 * time.Second

// world is a database with an org, and what callers ask of clients in it.
type world struct {
	t   *testing.T
	url string
	db  *store.DB
	org wa.OrgID
	by  wa.Actor
	*fleet.Service
}

func newWorld(t *testing.T) *world {
	t.Helper()
	url := testkit.DatabaseURL(t)
	db := testkit.OpenDB(t, url)
	org, _ := testkit.Org(t, db)
	return &world{t: t, url: url, db: db, org: org.ID, by: testkit.Actor(org.ID), Service: fleet.New(db)}
}

// sql runs a statement past the store, as an accident or another process would.
func (w *world) sql(query string, args ...any) int64 {
	w.t.Helper()
	c := w.connect()
	defer c.Close(context.Background())
	tag, err := c.Exec(w.t.Context(), query, args...)
	w.must(err)
	return tag.RowsAffected()
}

// connect opens a connection that sees every org's rows.
func (w *world) connect() *pgx.Conn {
	w.t.Helper()
	cfg, err := pgx.ParseConfig(w.url)
	w.must(err)
	cfg.RuntimeParams["app.system"] = "on"
	c, err := pgx.ConnectConfig(w.t.Context(), cfg)
	w.must(err)
	return c
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) row(id wa.ClientID) (row store.ClientRow) {
	w.t.Helper()
	w.must(w.db.InOrg(w.t.Context(), w.org, func(tx *store.Tx) (err error) {
		row, err = tx.ClientRow(w.t.Context(), w.org, id)
		return err
	}))
	return row
}

// unpaired makes a client that is linked with no phone.
func (w *world) unpaired() wa.ClientID {
	w.t.Helper()
	return testkit.Client(w.t, w.db, w.org).ID
}

// linked makes a client that is linked with a phone and wanted online.
func (w *world) linked() wa.ClientID {
	w.t.Helper()
	id := w.unpaired()
	w.link(id, wa.WantConnected)
	return id
}

func (w *world) link(id wa.ClientID, want wa.Desire) {
	w.t.Helper()
	w.sql(`UPDATE clients SET jid = $2, phone = '51900000001', desire = $3, version = version + 1 WHERE id = $1`, id.UUID(), "jid-"+id.String(), want)
}

func (w *world) await(id wa.ClientID, s wa.ClientStatus) (row store.ClientRow) {
	w.t.Helper()
	defer func() {
		if w.t.Failed() {
			w.t.Logf("client is %s (wanted: %s): %s", row.Status, row.Desire, row.StatusReason)
		}
	}()
	testkit.Eventually(w.t, patience, "client "+string(s), func() bool {
		row = w.row(id)
		return row.Status == s
	})
	return row
}

// freed waits until nobody holds a client.
func (w *world) freed(id wa.ClientID) {
	w.t.Helper()
	testkit.Eventually(w.t, patience, "client given back", func() bool { return w.row(id).Slot == nil })
}

// events lists the types of what a client's events told, in order.
func (w *world) events(id wa.ClientID) (types []string) {
	w.t.Helper()
	c := w.connect()
	defer c.Close(context.Background())
	rows, err := c.Query(w.t.Context(), `SELECT type FROM events WHERE client_id = $1 ORDER BY position`, id.UUID())
	w.must(err)
	types, err = pgx.CollectRows(rows, pgx.RowTo[string])
	w.must(err)
	return types
}

func (w *world) told(id wa.ClientID, kind wa.EventType) int {
	w.t.Helper()
	n := 0
	for _, e := range w.events(id) {
		if e == string(kind) {
			n++
		}
	}
	return n
}

// running is a worker in this process with a network of its own.
type running struct {
	*fleet.Worker
	net  *network
	stop func()

	mu    sync.Mutex
	holds map[wa.ClientID]*fleet.Hold
}

// quick are options with which a test need not wait long.
func quick() fleet.WorkerOptions {
	return fleet.WorkerOptions{
		Gate: fleet.NewGate(100, 1000), TTL: 2 * time.Second, Heartbeat: 100 * time.Millisecond, Freeze: 1200 * time.Millisecond,
		Claim: 30 * time.Millisecond, Poll: 30 * time.Millisecond, Drain: 3 * time.Second, Login: 5 * time.Second,
	}
}

// worker starts a worker; stop drains it. url is the database's, or a proxy's.
func (w *world) worker(url string, change ...func(*fleet.WorkerOptions, *network)) *running {
	w.t.Helper()
	r := &running{net: newNetwork(), holds: map[wa.ClientID]*fleet.Hold{}}
	o := quick()
	o.Log = quiet(w.t)
	o.Providers = map[string]provider.Provider{wa.ProviderWhatsmeow: r.net}
	o.Inbox = deaf{}
	o.Deliver = func(ctx context.Context, h *fleet.Hold) {
		r.note(h)
		<-ctx.Done()
	}
	for _, c := range change {
		c(&o, r.net)
	}
	deliver := o.Deliver
	o.Deliver = func(ctx context.Context, h *fleet.Hold) {
		r.note(h)
		deliver(ctx, h)
	}
	r.Worker = fleet.NewWorker(testkit.OpenDB(w.t, url), o)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			w.t.Errorf("worker: %v", err)
		}
	}()
	r.stop = sync.OnceFunc(func() { cancel(); <-done })
	w.t.Cleanup(r.stop)
	return r
}

func (r *running) note(h *fleet.Hold) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.holds[h.Client().ID] = h
}

// hold is the last hold of a client, or nil.
func (r *running) hold(id wa.ClientID) *fleet.Hold {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.holds[id]
}

// open reports whether messages of a client may leave.
func (r *running) open(id wa.ClientID) bool {
	h := r.hold(id)
	if h == nil {
		return false
	}
	_, _, ok := h.Line()
	return ok
}

func (w *world) awaitOpen(r *running, id wa.ClientID) {
	w.t.Helper()
	testkit.Eventually(w.t, patience, "an open line", func() bool { return r.open(id) })
}

func quiet(t *testing.T) *slog.Logger {
	if os.Getenv("VERBOSE") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("test", t.Name())
}

// deaf keeps nothing.
type deaf struct{}

func (deaf) Receive(context.Context, wa.Client, provider.Update) error           { return nil }
func (deaf) Recall(context.Context, wa.Client, string) (payload []byte, e error) { return nil, nil }
