package fleet_test

import (
	"testing"

	"chasqui/internal/wa"
)

// An event outlives who caused it, and is read by those who may not see who is
// there: it names people by their id.
func TestLimitsAreToldWithoutAnAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.unpaired()
	boss := wa.Actor{Org: w.by.Org, Name: "boss@example.com", User: wa.NewUserID(), Role: wa.Admin}
	if _, err := w.SetLimits(t.Context(), boss, id, wa.DefaultLimits(), "a test"); err != nil {
		t.Fatal(err)
	}
	if n := w.sql(`SELECT FROM events WHERE type = 'client.limits_changed' AND data ->> 'by' = $1`, boss.User.String()); n != 1 {
		t.Errorf("%d events name them by their id", n)
	}
	if n := w.sql(`SELECT FROM events WHERE data::text LIKE '%boss@%'`); n != 0 {
		t.Errorf("%d events hold the address", n)
	}
}
