package whatsim

import (
	"fmt"
	"time"

	"chasqui/internal/whatsim/signal"
)

// Ban describes a temporary ban.
type Ban struct {
	Reason int           // 0 means 402; 401, 403, 405, 406 and others are refused in their own ways
	Code   int           // why, with 402; 0 means 101 ("sent too many messages to people who do not know you")
	Expire time.Duration // 0 means until Unban
}

// Ban ends the sessions of a number and answers its logins with a failure until the ban expires or Unban is called.
func (s *Server) Ban(number string, b Ban) error {
	f := &Refusal{Reason: b.Reason, Code: b.Code, Expire: int(b.Expire / time.Second)}
	if f.Reason == 0 {
		f.Reason = 402
	}
	if f.Reason == 402 && f.Code == 0 {
		f.Code = 101
	}
	if b.Expire > 0 {
		f.Until = time.Now().Add(b.Expire)
	}
	if err := checkNumber(number); err != nil {
		return err
	}
	s.mu.Lock()
	s.phoneLocked(number).refusal = f
	s.touch()
	s.mu.Unlock()
	s.event(Event{Kind: EventBanned, Number: number, Code: f.Reason})
	s.endSessions(number, 0, el("stream:error", attrs{"code": "503"}))
	return nil
}

// Unban lets a number log in again.
func (s *Server) Unban(number string) error {
	if err := checkNumber(number); err != nil {
		return err
	}
	s.mu.Lock()
	s.phoneLocked(number).refusal = nil
	s.touch()
	s.mu.Unlock()
	s.ledger.stir()
	return nil
}

// Logout removes every companion of a number, as a person does in the list of linked devices.
func (s *Server) Logout(number string) error {
	devices := s.companions(number)
	if len(devices) == 0 {
		return ErrNotPaired
	}
	for _, d := range devices {
		conn := s.unlink(number, d.id)
		s.event(Event{Kind: EventLoggedOut, Number: number, Device: d.id, Detail: "by the phone"})
		if conn != nil {
			conn.end(el("stream:error", attrs{"code": "401"}, el("conflict", attrs{"type": "device_removed"})))
		}
	}
	return nil
}

// unlink forgets a companion and returns its live connection.
func (s *Server) unlink(number string, id uint16) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.phones[number]
	if p == nil || p.devices[id] == nil {
		return nil
	}
	live := p.devices[id].conn
	delete(p.devices, id)
	s.touch()
	return live
}

// StreamError ends the sessions of a number ("" for all numbers) with a stream error of that code, such as 503 or 515.
func (s *Server) StreamError(number string, code int) int {
	return s.endSessions(number, 0, el("stream:error", attrs{"code": fmt.Sprint(code)}))
}

// endSessions ends the live sessions of a number ("" for all; device 0 for all of its devices) and counts them.
func (s *Server) endSessions(number string, device uint16, last node) int {
	live := s.sessions(number, device)
	for _, c := range live {
		c.end(last)
	}
	return len(live)
}

// Drop cuts the connections of a number ("" for all numbers) without a word and counts them.
func (s *Server) Drop(number string) int {
	live := s.sessions(number, 0)
	for _, c := range live {
		c.drop()
	}
	return len(live)
}

// sessions lists live, logged-in connections.
func (s *Server) sessions(number string, device uint16) []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*conn
	for _, p := range s.phones {
		if number != "" && p.number != number {
			continue
		}
		for _, d := range p.devices {
			if d.conn != nil && (device == 0 || d.id == device) {
				out = append(out, d.conn)
			}
		}
	}
	return out
}

// RefuseConnections makes the server reset every new connection, and cuts the live ones, until it is called with false.
func (s *Server) RefuseConnections(refuse bool) {
	s.refusing.Store(refuse)
	s.ledger.stir()
	if !refuse {
		return
	}
	for _, c := range s.sockets.live() {
		c.drop()
	}
}

// ChangeIdentity gives the person behind a number a new phone: other keys, no sessions. With notify the companions that
// know the number are told, as the real service does.
func (s *Server) ChangeIdentity(number string, notify bool) error {
	if err := checkNumber(number); err != nil {
		return err
	}
	s.mu.Lock()
	p := s.phoneLocked(number)
	p.keys = signal.NewKeyring()
	var tell []*device
	for peer := range p.peers {
		if other := s.phones[peer]; other != nil && notify {
			tell = append(tell, other.sortedDevices()...)
		}
	}
	s.touch()
	s.mu.Unlock()
	for _, d := range tell {
		s.push(d, el("notification", attrs{"type": "encrypt", "from": pnJID(number, 0), "lid": lidJID(number, 0), "id": s.nextID(), "t": unix(time.Now())},
			el("identity", nil)))
	}
	s.event(Event{Kind: EventNewPhone, Number: number})
	return nil
}
