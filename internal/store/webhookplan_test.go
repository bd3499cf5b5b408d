package store_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// fillHooks makes two orgs with 30 endpoints, 200,000 events and two deliveries
// of each. Of endpoint 0 5,000 wait, of 1 20,000 are given up, 2 is kept in
// order and has 5,000 waiting in 50 chats, of 3 20,000 wait for another try.
var fillHooks = []string{
	`INSERT INTO orgs (id, name) SELECT pg_temp.fid('a', n), 'org ' || n FROM generate_series(0, 1) n`,
	`INSERT INTO clients (id, org_id, name, provider, limits, device) SELECT pg_temp.fid('b', n), pg_temp.fid('a', n % 2), 'c', 'whatsmeow', '{}', '{}'
	 FROM generate_series(0, 39) n`,
	`INSERT INTO contacts (id, org_id, phone) SELECT pg_temp.fid('c', n), pg_temp.fid('a', n % 2), '49' || n FROM generate_series(0, 1999) n`,
	`INSERT INTO chats (id, org_id, client_id, kind, contact_id)
	 SELECT pg_temp.fid('d', n), pg_temp.fid('a', n % 2), pg_temp.fid('b', n % 40), 'direct', pg_temp.fid('c', n) FROM generate_series(0, 1999) n`,
	`INSERT INTO webhook_endpoints (id, org_id, url, events, ordered)
	 SELECT pg_temp.fid('1', n), pg_temp.fid('a', n % 2), 'https://example.com/' || n, '{*}', n = 2 FROM generate_series(0, 29) n`,
	`INSERT INTO webhook_lines (endpoint_id, org_id) SELECT id, org_id FROM webhook_endpoints`,
	`INSERT INTO events (id, org_id, client_id, type, data, tx, created_at, chat_id, direction)
	 SELECT pg_temp.fid('e', i), pg_temp.fid('a', i % 2), pg_temp.fid('b', i % 40), CASE WHEN i % 3 = 0 THEN 'message.sent' ELSE 'message.read' END,
		jsonb_build_object('message', jsonb_build_object('id', 'msg_' || i)), (1 + i / 1000)::text::xid8,
		now() - (200000 - i) * interval '1 second', pg_temp.fid('d', i % 2000), 'outbound'
	 FROM generate_series(0, 199999) i`,
	// Event i of endpoint e: the first eight have most of it.
	`INSERT INTO webhook_deliveries (id, org_id, endpoint_id, event_id, chat_id, position, status, attempts, last_status, next_attempt_at, created_at)
	 SELECT md5(pg_temp.fid('1', e)::text || pg_temp.fid('e', i)::text)::uuid, pg_temp.fid('a', e % 2), pg_temp.fid('1', e), pg_temp.fid('e', i),
		CASE WHEN e = 2 THEN pg_temp.fid('d', i % 50) END, CASE WHEN e = 2 THEN i END, s,
		CASE WHEN s = 'exhausted' THEN 8 WHEN e = 3 OR s = 'delivered' THEN 1 ELSE 0 END, CASE WHEN s = 'delivered' THEN 200 ELSE 503 END,
		CASE WHEN s = 'pending' THEN now() + CASE WHEN e = 3 THEN (600 + i % 3600) ELSE -1 END * interval '1 second' END,
		now() - (200000 - i) * interval '1 second'
	 FROM (SELECT i, k, CASE WHEN k = 0 THEN i / 2 % 8 ELSE 8 + i / 2 % 22 END AS e FROM generate_series(0, 199999) i, generate_series(0, 1) k) x,
		LATERAL (SELECT CASE WHEN e = 0 AND i >= 120000 AND i < 200000 THEN 'pending' WHEN e = 1 AND i < 160000 THEN 'exhausted'
			WHEN e = 2 AND i >= 120000 THEN 'pending' WHEN e = 3 AND i >= 40000 THEN 'pending' ELSE 'delivered' END AS s) y`,
	`INSERT INTO webhook_recoveries (id, org_id, endpoint_id, kind, since, until)
	 SELECT pg_temp.fid('5', 0), pg_temp.fid('a', 0), pg_temp.fid('1', 0), 'replay', now() - interval '2 hours', now()`,
	`INSERT INTO webhook_attempts (org_id, delivery_id, number, trigger, at, duration_ms, status)
	 SELECT org_id, id, 1, 'auto', created_at, 12, 200 FROM webhook_deliveries WHERE status = 'delivered'`,
}

