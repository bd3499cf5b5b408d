package webhook_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"chasqui/internal/egress"
	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/webhook"
)

const patience = 20 * time.Second

// world is a database with one org, and a clock that can be put forward.
type world struct {
	t     testing.TB
	url   string
	db    *store.DB
	org   wa.Org
	by    wa.Actor
	hooks *webhook.Service
	ahead *atomic.Int64
	last  *webhook.Dispatcher
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, url: testkit.DatabaseURL(t), ahead: &atomic.Int64{}}
	w.db = testkit.OpenDB(t, w.url)
	w.org, _ = testkit.Org(t, w.db)
	w.by = testkit.Actor(w.org.ID)
	w.hooks = w.service(w.db)
	return w
}

func (w *world) service(db *store.DB) *webhook.Service {
	w.t.Helper()
	keys, err := seal.New([][]byte{make([]byte, 32)}, db, seal.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	return webhook.New(db, keys, egress.New(egress.Options{Allow: loopback, AllowHTTP: true}), webhook.Options{
		Ahead: func() time.Duration { return time.Duration(w.ahead.Load()) },
	})
}

// pass puts the clock forward.
func (w *world) pass(d time.Duration) { w.ahead.Add(int64(d)) }

// dispatch runs a dispatcher of a process of its own until the test ends.
func (w *world) dispatch() (stop func()) {
	db := testkit.OpenDB(w.t, w.url)
	d := webhook.NewDispatcher(w.service(db))
	w.last = d
	db.OnRing(d.Local(nobody))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); d.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	w.t.Cleanup(stop)
	return stop
}

// nobody hears the bells of other jobs.
func nobody(context.Context, []wa.Job) {}

func (w *world) endpoint(url string, tune ...func(*wa.Endpoint)) webhook.Made {
	w.t.Helper()
	e := wa.Endpoint{URL: url}
	for _, t := range tune {
		t(&e)
	}
	made, err := w.hooks.Create(w.t.Context(), w.by, e)
	if err != nil {
		w.t.Fatal(err)
	}
	return made
}

// emit writes one event about a client.
func (w *world) emit(c wa.Client) {
	w.t.Helper()
	err := w.db.InOrg(w.t.Context(), w.org.ID, func(tx *store.Tx) error {
		return tx.Emit(w.org.ID, c.ID, wa.ClientIsConnected, wa.EventClient{Client: c})
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) deliveries(id wa.EndpointID, f store.DeliveryFilter) []wa.Delivery {
	w.t.Helper()
	p, err := store.ParsePage("", 200)
	if err != nil {
		w.t.Fatal(err)
	}
	rows, err := w.hooks.Deliveries(w.t.Context(), w.by, id, f, p)
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

func (w *world) attempts(d wa.Delivery) []wa.Attempt {
	w.t.Helper()
	rows, err := w.hooks.Attempts(w.t.Context(), w.by, d.EndpointID, d.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

// heard is one request that a sink got.
type heard struct {
	id     string
	header http.Header
	path   string
	body   []byte
	at     time.Time
}

// sink is a customer's receiver.
type sink struct {
	*httptest.Server
	mu      sync.Mutex
	got     []heard
	answer  func(n int, w http.ResponseWriter, r *http.Request) // nil: 200
	flying  atomic.Int32
	highest atomic.Int32
}

func newSink(t testing.TB, answer func(n int, w http.ResponseWriter, r *http.Request)) *sink {
	t.Helper()
	s := &sink{answer: answer}
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := s.flying.Add(1)
	defer s.flying.Add(-1)
	for h := s.highest.Load(); now > h && !s.highest.CompareAndSwap(h, now); h = s.highest.Load() {
	}
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	s.got = append(s.got, heard{r.Header.Get("Webhook-Id"), r.Header.Clone(), r.URL.RequestURI(), body, time.Now()})
	n, answer := len(s.got), s.answer
	s.mu.Unlock()
	if answer != nil {
		answer(n, w, r)
	}
}

func (s *sink) answers(answer func(n int, w http.ResponseWriter, r *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *sink) all() []heard {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]heard(nil), s.got...)
}

// distinct counts what a receiver that drops copies would have seen.
func (s *sink) distinct() int {
	ids := map[string]bool{}
	for _, h := range s.all() {
		ids[h.id] = true
	}
	return len(ids)
}

func (s *sink) waitFor(t testing.TB, n int) []heard {
	t.Helper()
	testkit.Eventually(t, patience, "requests arrived", func() bool { return len(s.all()) >= n })
	return s.all()
}

func status(code int) func(int, http.ResponseWriter, *http.Request) {
	return func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// verify holds a request against the specification's own library.
func verify(t testing.TB, secret wa.Secret, h heard) error {
	t.Helper()
	wh, err := standardwebhooks.NewWebhook(secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	return wh.Verify(h.body, h.header)
}

// exec changes rows behind everybody's back.
func (w *world) exec(statement string) {
	w.t.Helper()
	sql, err := testkit.OpenSQL(w.url)
	if err != nil {
		w.t.Fatal(err)
	}
	defer sql.Close()
	if _, err := sql.ExecContext(w.t.Context(), `SELECT set_config('app.system', 'on', false)`); err != nil {
		w.t.Fatal(err)
	}
	if _, err := sql.ExecContext(w.t.Context(), statement); err != nil {
		w.t.Fatal(err)
	}
}

type told struct {
	client   string
	sequence float64
}

func decodeBody(t testing.TB, h heard) told {
	t.Helper()
	var e wa.Envelope
	if err := json.Unmarshal(h.body, &e); err != nil || e.Client == nil || e.Sequence == nil {
		t.Fatalf("body %s: %v", h.body, err)
	}
	return told{e.Client.ID.String(), float64(*e.Sequence)}
}

// reasonOf gives the status_reason of a client event.
func reasonOf(t testing.TB, h heard) string {
	t.Helper()
	var e struct {
		Data wa.EventClient `json:"data"`
	}
	if err := json.Unmarshal(h.body, &e); err != nil {
		t.Fatal(err)
	}
	return e.Data.Client.StatusReason
}
