package api_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"chasqui/internal/api"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func closingWith(c <-chan struct{}) func(*api.Deps) { return func(d *api.Deps) { d.Closing = c } }

// sse is one event of a stream.
type sse struct{ id, event, data string }

// listener reads a stream in the background.
type listener struct {
	resp   *http.Response
	events chan sse
	stop   context.CancelFunc
}

func (w *world) stream(t *testing.T, c call) *listener {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &listener{resp: w.open(t, ctx, c), events: make(chan sse, 1000), stop: stop}
	t.Cleanup(func() { stop(); _ = l.resp.Body.Close() })
	if ct := l.resp.Header.Get("Content-Type"); l.resp.StatusCode != http.StatusOK || ct != "text/event-stream" {
		t.Fatalf("stream: %d, Content-Type %s", l.resp.StatusCode, ct)
	}
	go l.read()
	return l
}

func (l *listener) read() {
	defer close(l.events)
	var e sse
	for lines := bufio.NewScanner(l.resp.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.event = value
		case "data":
			e.data = value
		}
		if lines.Text() == "" && e.event != "" {
			l.events <- e
			e = sse{}
		}
	}
}

func (l *listener) next(t *testing.T) sse {
	t.Helper()
	select {
	case e, ok := <-l.events:
		if !ok {
			t.Fatal("the stream has ended")
		}
		return e
	case <-time.After(patience):
		t.Fatal("nothing comes")
	}
	return sse{}
}

func (l *listener) expect(t *testing.T, event, contains string) sse {
	t.Helper()
	e := l.next(t)
	if e.event != event || !strings.Contains(e.data, contains) {
		t.Fatalf("got %+v, want %s with %s", e, event, contains)
	}
	return e
}

func (l *listener) expectEnd(t *testing.T) {
	t.Helper()
	select {
	case e, ok := <-l.events:
		if ok {
			t.Fatalf("the stream goes on: %+v", e)
		}
	case <-time.After(patience):
		t.Fatal("the stream does not end")
	}
}

type feedPage struct {
	Data []wa.Event
	Next *wa.EventID
}

// settle waits until n events can be read: the feed stays behind transactions
// that are still open anywhere on the server, such as those of other tests.
func (w *world) settle(t *testing.T, n int) {
	t.Helper()
	testkit.Eventually(t, patience, fmt.Sprintf("%d events can be read", n), func() bool {
		return len(decode[feedPage](t, w.do(t, call{method: "GET", path: "/api/v1/events?limit=200", key: w.admin}).body).Data) == n
	})
}

func TestEventsAreReadInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	read := func(query string) feedPage {
		r := w.do(t, call{method: "GET", path: "/api/v1/events" + query, key: w.admin})
		if r.status != http.StatusOK {
			t.Fatalf("GET events%s: %d %s", query, r.status, r.body)
		}
		return decode[feedPage](t, r.body)
	}
	if p := read(""); len(p.Data) != 0 || p.Next != nil {
		t.Errorf("an empty feed: %+v", p)
	}
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	var sent []string
	for i := range 5 {
		sent = append(sent, w.send(t, fmt.Sprintf("+551190000200%d", i), "x").ID.String())
	}
	w.do(t, call{method: "PUT", path: "/api/v1/clients/{client}/limits", key: boss, body: `{"per_minute":19}`})
	w.settle(t, 6)
	var got []string
	after := ""
	for page := read("?limit=2"); len(page.Data) > 0; page = read("?limit=2&after=" + after) {
		for _, e := range page.Data {
			got = append(got, string(e.Type))
		}
		after = page.Next.String()
	}
	if want := "message.queued message.queued message.queued message.queued message.queued client.limits_changed"; strings.Join(got, " ") != want {
		t.Errorf("got %v", got)
	}
	if p := read("?after=" + after); len(p.Data) != 0 || p.Next == nil || p.Next.String() != after {
		t.Errorf("the end of the feed: %+v", p)
	}
	if p := read("?types=client.limits_changed,client.paired"); len(p.Data) != 1 || p.Data[0].Sequence == nil {
		t.Errorf("by type: %+v", p)
	}
	if p := read("?types=client.*"); len(p.Data) != 1 {
		t.Errorf("by a group of types: %+v", p)
	}
	if p := read("?types=message.*,client.paired"); len(p.Data) != 5 {
		t.Errorf("by a group and a type: %+v", p)
	}
	if p := read("?types=*"); len(p.Data) != 6 {
		t.Errorf("by all types: %+v", p)
	}
	if p := read("?client=" + testkit.Client(t, w.db, w.org.ID).ID.String()); len(p.Data) != 0 {
		t.Errorf("by another client: %+v", p)
	}
	if p := read("?newest=true&limit=2"); len(p.Data) != 2 || string(p.Data[1].Type) != "client.limits_changed" || p.Next.String() != after {
		t.Errorf("the newest: %+v", p)
	}
	if r := w.do(t, call{method: "GET", path: "/api/v1/events?newest=true&after=" + after, key: w.admin}); r.status != http.StatusUnprocessableEntity {
		t.Errorf("both ends at once: %d %s", r.status, r.body)
	}
	first := read("?limit=1").Data[0]
	if !strings.Contains(string(first.Data), sent[0]) || first.Version == "" || first.OrgID != w.org.ID {
		t.Errorf("first event: %+v", first)
	}
	foreign := w.do(t, call{method: "GET", path: "/api/v1/events?after=" + first.ID.String(), key: w.stranger.key})
	if checkProblem(t, foreign); foreign.status != http.StatusNotFound {
		t.Errorf("after a foreign event: %d", foreign.status)
	}
	if r := w.do(t, call{method: "GET", path: "/api/v1/events", key: w.stranger.key}); !strings.Contains(r.body, `"data":[]`) {
		t.Errorf("a stranger reads %s", r.body)
	}
}