// hookWorld is a world with many deliveries.
func hookWorld(t *testing.T) world {
	t.Helper()
	url := testkit.DatabaseURL(t)
	execute(t, admin(t, url), fillHooks)
	execute(t, admin(t, url), []string{"VACUUM (ANALYZE)"})
	w := world{seen: &lastStatement{}, org: *fillID(t, &wa.OrgID{}, "a", 0)}
	var err error
	if w.db, err = store.OpenTraced(t.Context(), store.Options{URL: url, MaxConns: 4}, w.seen); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.db.Close)
	return w
}

// TestWebhookPlans holds what is asked of deliveries to its index, and to a
// bound on the rows it looks at, with a backlog of thousands and without.
func TestWebhookPlans(t *testing.T) {
	t.Parallel()
	w := hookWorld(t)
	for _, c := range slices.Concat(w.hookLinePlans(t), w.hookPagePlans(t), w.hookWorkPlans(t)) {
		t.Run(c.name, func(t *testing.T) { w.hold(t, c, "events", "webhook_deliveries", "webhook_attempts") })
	}
}

// endpointOf gives an endpoint of those that fillHooks makes, and its org.
func endpointOf(t *testing.T, n int) (wa.OrgID, wa.EndpointID) {
	t.Helper()
	return *fillID(t, &wa.OrgID{}, "a", n%2), *fillID(t, &wa.EndpointID{}, "1", n)
}

func (w world) hookLinePlans(t *testing.T) []planCase {
	ctx := t.Context()
	due := func(n int) func(tx *store.Tx) error {
		org, id := endpointOf(t, n)
		return func(tx *store.Tx) error { return expect(tx.DueDeliveries(ctx, org, id, 0, nil, 32)) }
	}
	var all []wa.EndpointID
	for n := range 30 {
		_, id := endpointOf(t, n)
		all = append(all, id)
	}
	return []planCase{
		{"due of 5,000", "webhook_deliveries_due", 200, true, due(0)},
		{"due of an ordered 5,000", "webhook_deliveries_order", 12_000, true, due(2)},
		{"due of an ordered 5,000 with what waits behind", "webhook_deliveries_order", 14_000, true, func(tx *store.Tx) error {
			org, id := endpointOf(t, 2)
			due, err := tx.DueDeliveries(ctx, org, id, 0, nil, 32)
			if err == nil {
				err = tx.AddRest(ctx, org, id, due, 49)
			}
			if err == nil && (len(due) == 0 || len(due[0].Rest) == 0) {
				err = errors.New("nothing goes together")
			}
			return err
		}},
		{"due of 20,000 that wait", "webhook_deliveries_due", 10, true, due(3)},
		{"due of one that is idle", "webhook_deliveries_due", 10, true, due(10)},
		{"free lines", "webhook_deliveries_due", 300, true, func(tx *store.Tx) error { return expect(tx.FreeHookLines(ctx, 0, 256)) }},
		{"busy lines", "webhook_deliveries_due", 300, true, func(tx *store.Tx) error { return expect(tx.BusyHookLines(ctx, all, 0)) }},
		{"take", "", 10, true, func(tx *store.Tx) error { return expect(tx.TakeHookLine(ctx, all[0], uuid.New(), time.Second)) }},
		{"settle", "webhook_deliveries_pkey", 200, true, func(tx *store.Tx) error {
			org, id := endpointOf(t, 0)
			rows, err := tx.DueDeliveries(ctx, org, id, 0, nil, 64)
			var out []store.HookOutcome
			for _, d := range rows {
				out = append(out, store.HookOutcome{Attempt: wa.Attempt{Delivery: d.ID, Number: 1, Status: 200, At: time.Now()}, Result: wa.DeliveryDone})
			}
			if err != nil {
				return err
			}
			return tx.SettleDeliveries(ctx, org, id, 0, out)
		}},
	}
}

