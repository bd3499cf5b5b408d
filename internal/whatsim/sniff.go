package whatsim

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// tlsRecord is the first byte of a TLS handshake; anything else on the port is plain HTTP.
const tlsRecord = 0x16

// sniffer is a listener that serves TLS and plain connections on one port.
type sniffer struct {
	net.Listener
	ready chan net.Conn
	done  chan struct{}
	once  sync.Once
}

// sniff wraps a listener. While the server refuses connections they are reset before a byte is read.
func (s *Server) sniff(raw net.Listener) net.Listener {
	l := &sniffer{Listener: raw, ready: make(chan net.Conn), done: make(chan struct{})}
	cfg := &tls.Config{Certificates: []tls.Certificate{s.cert}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	s.goWhileRunning(func() { s.acceptLoop(l, cfg) })
	return l
}

func (s *Server) acceptLoop(l *sniffer, cfg *tls.Config) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			l.stop()
			return
		}
		if s.refusing.Load() {
			reset(c)
			continue
		}
		s.goWhileRunning(func() { l.offer(s.ctx, c, cfg) })
	}
}

// offer reads the first byte and hands the connection to Accept.
func (l *sniffer) offer(ctx context.Context, c net.Conn, cfg *tls.Config) {
	first := make([]byte, 1)
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		reset(c)
		return
	}
	unwatch := context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
	_, err := c.Read(first)
	unwatch()
	if err != nil {
		reset(c)
		return
	}
	if err := c.SetReadDeadline(time.Time{}); err != nil {
		reset(c)
		return
	}
	var out net.Conn = &peeked{Conn: c, first: first}
	if first[0] == tlsRecord {
		out = tls.Server(out, cfg)
	}
	select {
	case l.ready <- out:
	case <-l.done:
		reset(c)
	}
}

func (l *sniffer) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *sniffer) Close() error {
	l.stop()
	return l.Listener.Close()
}

func (l *sniffer) stop() { l.once.Do(func() { close(l.done) }) }

// reset closes a TCP connection so that the other side sees a reset, not an orderly end.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}

// peeked gives back the byte that was read to look at it.
type peeked struct {
	net.Conn
	first []byte
}

func (p *peeked) Read(b []byte) (int, error) {
	if len(p.first) > 0 {
		n := copy(b, p.first)
		p.first = p.first[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}
