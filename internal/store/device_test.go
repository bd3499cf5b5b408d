package store_test

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func (s shop) device() store.Device {
	s.t.Helper()
	d, err := s.db.InsertDevice(s.t.Context(), store.Device{Org: s.org, Client: s.client, ID: uuid.New(), JID: "1:2@s.whatsapp.net", Sealed: []byte("keys")})
	if err != nil {
		s.t.Fatal(err)
	}
	return d
}

func value(kind, key, text string) store.DeviceChange {
	return store.DeviceChange{Put: []store.DeviceValue{{DeviceKey: store.DeviceKey{Kind: kind, Key: []byte(key)}, Sealed: []byte(text)}}}
}

// TestOneRoundTripLeavesNothingBehind takes the pool's only connection: the org
// of a statement that was sent without BEGIN ends with it, and so does what was
// said of its durability.
func TestOneRoundTripLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(testkit.DatabaseURL(t))
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("synchronous_commit", "on") // whatever the tests' server says
	u.RawQuery = q.Encode()
	db, err := store.Open(t.Context(), store.Options{URL: u.String(), MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := shopIn(t, db)
	d := s.device()
	forgettable := value("inbound", "a", "x")
	forgettable.Forgettable = true
	for _, c := range []store.DeviceChange{value("session", "a", "x"), forgettable} {
		if err := db.ChangeDevice(t.Context(), d, c); err != nil {
			t.Fatal(err)
		}
		if n, err := db.CountOutside(t.Context(), `SELECT count(*) FROM device_values`); err != nil || n != 0 {
			t.Errorf("%d values to see (%v)", n, err)
		}
		if n, err := db.CountOutside(t.Context(), `SELECT count(*) FROM pg_settings WHERE name = 'synchronous_commit' AND setting = 'off'`); err != nil || n != 0 {
			t.Errorf("commits do not wait for the disk any more (%v)", err)
		}
	}
}

// TestOpenerWaitsForTheWriter holds a write open while somebody else opens the
// device: the opener must find what was written, and the writer's next must be
// refused.
func TestOpenerWaitsForTheWriter(t *testing.T) {
	t.Parallel()
	address := testkit.DatabaseURL(t)
	s := shopIn(t, testkit.OpenDB(t, address))
	d := s.device()
	ctx := t.Context()
	writer := admin(t, address)
	tx, err := writer.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// What changeDevice does first, and then its process stands still.
	var id uuid.UUID
	if err := tx.QueryRow(ctx, `SELECT id FROM devices WHERE id = $1 AND opened = $2 FOR SHARE`, d.ID, d.Opened).Scan(&id); err != nil {
		t.Fatal(err)
	}
	opened := make(chan store.Device, 1)
	go func() {
		heir, err := s.db.OpenDevice(ctx, s.org, s.client, 0, d.JID)
		if err != nil {
			t.Error(err)
		}
		opened <- heir
	}()
	testkit.Eventually(t, 20*time.Second, "the opener waits", func() bool {
		var n int
		err := tx.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&n)
		return err == nil && n > 0
	})
	if _, err := tx.Exec(ctx, `INSERT INTO device_values (org_id, device_id, kind, key, sealed) VALUES ($1, $2, 'session', 'a', 'written')`, s.org, d.ID); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	heir := <-opened
	found, err := s.db.DeviceValues(ctx, heir, []store.DeviceKey{{Kind: "session", Key: []byte("a")}})
	if err != nil || len(found) != 1 || string(found[0].Sealed) != "written" {
		t.Errorf("the heir reads %v (%v)", found, err)
	}
	if err := s.db.ChangeDevice(ctx, d, value("session", "a", "late")); !errors.Is(err, store.ErrTaken) {
		t.Errorf("the former writer: %v", err)
	}
}

func TestDeletedClientLeavesNoKeys(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	d := s.device()
	if err := s.db.ChangeDevice(t.Context(), d, value("session", "a", "x")); err != nil {
		t.Fatal(err)
	}
	s.in(func(tx *store.Tx) error {
		_, err := tx.DeleteClient(t.Context(), s.org, s.client)
		return err
	})
	for _, table := range []string{"devices", "device_values"} {
		if n := get[int](s, `SELECT count(*) FROM `+table); n != 0 {
			t.Errorf("%d rows left in %s", n, table)
		}
	}
	if _, err := s.db.OpenDevice(t.Context(), s.org, s.client, 0, d.JID); wa.CodeOf(err) != wa.NotFound {
		t.Errorf("opened: %v", err)
	}
}

// TestDeviceStatementsUseTheirIndex: values are many, and every message asks.
func TestDeviceStatementsUseTheirIndex(t *testing.T) {
	t.Parallel()
	seen := &lastStatement{}
	db, err := store.OpenTraced(t.Context(), store.Options{URL: testkit.DatabaseURL(t), MaxConns: 2}, seen)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := shopIn(t, db)
	d := s.device()
	s.exec(`INSERT INTO device_values (org_id, device_id, kind, key, sealed) SELECT $1, $2, 'session', n::text::bytea, 'x' FROM generate_series(1, 20000) n`, s.org, d.ID)
	s.exec(`ANALYZE device_values`)
	began := time.Now()
	for range 50 {
		if _, err := db.DeviceValues(t.Context(), d, []store.DeviceKey{{Kind: "session", Key: []byte("7")}}); err != nil {
			t.Fatal(err)
		}
		if err := db.ChangeDevice(t.Context(), d, value("session", "7", "y")); err != nil {
			t.Fatal(err)
		}
	}
	scans := get[int](s, `SELECT coalesce(sum(seq_scan), 0) FROM pg_stat_user_tables WHERE relname = 'device_values'`)
	if took := time.Since(began); scans > 3 || took > 20*time.Second {
		t.Errorf("%d scans of the whole table, %s", scans, took)
	}
}
