package store_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// fillID gives an id of the million.
func fillID[ID interface{ Scan(any) error }](t testing.TB, id ID, kind string, n int) ID {
	t.Helper()
	if err := id.Scan(fmt.Sprintf("%s0000000-0000-7000-8000-%012x", kind, n)); err != nil {
		t.Fatal(err)
	}
	return id
}

// world is the million, and somebody in the middle of it.
type world struct {
	db      *store.DB
	seen    *lastStatement
	slot    store.Slot
	org     wa.OrgID
	client  wa.ClientID // has 213 waiting, none urgent
	heavy   wa.ClientID // has 20,000 bulk besides
	chat    wa.ChatID
	contact wa.ContactID
	message wa.MessageID
	event   wa.EventID
}

func million(t testing.TB) world {
	t.Helper()
	url := testkit.DatabaseURL(t)
	fill(t, url)
	w := world{
		seen: &lastStatement{}, org: *fillID(t, &wa.OrgID{}, "a", 0), client: *fillID(t, &wa.ClientID{}, "b", 1000),
		heavy: *fillID(t, &wa.ClientID{}, "b", heavyClient), chat: *fillID(t, &wa.ChatID{}, "d", 1000),
		contact: *fillID(t, &wa.ContactID{}, "c", 1000), message: *fillID(t, &wa.MessageID{}, "0", 101000), event: *fillID(t, &wa.EventID{}, "e", 100000),
	}
	db, err := store.OpenTraced(t.Context(), store.Options{URL: url, MaxConns: 4}, w.seen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	w.db = db
	var instance string
	if err := w.system(t, func(tx *store.Tx) error {
		return tx.Get(t.Context(), `SELECT instance::text FROM workers WHERE slot = 1`, nil, &instance)
	}); err != nil {
		t.Fatal(err)
	}
	w.slot = store.Slot{Number: 1, Epoch: 1, Instance: uuid.MustParse(instance)}
	return w
}

func (w world) system(t testing.TB, fn func(*store.Tx) error) error {
	return w.db.InTx(t.Context(), fn)
}

// lastStatement remembers what was last asked of Postgres.
type lastStatement struct {
	mu   sync.Mutex
	sql  string
	args []any
}

func (l *lastStatement) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !strings.HasPrefix(d.SQL, "rollback") && !strings.HasPrefix(d.SQL, "BEGIN") {
		l.sql, l.args = d.SQL, d.Args
	}
	return ctx
}

func (l *lastStatement) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// node is one step of a plan, as EXPLAIN tells it.
type node struct {
	Type      string  `json:"Node Type"`
	Relation  string  `json:"Relation Name"`
	Index     string  `json:"Index Name"`
	Rows      float64 `json:"Actual Rows"`
	Loops     float64 `json:"Actual Loops"`
	Filtered  float64 `json:"Rows Removed by Filter"`
	Rechecked float64 `json:"Rows Removed by Index Recheck"`
	Plans     []node  `json:"Plans"`
}

type plan struct {
	Plan node    `json:"Plan"`
	Time float64 `json:"Execution Time"`
}

// walk shows every step to see.
func (n node) walk(see func(node)) {
	see(n)
	for _, p := range n.Plans {
		p.walk(see)
	}
}

var errRollback = errors.New("roll back")

// explain runs call, rolls back, and asks how Postgres answers the last
// statement of it.
func (w world) explain(t *testing.T, system bool, call func(tx *store.Tx) error) (p plan, text string) {
	t.Helper()
	in := func(fn func(*store.Tx) error) {
		t.Helper()
		begin := func(fn func(*store.Tx) error) error { return w.db.InOrg(t.Context(), w.org, fn) }
		if system {
			begin = func(fn func(*store.Tx) error) error { return w.db.InTx(t.Context(), fn) }
		}
		err := begin(func(tx *store.Tx) error {
			if err := fn(tx); err != nil {
				return err
			}
			return errRollback
		})
		if !errors.Is(err, errRollback) {
			t.Fatal(err)
		}
	}
	in(call)
	sql, args := w.seen.sql, w.seen.args
	var raw []byte
	in(func(tx *store.Tx) error {
		// Prepared, so that the plan is the one that production runs: made without
		// looking at the arguments.
		name := "probe_" + strings.ToLower(rand.Text())
		if _, err := tx.Exec(t.Context(), "PREPARE "+name+" AS "+sql); err != nil {
			return err
		}
		return tx.Get(t.Context(), "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE "+name+places(len(args)),
			slices.Concat([]any{pgx.QueryExecModeSimpleProtocol}, args), &raw)
	})
	var plans []plan
	if err := json.Unmarshal(raw, &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0], string(raw)
}

