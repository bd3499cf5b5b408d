package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// load posts numbered texts to clients, round robin, until stop. It is the
// caller's ledger: what was answered with an id is in sent.
type load struct {
	p       *platform
	clients []wa.Client
	mu      sync.Mutex
	sent    map[string]wa.MessageID
	stop    func()
}

func (p *platform) load(clients []wa.Client, every time.Duration) *load {
	ctx, cancel := context.WithCancel(p.t.Context())
	l := &load{p: p, clients: clients, sent: map[string]wa.MessageID{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-tick.C:
				l.post(ctx, n)
			case <-ctx.Done():
				return
			}
		}
	}()
	l.stop = sync.OnceFunc(func() { cancel(); <-done })
	p.t.Cleanup(l.stop)
	return l
}

func (l *load) post(ctx context.Context, n int) {
	c, lane := n%len(l.clients), wa.Lanes()[n/len(l.clients)%3]
	text := fmt.Sprintf("%d %s %d", c, lane, n)
	draft := wa.Draft{To: "+" + recipient(n%50), Type: wa.KindText, Text: &wa.Text{Body: text}, Lane: lane}
	a, err := l.p.messages.Accept(ctx, l.p.by, l.clients[c].ID, draft, wa.IdempotencyKey{})
	if err != nil {
		return // not accepted: not in the ledger
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[text] = a.ID
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sent)
}

// check waits until all that was accepted has been read once, in order, under
// one wire id each.
func (l *load) check() {
	l.p.t.Helper()
	l.stop()
	l.p.checkInboxes(l.sent, len(l.sent))
	wires := map[string]string{}
	for _, m := range l.p.sim.Messages(whatsim.Query{All: true}) {
		if m.Copy || m.Written || m.Err != "" {
			continue
		}
		if first, seen := wires[m.Text]; seen && first != m.ID {
			l.p.t.Errorf("%q went out under two wire ids", m.Text)
		}
		wires[m.Text] = m.ID
	}
}

// clientsOnline makes n clients that are linked and online.
func (p *platform) clientsOnline(n int) (all []wa.Client) {
	p.t.Helper()
	for i := range n {
		all = append(all, p.client(own(i)))
	}
	return all
}

func (p *platform) slots(clients []wa.Client) map[int]int {
	n := map[int]int{}
	for _, c := range clients {
		if slot := p.read(c.ID).Slot; slot != nil {
			n[*slot]++
		}
	}
	return n
}

// A worker is killed under load: within 15 seconds its clients are online with
// the other one, and nothing is lost, doubled or out of order.
func TestChaosWorkerKilled(t *testing.T) {
	t.Parallel()
	s := newStack(t, whatsim.Options{})
	victim := s.start("worker")
	testkit.Eventually(t, patience, "first worker has a slot", func() bool { return s.liveWorkers() == 1 })
	s.start("worker")
	testkit.Eventually(t, patience, "two workers", func() bool { return s.liveWorkers() == 2 })
	clients := s.clientsOnline(6)
	if n := s.slots(clients); len(n) != 2 {
		t.Fatalf("clients by slot: %v, want both workers to hold some", n)
	}
	l := s.load(clients, 20*time.Millisecond)
	testkit.Eventually(t, patience, "load under way", func() bool { return l.count() > 50 })
	victim.kill()
	killed := time.Now()
	testkit.Eventually(t, 15*time.Second, "all clients online with the other worker", func() bool {
		n := s.slots(clients)
		return n[2] == len(clients) && s.online(clients)
	})
	t.Logf("all clients moved %s after the kill", time.Since(killed).Round(100*time.Millisecond))
	l.check()
}

// A worker is stopped politely under load, again and again: its clients move
// within seconds.
func TestChaosRollingRestart(t *testing.T) {
	t.Parallel()
	s := newStack(t, whatsim.Options{})
	current := s.start("worker")
	clients := s.clientsOnline(4)
	l := s.load(clients, 20*time.Millisecond)
	for range 3 {
		next := s.start("worker")
		testkit.Eventually(t, patience, "two workers", func() bool { return s.liveWorkers() == 2 })
		before := l.count()
		current.stop(20 * time.Second)
		testkit.Eventually(t, 10*time.Second, "clients online again", func() bool { return s.online(clients) })
		testkit.Eventually(t, patience, "load goes on", func() bool { return l.count() > before+20 })
		current = next
	}
	l.check()
}

