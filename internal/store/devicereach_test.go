package store_test

import (
	"fmt"
	"net/url"
	"testing"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
)

// TestDeviceValuesAreFoundByName: a connection keeps the plans that it made
// while a device had next to nothing. They must still go for what is named when
// the device has thousands of values, with every message.
func TestDeviceValuesAreFoundByName(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(testkit.DatabaseURL(t))
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Options{URL: u.String(), MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := shopIn(t, db)
	d := s.device()
	use := func() {
		t.Helper()
		change := value("session", "one", "x")
		change.Drop = []store.DeviceKey{{Kind: "session", Key: []byte("two")}}
		for _, c := range []store.DeviceChange{value("session", "two", "x"), change} {
			if err := db.ChangeDevice(t.Context(), d, c); err != nil {
				t.Fatal(err)
			}
		}
		found, err := db.DeviceValues(t.Context(), d, []store.DeviceKey{{Kind: "session", Key: []byte("one")}, {Kind: "identity", Key: []byte("one")}})
		if err != nil || len(found) != 1 {
			t.Fatalf("%d values (%v)", len(found), err)
		}
	}
	for range 3 {
		use()
	}
	var many store.DeviceChange
	for i := range 3000 {
		many.Put = append(many.Put, value("pre_key", fmt.Sprint(i), "x").Put...)
	}
	if err := db.ChangeDevice(t.Context(), d, many); err != nil {
		t.Fatal(err)
	}
	before := s.fetched("device_values")
	const times = 10
	for range times {
		use()
	}
	// Four values are touched each time; reading all of them would be 9,000.
	if n := s.fetched("device_values") - before; n == 0 || n > 20*times {
		t.Errorf("%d rows were read for %d uses", n, times)
	}
}

// fetched counts the rows of a table that indexes or scans have given so far.
func (s shop) fetched(table string) int {
	s.t.Helper()
	if _, err := s.db.CountOutside(s.t.Context(), `SELECT count(*) FROM (SELECT pg_stat_force_next_flush()) flush`); err != nil {
		s.t.Fatal(err)
	}
	n, err := s.db.CountOutside(s.t.Context(), `SELECT coalesce(idx_tup_fetch, 0) + seq_tup_read FROM pg_stat_user_tables WHERE relname = '`+table+`'`)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}
