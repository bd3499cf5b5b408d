package store_test

import (
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// readPlans are what reading asks, of a conversation of 100,000 messages and of
// a number that has 20,000 people's messages to tell of.
func (w world) readPlans(t *testing.T) []planCase {
	ctx := t.Context()
	long, behind := *fillID(t, &wa.ChatID{}, "d", longChat), *fillID(t, &wa.ClientID{}, "b", longChat)
	claim := func(client wa.ClientID) func(tx *store.Tx) error {
		return func(tx *store.Tx) error { return expect(tx.ClaimRead(ctx, w.org, client, 1, 50, time.Minute)) }
	}
	return []planCase{
		{"mark read", "chats_pkey", 10, false, func(tx *store.Tx) error { return expect(tx.MarkRead(ctx, w.org, w.chat)) }},
		{"read what came in", "messages_chat_page", 1500, false, func(tx *store.Tx) error { return expect(tx.ReadInbound(ctx, w.org, long, 100, true)) }},
		{"claim reads", "read_receipts_client", 200, false, claim(w.client)},
		{"claim reads of 20,000", "read_receipts_client", 1000, false, claim(behind)},
		{"told", "read_receipts_pkey", 4, false, func(tx *store.Tx) error { return tx.Told(ctx, w.org, []wa.MessageID{w.message}) }},
		{"untold", "read_receipts_pkey", 4, false, func(tx *store.Tx) error { return tx.Untold(ctx, w.org, []wa.MessageID{w.message}, 0) }},
		{"drop reads", "read_receipts_client", 50, false, func(tx *store.Tx) error { return expect(tx.DropReads(ctx, w.org, w.client)) }},
		{"sweep reads", "read_receipts_age", 2200, true, func(tx *store.Tx) error { return expect(tx.SweepReads(ctx, time.Hour, 1000)) }},
	}
}
