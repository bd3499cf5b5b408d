package whatsim

import (
	"fmt"
	"net/http"
	"time"

	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/types"
)

// Refusal is how the logins of an account are answered: a failure stanza.
type Refusal struct {
	Reason int       `json:"reason"`           // 401, 402, 403, 405, 406, 500, 503, ...
	Code   int       `json:"code,omitempty"`   // why, for 402
	Expire int       `json:"expire,omitempty"` // seconds, for 402
	Until  time.Time `json:"until,omitzero"`   // when logins work again; zero means never by itself
}

func (f Refusal) node() node {
	a := attrs{"reason": f.Reason}
	if f.Code != 0 {
		a["code"] = f.Code
	}
	if f.Expire != 0 {
		a["expire"] = f.Expire
	}
	return el("failure", a)
}

// admit applies the rules for new connections to an upgrade request.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) bool {
	rule := s.rules.take(hookConnect, match{})
	if rule == nil {
		return true
	}
	s.fired(*rule, 0, "")
	sleep(r.Context(), rule.delay())
	if rule.Action == HTTPError {
		http.Error(w, http.StatusText(rule.codeOr(http.StatusServiceUnavailable)), rule.codeOr(http.StatusServiceUnavailable))
		return false
	}
	return true
}

// greet answers the client's first words: a registration waits for a phone to scan, a login succeeds or fails.
func (s *Server) greet(c *conn, p *waWa6.ClientPayload) {
	if p.GetDevicePairingData() != nil {
		s.register(c, p.GetDevicePairingData())
		return
	}
	number := fmt.Sprint(p.GetUsername())
	if f := s.loginFailure(c, number, uint16(p.GetDevice())); f != nil {
		s.event(Event{Kind: EventLoginFailed, Number: number, Device: uint16(p.GetDevice()), Socket: c.id, Code: f.Reason})
		c.end(f.node())
		return
	}
	s.login(c, number, uint16(p.GetDevice()))
}

// loginFailure decides whether a login is refused: by a rule, by a ban, or because the device is not (or no longer) paired.
func (s *Server) loginFailure(c *conn, number string, id uint16) *Refusal {
	if rule := s.rules.take(hookLogin, match{sender: number}); rule != nil {
		s.fired(*rule, c.id, number)
		sleep(c.ctx, rule.delay())
		if rule.Action == Failure {
			return &Refusal{Reason: rule.codeOr(503), Code: rule.BanCode, Expire: rule.Expire}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.phones[number]
	if p == nil || p.devices[id] == nil || p.devices[id].noise != c.key {
		return &Refusal{Reason: 401}
	}
	if f := p.refusal; f != nil && (f.Until.IsZero() || time.Now().Before(f.Until)) {
		return f
	}
	p.refusal = nil
	return nil
}

// login makes c the connection of its device; an older one of the same device is replaced.
func (s *Server) login(c *conn, number string, id uint16) {
	s.mu.Lock()
	d := s.phones[number].devices[id]
	if d == nil {
		s.mu.Unlock()
		c.end(Refusal{Reason: 401}.node())
		return
	}
	old := d.conn
	d.conn, c.dev = c, d
	waiting := len(d.pending)
	s.mu.Unlock()
	s.sockets.loggedIn(c, number, id)
	if old != nil {
		old.end(el("stream:error", nil, el("conflict", attrs{"type": "replaced"})))
	}
	s.event(Event{Kind: EventLogin, Number: number, Device: id, Socket: c.id})
	c.send(el("success", attrs{
		"t": unix(time.Now()), "lid": lidJID(number, id), "props": 27, "abprops": 1, "location": "sim",
	}))
	if waiting > 0 {
		c.send(el("ib", attrs{"from": types.ServerJID}, el("offline_preview", attrs{"count": waiting, "message": waiting})))
	}
}

// closed is called once when a connection is over.
func (s *Server) closed(c *conn) {
	s.mu.Lock()
	var number string
	var id uint16
	if c.dev != nil {
		number, id = c.dev.phone.number, c.dev.id
		if c.dev.conn == c {
			c.dev.conn = nil
		}
	}
	c.active = false
	if c.reg != nil {
		s.forgetRegistration(c)
	}
	s.mu.Unlock()
	s.event(Event{Kind: EventClosed, Number: number, Device: id, Socket: c.id})
}
