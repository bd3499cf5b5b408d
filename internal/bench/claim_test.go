package bench_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// claimClients is how many numbers one worker holds in this measurement.
const claimClients = 1000

// claimFill makes an org with numbers that one worker holds, and their
// conversations: twenty a number.
var claimFill = []string{
	`INSERT INTO orgs (id, name) VALUES (pg_temp.fid('a', 0), 'many')`,
	`UPDATE workers SET instance = gen_random_uuid(), epoch = 1, expires_at = now() + interval '1 hour' WHERE slot = 1`,
	`INSERT INTO clients (id, org_id, name, provider, status, desire, jid, device, limits, slot, worker_epoch, epoch)
	 SELECT pg_temp.fid('b', n), pg_temp.fid('a', 0), 'c', 'whatsmeow', 'connected', 'connected', 'jid ' || n, '{}', '{}', 1, 1, 1
	 FROM generate_series(0, 999) n`,
	`INSERT INTO client_sequences (client_id, org_id) SELECT id, org_id FROM clients`,
	`INSERT INTO contacts (id, org_id, phone) SELECT pg_temp.fid('c', n), pg_temp.fid('a', 0), '49' || n FROM generate_series(0, 19999) n`,
	`INSERT INTO chats (id, org_id, client_id, kind, contact_id)
	 SELECT pg_temp.fid('d', n), pg_temp.fid('a', 0), pg_temp.fid('b', n % 1000), 'direct', pg_temp.fid('c', n) FROM generate_series(0, 19999) n`,
}

// claimMessages makes $1 messages: of every number's the last tenth waits, half
// of it in bulk.
const claimMessages = `
	INSERT INTO messages (id, org_id, client_id, chat_id, contact_id, direction, origin, type, content, status, lane, seq, wire_id,
		recipient, expires_at, sent_at, delivered_at, created_at, updated_at)
	SELECT pg_temp.fid('0', i), pg_temp.fid('a', 0), pg_temp.fid('b', i % 1000), pg_temp.fid('d', i % 20000), pg_temp.fid('c', i % 20000),
		'outbound', 'api', 'text', '{"body": "Hello, this is a message of usual length."}', CASE WHEN over THEN 'delivered' ELSE 'queued' END,
		CASE WHEN over THEN 1 ELSE 1 + (i / 1000) % 2 END, CASE WHEN NOT over THEN i END, '3EB0' || lpad(to_hex(i), 18, '0'), '49' || i % 20000,
		now() + interval '1 day', CASE WHEN over THEN at END, CASE WHEN over THEN at END, at, at
	FROM (SELECT i, i < $1::int * 0.9 AS over, now() - ($1::int - i) * interval '0.1 second' AS at FROM generate_series(0, $1::int - 1) i) x`

const fid = `CREATE FUNCTION pg_temp.fid(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
	$$ SELECT (kind || '0000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$`

// bulky are a table's indexes and foreign keys, as statements that drop them
// and make them again: filling without them is many times as fast.
const bulky = `
	SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname),
	       format('ALTER TABLE %s ADD CONSTRAINT %I %s NOT VALID', conrelid::regclass, conname, pg_get_constraintdef(oid))
	FROM pg_constraint WHERE conrelid = 'messages'::regclass AND contype = 'f'
	UNION ALL
	SELECT format('DROP INDEX %s', indexrelid::regclass), pg_get_indexdef(indexrelid) FROM pg_index
	WHERE indrelid = 'messages'::regclass AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)`

// measureClaim takes messages out of a large table, and asks for the work of a
// worker's numbers as it does every second.
func measureClaim(ctx context.Context, b *bench) error {
	url, err := b.database(ctx)
	if err != nil {
		return err
	}
	p := &platform{b: b, url: url}
	defer p.close()
	if err := store.Migrate(ctx, url); err != nil {
		return err
	}
	rows := size(20_000, 500_000, 2_000_000)
	var org wa.OrgID
	clients := make([]wa.ClientID, claimClients)
	if err := p.sql(ctx, func(c *pgx.Conn) error { return fillClaims(ctx, c, rows, &org, clients) }); err != nil {
		return err
	}
	db, err := store.Open(ctx, store.Options{URL: url, MaxConns: 4, Name: "bench"})
	if err != nil {
		return err
	}
	defer db.Close()
	claims, err := claimAll(ctx, db, org, clients, size(1000, 5000, 10_000))
	if err != nil {
		return err
	}
	polls, err := pollAll(ctx, db, size(20, 200, 200))
	if err != nil {
		return err
	}
	b.report(figure{Name: fmt.Sprintf("claim, %d rows, 1,000 numbers, p99", rows), Ours: ms(percentile(claims, .99)), Unit: "ms", N: len(claims)}.within(5))
	b.report(figure{Name: "claim, p50", Ours: ms(percentile(claims, .5)), Unit: "ms", N: len(claims)})
	b.report(figure{Name: "poll of 1,000 numbers, p99", Ours: ms(percentile(polls, .99)), Unit: "ms", N: len(polls)}.within(25))
	return nil
}