// A worker is frozen for longer than its lease. The other one takes its
// clients; when it wakes up it sends nothing any more.
func TestChaosWorkerStalled(t *testing.T) {
	t.Parallel()
	s := newStack(t, whatsim.Options{})
	victim := s.start("worker")
	testkit.Eventually(t, patience, "first worker has a slot", func() bool { return s.liveWorkers() == 1 })
	s.start("worker")
	testkit.Eventually(t, patience, "two workers", func() bool { return s.liveWorkers() == 2 })
	clients := s.clientsOnline(4)
	l := s.load(clients, 20*time.Millisecond)
	testkit.Eventually(t, patience, "load under way", func() bool { return l.count() > 50 })
	victim.Signal(syscall.SIGSTOP)
	testkit.Eventually(t, 20*time.Second, "all clients online with the other worker", func() bool {
		return s.slots(clients)[2] == len(clients) && s.online(clients)
	})
	victim.Signal(syscall.SIGCONT)
	before := l.count()
	testkit.Eventually(t, patience, "load goes on", func() bool { return l.count() > before+100 })
	l.check()
}

// Redis is emptied in the middle of a run: nothing is lost, and no number rests
// more than two seconds longer than it did before.
func TestChaosRedisFlushed(t *testing.T) {
	t.Parallel()
	s := newStack(t, whatsim.Options{})
	s.start("worker")
	clients := s.clientsOnline(3)
	opts, err := redis.ParseURL(s.redis)
	s.must(err)
	rdb := redis.NewClient(opts)
	defer rdb.Close()
	l := s.load(clients, 50*time.Millisecond)
	var flushed time.Time
	for i := range 3 {
		target := 60 * (i + 1)
		testkit.Eventually(t, patience, "load under way", func() bool { return l.count() > target })
		s.must(rdb.FlushAll(t.Context()).Err())
		if flushed.IsZero() {
			flushed = time.Now()
		}
	}
	testkit.Eventually(t, patience, "load under way", func() bool { return l.count() > 240 })
	l.check()
	usual, longest := l.rests(flushed)
	t.Logf("a number with something to send rested at most %s before Redis was emptied, %s afterwards", usual, longest)
	if longest > usual+2*time.Second {
		t.Errorf("after Redis was emptied a number rested %s, before at most %s", longest, usual)
	}
}

// rests are the longest times, before and after a moment, for which a number
// sent nothing though something waited. How long messages wait does not show
// that: with more handed in than a busy machine sends, lines grow by themselves.
func (l *load) rests(moment time.Time) (before, after time.Duration) {
	l.p.t.Helper()
	of := map[wa.ClientID][]wa.Message{}
	for _, id := range l.sent {
		m := l.p.awaitMessage(id, wa.Delivered)
		of[m.ClientID] = append(of[m.ClientID], m)
	}
	for _, all := range of {
		slices.SortFunc(all, func(a, b wa.Message) int { return a.SentAt.Compare(*b.SentAt) })
		for i, m := range all[1:] {
			since := *all[i].SentAt
			if m.CreatedAt.After(since) {
				since = m.CreatedAt
			}
			if rested := m.SentAt.Sub(since); m.SentAt.Before(moment) {
				before = max(before, rested)
			} else {
				after = max(after, rested)
			}
		}
	}
	return before, after
}

func (p *platform) online(clients []wa.Client) bool {
	for _, c := range clients {
		if p.read(c.ID).Status != wa.ClientConnected {
			return false
		}
	}
	return true
}

func (p *platform) liveWorkers() (n int) {
	p.t.Helper()
	p.must(p.db.InTx(p.t.Context(), func(tx *store.Tx) (err error) {
		n, err = tx.LiveWorkers(p.t.Context())
		return err
	}))
	return n
}
