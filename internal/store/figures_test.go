package store_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

func TestCountClients(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	online := s.wants(3, wa.WantConnected)[0]
	s.wants(1, wa.WantOffline)
	s.exec(`UPDATE clients SET status = 'connected', jid = 'x' WHERE id = $1`, online)
	s.exec(`UPDATE clients SET deleted_at = now() WHERE id = $1`, s.client)
	got := mustSystem(s, func(tx *store.Tx) (map[store.ClientGroup]int, error) { return tx.CountClients(t.Context()) })
	want := map[store.ClientGroup]int{{wa.ClientConnected, true}: 1, {wa.ClientNew, true}: 2, {wa.ClientNew, false}: 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCountWaiting(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.queued(3)
	s.queued(2, func(m *wa.Message) { m.Lane = wa.Bulk })
	s.exec(`UPDATE messages SET status = 'sending', unconfirmed = true, claim_epoch = 1 WHERE id = (SELECT id FROM messages WHERE lane = 1 LIMIT 1)`)
	for _, tt := range []struct {
		most int
		want map[wa.Lane]int
		all  int
	}{
		{1000, map[wa.Lane]int{wa.Normal: 2, wa.Bulk: 2}, 4},
		{3, nil, 3},
	} {
		var lanes map[wa.Lane]int
		var unconfirmed int
		s.system(func(tx *store.Tx) (err error) {
			lanes, unconfirmed, err = tx.CountWaiting(t.Context(), tt.most)
			return err
		})
		if diff := cmp.Diff(tt.want, lanes); tt.want != nil && diff != "" {
			t.Error(diff)
		}
		if all := lanes[wa.Urgent] + lanes[wa.Normal] + lanes[wa.Bulk]; all != tt.all || unconfirmed != 1 {
			t.Errorf("of at most %d: %d in line, %d unconfirmed", tt.most, all, unconfirmed)
		}
	}
}

// What waits for a receiver that fails, or for its rate, is no backlog of ours.
func TestHookBacklog(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	good, failing, off, slow := hook(t, s.db, s.org, nil), hook(t, s.db, s.org, nil), hook(t, s.db, s.org, nil), hook(t, s.db, s.org, nil)
	s.in(func(tx *store.Tx) error { return tx.Emit(s.org, s.client, wa.ClientIsConnected, wa.EventClient{}) })
	s.exec(`INSERT INTO webhook_lines (endpoint_id, org_id) SELECT id, org_id FROM webhook_endpoints ON CONFLICT DO NOTHING`)
	s.exec(`UPDATE webhook_lines SET failing_since = now() WHERE endpoint_id = $1`, failing)
	s.exec(`UPDATE webhook_endpoints SET enabled = false, disabled_at = now() WHERE id = $1`, off)
	s.exec(`UPDATE webhook_endpoints SET rate = 1 WHERE id = $1`, slow)
	s.exec(`UPDATE webhook_deliveries SET next_attempt_at = now() - interval '1 hour'`)
	s.exec(`UPDATE webhook_deliveries SET next_attempt_at = now() - interval '1 minute' WHERE endpoint_id = $1`, good)
	read := func() store.HookBacklog {
		return mustSystem(s, func(tx *store.Tx) (store.HookBacklog, error) { return tx.HookBacklog(t.Context()) })
	}
	got := read()
	if got.Late < time.Minute || got.Late > 2*time.Minute {
		t.Errorf("late by %s, want a minute", got.Late)
	}
	got.Late = 0
	if diff := cmp.Diff(store.HookBacklog{Failing: 1, Disabled: 1, Enabled: 3}, got); diff != "" {
		t.Error(diff)
	}
	s.exec(`UPDATE webhook_deliveries SET next_attempt_at = now() + interval '1 minute'`)
	if got := read(); got.Late != 0 {
		t.Errorf("nothing is due, and late by %s", got.Late)
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	if n := mustSystem(s, func(tx *store.Tx) (int64, error) { return tx.Size(t.Context()) }); n < 1<<20 {
		t.Errorf("a database of %d bytes", n)
	}
}
