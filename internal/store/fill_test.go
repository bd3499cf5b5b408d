package store_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// The million: four orgs of 500 clients, 500 messages a client. Client 1004 also
// has a bulk backlog of 20,000, which is the most that is admitted, and the chat
// 1008 is 100,000 messages long.
const (
	manyClients  = 2000
	manyMessages = 1_000_000
	heavyClient  = 1004
	longChat     = 1008
	longMessages = 100_000
)

// fillPeople makes what messages hang on.
var fillPeople = []string{
	`INSERT INTO orgs (id, name) SELECT pg_temp.fid('a', n), 'org ' || n FROM generate_series(0, 3) n`,
	`UPDATE workers SET instance = gen_random_uuid(), epoch = 1, expires_at = now() + interval '1 hour' WHERE slot = 1`,
	fmt.Sprintf(`INSERT INTO clients (id, org_id, name, provider, status, desire, jid, device, limits, slot, worker_epoch, epoch)
	 SELECT pg_temp.fid('b', n), pg_temp.fid('a', n %% 4), 'c', 'whatsmeow', 'connected', 'connected', 'jid ' || n, '{}', '{}', 1, 1, 1
	 FROM generate_series(0, %d - 1) n`, manyClients),
	`INSERT INTO client_sequences (client_id, org_id) SELECT id, org_id FROM clients`,
	`INSERT INTO contacts (id, org_id, phone, created_at)
	 SELECT pg_temp.fid('c', n), pg_temp.fid('a', n % 4), '49' || n, now() - n * interval '1 second' FROM generate_series(0, 99999) n`,
	// Conversation k of client c: c + 2000 k, with one of its org's contacts.
	`INSERT INTO chats (id, org_id, client_id, kind, contact_id, last_message_at, last_inbound_at)
	 SELECT pg_temp.fid('d', n), pg_temp.fid('a', n % 4), pg_temp.fid('b', n % 2000), 'direct', pg_temp.fid('c', n),
	        now() - n * interval '1 second', CASE WHEN n % 3 = 0 THEN now() END
	 FROM generate_series(0, 99999) n`,
}

// fillMessages makes messages $1 up to $2. Of a client's messages the oldest
// are over and the newest wait.
var fillMessages = fmt.Sprintf(`INSERT INTO messages (id, org_id, client_id, chat_id, contact_id, direction, origin, type, content, status, lane, seq, wire_id,
		recipient, claim_epoch, not_before, expires_at, error_code, error, sent_at, delivered_at, created_at, client_ref, updated_at)
	 SELECT pg_temp.fid('0', i), pg_temp.fid('a', i %% 4), pg_temp.fid('b', i %% 2000), pg_temp.fid('d', i %% 100000), pg_temp.fid('c', i %% 100000),
		CASE WHEN s = 'received' THEN 'inbound' ELSE 'outbound' END, CASE WHEN s = 'received' THEN 'contact' ELSE 'api' END, 'text',
		'{"body": "Hello, this is a message of usual length."}', s, 1 + (i / 2000) %% 2,
		CASE WHEN s IN ('queued', 'sending') THEN i END, '3EB0' || lpad(to_hex(i), 18, '0'), '49' || i %% 100000,
		CASE WHEN s = 'sending' THEN 1 END, CASE WHEN s IN ('scheduled', 'retry_wait') THEN now() + (i %% 2000 - 100) * interval '1 second' END,
		now() + i %% 86400 * interval '1 second', CASE WHEN s = 'failed' THEN 'rejected' END, CASE WHEN s = 'failed' THEN '{}'::jsonb END,
		CASE WHEN s IN ('sent', 'delivered', 'read') THEN t END, CASE WHEN s IN ('delivered', 'read') THEN t END, t,
		CASE WHEN i %% 10 = 0 THEN 'ref ' || i END, t
	 FROM (SELECT i, now() - (%d - i) * interval '0.05 second' AS t, CASE
			WHEN i / 2000 < 200 THEN 'read' WHEN i / 2000 < 235 THEN 'delivered' WHEN i / 2000 < 250 THEN 'received'
			WHEN i / 2000 = 250 AND i %% 2000 < 40 THEN 'failed' WHEN i / 2000 = 251 AND i %% 2000 < 20 THEN 'expired'
			WHEN i / 2000 < 280 THEN 'sent' WHEN i / 2000 < 285 THEN 'scheduled'
			WHEN i / 2000 = 285 AND i %% 2000 < 40 THEN 'sending' WHEN i / 2000 = 286 THEN 'retry_wait'
			ELSE 'queued' END AS s
		FROM generate_series($1::int, $2::int - 1) i) x`, manyMessages)

