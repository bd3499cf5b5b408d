package fleet_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"chasqui/internal/fleet"
	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

func (w *world) health(id wa.ClientID) wa.ClientHealth {
	w.t.Helper()
	var all []wa.ClientHealth
	w.must(w.db.InOrg(w.t.Context(), w.org, func(tx *store.Tx) error {
		c, err := tx.Client(w.t.Context(), w.org, id)
		if err == nil {
			all, err = fleet.Health(w.t.Context(), tx, w.org, []wa.Client{c})
		}
		return err
	}))
	return all[0]
}

// wrote puts messages of a client into the database: how long ago each was sent,
// each in a chat of its own.
func (w *world) wrote(id wa.ClientID, status string, ago ...time.Duration) {
	w.t.Helper()
	for _, age := range ago {
		w.sql(`
			WITH p AS (INSERT INTO contacts (id, org_id, phone) SELECT gen_random_uuid(), org_id, gen_random_uuid()::text FROM clients WHERE id = $1 RETURNING id, org_id),
			h AS (INSERT INTO chats (id, org_id, client_id, kind, contact_id, last_message_at, created_at)
				SELECT gen_random_uuid(), org_id, $1, 'direct', id, CASE WHEN $2 IN ('sent', 'delivered') THEN now() - $3::interval END, now() - $3::interval
				FROM p RETURNING id, org_id, contact_id)
			INSERT INTO messages (id, org_id, client_id, chat_id, contact_id, direction, origin, type, content, status, lane, seq, wire_id, sent_at, delivered_at, created_at,
				error_code, error)
			SELECT gen_random_uuid(), org_id, $1, id, contact_id, 'outbound', 'api', 'text', '{"body":"x"}', $2, 2, nextval('message_seq'), gen_random_uuid()::text,
			       CASE WHEN $2 IN ('sent', 'delivered') THEN now() - $3::interval END, CASE WHEN $2 = 'delivered' THEN now() END, now() - $3::interval,
			       CASE WHEN $2 = 'failed' THEN 'rejected' END, CASE WHEN $2 = 'failed' THEN '{}'::jsonb END FROM h`,
			id.UUID(), status, age)
	}
}

func used(h wa.ClientHealth) map[wa.Window]int {
	all := map[wa.Window]int{}
	for _, u := range h.Use {
		all[u.Window] = u.Used
	}
	return all
}

func TestHealthOfAFreshClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := w.health(w.unpaired())
	if h.Score != 0 || h.BlockedBy == nil || *h.BlockedBy != wa.WaitUnpaired || h.NextSendAt != nil || h.Worker != nil {
		t.Errorf("a client without a phone: %+v", h)
	}
	if diff := cmp.Diff(map[wa.Window]int{wa.PerMinute: 0, wa.PerHour: 0, wa.PerDay: 0, wa.NewContactsPerDay: 0}, used(h)); diff != "" {
		t.Errorf("used (-want +got):\n%s", diff)
	}
	if len(h.Lanes) != 3 || h.Lanes[0].Lane != wa.Urgent || h.Lanes[2].Queued != 0 || h.Lanes[2].OldestAt != nil {
		t.Errorf("lanes %+v", h.Lanes)
	}
}

// TestHealthCountsWhatWasSent holds use, the lanes and the next moment against
// what lies in the database.
func TestHealthCountsWhatWasSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	w.sql(`UPDATE clients SET status = 'connected', limits = limits || '{"per_minute": 3, "gap_min_ms": 0, "gap_max_ms": 0}' WHERE id = $1`, id.UUID())
	w.wrote(id, "sent", 5*time.Second, 20*time.Second, 10*time.Minute, 2*time.Hour, 25*time.Hour)
	w.wrote(id, "queued", time.Minute)
	h := w.health(id)
	// The queued one is bulk, which leaves a fifth of every window to others: of
	// three places it may see two taken.
	if h.BlockedBy == nil || *h.BlockedBy != wa.WaitMinuteCap {
		t.Errorf("blocked by %v", h.BlockedBy)
	}
	near := cmpopts.EquateApproxTime(3 * time.Second)
	want := time.Now().Add(40 * time.Second)
	if h.NextSendAt == nil || !cmp.Equal(*h.NextSendAt, want, near) {
		t.Errorf("next at %v, want %v", h.NextSendAt, want)
	}
	if diff := cmp.Diff(map[wa.Window]int{wa.PerMinute: 2, wa.PerHour: 3, wa.PerDay: 4, wa.NewContactsPerDay: 4}, used(h)); diff != "" {
		t.Errorf("used (-want +got):\n%s", diff)
	}
	minute := h.Use[0]
	if minute.Limit == nil || *minute.Limit != 3 || minute.ResetsAt == nil || !cmp.Equal(*minute.ResetsAt, want, near) {
		t.Errorf("the minute: %+v", minute)
	}
	if contacts := h.Use[3]; contacts.Limit != nil || contacts.ResetsAt == nil {
		t.Errorf("new contacts: %+v", contacts)
	}
	if bulk := h.Lanes[2]; bulk.Queued != 1 || bulk.OldestAt == nil || !cmp.Equal(*bulk.OldestAt, time.Now().Add(-time.Minute), near) {
		t.Errorf("bulk lane: %+v", bulk)
	}
	w.sql(`UPDATE clients SET limits = limits || '{"enabled": false}' WHERE id = $1`, id.UUID())
	if h := w.health(id); h.BlockedBy != nil || h.Use[0].Limit != nil || h.Use[0].Used != 2 {
		t.Errorf("without limits: %+v", h)
	}
	w.sql(`UPDATE clients SET paused = true WHERE id = $1`, id.UUID())
	if h := w.health(id); h.BlockedBy == nil || *h.BlockedBy != wa.WaitPaused || h.NextSendAt != nil {
		t.Errorf("paused: %+v", h)
	}
}

