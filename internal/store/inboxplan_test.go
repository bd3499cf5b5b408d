package store_test

import (
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// inboxPlans are what an inbox asks: of all, of a conversation of 100,000
// messages, and for words that are nowhere, which may cost one slice and no
// more, however much there is.
func (w world) inboxPlans(t *testing.T) []planCase {
	ctx := t.Context()
	long := *fillID(t, &wa.ChatID{}, "d", longChat)
	page, middle := page50(t), page50(t)
	middle.Before = time.Now().Add(-15*time.Hour - 5000*time.Second)
	newer, around := middle, middle
	newer.Newer, around.At = true, true
	nowhere, everywhere := store.WordsOf("nowhere to be found"), store.WordsOf("USUAL léngth")
	given := wa.View{Org: w.org, Limited: true, Clients: []wa.ClientID{w.client, w.heavy}}
	own := given
	own.Chats = wa.NewUserID()
	list := func(v wa.View, f store.MessageFilter, p store.Page) func(tx *store.Tx) error {
		return func(tx *store.Tx) error { return expect(tx.Messages(ctx, v, f, p)) }
	}
	end := func(v wa.View, f store.MessageFilter, p store.Page) func(tx *store.Tx) error {
		return func(tx *store.Tx) error { _, _, _, err := tx.SliceEnd(ctx, v, f, p); return err }
	}
	chats := func(f store.ChatFilter) func(tx *store.Tx) error {
		return func(tx *store.Tx) error { return expect(tx.Chats(ctx, wa.Whole(w.org), f, page)) }
	}
	all := wa.Whole(w.org)
	const slice = store.Slice + 300
	return []planCase{
		{"long chat", "messages_chat_page", 250, false, list(all, store.MessageFilter{Chat: long}, middle)},
		{"long chat, newer", "messages_chat_page", 250, false, list(all, store.MessageFilter{Chat: long}, newer)},
		{"long chat, around", "messages_chat_page", 250, false, list(all, store.MessageFilter{Chat: long}, around)},
		{"long chat, words everywhere", "messages_chat_page", 250, false, list(all, store.MessageFilter{Chat: long, Words: everywhere}, middle)},
		{"long chat, words nowhere", "messages_chat_page", slice, false, list(all, store.MessageFilter{Chat: long, Words: nowhere}, middle)},
		{"long chat, words nowhere newer", "messages_chat_page", slice, false, list(all, store.MessageFilter{Chat: long, Words: nowhere}, newer)},
		{"long chat, end of slice", "messages_chat_page", slice, false, end(all, store.MessageFilter{Chat: long}, middle)},
		{"messages newer", "messages_page", 250, false, list(all, store.MessageFilter{}, newer)},
		{"words nowhere", "messages_page", slice, false, list(all, store.MessageFilter{Words: nowhere}, page)},
		{"words nowhere of client", "messages_client_page", slice, false, list(all, store.MessageFilter{Client: w.client, Words: nowhere}, page)},
		{"messages sending", "messages_page", slice, false, list(all, store.MessageFilter{Status: []wa.Status{wa.Sending, wa.RetryWait}}, page)},
		{"given messages sending", "", 2600, false, list(given, store.MessageFilter{Status: []wa.Status{wa.Sending}}, page)},
		{"messages sending or failed", "messages_page", slice, false, list(all, store.MessageFilter{Status: []wa.Status{wa.Sending, wa.Failed}}, page)},
		{"words in what failed", "messages_ended_page", 200, false, list(all, store.MessageFilter{Words: nowhere, Status: []wa.Status{wa.Failed}}, page)},
		{"end of slice", "messages_page", slice, false, end(all, store.MessageFilter{}, page)},
		{"given words nowhere", "", 2600, false, list(given, store.MessageFilter{Words: nowhere}, page)},
		{"given newer", "", 1000, false, list(given, store.MessageFilter{}, newer)},
		{"own words nowhere", "", 2600, false, list(own, store.MessageFilter{Words: nowhere}, page)},

		{"chats", "chats_page", 260, false, chats(store.ChatFilter{})},
		{"chats of client", "chats_client_page", 260, false, chats(store.ChatFilter{Client: w.client})},
		{"chats unread of client", "chats_unread", 260, false, chats(store.ChatFilter{Unread: true, Client: w.client})},
		{"given chats unread", "chats_unread", 260, false, func(tx *store.Tx) error {
			return expect(tx.Chats(ctx, given, store.ChatFilter{Unread: true}, page))
		}},
		{"given chats by name", "", 4300, false, func(tx *store.Tx) error {
			return expect(tx.Chats(ctx, given, store.ChatFilter{Names: store.NamesOf("nobody")}, page))
		}},
		{"chats unread", "chats_unread", 260, false, chats(store.ChatFilter{Unread: true})},
		{"chats of nobody", "chats_page", 260, false, chats(store.ChatFilter{Nobody: true})},
		{"chats of somebody", "chats_assigned", 260, false, chats(store.ChatFilter{Assigned: wa.NewUserID()})},
		{"chats by number", "chats_page", 2*slice + 300, false, chats(store.ChatFilter{Names: store.NamesOf("99999999")})},
		{"chats by name", "chats_page", 2*slice + 300, false, chats(store.ChatFilter{Names: store.NamesOf("nobody")})},
		{"chats by a number of many", "chats_page", 500, false, chats(store.ChatFilter{Names: store.NamesOf("49")})},
		{"chats, end of slice", "chats_page", slice, false, func(tx *store.Tx) error {
			_, _, _, err := tx.ChatSliceEnd(ctx, all, store.ChatFilter{}, page)
			return err
		}},
		{"names of chats", "chats_pkey", 10, false, func(tx *store.Tx) error { return expect(tx.ChatNames(ctx, w.org, []wa.ChatID{w.chat, long})) }},
		{"chat", "chats_pkey", 4, false, func(tx *store.Tx) error { return expect(tx.Chat(ctx, w.org, w.chat)) }},
	}
}