func (w world) hookPagePlans(t *testing.T) []planCase {
	ctx := t.Context()
	page, err := store.ParsePage("", 50)
	if err != nil {
		t.Fatal(err)
	}
	since, until := time.Now().Add(-30*time.Hour), time.Now().Add(-time.Hour)
	list := func(n int, f store.DeliveryFilter) func(tx *store.Tx) error {
		org, id := endpointOf(t, n)
		return func(tx *store.Tx) error { return expect(tx.Deliveries(ctx, org, id, f, page)) }
	}
	org, one := endpointOf(t, 1)
	event := *fillID(t, &wa.EventID{}, "e", 18)
	return []planCase{
		{"deliveries", "webhook_deliveries_page", 250, true, list(1, store.DeliveryFilter{})},
		{"deliveries between", "webhook_deliveries_page", 250, true, list(1, store.DeliveryFilter{Since: &since, Until: &until})},
		{"deliveries given up", "webhook_deliveries_given_up", 250, true, list(1, store.DeliveryFilter{Status: wa.DeliveryGivenUp})},
		{"deliveries given up, of none", "webhook_deliveries_given_up", 10, true, list(9, store.DeliveryFilter{Status: wa.DeliveryGivenUp})},
		{"deliveries that wait", "", 30_000, true, list(0, store.DeliveryFilter{Status: wa.DeliveryPending})},
		{"deliveries of an event", "webhook_deliveries_pkey", 10, true, list(1, store.DeliveryFilter{Event: event})},
		{"deliveries of a message", "webhook_deliveries_page", 250, true, list(1, store.DeliveryFilter{Message: wa.NewMessageID()})},
		{"deliveries of a type", "webhook_deliveries_page", 600, true, list(1, store.DeliveryFilter{Type: wa.MessageSent})},
		{"delivery", "webhook_deliveries_pkey", 10, true, func(tx *store.Tx) error { return expect(tx.Delivery(ctx, org, one, wa.DeliveryOf(one, event))) }},
		{"attempts", "webhook_attempts_delivery", 10, true, func(tx *store.Tx) error { return expect(tx.Attempts(ctx, org, wa.DeliveryOf(one, event))) }},
		{"an attempt", "webhook_attempts_delivery", 10, true, func(tx *store.Tx) error { return expect(tx.AttemptMade(ctx, org, wa.DeliveryOf(one, event), 1)) }},
		{"what an attempt sent", "webhook_deliveries_pkey", 20, true, func(tx *store.Tx) error {
			return expect(tx.Parcels(ctx, org, one, []wa.DeliveryID{wa.DeliveryOf(one, event)}))
		}},
		{"what went together", "webhook_attempts_age", 30_000, true, func(tx *store.Tx) error {
			org, id := endpointOf(t, 0)
			a, err := tx.AttemptMade(ctx, org, wa.DeliveryOf(id, *fillID(t, &wa.EventID{}, "e", 16)), 0)
			if err != nil {
				return err
			}
			return expect(tx.SentTogether(ctx, a))
		}},
		{"pending of 20,000", "webhook_deliveries_due", 10_100, true, func(tx *store.Tx) error {
			_, id := endpointOf(t, 3)
			return expect(tx.PendingDeliveries(ctx, id, 10_000))
		}},
	}
}

