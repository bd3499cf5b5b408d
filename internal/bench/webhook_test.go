package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// hooksHere lets the platform deliver to this machine.
const hooksHere = "EGRESS_ALLOW_CIDRS=127.0.0.0/8"

// measureWebhooks emits 500 events a second that five endpoints want, for a
// minute, and tells how long each took from its row to the first attempt, and
// what one delivery costs.
func measureWebhooks(ctx context.Context, b *bench) error {
	h, err := b.hookStage(ctx)
	if err != nil {
		return err
	}
	defer h.close()
	var sinks []*hookSink
	for range 5 {
		s, err := h.sink(ctx, map[string]any{"events": []string{"message.received"}}, nil)
		if err != nil {
			return err
		}
		defer s.down()
		sinks = append(sinks, s)
	}
	rate, lasts := size(100, 500, 500), size(5, 60, 60)
	if err := h.emit(ctx, h.clients, rate, 2*time.Second); err != nil { // lines are taken, connections made
		return err
	}
	if err := arrived(ctx, sinks, 2*rate); err != nil {
		return err
	}
	forget(sinks)
	worker, database := cpu(h.worker.cmd.Process.Pid), h.databaseCPU()
	began := time.Now()
	if err := h.emit(ctx, h.clients, rate, time.Duration(lasts)*time.Second); err != nil {
		return err
	}
	took := time.Since(began)
	if err := arrived(ctx, sinks, lasts*rate); err != nil {
		return err
	}
	late, n := lateness(sinks), 5*lasts*rate
	each := func(used time.Duration) float64 { return ms(used) / float64(n) }
	name := fmt.Sprintf("webhooks: %d events/s to 5 endpoints, event → first attempt", rate)
	b.report(figure{Name: name + ", p99", Ours: ms(percentile(late, .99)), Unit: "ms", N: n}.within(1000))
	b.report(figure{Name: name + ", p50", Ours: ms(percentile(late, .5)), Unit: "ms", N: n})
	b.report(figure{Name: "webhooks: events emitted", Ours: float64(lasts*rate) / took.Seconds(), Unit: "events/s", N: lasts * rate}.least(.98 * float64(rate)))
	b.report(figure{Name: "webhooks: the worker's processor time for each delivery", Ours: each(cpu(h.worker.cmd.Process.Pid) - worker), Unit: "ms", N: n})
	b.report(figure{Name: "webhooks: the database's, with writing the events", Ours: each(h.databaseCPU() - database), Unit: "ms", N: n})
	return nil
}

// measureDead has one endpoint take connections and never answer, with
// thousands waiting for it, beside twenty that answer.
func measureDead(ctx context.Context, b *bench) error {
	h, err := b.hookStage(ctx)
	if err != nil {
		return err
	}
	defer h.close()
	over := make(chan struct{})
	defer close(over)
	dead, err := h.sink(ctx, map[string]any{"clients": h.clients[:1]}, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-over:
		case <-r.Context().Done():
		}
	})
	if err != nil {
		return err
	}
	defer dead.down()
	if err := h.emitAtOnce(ctx, h.clients[0], size(500, 5000, 5000)); err != nil {
		return err
	}
	if err := arrived(ctx, []*hookSink{dead}, wa.DefaultInFlight); err != nil {
		return err
	}
	var healthy []*hookSink
	for range 20 {
		s, err := h.sink(ctx, map[string]any{"clients": h.clients[1:]}, nil)
		if err != nil {
			return err
		}
		defer s.down()
		healthy = append(healthy, s)
	}
	rate, lasts := 20, size(5, 40, 60)
	if err := h.emit(ctx, h.clients[1:], rate, time.Duration(lasts)*time.Second); err != nil {
		return err
	}
	if err := arrived(ctx, healthy, rate*lasts); err != nil {
		return err
	}
	late := lateness(healthy)
	name := fmt.Sprintf("one dead endpoint with %d queued beside 20 healthy ones with %d events/s", size(500, 5000, 5000), rate)
	b.report(figure{Name: name + ": healthy, event → first attempt, p99", Ours: ms(percentile(late, .99)), Unit: "ms", N: len(late)}.within(2000))
	b.report(figure{Name: name + ": healthy, p50", Ours: ms(percentile(late, .5)), Unit: "ms", N: len(late)})
	return nil
}

// hookStage is a platform with clients that nobody has paired, whose events are
// written by the measurement itself.
type hookStage struct {
	*platform
	worker  *process
	db      *store.DB
	clients []wa.ClientID
	chats   []wa.ChatID
}

func (b *bench) hookStage(ctx context.Context) (_ *hookStage, err error) {
	p, err := b.newPlatform(ctx, "")
	if err != nil {
		return nil, err
	}
	h := &hookStage{platform: p}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	for _, name := range []string{"api", "scheduler", "worker"} {
		if h.worker, err = p.start(ctx, name, hooksHere); err != nil {
			return nil, err
		}
	}
	if h.db, err = store.Open(ctx, store.Options{URL: p.url, MaxConns: 16, Name: "bench"}); err != nil {
		return nil, err
	}
	return h, h.people(ctx, 16)
}

func (h *hookStage) close() {
	if h.db != nil {
		h.db.Close()
	}
	h.platform.close()
}

