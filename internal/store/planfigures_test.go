package store_test

import (
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// figurePlans are what keeps the figures up, and what a first page asks for.
func (w world) figurePlans(t *testing.T) []planCase {
	ctx := t.Context()
	now := time.Now().UTC()
	day := wa.ByHour.Bounds(now.Add(-2*time.Hour), now, time.UTC, wa.MostFigures)
	given := wa.View{Org: w.org, Limited: true, Clients: []wa.ClientID{w.client, w.heavy}}
	own := given
	own.Chats = wa.NewUserID()
	figures := func(v wa.View, client wa.ClientID) func(tx *store.Tx) error {
		return func(tx *store.Tx) error { return expect(tx.Figures(ctx, v, client, day)) }
	}
	cases := []planCase{
		{"mark figures", "events_feed", 500, true, func(tx *store.Tx) error { return expect(tx.MarkFigures(ctx, 100)) }},
		{"count figures", "messages_client_page", 1500, true, func(tx *store.Tx) error { return expect(tx.CountFigures(ctx, 50)) }},
		{"figures", "message_figures_org", 7000, false, figures(wa.Whole(w.org), wa.ClientID{})},
		{"figures of client", "message_figures_pkey", 20, false, figures(wa.Whole(w.org), w.client)},
		{"given figures", "message_figures_pkey", 40, false, figures(given, wa.ClientID{})},
		{"own figures", "", 40, false, figures(own, wa.ClientID{})},
		{"send time", "messages_sent", 50_000, false, func(tx *store.Tx) error { return expect(tx.SendTime(ctx, w.org, time.Hour, 100)) }},
	}
	for name, v := range map[string]wa.View{"": wa.Whole(w.org), "given ": given, "own ": own} {
		most := 4000
		if v.Chats == own.Chats {
			most = 50_000 // whose chat it is, is asked of all that waits: no line holds more than 20,000
		}
		cases = append(
			cases,
			planCase{name + "lanes", "messages_line", most, false, func(tx *store.Tx) error { return expect(tx.CountLanes(ctx, v, wa.ClientID{}, 100)) }},
			planCase{name + "unread", "", 200, false, func(tx *store.Tx) error { return expect(tx.CountUnread(ctx, v, wa.ClientID{}, 100)) }},
		)
	}
	return cases
}