// TestHealthKnowsWhatHappened: what WhatsApp did to a line costs points, and the
// worker that holds it is named.
func TestHealthKnowsWhatHappened(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url)
	w.await(id, wa.ClientConnected)
	good := w.health(id)
	if good.Score != 100 || good.Worker == nil || good.Worker.Name != "worker-1" || good.Worker.ID == "" || good.Worker.Since == nil || good.BlockedBy != nil {
		t.Errorf("online: %+v, %+v", good, good.Worker)
	}
	end := time.Now().Add(time.Hour)
	r.net.last(t, id).say(provider.StateChanged{Signal: provider.Restricted, Code: "463", Until: end})
	w.await(id, wa.ClientRestricted)
	if h := w.health(id); h.Score != 45 || h.BlockedBy != nil {
		t.Errorf("restricted: %+v", h)
	}
	r.net.last(t, id).say(provider.StateChanged{Signal: provider.TempBanned, Until: end})
	w.await(id, wa.ClientTempBanned)
	h := w.health(id)
	if h.Score != 0 || h.BlockedBy == nil || *h.BlockedBy != wa.WaitRestricted || h.NextSendAt == nil || h.NextSendAt.Sub(end).Abs() > time.Second {
		t.Errorf("banned: %+v", h)
	}
	w.sql(`UPDATE client_history SET at = at - interval '8 days'`)
	w.sql(`UPDATE clients SET status = 'connected' WHERE id = $1`, id.UUID())
	if h := w.health(id); h.Score != 100 {
		t.Errorf("what is long past still counts: %+v", h)
	}
}

func TestHealthCountsWhatArrived(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	w.sql(`UPDATE clients SET status = 'connected' WHERE id = $1`, id.UUID())
	age := make([]time.Duration, 10)
	for i := range age {
		age[i] = 20 * time.Minute
	}
	w.wrote(id, "delivered", age...)
	w.wrote(id, "sent", age...)
	w.wrote(id, "sent", make([]time.Duration, 10)...) // too young to judge
	w.wrote(id, "failed", age...)
	h := w.health(id)
	got := map[string]float64{}
	for _, in := range h.Inputs {
		got[in.Name] = in.Value
	}
	if got["delivered"] != 0.5 || got["failed"] != 0.25 || h.Score != 50 {
		t.Errorf("score %d, %v", h.Score, got)
	}
}

func TestStopPairing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.unpaired()
	stop := func() error { return w.StopPairing(t.Context(), w.by, id) }
	if err := stop(); wa.CodeOf(err) != wa.Conflict {
		t.Errorf("nothing to stop: %v", err)
	}
	// Before a worker took it, and with one.
	w.must(w.pair(id, wa.PairQR, ""))
	w.must(stop())
	if row := w.row(id); row.Desire != wa.WantNothing || row.Status != wa.ClientNew {
		t.Errorf("after giving up: %s, wanted %s", row.Status, row.Desire)
	}
	r := w.worker(w.url)
	w.must(w.pair(id, wa.PairQR, ""))
	w.awaitCode(id)
	w.must(stop())
	w.await(id, wa.ClientNew)
	w.freed(id)
	if !r.net.last(t, id).isClosed() {
		t.Error("the attempt goes on")
	}
	if err := stop(); wa.CodeOf(err) != wa.Conflict {
		t.Errorf("stopped twice: %v", err)
	}
	if n := w.told(id, wa.ClientPairingFailed); n != 2 {
		t.Errorf("client.pairing_failed told %d times, want 2", n)
	}
	w.must(w.pair(id, wa.PairQR, ""))
	w.awaitCode(id)
}
