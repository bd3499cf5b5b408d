package queue_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"chasqui/internal/devstack"
	"chasqui/internal/queue"
	"chasqui/internal/wa"
)

// redisURL starts a Redis of the test's own: asynq's keys have no prefix, and
// these tests wipe and pause.
func redisURL(t *testing.T) string {
	t.Helper()
	s, err := devstack.Up(t.Context(), devstack.Options{DatabaseURL: "none is needed"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Down(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s.RedisURL
}

func open(t *testing.T, url string, forRinger bool) *redis.Client {
	t.Helper()
	rdb, err := queue.OpenRedis(url, forRinger)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rdb.Close() })
	return rdb
}

func inspector(t *testing.T, rdb *redis.Client) *asynq.Inspector {
	t.Helper()
	return asynq.NewInspectorFromRedisClient(rdb)
}

func ringer(rdb *redis.Client) *queue.Ringer { return queue.NewRinger(rdb, discard()) }

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

// serve runs a server for slot until the test ends, or until stop is called.
func serve(t *testing.T, rdb *redis.Client, slot int, b queue.Board, o queue.Options) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	if o.Capacity == 0 {
		o.Capacity = 10
	}
	go func() {
		defer close(done)
		if err := queue.Serve(ctx, rdb, slot, b, o); err != nil {
			t.Errorf("serve: %v", err)
		}
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(stop)
	return stop
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
		select {
		case <-time.After(5 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal("the test ended")
		}
	}
}

// within fails when something takes longer than d.
func within(t *testing.T, d time.Duration, what string, do func()) {
	t.Helper()
	began := time.Now()
	do()
	if took := time.Since(began); took > d {
		t.Errorf("%s took %s, more than %s", what, took, d)
	}
}

// board is a worker as tickets see it. Its fields answer; unset ones say that
// the client is held and nothing waits.
type board struct {
	ring     func(wa.ClientID, wa.Lane) bool
	await    func(context.Context, wa.MessageID) (wa.Status, string, string, bool)
	forecast func(wa.ClientID) (time.Time, wa.Wait)
	kick     func(wa.ClientID) bool
	assign   func(wa.ClientID)
	backlog  func(context.Context, wa.ClientID) (int, error)
	owner    func(context.Context, wa.ClientID) (int, bool)
}

func (b *board) Ring(c wa.ClientID, l wa.Lane) bool { return b.ring == nil || b.ring(c, l) }

func (b *board) Await(ctx context.Context, _ wa.ClientID, m wa.MessageID) (wa.Status, string, string, bool) {
	if b.await == nil {
		return wa.Sent, "", "3EB0000000000000000000", true
	}
	return b.await(ctx, m)
}

func (b *board) Forecast(c wa.ClientID) (time.Time, wa.Wait) {
	if b.forecast == nil {
		return time.Time{}, wa.NoWait
	}
	return b.forecast(c)
}

func (b *board) Kick(c wa.ClientID) bool { return b.kick == nil || b.kick(c) }

func (b *board) Assign(c wa.ClientID) {
	if b.assign != nil {
		b.assign(c)
	}
}

func (b *board) Backlog(ctx context.Context, c wa.ClientID) (int, error) {
	if b.backlog == nil {
		return 0, nil
	}
	return b.backlog(ctx, c)
}

func (b *board) Owner(ctx context.Context, c wa.ClientID) (int, bool) {
	if b.owner == nil {
		return 0, false
	}
	return b.owner(ctx, c)
}

// wire stands between the package and Redis, and breaks when told to.
type wire struct {
	t      *testing.T
	to     string
	listen net.Listener
	url    string

	mu    sync.Mutex
	mode  mode
	conns map[net.Conn]bool
}

type mode int

const (
	passing mode = iota
	hanging      // takes connections and bytes, answers nothing
	closed       // ends every connection
)

func newWire(t *testing.T, redisURL string) *wire {
	t.Helper()
	u, err := url.Parse(redisURL)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, to: u.Path, listen: l, url: "redis://" + l.Addr().String() + "/0", conns: map[net.Conn]bool{}}
	if u.Scheme != "unix" {
		t.Fatalf("these tests need a redis-server on a socket, not %s", u.Scheme)
	}
	go w.accept()
	t.Cleanup(func() {
		l.Close()
		w.set(closed)
	})
	return w
}

func (w *wire) accept() {
	for {
		c, err := w.listen.Accept()
		if err != nil {
			return
		}
		go w.carry(c)
	}
}

func (w *wire) carry(c net.Conn) {
	defer c.Close()
	if !w.keep(c) {
		return
	}
	r, err := net.Dial("unix", w.to)
	if err != nil {
		return
	}
	defer r.Close()
	if !w.keep(r) {
		return
	}
	go w.copy(r, c)
	w.copy(c, r)
}

// keep remembers a connection, to break it.
func (w *wire) keep(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conns[c] = true
	return w.mode != closed
}

func (w *wire) copy(to io.Writer, from io.Reader) {
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		w.mu.Lock()
		hang := w.mode == hanging
		w.mu.Unlock()
		if hang {
			continue
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// set breaks or mends the wire.
func (w *wire) set(m mode) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.mode = m
	if m == hanging {
		return
	}
	for c := range w.conns { // what was swallowed while hanging cannot be had back
		c.Close()
		delete(w.conns, c)
	}
}