// people makes clients, each with somebody who writes to it.
func (h *hookStage) people(ctx context.Context, n int) error {
	for i := range n {
		var c struct {
			ID wa.ClientID `json:"id"`
		}
		if err := h.call(ctx, http.MethodPost, "/clients", map[string]any{"name": own(i)}, &c); err != nil {
			return err
		}
		err := h.db.InOrg(ctx, h.org, func(tx *store.Tx) error {
			person, _, err := tx.Person(ctx, h.org, wa.Phone("+"+recipient(i)), "")
			if err != nil {
				return err
			}
			chat, err := tx.DirectChat(ctx, h.org, c.ID, person.ID)
			h.clients, h.chats = append(h.clients, c.ID), append(h.chats, chat)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// emit writes events at a fixed rate, over all of some clients, as if somebody
// wrote to them.
func (h *hookStage) emit(ctx context.Context, clients []wa.ClientID, rate int, d time.Duration) error {
	total, began := int(float64(rate)*d.Seconds()), time.Now()
	const hands = 16
	errs := make([]error, hands)
	var crew sync.WaitGroup
	for i := range hands {
		crew.Go(func() {
			for n := i; n < total && errs[i] == nil; n += hands {
				time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(rate))))
				errs[i] = h.write(ctx, clients[n%len(clients)], 1)
			}
		})
	}
	crew.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *hookStage) emitAtOnce(ctx context.Context, client wa.ClientID, n int) error {
	for ; n > 0; n -= 500 {
		if err := h.write(ctx, client, min(n, 500)); err != nil {
			return err
		}
	}
	return nil
}

func (h *hookStage) write(ctx context.Context, client wa.ClientID, n int) error {
	chat := h.chats[0]
	for i, c := range h.clients {
		if c == client {
			chat = h.chats[i]
		}
	}
	return h.db.InOrg(ctx, h.org, func(tx *store.Tx) error {
		for range n {
			m := wa.Message{
				ID: wa.NewMessageID(), OrgID: h.org, ClientID: client, ChatID: chat, Direction: wa.Inbound, Origin: wa.FromContact, Type: wa.KindText,
				Text: &wa.Text{Body: "Good morning! Is the blue one still there, and could I come and see it on Tuesday?"}, Status: wa.Received,
				Provider: wa.ProviderWhatsmeow, WireID: "3EB0C431C26A1916E07A", From: wa.Recipient{Phone: "+5511987654321"},
				CreatedAt: time.Now().UTC(), UpdatedAt: time.Now().UTC(),
			}
			if err := tx.Emit(h.org, client, wa.MessageReceived, wa.EventMessage{Message: m}); err != nil {
				return err
			}
		}
		return nil
	})
}

// hookSink is a customer's server at a fixed address. It knows ids, and for
// each how long after the event it first came.
type hookSink struct {
	addr   string
	id     wa.EndpointID
	answer http.HandlerFunc
	mu     sync.Mutex
	late   map[string]time.Duration
	srv    *http.Server
	newest time.Time
}

// sink makes a server and its endpoint; more are its other settings.
func (p *platform) sink(ctx context.Context, more map[string]any, answer http.HandlerFunc) (*hookSink, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &hookSink{addr: l.Addr().String(), answer: answer, late: map[string]time.Duration{}}
	s.serve(l)
	body := map[string]any{"url": "http://" + s.addr + "/hook"}
	for name, value := range more {
		body[name] = value
	}
	var made struct {
		ID wa.EndpointID `json:"id"`
	}
	err = p.call(ctx, http.MethodPost, "/webhooks", body, &made)
	s.id = made.ID
	return s, err
}

func (s *hookSink) serve(l net.Listener) {
	s.srv = &http.Server{Handler: s, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.srv.Serve(l) }()
}

// up listens again; down refuses connections and breaks those that there are.
func (s *hookSink) up(ctx context.Context) error {
	return eventually(ctx, upWithin, "the receiver listens", func() (bool, error) {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.addr)
		if err == nil {
			s.serve(l)
		}
		return err == nil, nil
	})
}

func (s *hookSink) down() { _ = s.srv.Close() }

func (s *hookSink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := time.Now()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	id := r.Header.Get("Webhook-Id")
	late := now.Sub(createdAt(body))
	s.mu.Lock()
	if _, known := s.late[id]; !known {
		s.late[id], s.newest = late, now
	}
	s.mu.Unlock()
	if s.answer != nil {
		s.answer(w, r)
	}
}

// createdAt finds the event's own time, which comes before any other, without
// decoding the whole.
func createdAt(body []byte) time.Time {
	const before = `"created_at":`
	i := bytes.Index(body, []byte(before))
	if i < 0 {
		return time.Time{}
	}
	var at time.Time
	_ = json.NewDecoder(bytes.NewReader(body[i+len(before):])).Decode(&at) // a zero time shows
	return at
}

func (s *hookSink) known() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.late)
}

// last is when the newest event came.
func (s *hookSink) last() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest
}

// arrived waits until every sink knows n events.
func arrived(ctx context.Context, sinks []*hookSink, n int) error {
	return eventually(ctx, 2*time.Minute, fmt.Sprintf("%d events at each endpoint", n), func() (bool, error) {
		for _, s := range sinks {
			if s.known() < n {
				return false, nil
			}
		}
		return true, nil
	})
}

func lateness(sinks []*hookSink) (all []time.Duration) {
	for _, s := range sinks {
		s.mu.Lock()
		for _, d := range s.late {
			all = append(all, d)
		}
		s.mu.Unlock()
	}
	return all
}

func forget(sinks []*hookSink) {
	for _, s := range sinks {
		s.mu.Lock()
		clear(s.late)
		s.mu.Unlock()
	}
}