// TestFeedCountsTransactionsAsNumbers has events of transactions 9 and 10.
func TestFeedCountsTransactionsAsNumbers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tx := range []string{"10", "9"} {
		w.exec(t, `INSERT INTO events (id, org_id, type, data, tx) VALUES ($1, $2, 'client.error', $3, $4::xid8)`,
			wa.NewEventID().UUID(), w.org.ID.UUID(), tx, tx)
	}
	var got []string
	path := "/api/v1/events?limit=1"
	for range 3 {
		p := decode[feedPage](t, w.do(t, call{method: "GET", path: path, key: w.admin}).body)
		for _, e := range p.Data {
			got = append(got, string(e.Data))
			path = "/api/v1/events?limit=1&after=" + e.ID.String()
		}
	}
	if strings.Join(got, " ") != "9 10" {
		t.Errorf("read in the order %v", got)
	}
	newest := decode[feedPage](t, w.do(t, call{method: "GET", path: "/api/v1/events?newest=true&limit=1", key: w.admin}).body)
	if len(newest.Data) != 1 || string(newest.Data[0].Data) != "10" {
		t.Errorf("the newest of them: %+v", newest)
	}
}

func TestLongPoll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	done := make(chan reply, 1)
	go func() {
		done <- w.do(t, call{method: "GET", path: "/api/v1/events?wait=25&types=message.queued", key: w.admin})
	}()
	w.do(t, call{method: "POST", path: "/api/v1/clients/{client}/pause", key: w.admin}) // of no interest
	m := w.send(t, "+5511900003000", "x")
	select {
	case r := <-done:
		if !strings.Contains(r.body, m.ID.String()) {
			t.Errorf("%d %s", r.status, r.body)
		}
	case <-time.After(patience):
		t.Error("the poll does not end")
	}
	if r := w.do(t, call{method: "GET", path: "/api/v1/events?wait=1&types=message.read", key: w.admin}); r.status != 200 || !strings.Contains(r.body, `"data":[]`) {
		t.Errorf("nothing came: %d %s", r.status, r.body)
	}
}

func TestEventStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(t, "+5511900004000", "before anybody listened")
	w.settle(t, 1)
	all := w.stream(t, call{method: "GET", path: "/api/v1/events/stream", key: w.admin})
	some := w.stream(t, call{method: "GET", path: "/api/v1/events/stream?types=client.limits_changed", key: w.admin})
	theirs := w.stream(t, call{method: "GET", path: "/api/v1/events/stream", key: w.stranger.key})
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	m := w.send(t, "+5511900004001", "now")
	first := all.expect(t, "message.queued", m.ID.String())
	w.do(t, call{method: "PUT", path: "/api/v1/clients/{client}/limits", key: boss, body: `{"per_minute":19}`})
	second := all.expect(t, "client.limits_changed", `"sequence":1`)
	some.expect(t, "client.limits_changed", w.client.ID.String())
	all.stop()

	again := w.stream(t, call{method: "GET", path: "/api/v1/events/stream", key: w.admin, header: map[string]string{"Last-Event-ID": first.id}})
	if e := again.next(t); e != second {
		t.Errorf("after %s came %+v, want %+v", first.id, e, second)
	}
	w.do(t, call{method: "POST", path: "/api/v1/clients/{stranger}/messages", key: w.stranger.key, body: good})
	theirs.expect(t, "message.queued", w.stranger.client.ID.String())
	for _, bad := range []string{"nonsense", wa.NewEventID().String()} {
		r := w.do(t, call{method: "GET", path: "/api/v1/events/stream", key: w.admin, header: map[string]string{"Last-Event-ID": bad}})
		if p := checkProblem(t, r); r.status < 400 || p.Errors[0].Location != "header.Last-Event-ID" {
			t.Errorf("Last-Event-ID %s: %d %s", bad, r.status, r.body)
		}
	}
}

// TestManyListenersMissNothing has writers and listeners at once.
func TestManyListenersMissNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const listeners, writers, each = 5, 4, 15
	streams := make([]*listener, listeners)
	for i := range streams {
		streams[i] = w.stream(t, call{method: "GET", path: "/api/v1/events/stream", key: w.admin})
	}
	for i := range writers {
		go func() {
			for n := range each {
				r := w.do(t, call{method: "POST", path: sendPath, key: w.admin, body: fmt.Sprintf(`{"to":"+55119%d%07d","text":{"body":"x"}}`, i, n)})
				if r.status != http.StatusAccepted {
					t.Errorf("%d %s", r.status, r.body)
				}
			}
		}()
	}
	for _, s := range streams {
		seen := map[string]bool{}
		for range writers * each {
			e := s.next(t)
			if seen[e.id] {
				t.Errorf("%s came twice", e.id)
			}
			seen[e.id] = true
		}
	}
}

// TestStreamsEnd when the server closes and when their key opens nothing any
// more.
func TestStreamsEnd(t *testing.T) {
	t.Parallel()
	closing := make(chan struct{})
	w := newWorld(t, closingWith(closing))
	key := testkit.Key(t, w.db, w.org.ID, wa.ReadEvents)
	revoked := w.stream(t, call{method: "GET", path: "/api/v1/events/stream", key: key})
	other := w.stream(t, call{method: "GET", path: "/api/v1/events/stream", key: w.admin})
	w.exec(t, `UPDATE api_keys SET revoked_at = now() WHERE public_id = $1`, strings.Split(key.Reveal(), "_")[2])
	revoked.expectEnd(t)
	poll := make(chan reply, 1)
	go func() { poll <- w.do(t, call{method: "GET", path: "/api/v1/events?wait=30", key: w.admin}) }()
	m := w.send(t, "+5511900005000", "still listening")
	other.expect(t, "message.queued", m.ID.String())
	close(closing)
	other.expectEnd(t)
	select {
	case <-poll:
	case <-time.After(patience):
		t.Error("the long poll does not end")
	}
}

// TestWaitingOutlivesTheWriteTimeout has a server that gives every answer less
// time than the waiting takes.
func TestWaitingOutlivesTheWriteTimeout(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	slow := httptest.NewUnstartedServer(w.Config.Handler)
	slow.Config.WriteTimeout = 100 * time.Millisecond
	slow.Start()
	t.Cleanup(slow.Close)
	usual := w.Server
	w.Server = slow
	s := w.stream(t, call{method: "GET", path: "/api/v1/events/stream", key: w.admin})
	if r := w.do(t, call{method: "GET", path: "/api/v1/events?wait=1", key: w.admin}); r.status != http.StatusOK {
		t.Errorf("long poll: %d %s", r.status, r.body)
	}
	w.Server = usual // sending takes what it takes
	m := w.send(t, "+5511900006000", "after the timeout")
	s.expect(t, "message.queued", m.ID.String())
}