// places is "($1, $2, …)".
func places(n int) string {
	if n == 0 {
		return ""
	}
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("$", i+1)
	}
	return "(" + strings.Join(all, ", ") + ")"
}

// large are the tables that are never read from one end to the other.
var large = []string{"messages", "message_figures", "events", "message_events", "chats", "contacts", "idempotency_keys", "client_history", "read_receipts"}

type planCase struct {
	name   string
	index  string // that must be in use; "" when several would do
	most   int    // rows of large tables looked at
	system bool
	call   func(tx *store.Tx) error
}

// page50 is a page in the middle of everything.
func page50(t testing.TB) store.Page {
	t.Helper()
	p, err := store.ParsePage("", 50)
	if err != nil {
		t.Fatal(err)
	}
	p.Before = time.Now().Add(-20 * time.Minute)
	return p
}

// TestPlans fills a million messages and holds every query that grows with them
// to the index that is meant for it, and to a bound on what it looks at.
func TestPlans(t *testing.T) {
	t.Parallel()
	w := million(t)
	for _, c := range slices.Concat(w.linePlans(t), w.systemPlans(t), w.pagePlans(t), w.feedPlans(t), w.figurePlans(t), w.viewPlans(t), w.inboxPlans(t), w.readPlans(t), w.erasePlans(t), w.personPlans(t)) {
		t.Run(c.name, func(t *testing.T) { w.hold(t, c, large...) })
	}
	t.Run("pace", w.pace)
}

// hold has a query planned and run, and holds it to its index and to the rows of
// large tables that it may look at.
func (w world) hold(t *testing.T, c planCase, large ...string) {
	t.Helper()
	p, text := w.explain(t, c.system, c.call)
	var indexes []string
	looked := 0.0
	p.Plan.walk(func(n node) {
		indexes = append(indexes, n.Index)
		if !slices.Contains(large, n.Relation) {
			return
		}
		if n.Type == "Seq Scan" {
			t.Errorf("reads all of %s\n%s", n.Relation, text)
		}
		looked += (n.Rows + n.Filtered + n.Rechecked) * n.Loops
	})
	if c.index != "" && !slices.Contains(indexes, c.index) {
		t.Errorf("does not use %s but %v\n%s", c.index, indexes, text)
	}
	if int(looked) > c.most {
		t.Errorf("looks at %.0f rows, at most %d are expected\n%s", looked, c.most, text)
	}
	t.Logf("%.2f ms, looks at %.0f rows", p.Time, looked)
}

// expect runs a query for its plan only.
func expect[T any](_ T, err error) error {
	if wa.CodeOf(err) == wa.NotFound {
		return nil
	}
	return err
}

