package whatsim

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"chasqui/internal/whatsim/noise"
)

const (
	handshakeTimeout = 20 * time.Second
	writeTimeout     = 30 * time.Second
)

// conn is one websocket of a client, from the finished handshake to its end.
type conn struct {
	id   int64
	srv  *Server
	ws   *websocket.Conn
	in   *noise.Cipher
	key  [32]byte // the client's noise key
	ctx  context.Context
	stop context.CancelFunc

	outMu  sync.Mutex // guards out, buf and ending
	out    *noise.Cipher
	buf    []byte
	ending bool
	wake   chan struct{}

	// Set by the read loop before anything else sees the connection, or guarded by Server.mu.
	dev     *device       // after a login
	reg     *registration // while it waits to be paired
	active  bool          // stanzas may be pushed
	asked   *passkeyExchange
	answers map[string]func(*node)

	unconfirmed int  // stanzas at the head of the device's queue that were sent on this connection
	offline     int  // stanzas that waited when the connection became active
	backlog     int  // of these, not sent yet
	synced      bool // the end of the offline queue was announced
}

// serveWA answers the upgrade of a websocket and runs the connection until it ends.
func (s *Server) serveWA(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/ws/chat" {
		s.event(Event{Kind: EventStrayHTTP, Detail: r.Method + " " + r.Host + r.URL.Path})
		http.NotFound(w, r)
		return
	}
	if !s.admit(w, r) {
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		s.log.Debug("upgrade failed", "err", err)
		return
	}
	ws.SetReadLimit(maxFrame + prologueSize + lengthSize)
	s.running.Add(1)
	defer s.running.Done()
	defer func() { _ = ws.CloseNow() }()
	sock := s.sockets.open(s.ids.Add(1), r.RemoteAddr)
	defer s.sockets.close(sock)
	s.serveSocket(ws, sock)
}

// serveSocket shakes hands and then reads until the connection ends.
func (s *Server) serveSocket(ws *websocket.Conn, sock *Socket) {
	ctx, stop := context.WithCancel(s.ctx)
	defer stop()
	in := &frames{ws: ws}
	res, err := s.shakeHands(ctx, in)
	if err != nil {
		s.log.Debug("handshake failed", "socket", sock.ID, "err", err)
		s.event(Event{Kind: EventHandshakeFailed, Socket: sock.ID, Detail: err.Error()})
		return
	}
	c := &conn{
		id: sock.ID, srv: s, ws: ws, in: res.In, out: res.Out, key: res.ClientStatic, ctx: ctx, stop: stop,
		wake: make(chan struct{}, 1), answers: map[string]func(*node){},
	}
	s.sockets.attach(sock, c)
	s.goWhileRunning(c.writeLoop)
	defer s.closed(c)
	s.greet(c, res.Payload)
	c.readLoop(in)
}

func (s *Server) shakeHands(ctx context.Context, in *frames) (*noise.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	prologue, err := in.prologue(ctx)
	if err != nil {
		return nil, err
	}
	r, err := noise.NewResponder(s.identity, prologue)
	if err != nil {
		return nil, err
	}
	frame, err := in.next(ctx)
	if err != nil {
		return nil, err
	}
	hello, err := r.Hello(frame)
	if err != nil {
		return nil, err
	}
	if err := in.ws.Write(ctx, websocket.MessageBinary, append(appendFrameHead(nil, len(hello)), hello...)); err != nil {
		return nil, err
	}
	if frame, err = in.next(ctx); err != nil {
		return nil, err
	}
	return r.Finish(frame)
}

// readLoop handles the client's stanzas in order, one at a time.
func (c *conn) readLoop(in *frames) {
	for {
		frame, err := in.next(c.ctx)
		if err != nil || c.ctx.Err() != nil {
			return
		}
		plain, err := c.in.Open(frame)
		if err != nil {
			c.srv.log.Warn("unreadable frame", "socket", c.id, "err", err)
			return
		}
		n, err := decode(plain)
		if err != nil {
			c.srv.log.Warn("undecodable stanza", "socket", c.id, "err", err)
			continue
		}
		c.srv.handle(c, n)
	}
}

// send queues a stanza. After the end of a session was announced nothing else is sent.
func (c *conn) send(n node) {
	raw, err := encode(n)
	if err != nil {
		c.srv.log.Error("stanza lost", "err", err)
		return
	}
	c.sendRaw(raw)
}

// sendRaw queues an encoded stanza. Stanzas leave in the order of the calls; several whole frames may share one websocket
// message, and no frame is ever cut in two (the client cannot put such a frame together).
func (c *conn) sendRaw(raw []byte) {
	c.outMu.Lock()
	defer c.outMu.Unlock()
	if !c.ending {
		c.append(raw)
	}
}

func (c *conn) append(raw []byte) {
	c.buf = appendFrameHead(c.buf, len(raw)+c.out.Overhead())
	c.buf = c.out.Seal(c.buf, raw)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *conn) writeLoop() {
	for {
		select {
		case <-c.ctx.Done():
			return
		case <-c.wake:
		}
		c.outMu.Lock()
		batch := c.buf
		c.buf = nil
		c.outMu.Unlock()
		if len(batch) > 0 && !c.write(batch) {
			c.drop()
			return
		}
	}
}

func (c *conn) write(batch []byte) bool {
	ctx, cancel := context.WithTimeout(c.ctx, writeTimeout)
	defer cancel()
	return c.ws.Write(ctx, websocket.MessageBinary, batch) == nil
}

// end sends a last stanza and closes after the grace period: a client that sees the end of the socket together with the
// stanza forgets the stanza.
func (c *conn) end(last node) { c.endAfter(c.srv.opts.Grace, last) }

func (c *conn) endAfter(grace time.Duration, last node) {
	raw, err := encode(last)
	if err != nil {
		c.srv.log.Error("stanza lost", "err", err)
	}
	c.outMu.Lock()
	already := c.ending
	if !already {
		c.append(raw)
	}
	c.ending = true
	c.outMu.Unlock()
	if !already {
		time.AfterFunc(grace, c.drop)
	}
}

func (c *conn) isEnding() bool {
	c.outMu.Lock()
	defer c.outMu.Unlock()
	return c.ending
}

// drop cuts the connection without a word.
func (c *conn) drop() {
	c.stop()
	_ = c.ws.CloseNow()
}