func (w world) hookWorkPlans(t *testing.T) []planCase {
	ctx := t.Context()
	recovery := func(n int, kind wa.RecoveryKind) wa.Recovery {
		org, id := endpointOf(t, n)
		return wa.Recovery{ID: wa.NewRecoveryID(), OrgID: org, EndpointID: id, Kind: kind, Since: time.Now().Add(-2 * time.Hour), Until: time.Now()}
	}
	failed := func(n int) func(tx *store.Tx) error {
		r := recovery(n, wa.RecoverFailed)
		r.Since = time.Now().Add(-100 * time.Hour)
		return func(tx *store.Tx) error { return expect(tx.RecoverBatch(ctx, r, 0, 500)) }
	}
	return []planCase{
		{"recover of 20,000 given up", "webhook_deliveries_given_up", 2_000, true, failed(1)},
		{"recover of 20,000 that wait", "", 6_000, true, failed(3)},
		{"recover of none", "", 100, true, failed(9)},
		{"replay of two hours of 55", "events_feed", 3_000, true, func(tx *store.Tx) error {
			r := recovery(0, wa.ReplayMissed)
			r.ID = *fillID(t, &wa.RecoveryID{}, "5", 0)
			seen, _, err := tx.ReplayBatch(ctx, r, nil, 0, 500)
			if err == nil && seen != 500 {
				t.Errorf("saw %d events", seen)
			}
			return err
		}},
		{"next recovery", "", 0, true, func(tx *store.Tx) error { return expect(tx.NextRecovery(ctx)) }},
		{"forget answers to events", "webhook_attempts_delivery", 3_000, false, func(tx *store.Tx) error {
			return expect(tx.ForgetEvents(ctx, w.org, 1, 500)) // of 15 endpoints two got each
		}},
		{"forget deliveries", "webhook_attempts_delivery", 2_000, false, func(tx *store.Tx) error {
			org, _ := endpointOf(t, 0)
			return expect(tx.ForgetDeliveries(ctx, org, 1, 500))
		}},
		{"figures", "webhook_deliveries_given_up", 21_000, true, func(tx *store.Tx) error { _, _, err := tx.HookFigures(ctx); return err }},
	}
}

// TestTurnsPlannedOnEmptyTables plans a turn's statements when there is nothing
// yet, as the first process of an installation does, and holds them to their
// indexes when there is much.
func TestTurnsPlannedOnEmptyTables(t *testing.T) {
	t.Parallel()
	url := testkit.DatabaseURL(t)
	c := admin(t, url)
	org, id := endpointOf(t, 0)
	var outcomes []store.HookOutcome
	for i := range 20 {
		event := *fillID(t, &wa.EventID{}, "e", i)
		outcomes = append(outcomes, store.HookOutcome{Attempt: wa.Attempt{Delivery: wa.DeliveryOf(id, event), Number: 1, At: time.Now()}, Result: wa.DeliveryDone})
	}
	settle, err := store.Settling(store.HookTurn{Org: org, Endpoint: id, Outcomes: outcomes})
	if err != nil {
		t.Fatal(err)
	}
	due := []any{org, id, time.Duration(0), []string{}, 32}
	execute(t, c, []string{
		"SET plan_cache_mode = force_generic_plan", "SET app.system = 'on'",
		"BEGIN;" + store.OneByOne, "PREPARE settle AS " + store.SettleDeliveries, "PREPARE due AS " + store.DueDeliveries,
	})
	statements := map[string][]any{"settle": settle, "due": due}
	for name, args := range statements {
		simply(t, c, "EXECUTE "+name, args)
	}
	execute(t, c, append([]string{"COMMIT"}, `INSERT INTO webhook_deliveries (id, org_id, endpoint_id, event_id, next_attempt_at)
		SELECT md5(pg_temp.fid('1', 0)::text || pg_temp.fid('e', i)::text)::uuid, pg_temp.fid('a', 0), pg_temp.fid('1', 0), pg_temp.fid('e', i),
			now() - (10000 - i) * interval '1 second' FROM generate_series(0, 9999) i`))
	for name, args := range statements {
		p := simply(t, c, "EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE "+name, args)
		looked := 0.0
		p.Plan.walk(func(n node) {
			if n.Relation == "webhook_deliveries" || n.Relation == "events" {
				looked += (n.Rows + n.Filtered + n.Rechecked) * n.Loops
			}
		})
		if looked > 100 {
			t.Errorf("%s looks at %.0f rows", name, looked)
		}
	}
}

// simply runs a statement with its arguments spelled out, and gives the plan if
// it tells one.
func simply(t *testing.T, c *pgx.Conn, statement string, args []any) (p plan) {
	t.Helper()
	rows, err := c.Query(t.Context(), statement+places(len(args)), slices.Concat([]any{pgx.QueryExecModeSimpleProtocol}, args)...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var plans []plan
		if strings.HasPrefix(statement, "EXPLAIN") {
			if err := json.Unmarshal(rows.RawValues()[0], &plans); err != nil {
				t.Fatal(err)
			}
			p = plans[0]
		}
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return p
}
