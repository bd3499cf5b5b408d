package e2e_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// A thousand texts from four numbers to a hundred phones over all lanes: each
// phone reads exactly its own, once, in order per client and lane. Then
// the worker is killed: nobody pairs again, and what people wrote meanwhile
// arrives once.
func TestThousandTextsAndARestart(t *testing.T) {
	t.Parallel()
	p := newStack(t, whatsim.Options{})
	w := p.start("worker")
	clients := []wa.Client{p.unpaired(), p.unpaired(), p.unpaired(), p.unpaired()}
	for i, c := range clients[:3] {
		p.pair(c, own(i))
	}
	p.pairByCode(clients[3], own(3))
	for i, c := range clients {
		clients[i] = p.await(c.ID, wa.ClientConnected)
	}

	ids := map[string]wa.MessageID{} // text → message
	for n := range 1000 {
		c, lane := n%4, wa.Lanes()[n/4%3]
		text := fmt.Sprintf("%d %s %d", c, lane, n)
		ids[text] = p.send(clients[c].ID, recipient(n%100), text, lane)
	}
	p.checkInboxes(ids, 1000)
	for text, id := range ids {
		if m := p.awaitMessage(id, wa.Delivered); m.Text.Body != text {
			t.Errorf("message %s says %q, want %q", id, m.Text.Body, text)
		}
	}

	w.kill()
	for i := range 20 {
		_, err := p.sim.Write(t.Context(), whatsim.Draft{From: recipient(i), To: own(i % 4), Text: "while you were out " + strconv.Itoa(i)})
		p.must(err)
	}
	p.start("worker")
	for _, c := range clients {
		p.await(c.ID, wa.ClientConnected)
	}
	p.checkReceived(20)
	p.awaitMessage(p.send(clients[0].ID, recipient(0), "after the restart", wa.Urgent), wa.Delivered)
}

func own(i int) string       { return fmt.Sprintf("55119%08d", 1000+i) }
func recipient(i int) string { return fmt.Sprintf("55118%08d", i) }

func (p *platform) pairByCode(c wa.Client, phone string) {
	p.t.Helper()
	_, err := p.fleet.Pair(p.t.Context(), p.by, c.ID, wa.PairCode, wa.Phone("+"+phone))
	p.must(err)
	_, err = p.sim.EnterCode(p.t.Context(), phone, p.code(c.ID))
	p.must(err)
}

// checkInboxes compares what all phones read with what was sent. Texts read
// "<client> <lane> <number>", numbers rising as they were accepted.
func (p *platform) checkInboxes(sent map[string]wa.MessageID, n int) {
	p.t.Helper()
	seen, last := map[string]bool{}, map[string]int{}
	for _, m := range p.inbox(whatsim.Query{}, n) {
		if _, ours := sent[m.Text]; !ours || seen[m.Text] {
			p.t.Errorf("phone %s read %q, which was not sent or read before", m.To, m.Text)
		}
		seen[m.Text] = true
		line, number, _ := cutLast(m.Text)
		if number < last[line] {
			p.t.Errorf("%s: %d was read after %d", line, number, last[line])
		}
		last[line] = number
	}
	if len(seen) != len(sent) {
		p.t.Errorf("%d of %d texts were read", len(seen), len(sent))
	}
}

func cutLast(text string) (line string, number int, err error) {
	i := strings.LastIndex(text, " ")
	number, err = strconv.Atoi(text[i+1:])
	return text[:i], number, err
}

// checkReceived waits until n inbound messages are stored, and a moment more
// for one too many.
func (p *platform) checkReceived(n int) {
	p.t.Helper()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		if got := p.received(); len(got) >= n {
			if texts := distinct(got); len(got) != n || texts != n {
				p.t.Errorf("%d inbound messages stored, %d distinct, want %d", len(got), texts, n)
			}
			return
		}
		<-time.After(20 * time.Millisecond)
	}
	p.t.Fatalf("%d of %d inbound messages stored", len(p.received()), n)
}

func (p *platform) received() (all []wa.Message) {
	p.t.Helper()
	p.must(p.db.InOrg(p.t.Context(), p.org.ID, func(tx *store.Tx) error {
		page, err := store.ParsePage("", store.MaxPage)
		for err == nil {
			var got []wa.Message
			got, err = tx.Messages(p.t.Context(), wa.Whole(p.org.ID), store.MessageFilter{Direction: wa.Inbound}, page)
			all = append(all, got...)
			if len(got) < store.MaxPage {
				break
			}
			end := got[len(got)-1]
			page.Before, page.BeforeID = end.CreatedAt, end.ID.UUID()
		}
		return err
	}))
	return all
}

func distinct(all []wa.Message) int {
	texts := map[string]bool{}
	for _, m := range all {
		texts[m.Text.Body] = true
	}
	return len(texts)
}