func fillClaims(ctx context.Context, c *pgx.Conn, rows int, org *wa.OrgID, clients []wa.ClientID) error {
	if _, err := c.Exec(ctx, "SET statement_timeout = 0; SET synchronous_commit = off; SET maintenance_work_mem = '256MB';"+fid); err != nil {
		return err
	}
	type pair struct{ Drop, Make string }
	found, err := c.Query(ctx, bulky)
	if err != nil {
		return err
	}
	heavy, err := pgx.CollectRows(found, pgx.RowToStructByPos[pair])
	if err != nil {
		return err
	}
	var all []string
	for _, h := range heavy {
		all = append(all, h.Drop)
	}
	for _, sql := range append(all, claimFill...) {
		if _, err := c.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%.80s: %w", sql, err)
		}
	}
	if _, err := c.Exec(ctx, claimMessages, rows); err != nil {
		return err
	}
	for _, h := range heavy {
		if _, err := c.Exec(ctx, h.Make); err != nil {
			return err
		}
	}
	for _, sql := range []string{"SELECT setval('message_seq', 100000000)", "VACUUM (ANALYZE)"} {
		if _, err := c.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return readIDs(ctx, c, org, clients)
}

func readIDs(ctx context.Context, c *pgx.Conn, org *wa.OrgID, clients []wa.ClientID) error {
	if err := c.QueryRow(ctx, "SELECT pg_temp.fid('a', 0)").Scan(org); err != nil {
		return err
	}
	found, err := c.Query(ctx, "SELECT id FROM clients ORDER BY id")
	if err != nil {
		return err
	}
	ids, err := pgx.CollectRows(found, pgx.RowTo[wa.ClientID])
	copy(clients, ids)
	return err
}

// claimAll takes messages of random numbers, two at a time, and settles each so
// that the next one may be taken. Only the claim's own transaction is timed.
func claimAll(ctx context.Context, db *store.DB, org wa.OrgID, clients []wa.ClientID, n int) ([]time.Duration, error) {
	const hands = 2
	took, errs := make([][]time.Duration, hands), make([]error, hands)
	var crew sync.WaitGroup
	for h := range hands {
		crew.Go(func() {
			for i := 0; i < n/hands && errs[h] == nil; i++ {
				client := clients[hands*rand.IntN(len(clients)/hands)+h] // no two hands meet
				d, err := claimOne(ctx, db, org, client, wa.Lane(1+i%2))
				took[h], errs[h] = append(took[h], d), err
			}
		})
	}
	crew.Wait()
	var all []time.Duration
	for h := range hands {
		if errs[h] != nil {
			return nil, errs[h]
		}
		all = append(all, took[h]...)
	}
	return all, nil
}

func claimOne(ctx context.Context, db *store.DB, org wa.OrgID, client wa.ClientID, lane wa.Lane) (time.Duration, error) {
	var m store.Claimed
	began := time.Now()
	err := db.InOrgRelaxed(ctx, org, func(tx *store.Tx) (err error) {
		m, err = tx.Claim(ctx, org, client, 1, []wa.Lane{lane}, false)
		return err
	})
	took := time.Since(began)
	if wa.CodeOf(err) == wa.NotFound {
		return took, nil // this line is empty by now
	}
	if err != nil {
		return took, err
	}
	return took, db.InOrgRelaxed(ctx, org, func(tx *store.Tx) error {
		_, _, err := tx.FinishSent(ctx, org, m.ID, 0, nil, "WhatsApp's server took it")
		return err
	})
}

func pollAll(ctx context.Context, db *store.DB, n int) (took []time.Duration, err error) {
	for range n {
		began := time.Now()
		err := db.InTx(ctx, func(tx *store.Tx) error {
			owned, err := tx.OwnedClients(ctx, store.Slot{Number: 1, Epoch: 1})
			if err == nil && len(owned) != claimClients {
				err = fmt.Errorf("%d numbers are owned", len(owned))
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}
