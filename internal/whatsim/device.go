package whatsim

import (
	"time"

	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/whatsim/signal"
)

// device is a paired companion of an account. Fields are guarded by Server.mu.
type device struct {
	phone        *phone
	id           uint16
	noise        [32]byte // what it proves at login
	identity     [32]byte
	registration uint32
	signed       signal.PublicKey
	oneTime      []signal.PublicKey
	highestKey   uint32 // ids up to this one were uploaded before
	account      []byte // its identity as signed by phone and device, account key included
	pending      []*stanza
	conn         *conn // its live connection, if any
}

// stanza is something a device has to confirm. It is repeated at every login until then.
type stanza struct {
	class       string // message, receipt, notification
	id          string
	from        types.JID
	participant types.JID
	kind        string // the type attribute of receipts and notifications: two receipts for one message differ in it only
	raw         []byte
}

// lowPreKeys is the number of one-time prekeys below which a device is asked for more.
const lowPreKeys = 5

// push queues a stanza for a device and sends it at once when the device is online.
func (s *Server) push(d *device, n node) {
	raw, err := encode(n)
	if err != nil {
		s.log.Error("stanza lost", "err", err)
		return
	}
	st := newStanza(&n, raw)
	s.mu.Lock()
	defer s.mu.Unlock()
	d.pending = append(d.pending, st)
	if d.conn != nil && d.conn.active {
		d.conn.sendRaw(raw)
	}
	s.touch()
}

// confirm removes the oldest stanza that matches and tells whether there was one.
func (s *Server) confirm(d *device, want stanza) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, st := range d.pending {
		if st.class == want.class && st.id == want.id && st.from == want.from && st.participant == want.participant && st.kind == want.kind {
			d.pending = append(d.pending[:i], d.pending[i+1:]...)
			s.touch()
			return true
		}
	}
	return false
}

// activate starts pushing to a connection: first what waited, then the end of the offline queue.
func (s *Server) activate(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := c.dev
	if c.active || d.conn != c {
		return
	}
	for _, st := range d.pending {
		c.sendRaw(st.raw)
	}
	c.active = true
	c.send(el("ib", attrs{"from": types.ServerJID}, el("offline", attrs{"count": len(d.pending)})))
}

// takeBundle returns a device's public keys and uses up one of its one-time prekeys.
func (s *Server) takeBundle(d *device) signal.Bundle {
	s.mu.Lock()
	b := signal.Bundle{Registration: d.registration, Identity: d.identity, Signed: d.signed}
	if len(d.oneTime) > 0 {
		key := d.oneTime[0]
		b.OneTime, d.oneTime = &key, d.oneTime[1:]
	}
	left := len(d.oneTime)
	s.touch()
	s.mu.Unlock()
	if b.OneTime != nil && left == lowPreKeys-1 {
		s.push(d, el("notification", attrs{"type": "encrypt", "from": types.ServerJID, "id": s.nextID(), "t": unix(time.Now())},
			el("count", attrs{"value": left})))
	}
	return b
}

// companion finds a device of a number; nil when it is the phone itself or unknown.
func (s *Server) companion(number string, id uint16) *device {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.phones[number]; p != nil {
		return p.devices[id]
	}
	return nil
}

// companions lists the paired devices of a number.
func (s *Server) companions(number string) []*device {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.phones[number]; p != nil {
		return p.sortedDevices()
	}
	return nil
}
