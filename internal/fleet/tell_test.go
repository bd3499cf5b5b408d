package fleet_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"chasqui/internal/fleet"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// somethingRead writes down that a client has somebody to tell.
func (w *world) somethingRead(id wa.ClientID) {
	w.t.Helper()
	w.sql(`WITH p AS (INSERT INTO contacts (id, org_id, phone) VALUES (gen_random_uuid(), $1, gen_random_uuid()::text) RETURNING id),
		h AS (INSERT INTO chats (id, org_id, client_id, kind, contact_id) SELECT gen_random_uuid(), $1, $2, 'direct', id FROM p RETURNING id, contact_id),
		m AS (INSERT INTO messages (id, org_id, client_id, chat_id, contact_id, direction, origin, type, status, wire_id)
			SELECT gen_random_uuid(), $1, $2, id, contact_id, 'inbound', 'contact', 'text', 'received', gen_random_uuid()::text FROM h RETURNING id)
		INSERT INTO read_receipts (message_id, org_id, client_id) SELECT id, $1, $2 FROM m`, w.org.UUID(), id.UUID())
}

// What was read is told by whoever holds the client: the poll finds it, a bell
// is faster, and neither has it told twice at a time. Who lets go has ended it.
func TestReadingIsToldByTheHolder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	read, bystander := w.linked(), w.linked()
	var running, most, others atomic.Int64
	begun, end := make(chan struct{}, 8), make(chan struct{})
	r := w.worker(w.url, func(o *fleet.WorkerOptions, _ *network) {
		o.Tell = func(ctx context.Context, h *fleet.Hold) {
			if h.Client().ID != read {
				others.Add(1)
				return
			}
			most.Store(max(most.Load(), running.Add(1)))
			defer running.Add(-1)
			begun <- struct{}{}
			select {
			case <-end:
			case <-ctx.Done():
			}
		}
	})
	next := func(what string) {
		t.Helper()
		select {
		case <-begun:
		case <-time.After(patience):
			t.Fatal(what)
		}
	}
	w.await(read, wa.ClientConnected)
	w.await(bystander, wa.ClientConnected)
	w.somethingRead(read)
	next("the poll does not find what was read")
	for range 5 {
		r.Kick(read)
	}
	end <- struct{}{}
	next("the poll finds it once only")
	w.sql(`DELETE FROM read_receipts`)
	end <- struct{}{}
	testkit.Eventually(t, patience, "it ends", func() bool { return running.Load() == 0 })
	testkit.Eventually(t, patience, "a bell does not have it told", func() bool { return r.Kick(read) && running.Load() == 1 })
	r.stop()
	if running.Load() != 0 || most.Load() != 1 || others.Load() != 0 {
		t.Errorf("%d run, %d ran at once, %d were told of others", running.Load(), most.Load(), others.Load())
	}
}
