package store_test

import (
	"testing"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// BenchmarkEmit shows what an event costs: alone, for an org without
// endpoints, and with five that want it.
func BenchmarkEmit(b *testing.B) {
	for _, v := range []struct {
		name  string
		hooks int
	}{{"no endpoint", 0}, {"an endpoint for other events", -1}, {"five endpoints", 5}} {
		b.Run(v.name, func(b *testing.B) {
			db := testkit.DB(b)
			org, _ := testkit.Org(b, db)
			c := testkit.Client(b, db, org.ID)
			for range v.hooks {
				hook(b, db, org.ID, nil)
			}
			if v.hooks < 0 {
				hook(b, db, org.ID, func(e *wa.Endpoint) { e.Events = []string{"contact.*"} })
			}
			for b.Loop() {
				err := db.InOrgRelaxed(b.Context(), org.ID, func(tx *store.Tx) error {
					return tx.Emit(org.ID, c.ID, wa.ClientIsConnected, wa.EventClient{Client: c})
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
