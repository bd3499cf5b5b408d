package whatsim

import (
	"sync"
	"time"
)

// Socket is the record of one connection.
type Socket struct {
	ID       int64     `json:"id"`
	Remote   string    `json:"remote"`
	Opened   time.Time `json:"opened"`
	LoggedIn time.Time `json:"logged_in,omitzero"`
	Closed   time.Time `json:"closed,omitzero"`
	Number   string    `json:"number,omitempty"`
	Device   uint16    `json:"device,omitempty"`
}

// Overlap is a time in which two connections of one device were logged in at once.
type Overlap struct {
	Number   string        `json:"number"`
	Device   uint16        `json:"device"`
	Older    int64         `json:"older"` // socket ids
	Newer    int64         `json:"newer"`
	Duration time.Duration `json:"duration"` // in nanoseconds
}

// Stats counts connections.
type Stats struct {
	Connections     int `json:"connections"`
	Peak            int `json:"peak"`
	Opened          int `json:"opened"`
	Logins          int `json:"logins"`
	OpenedPerSecond int `json:"opened_per_second_peak"` // most connections opened within one clock second
	Messages        int `json:"messages"`               // visible ones
	Frames          int `json:"frames"`                 // raw message stanzas
}

// socketBook keeps the records of all connections, ended ones included.
type socketBook struct {
	mu     sync.Mutex
	all    []*Socket
	conns  map[*Socket]*conn
	now    int
	peak   int
	logins int
	second int64
	inIt   int
	most   int
}

func newSocketBook() *socketBook { return &socketBook{conns: map[*Socket]*conn{}} }

func (b *socketBook) open(id int64, remote string) *Socket {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	sock := &Socket{ID: id, Remote: remote, Opened: now}
	b.all = append(b.all, sock)
	b.now++
	b.peak = max(b.peak, b.now)
	if now.Unix() != b.second {
		b.second, b.inIt = now.Unix(), 0
	}
	b.inIt++
	b.most = max(b.most, b.inIt)
	return sock
}

func (b *socketBook) attach(sock *Socket, c *conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conns[sock] = c
}

func (b *socketBook) loggedIn(c *conn, number string, id uint16) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.logins++
	for sock, other := range b.conns {
		if other == c {
			sock.Number, sock.Device, sock.LoggedIn = number, id, time.Now()
		}
	}
}

func (b *socketBook) close(sock *Socket) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now--
	sock.Closed = time.Now()
	delete(b.conns, sock)
}

// live lists the connections that are past their handshake.
func (b *socketBook) live() []*conn {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]*conn, 0, len(b.conns))
	for _, c := range b.conns {
		out = append(out, c)
	}
	return out
}

// Sockets lists every connection there was, oldest first; number "" selects all.
func (s *Server) Sockets(number string) []Socket {
	s.sockets.mu.Lock()
	defer s.sockets.mu.Unlock()
	out := []Socket{}
	for _, sock := range s.sockets.all {
		if number == "" || sock.Number == number {
			out = append(out, *sock)
		}
	}
	return out
}

// Overlaps lists where a device logged in while an older connection of it was still there.
func (s *Server) Overlaps() []Overlap {
	last := map[string]Socket{}
	out := []Overlap{}
	for _, sock := range s.Sockets("") {
		if sock.LoggedIn.IsZero() {
			continue
		}
		key := pnJID(sock.Number, sock.Device).String()
		older, ok := last[key]
		last[key] = sock
		if !ok || !older.Closed.IsZero() && older.Closed.Before(sock.LoggedIn) {
			continue
		}
		end := older.Closed
		if end.IsZero() {
			end = time.Now()
		}
		out = append(out, Overlap{sock.Number, sock.Device, older.ID, sock.ID, end.Sub(sock.LoggedIn)})
	}
	return out
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	visible := len(s.Messages(Query{}))
	b := s.sockets
	b.mu.Lock()
	defer b.mu.Unlock()
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	return Stats{b.now, b.peak, len(b.all), b.logins, b.most, visible, len(s.ledger.frames)}
}