func (w world) linePlans(t *testing.T) []planCase {
	ctx := t.Context()
	claim := func(client wa.ClientID, known bool, lanes ...wa.Lane) func(tx *store.Tx) error {
		return func(tx *store.Tx) error { return expect(tx.Claim(ctx, w.org, client, 1, lanes, known)) }
	}
	return []planCase{
		{"claim normal", "messages_line", 30, false, claim(w.client, false, wa.Normal)},
		{"claim bulk", "messages_line", 30, false, claim(w.client, false, wa.Bulk)},
		{"claim all lanes", "messages_line", 30, false, claim(w.client, false, wa.Lanes()...)},
		{"claim urgent beside 20,000 bulk", "", 30, false, claim(w.heavy, false, wa.Urgent)},
		{"claim bulk of 20,000", "messages_line", 30, false, claim(w.heavy, false, wa.Bulk)},
		{"claim known", "messages_line", 60, false, claim(w.client, true, wa.Normal)},
		{"head", "messages_line", 30, false, func(tx *store.Tx) error { return expect(tx.Head(ctx, w.org, w.heavy, []wa.Lane{wa.Bulk})) }},
		{"in flight", "messages_in_flight", 10, false, func(tx *store.Tx) error { return expect(tx.InFlight(ctx, w.org, w.client)) }},
		{"receipt", "messages_client_id_wire_id_chat_id_key", 10, false, func(tx *store.Tx) error {
			return expect(tx.Receipt(ctx, w.org, w.client, []string{"3EB0" + fmt.Sprintf("%018x", 501000)}, wa.Play, time.Now()))
		}},
		{"payload", "messages_client_id_wire_id_chat_id_key", 10, false, func(tx *store.Tx) error {
			return expect(tx.Payload(ctx, w.org, w.client, "3EB0"+fmt.Sprintf("%018x", 501000)))
		}},
		{"sent ages", "messages_sent", 600, false, func(tx *store.Tx) error { return expect(tx.SentAges(ctx, w.org, w.client, 24*time.Hour, 1<<20)) }},
		{"used", "messages_sent", 600, false, func(tx *store.Tx) error { _, _, _, err := tx.Used(ctx, w.client); return err }},
		{"backlog", "messages_line", 1300, false, func(tx *store.Tx) error { _, _, err := tx.Backlog(ctx, w.heavy, 1001, 1001); return err }},
		{"line counts", "messages_line", 1900, false, func(tx *store.Tx) error {
			return expect(tx.LineCounts(ctx, w.org, []wa.ClientID{w.heavy, w.client}, 1001, 1001))
		}},
		{"spendings", "messages_sent", 700, false, func(tx *store.Tx) error {
			return expect(tx.Spendings(ctx, w.org, []store.Caps{{Client: w.client, Minute: 20, Hour: 100, Day: 1000}}))
		}},
		{"conducts", "messages_client_page", 1200, false, func(tx *store.Tx) error { return expect(tx.Conducts(ctx, w.org, []wa.ClientID{w.client})) }},
		{"loads", "messages_line", 21000, false, func(tx *store.Tx) error {
			return expect(tx.Loads(ctx, w.org, []wa.ClientID{w.heavy, w.client}, 20000))
		}},
		{"new contacts", "messages_chat_page", 200, false, func(tx *store.Tx) error { return expect(tx.NewContacts(ctx, w.org, []wa.ClientID{w.client})) }},
		{"owners", "", 0, false, func(tx *store.Tx) error { return expect(tx.Owners(ctx, w.org, []wa.ClientID{w.heavy, w.client})) }},
		{"hosts", "clients_pkey", 4, false, func(tx *store.Tx) error { return expect(tx.Hosts(ctx, w.org, []wa.ClientID{w.heavy, w.client})) }},
		{"ahead", "messages_line", 500, false, func(tx *store.Tx) error {
			return expect(tx.Ahead(ctx, w.org, *fillID(t, &wa.MessageID{}, "0", 901000), 20000))
		}},
	}
}

