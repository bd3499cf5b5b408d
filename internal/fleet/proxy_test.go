package fleet_test

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// proxy stands between a worker and Postgres and can fall silent or be cut.
type proxy struct {
	url     string
	target  [2]string // network and address
	listen  net.Listener
	mu      sync.Mutex
	cond    *sync.Cond
	silent  bool
	cutOff  bool
	conns   map[net.Conn]bool
	running sync.WaitGroup
}

func newProxy(t *testing.T, database string) *proxy {
	t.Helper()
	cfg, err := pgx.ParseConfig(database)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{target: [2]string{"tcp", fmt.Sprintf("%s:%d", cfg.Host, cfg.Port)}, conns: map[net.Conn]bool{}}
	p.cond = sync.NewCond(&p.mu)
	if strings.HasPrefix(cfg.Host, "/") {
		p.target = [2]string{"unix", fmt.Sprintf("%s/.s.PGSQL.%d", cfg.Host, cfg.Port)}
	}
	if p.listen, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	u := url.URL{Scheme: "postgres", Host: p.listen.Addr().String(), Path: cfg.Database, User: url.UserPassword(cfg.User, cfg.Password), RawQuery: "sslmode=disable"}
	p.url = u.String()
	p.running.Go(p.accept)
	t.Cleanup(func() {
		_ = p.listen.Close()
		p.cut()
		p.running.Wait()
	})
	return p
}

func (p *proxy) accept() {
	for {
		in, err := p.listen.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		off := p.cutOff
		p.mu.Unlock()
		if off {
			_ = in.Close()
			continue
		}
		out, err := net.Dial(p.target[0], p.target[1])
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		p.conns[in], p.conns[out] = true, true
		p.mu.Unlock()
		p.running.Go(func() { p.pump(in, out) })
		p.running.Go(func() { p.pump(out, in) })
	}
}

// pump copies one way until either end closes; while the proxy is silent it
// reads nothing on.
func (p *proxy) pump(from, to net.Conn) {
	defer func() {
		_, _ = from.Close(), to.Close()
		p.mu.Lock()
		delete(p.conns, from)
		delete(p.conns, to)
		p.mu.Unlock()
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		for p.silent && !p.cutOff {
			p.cond.Wait()
		}
		p.mu.Unlock()
		if err != nil {
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// cut closes every connection and lets none in; silence lets nothing through;
// restore ends both.
func (p *proxy) cut() { p.set(false, true) }

func (p *proxy) silence() { p.set(true, false) }

func (p *proxy) restore() { p.set(false, false) }

func (p *proxy) set(silent, cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.silent, p.cutOff = silent, cut
	if cut {
		for c := range p.conns {
			_ = c.Close()
		}
	}
	p.cond.Broadcast()
}
