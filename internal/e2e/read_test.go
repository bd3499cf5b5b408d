package e2e_test

import (
	"context"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// reads reads the conversation with a phone in the inbox, once all of what the
// phone wrote is there.
func (p *platform) reads(phone string, wrote int) {
	p.t.Helper()
	var chat wa.Chat
	testkit.Eventually(p.t, patience, "messages in the inbox", func() bool {
		p.must(p.db.InOrg(p.t.Context(), p.org.ID, func(tx *store.Tx) error {
			page, err := store.ParsePage("", 10)
			if err != nil {
				return err
			}
			chats, err := tx.Chats(p.t.Context(), wa.Whole(p.org.ID), store.ChatFilter{Names: store.NamesOf(phone)}, page)
			if err == nil && len(chats) == 1 {
				chat = chats[0]
			}
			return err
		}))
		return chat.Unread == wrote
	})
	_, err := p.messages.MarkRead(p.t.Context(), p.by, chat.ID, true)
	p.must(err)
}

// ticks lists what a phone knows to have been read of what it wrote to a number.
func (p *platform) ticks(phone, number string) (ids []string) {
	for _, e := range p.sim.Events(whatsim.EventQuery{Kind: whatsim.EventReceipt, Number: number, Peer: phone}) {
		if e.Detail == "read" {
			ids = append(ids, e.ID)
		}
	}
	return ids
}

// types has a phone write to a number.
func (p *platform) types(from, to string, texts ...string) (ids []string) {
	p.t.Helper()
	for _, text := range texts {
		id, err := p.sim.Write(p.t.Context(), whatsim.Draft{From: from, To: to, Text: text})
		p.must(err)
		ids = append(ids, id)
	}
	return ids
}

// untold counts the messages that are still to be told of.
func (p *platform) untold() (n int) {
	p.t.Helper()
	cfg, err := pgx.ParseConfig(p.url)
	p.must(err)
	cfg.RuntimeParams["app.system"] = "on"
	c, err := pgx.ConnectConfig(p.t.Context(), cfg)
	p.must(err)
	defer c.Close(context.WithoutCancel(p.t.Context()))
	p.must(c.QueryRow(p.t.Context(), `SELECT count(*) FROM read_receipts`).Scan(&n))
	return n
}

func (s *stack) flushRedis() {
	s.t.Helper()
	opts, err := redis.ParseURL(s.redis)
	s.must(err)
	rdb := redis.NewClient(opts)
	defer rdb.Close()
	s.must(rdb.FlushAll(s.t.Context()).Err())
}

// What a person reads in the inbox gets its blue ticks on the phone that wrote
// it, once: also when the worker dies before it could tell, when Redis forgets
// everything, and when somebody holds the number back for a while.
func TestReadingInTheInboxShowsOnThePhone(t *testing.T) {
	t.Parallel()
	p := newStack(t, whatsim.Options{})
	w := p.start("worker")
	c := p.client(own(0))
	var want []string
	shown := func(what string) {
		t.Helper()
		testkit.Eventually(t, patience, what, func() bool { return len(p.ticks(recipient(0), own(0))) >= len(want) })
		if got := p.ticks(recipient(0), own(0)); !slices.Equal(got, want) {
			t.Fatalf("%s: read on the phone %v, want %v", what, got, want)
		}
	}
	written := func(texts ...string) { want = append(want, p.types(recipient(0), own(0), texts...)...) }

	written("one", "two", "three")
	p.reads(recipient(0), 3)
	shown("what was read")

	written("before the worker dies")
	_, err := p.fleet.Pause(t.Context(), p.by, c.ID)
	p.must(err)
	p.reads(recipient(0), 1)
	w.kill()
	if got, left := p.ticks(recipient(0), own(0)), p.untold(); len(got) != 3 || left != 1 {
		t.Fatalf("a paused number told %v and has %d to tell", got, left)
	}
	_, err = p.fleet.Resume(t.Context(), p.by, c.ID)
	p.must(err)
	p.flushRedis()
	p.start("worker")
	shown("what another worker found")

	written("and after that")
	p.reads(recipient(0), 1)
	shown("what was read at last")
	testkit.Eventually(t, patience, "nothing left to tell", func() bool { return p.untold() == 0 })
}