func (w world) systemPlans(t *testing.T) []planCase {
	ctx := t.Context()
	return []planCase{
		{"owned clients", "messages_line", 4 * manyClients, true, func(tx *store.Tx) error { return expect(tx.OwnedClients(ctx, w.slot)) }},
		{"claim clients", "clients_unowned", 10, true, func(tx *store.Tx) error {
			return expect(tx.ClaimClients(ctx, store.Slot{Number: 2, Epoch: 1}, 100, false))
		}},
		{"due", "messages_due", 8000, true, func(tx *store.Tx) error { return expect(tx.PromoteDue(ctx, 1000)) }},
		{"expiry", "messages_expiry", 8000, true, func(tx *store.Tx) error { return expect(tx.ExpireDue(ctx, 1000)) }},
		{"late urgent", "messages_urgent", 10, true, func(tx *store.Tx) error { return expect(tx.LateUrgent(ctx, 5*time.Second, 1000)) }},
		{"stuck", "messages_expiry", 6000, true, func(tx *store.Tx) error { return expect(tx.Stuck(ctx)) }},
		{"oldest queued", "messages_line", 3 * manyClients, true, func(tx *store.Tx) error { return expect(tx.OldestQueued(ctx)) }},
		{"sweep events", "events_age", 2000, true, func(tx *store.Tx) error { return expect(tx.SweepEvents(ctx, 30*time.Hour, 1000)) }},
		{"sweep history", "client_history_age", 7000, true, func(tx *store.Tx) error { return expect(tx.SweepHistory(ctx, 90*time.Minute, 1000)) }},
		{"sweep replies", "idempotency_keys_age", 2000, true, func(tx *store.Tx) error { return expect(tx.SweepReplies(ctx, 10*time.Hour, 1000)) }},
	}
}

func (w world) pagePlans(t *testing.T) []planCase {
	ctx := t.Context()
	page := page50(t)
	since, until := time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)
	list := func(f store.MessageFilter) func(tx *store.Tx) error {
		return func(tx *store.Tx) error { return expect(tx.Messages(ctx, wa.Whole(w.org), f, page)) }
	}
	cases := []planCase{
		{"messages", "messages_page", 250, false, list(store.MessageFilter{})},
		{"messages of client", "messages_client_page", 250, false, list(store.MessageFilter{Client: w.client})},
		{"messages of contact", "messages_contact_page", 250, false, list(store.MessageFilter{Contact: w.contact})},
		{"messages of chat", "messages_chat_page", 250, false, list(store.MessageFilter{Chat: w.chat})},
		{"messages by ref", "messages_ref", 10, false, list(store.MessageFilter{ClientRef: "ref 501000"})},
		{"messages between", "messages_page", 250, false, list(store.MessageFilter{Since: &since, Until: &until})},
		{"messages outbound", "messages_page", 250, false, list(store.MessageFilter{Direction: wa.Outbound})},
		{"messages text", "messages_page", 250, false, list(store.MessageFilter{Type: wa.KindText})},
		{"messages failed", "messages_ended_page", 250, false, list(store.MessageFilter{Status: []wa.Status{wa.Failed}})},
		{"messages failed or expired", "messages_ended_page", 250, false, list(store.MessageFilter{Status: []wa.Status{wa.Failed, wa.Expired}})},
		{"messages of client, received", "messages_client_page", 700, false, list(store.MessageFilter{Client: w.client, Status: []wa.Status{wa.Received}})},
		{
			"messages of client, between, text, outbound", "messages_client_page", 700, false,
			list(store.MessageFilter{Client: w.client, Since: &since, Until: &until, Type: wa.KindText, Direction: wa.Outbound}),
		},
		{"contacts", "contacts_page", 60, false, func(tx *store.Tx) error { return expect(tx.Contacts(ctx, wa.Whole(w.org), page)) }},
		{"client history", "client_history_page", 60, false, func(tx *store.Tx) error { return expect(tx.ClientHistory(ctx, w.org, w.client, page)) }},
		{"timeline", "message_events_message", 10, false, func(tx *store.Tx) error { return expect(tx.Timeline(ctx, w.org, w.message)) }},
		{"people by phone", "contacts_org_id_phone_key", 10, false, func(tx *store.Tx) error {
			return expect(tx.PhoneChats(ctx, w.org, []store.ChatKey{{Client: w.client, Phone: "491000"}}))
		}},
	}
	for _, s := range wa.Statuses() {
		f := store.MessageFilter{Client: w.client, Status: []wa.Status{s}}
		cases = append(cases, planCase{"messages of client, " + string(s), "", 700, false, list(f)})
	}
	return cases
}

