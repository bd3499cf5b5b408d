package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Proxy stands before a service and makes its connections fail.
type Proxy struct {
	listener      net.Listener
	network, addr string // of the service

	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever something below changes
	refuse  bool
	hang    [2]bool // by direction: nothing passes
	delay   time.Duration
	pattern []byte
	trapped func()
	stall   []byte
	stalled func()
	links   map[*link]bool
}

// The directions.
const (
	up   = iota // to the service
	down        // from it
)

// link is one connection through the proxy. What is held in a direction is
// kept back for good.
type link struct {
	client, service net.Conn
	held            [2]bool
}

// NewProxy listens on a port of this machine and passes everything on to a
// service ("tcp" or "unix").
func NewProxy(network, addr string) (*Proxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("proxy: %w", err)
	}
	p := &Proxy{listener: l, network: network, addr: addr, changed: make(chan struct{}), links: map[*link]bool{}}
	go p.accept()
	return p, nil
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Close ends the proxy and its connections.
func (p *Proxy) Close() error {
	err := p.listener.Close()
	p.Cut()
	return err
}

// Pass ends every fault. Connections that are still there go on.
func (p *Proxy) Pass() {
	p.set(func() {
		p.refuse, p.hang, p.delay = false, [2]bool{}, 0
		p.pattern, p.trapped, p.stall, p.stalled = nil, nil, nil, nil
	})
}

// Refuse cuts every connection and resets new ones.
func (p *Proxy) Refuse() {
	p.set(func() { p.refuse = true })
	p.Cut()
}

// Hang lets nothing through any more, without a word to either side.
func (p *Proxy) Hang() { p.set(func() { p.hang = [2]bool{true, true} }) }

// HangAnswers lets requests through, and no answers.
func (p *Proxy) HangAnswers() { p.set(func() { p.hang[down] = true }) }

// Delay holds every piece in both directions for a while.
func (p *Proxy) Delay(d time.Duration) { p.set(func() { p.delay = d }) }

// Trap waits for a request that holds the pattern. It is passed on, its answer
// and all later ones of that connection are kept back, and caught is called,
// once.
func (p *Proxy) Trap(pattern string, caught func()) {
	p.set(func() { p.pattern, p.trapped = []byte(pattern), caught })
}

// Stall keeps every request that holds the pattern back, with all that follows
// it on its connection, and calls caught each time.
func (p *Proxy) Stall(pattern string, caught func()) {
	p.set(func() { p.stall, p.stalled = []byte(pattern), caught })
}

// Cut resets all connections there are.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.reset()
	}
}

func (p *Proxy) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *Proxy) accept() {
	for {
		c, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			go p.serve(c)
		}
	}
}

func (p *Proxy) serve(client net.Conn) {
	l := &link{client: client}
	defer l.reset()
	p.mu.Lock()
	refuse := p.refuse
	p.mu.Unlock()
	if refuse {
		return
	}
	var d net.Dialer
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	service, err := d.DialContext(ctx, p.network, p.addr)
	if err != nil {
		return
	}
	l.service = service
	if !p.add(l) {
		return
	}
	defer p.remove(l)
	go p.copy(l, service, client, up)
	p.copy(l, client, service, down)
}

// add counts the link in, unless connections are refused by now.
func (p *Proxy) add(l *link) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.refuse {
		p.links[l] = true
	}
	return !p.refuse
}

func (p *Proxy) remove(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

func (p *Proxy) copy(l *link, to, from net.Conn, way int) {
	defer l.reset()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if way == up {
				p.look(l, buf[:n])
			}
			if !p.admit(l, way) {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// look springs the traps.
func (p *Proxy) look(l *link, data []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled != nil && !l.held[up] && bytes.Contains(data, p.stall) {
		l.held[up] = true
		go p.stalled()
	}
	if p.trapped == nil || !bytes.Contains(data, p.pattern) {
		return
	}
	caught := p.trapped
	p.pattern, p.trapped, l.held[down] = nil, nil, true
	// Not before the request is on its way.
	time.AfterFunc(200*time.Millisecond, caught)
}

// admit waits until a piece may pass; false means that the link is over.
func (p *Proxy) admit(l *link, way int) bool {
	for {
		p.mu.Lock()
		open, changed, delay, there := !p.hang[way] && !l.held[way], p.changed, p.delay, p.links[l]
		p.mu.Unlock()
		if !there {
			return false
		}
		if open {
			if delay > 0 {
				time.Sleep(delay)
			}
			return true
		}
		select {
		case <-changed:
		case <-time.After(time.Second):
		}
	}
}

// reset ends both sides at once, as a crash does.
func (l *link) reset() {
	for _, c := range []net.Conn{l.client, l.service} {
		if c == nil {
			continue
		}
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetLinger(0) // it may be closed already
		}
		_ = c.Close()
	}
}