// fillRest is what hangs on the messages.
var fillRest = []string{
	fmt.Sprintf(`INSERT INTO messages (id, org_id, client_id, chat_id, contact_id, direction, origin, type, content, status, lane, seq, wire_id, expires_at)
	 SELECT pg_temp.fid('1', i), pg_temp.fid('a', %[1]d %% 4), pg_temp.fid('b', %[1]d), pg_temp.fid('d', %[1]d + 2000 * (i %% 50)), pg_temp.fid('c', %[1]d),
		'outbound', 'api', 'text', '{"body": "Campaign"}', 'queued', 2, 10000000 + i, 'bulk ' || i, now() + interval '1 day'
	 FROM generate_series(0, 19999) i`, heavyClient),
	// A conversation of years, older than everything else.
	fmt.Sprintf(`INSERT INTO messages (id, org_id, client_id, chat_id, contact_id, direction, origin, type, content, status, wire_id, created_at)
	 SELECT pg_temp.fid('2', i), pg_temp.fid('a', %[1]d %% 4), pg_temp.fid('b', %[1]d), pg_temp.fid('d', %[1]d), pg_temp.fid('c', %[1]d),
		'inbound', 'contact', 'text', '{"body": "Hello, this is a message of usual length."}', 'received', 'long ' || i,
		now() - interval '15 hours' - (%[2]d - i) * interval '0.1 second'
	 FROM generate_series(0, %[2]d - 1) i`, longChat, longMessages),
	// An inbox that was read while its numbers were away.
	fmt.Sprintf(`INSERT INTO read_receipts (message_id, org_id, client_id, read_at)
	 SELECT pg_temp.fid('0', i), pg_temp.fid('a', i %% 4), pg_temp.fid('b', i %% 2000), now() - i * interval '1 second' FROM generate_series(235 * 2000, 250 * 2000 - 1) i
	 UNION ALL SELECT pg_temp.fid('2', i), pg_temp.fid('a', %[1]d %% 4), pg_temp.fid('b', %[1]d), now() - i * interval '1 second' FROM generate_series(0, 19999) i`, longChat),
	`UPDATE chats SET unread = 1 WHERE id IN (SELECT pg_temp.fid('d', n) FROM generate_series(0, 99999, 1000) n)`,
	`INSERT INTO message_events (org_id, message_id, status)
	 SELECT pg_temp.fid('a', i % 4), pg_temp.fid('0', i), 'queued' FROM generate_series(0, 199999) i`,
	`INSERT INTO events (id, org_id, client_id, type, data, tx, created_at)
	 SELECT pg_temp.fid('e', i), pg_temp.fid('a', i % 4), pg_temp.fid('b', i % 2000), CASE WHEN i % 3 = 0 THEN 'message.sent' ELSE 'message.read' END,
		'{}', (1 + i / 1000)::text::xid8, now() - (200000 - i) * interval '1 second'
	 FROM generate_series(0, 199999) i`,
	`INSERT INTO client_history (org_id, client_id, at, status)
	 SELECT pg_temp.fid('a', i % 4), pg_temp.fid('b', i % 2000), now() - i * interval '0.1 second', 'connected' FROM generate_series(0, 99999) i`,
	`INSERT INTO message_figures (client_id, at, org_id, accepted)
	 SELECT client_id, date_bin('15 minutes', created_at, 'epoch'), org_id, count(*) FROM messages GROUP BY 1, 2, 3`,
	`INSERT INTO message_figures_marks (org_id, tx) SELECT id, '50' FROM orgs`,
	// What waits to be counted is of usual size: a quarter of 20,000 costs 20,000.
	fmt.Sprintf(`INSERT INTO message_figures_due (client_id, at, org_id)
	 SELECT client_id, at, org_id FROM message_figures WHERE client_id <> pg_temp.fid('b', %d) ORDER BY at DESC LIMIT 5000`, heavyClient),
	`INSERT INTO idempotency_keys (org_id, key, route, request_hash, response, created_at)
	 SELECT pg_temp.fid('a', i % 4), 'key ' || i, 'POST', '', '', now() - i * interval '1 second' FROM generate_series(0, 49999) i`,
}