// viewPlans are what agents ask: with two clients, and with only their own chats
// of them, which are none.
func (w world) viewPlans(t *testing.T) []planCase {
	ctx := t.Context()
	page := page50(t)
	given := wa.View{Org: w.org, Limited: true, Clients: []wa.ClientID{w.client, w.heavy}}
	own := given
	own.Chats = wa.NewUserID()
	var cases []planCase
	for name, v := range map[string]wa.View{"given": given, "own": own} {
		cases = append(
			cases,
			planCase{name + " messages", "", 1000, false, func(tx *store.Tx) error { return expect(tx.Messages(ctx, v, store.MessageFilter{}, page)) }},
			planCase{name + " messages of client", "", 1000, false, func(tx *store.Tx) error {
				return expect(tx.Messages(ctx, v, store.MessageFilter{Client: w.client}, page))
			}},
			planCase{name + " chats", "", 400, false, func(tx *store.Tx) error { return expect(tx.Chats(ctx, v, store.ChatFilter{}, page)) }},
			planCase{name + " contacts", "", 3000, false, func(tx *store.Tx) error { return expect(tx.Contacts(ctx, v, page)) }},
		)
		for noun, id := range map[store.Noun]string{
			store.AClient: w.client.UUID(), store.AMessage: w.message.UUID(), store.AChat: w.chat.UUID(), store.AContact: w.contact.UUID(), store.AnEvent: w.event.UUID(),
		} {
			cases = append(cases, planCase{name + " sees " + string(noun), "", 200, false, func(tx *store.Tx) error {
				err := tx.Sees(ctx, v, noun, id)
				return expect(0, err)
			}})
		}
	}
	return cases
}

func (w world) feedPlans(t *testing.T) []planCase {
	ctx := t.Context()
	feed := func(f store.EventFilter) func(tx *store.Tx) error {
		return func(tx *store.Tx) error {
			_, _, err := tx.Events(ctx, wa.Whole(w.org), store.Mark{Tx: "50", Position: 50_000}, f, 100)
			return err
		}
	}
	return []planCase{
		{"feed", "events_feed", 110, false, feed(store.EventFilter{})},
		{"feed of types", "events_feed", 500, false, feed(store.EventFilter{Types: []wa.EventType{wa.MessageSent}})},
		{"newest of the feed", "events_feed", 110, false, func(tx *store.Tx) error {
			return expect(tx.NewestEvents(ctx, wa.Whole(w.org), store.EventFilter{}, 100))
		}},
		{"mark", "events_pkey", 2, false, func(tx *store.Tx) error { return expect(tx.MarkOf(ctx, w.org, w.event)) }},
	}
}

// pace measures what has a bound in time: a claim, and a worker's poll. The
// bounds leave room for a machine that runs every other test at the same time;
// alone, p99 of a claim is below 5 ms and a poll below 50 ms.
func (w world) pace(t *testing.T) {
	ctx := t.Context()
	var claims []time.Duration
	for n := range manyClients {
		client, org := *fillID(t, &wa.ClientID{}, "b", n), *fillID(t, &wa.OrgID{}, "a", n%4)
		start := time.Now()
		err := w.db.InOrgRelaxed(ctx, org, func(tx *store.Tx) error {
			_, err := tx.Claim(ctx, org, client, 1, []wa.Lane{wa.Normal}, false)
			return err
		})
		if err != nil && wa.CodeOf(err) != wa.NotFound {
			t.Fatal(err)
		}
		claims = append(claims, time.Since(start))
	}
	slices.Sort(claims)
	start := time.Now()
	if err := w.system(t, func(tx *store.Tx) error { return expect(tx.OwnedClients(ctx, w.slot)) }); err != nil {
		t.Fatal(err)
	}
	poll, p99 := time.Since(start), claims[len(claims)*99/100]
	t.Logf("claim, with its transaction: p50 %v, p99 %v; poll of %d clients: %v", claims[len(claims)/2], p99, manyClients, poll)
	if p99 > 250*time.Millisecond {
		t.Errorf("99 of 100 claims take %v", p99)
	}
	if poll > time.Second {
		t.Errorf("a poll that is made every second takes %v", poll)
	}
}
