package store_test

import (
	"sync/atomic"
	"testing"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// BenchmarkAccept measures what accepting one message costs at 32 connections,
// beside a bare INSERT of the same row: the difference is the timeline, the
// event, and the look at the conversation.
func BenchmarkAccept(b *testing.B) {
	url := testkit.DatabaseURL(b)
	db, err := store.Open(b.Context(), store.Options{URL: url, MaxConns: 32})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(db.Close)
	shops := make([]shop, 64)
	for i := range shops {
		shops[i] = shopIn(b, db)
	}
	var turn atomic.Int64
	each := func(b *testing.B, size int, do func(s shop, m wa.Message) error) {
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			s := shops[turn.Add(1)%int64(len(shops))]
			contact, chat := s.person()
			for pb.Next() {
				if err := do(s, s.draft(contact, chat)); err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "messages/s")
	}
	b.Run("store", func(b *testing.B) {
		each(b, 1, func(s shop, m wa.Message) error {
			return db.InOrg(b.Context(), s.org, func(tx *store.Tx) error { return tx.InsertOutbound(s.org, []wa.Message{m}) })
		})
	})
	b.Run("bare", func(b *testing.B) {
		each(b, 1, func(s shop, m wa.Message) error {
			return db.InOrg(b.Context(), s.org, func(tx *store.Tx) error {
				_, err := tx.Exec(b.Context(), `
					INSERT INTO messages (id, org_id, client_id, chat_id, contact_id, direction, origin, type, content, status, seq, wire_id, expires_at, created_at)
					VALUES ($1, $2, $3, $4, $5, 'outbound', 'api', 'text', '{"body": "Hello"}', 'queued', nextval('message_seq'), $6, $7, $8)`,
					m.ID, s.org, s.client, m.ChatID, m.To.ContactID, m.WireID, m.ExpiresAt, m.CreatedAt)
				return err
			})
		})
	})
	b.Run("batch of 100", func(b *testing.B) {
		each(b, 100, func(s shop, m wa.Message) error {
			batch := make([]wa.Message, 100)
			for i := range batch {
				batch[i] = s.draft(m.To.ContactID, m.ChatID)
			}
			return db.InOrg(b.Context(), s.org, func(tx *store.Tx) error { return tx.InsertOutbound(s.org, batch) })
		})
	})
}
