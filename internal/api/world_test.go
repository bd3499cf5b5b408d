package api_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"chasqui/internal/account"
	"chasqui/internal/api"
	"chasqui/internal/egress"
	"chasqui/internal/fleet"
	"chasqui/internal/message"
	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/webhook"
)

// world is an API on a database of its own, with two orgs: ours, and a
// stranger's whose rows must stay out of sight.
type world struct {
	*httptest.Server
	db       *store.DB
	url      string
	sql      *sql.DB
	org      wa.Org
	admin    wa.Secret // may do everything
	viewer   wa.Secret // may only read clients
	sender   wa.Secret // may only send, and nothing in bulk
	client   wa.Client
	later    atomic.Int64 // how far the accounts' clock is ahead, ns
	stranger struct {
		org    wa.Org
		key    wa.Secret
		client wa.Client
	}
	log *logged
}

func newWorld(t *testing.T, tune ...func(*api.Deps)) *world {
	t.Helper()
	url := testkit.DatabaseURL(t)
	w := &world{db: testkit.OpenDB(t, url), url: url, log: &logged{}}
	var err error
	if w.sql, err = testkit.OpenSQL(url); err != nil {
		t.Fatal(err)
	}
	// The one connection sees every org.
	w.exec(t, `SELECT set_config('app.system', 'on', false)`)
	t.Cleanup(func() { _ = w.sql.Close() })
	w.org, w.admin = testkit.Org(t, w.db)
	w.viewer = testkit.Key(t, w.db, w.org.ID, wa.ReadClients, wa.InspectClients)
	w.sender = testkit.Key(t, w.db, w.org.ID, wa.SendMessages)
	w.client = testkit.Client(t, w.db, w.org.ID)
	w.stranger.org, w.stranger.key = testkit.Org(t, w.db)
	w.stranger.client = testkit.Client(t, w.db, w.stranger.org.ID)
	w.Server = httptest.NewServer(api.New(w.deps(t, tune...)))
	t.Cleanup(w.Close)
	return w
}

func (w *world) deps(t testing.TB, tune ...func(*api.Deps)) api.Deps {
	t.Helper()
	keys, err := seal.New([][]byte{make([]byte, 32)}, w.db, seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	d := api.Deps{
		DB: w.db, Accounts: w.accounts(), Messages: message.New(w.db, message.Options{}), Fleet: fleet.New(w.db),
		Webhooks:  webhook.New(w.db, keys, egress.New(egress.Options{}), webhook.Options{}),
		PublicURL: "https://chasqui.example", Version: "1.2.3", Log: slog.New(slog.NewJSONHandler(w.log, nil)),
	}
	for _, change := range tune {
		change(&d)
	}
	return d
}

func (w *world) accounts() *account.Service {
	return account.New(w.db, testkit.Pepper, account.Options{Now: func() time.Time { return time.Now().Add(time.Duration(w.later.Load())) }})
}

// operator makes somebody who runs the installation.
func (w *world) operator(t testing.TB) wa.Secret {
	t.Helper()
	_, text, err := w.accounts().CreateOperator(t.Context(), "op "+testkit.Random(4))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// person signs somebody in and gives their access token.
func (w *world) person(t testing.TB, org wa.OrgID, role wa.Role) (wa.Secret, wa.User) {
	t.Helper()
	const password = "correct horse battery staple"
	hash, err := argon2id.CreateHash(password, &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err != nil {
		t.Fatal(err)
	}
	u := wa.User{ID: wa.NewUserID(), OrgID: org, Email: strings.ToLower(testkit.Random(8)) + "@example.com", Role: role, Name: "Somebody"}
	if err := w.db.InTx(t.Context(), func(tx *store.Tx) error { return tx.InsertUser(t.Context(), u, hash) }); err != nil {
		t.Fatal(err)
	}
	in, err := w.accounts().SignIn(t.Context(), u.Email, wa.NewSecret(password), wa.Caller{})
	if err != nil || in.Granted == nil {
		t.Fatalf("sign in: %+v, %v", in, err)
	}
	return in.Granted.Access, u
}

// logged collects the log.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// call is one request; the zero key sends none.
type call struct {
	method, path, body string
	key                wa.Secret
	header             map[string]string
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

func (w *world) do(t testing.TB, c call) reply {
	t.Helper()
	resp := w.open(t, t.Context(), c)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: read answer: %v", c.method, c.path, err)
	}
	return reply{status: resp.StatusCode, header: resp.Header, body: string(raw)}
}

func (w *world) open(t testing.TB, ctx context.Context, c call) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, c.method, w.URL+w.expand(c.path), strings.NewReader(w.expand(c.body)))
	if err != nil {
		t.Fatal(err)
	}
	if c.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	switch key := c.key.Reveal(); {
	case strings.HasPrefix(key, "eyJ"):
		req.Header.Set("Authorization", "Bearer "+key)
	case key != "":
		req.Header.Set("X-API-Key", key)
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", c.method, c.path, err)
	}
	return resp
}

func (w *world) expand(s string) string {
	return strings.NewReplacer("{client}", w.client.ID.String(), "{stranger}", w.stranger.client.ID.String()).Replace(s)
}

// send accepts one text for the world's client.
func (w *world) send(t testing.TB, to, text string) wa.Message {
	t.Helper()
	r := w.do(t, call{
		method: "POST", path: "/api/v1/clients/{client}/messages", key: w.admin,
		body: fmt.Sprintf(`{"to":%q,"text":{"body":%q}}`, to, text),
	})
	if r.status != http.StatusAccepted {
		t.Fatalf("send: %d %s", r.status, r.body)
	}
	return decode[wa.Message](t, r.body)
}

func decode[T any](t testing.TB, body string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("decode %s: %v", body, err)
	}
	return v
}

// stored counts the rows that requests could leave behind.
func (w *world) stored(t testing.TB) string {
	t.Helper()
	var out string
	var clients int
	err := w.sql.QueryRowContext(t.Context(), `
		SELECT format('messages %s, steps %s, events %s, chats %s, contacts %s, keys %s, clients %s, pairings %s',
			(SELECT count(*) FROM messages), (SELECT count(*) FROM message_events), (SELECT count(*) FROM events),
			(SELECT count(*) FROM chats), (SELECT count(*) FROM contacts), (SELECT count(*) FROM idempotency_keys),
			(SELECT count(*) FROM clients), (SELECT count(*) FROM pairings)), (SELECT count(*) FROM clients)`).Scan(&out, &clients)
	if err != nil || clients == 0 {
		t.Fatalf("count rows: %d clients, %v", clients, err)
	}
	return out
}

func (w *world) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	if _, err := w.sql.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// inOrg runs fn in a transaction of our org.
func (w *world) inOrg(t testing.TB, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := w.db.InOrg(t.Context(), w.org.ID, fn); err != nil {
		t.Fatal(err)
	}
}

// checkProblem holds a reply against the one shape of failures.
func checkProblem(t testing.TB, r reply) api.Problem {
	t.Helper()
	p := decode[api.Problem](t, r.body)
	if ct := r.header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("Content-Type = %q", ct)
	}
	if p.Status != r.status || p.Title == "" || p.Code == "" || p.Type != "https://chasqui.dev/errors/"+p.Code {
		t.Errorf("not a whole problem (status %d): %s", r.status, r.body)
	}
	if p.RequestID == "" || p.RequestID != r.header.Get("X-Request-Id") {
		t.Errorf("request_id = %q, X-Request-Id = %q", p.RequestID, r.header.Get("X-Request-Id"))
	}
	return p
}

const patience = 20 * time.Second