// fid makes the ids: message 7 is 00000000-0000-7000-8000-000000000007.
const fid = `CREATE FUNCTION pg_temp.fid(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$ SELECT (kind || '0000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$`

// fill makes the million in a fresh database. What checks every single row,
// indexes and foreign keys, is taken away first and made again in the end.
func fill(t testing.TB, url string) {
	t.Helper()
	start := time.Now()
	ctx := t.Context()
	c := admin(t, url)
	again := dismantle(t, c)
	execute(t, c, fillPeople)
	inParallel(t, url, func(c *pgx.Conn, from int) error {
		_, err := c.Exec(ctx, fillMessages, from, from+fillStep)
		return err
	}, steps())
	execute(t, c, fillRest)
	filled := time.Now()
	rebuild(t, url, again)
	t.Logf("rows %.1f s, indexes and statistics %.1f s", filled.Sub(start).Seconds(), time.Since(filled).Seconds())
}

func execute(t testing.TB, c *pgx.Conn, statements []string) {
	t.Helper()
	for _, s := range statements {
		if _, err := c.Exec(t.Context(), s); err != nil {
			t.Fatalf("%v in %.80s", err, s)
		}
	}
}

// admin connects as the owner of the tables, who works for the system.
func admin(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.WithoutCancel(t.Context())) })
	for _, s := range []string{"SET app.system = 'on'", "SET synchronous_commit = off", "SET maintenance_work_mem = '128MB'", fid} {
		if _, err := c.Exec(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// dismantle drops constraints and indexes of the large tables and gives the
// statements that make them again: indexes first, then what needs them.
func dismantle(t testing.TB, c *pgx.Conn) []string {
	t.Helper()
	ctx := t.Context()
	rows, err := c.Query(ctx, `
		SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
		       format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
		       || CASE WHEN contype = 'f' THEN ' NOT VALID' ELSE '' END
		FROM pg_constraint WHERE conrelid IN ('messages'::regclass, 'message_events'::regclass, 'events'::regclass, 'chats'::regclass)
		  AND contype = 'f' OR conname = 'messages_client_id_wire_id_chat_id_key'
		UNION ALL
		SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid) FROM pg_index
		WHERE indrelid IN ('messages'::regclass, 'message_events'::regclass, 'events'::regclass)
		  AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)`)
	if err != nil {
		t.Fatal(err)
	}
	type pair struct{ Drop, Make string }
	pairs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[pair])
	if err != nil {
		t.Fatal(err)
	}
	again := make([]string, len(pairs))
	for i, p := range pairs {
		if _, err := c.Exec(ctx, p.Drop); err != nil {
			t.Fatal(err)
		}
		again[i] = p.Make
	}
	return again
}

// fillStep is small: while a transaction is open, the feeds of every database
// of the cluster, and so of every other test, stand still.
const fillStep = 20_000

func steps() (from []int) {
	for i := 0; i < manyMessages; i += fillStep {
		from = append(from, i)
	}
	return from
}

func rebuild(t testing.TB, url string, statements []string) {
	t.Helper()
	inParallel(t, url, func(c *pgx.Conn, s string) error {
		_, err := c.Exec(t.Context(), s)
		return err
	}, statements)
	if _, err := admin(t, url).Exec(t.Context(), "VACUUM (ANALYZE)"); err != nil {
		t.Fatal(err)
	}
}

// inParallel works over two connections, as there are two processors at least.
func inParallel[T any](t testing.TB, url string, do func(*pgx.Conn, T) error, list []T) {
	t.Helper()
	work := make(chan T, len(list))
	for _, v := range list {
		work <- v
	}
	close(work)
	var wg sync.WaitGroup
	for range 2 {
		c := admin(t, url)
		wg.Go(func() {
			for v := range work {
				if err := do(c, v); err != nil {
					t.Errorf("%v in %v", err, v)
				}
			}
		})
	}
	wg.Wait()
}
