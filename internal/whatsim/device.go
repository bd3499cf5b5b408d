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
	welcomed     bool  // it has the key of the account's app state
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

// window is how many unconfirmed stanzas a connection may hold. The client's own queue takes 2,048; what does not fit there
// is handled in no particular order.
const window = 1000

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
	d.pump()
	s.touch()
}

// pump sends to a device's connection what it has not been sent, as far as the window lets it.
func (d *device) pump() {
	c := d.conn
	if c == nil || !c.active {
		return
	}
	for c.unconfirmed < len(d.pending) && c.unconfirmed < window {
		c.sendRaw(d.pending[c.unconfirmed].raw)
		c.unconfirmed++
		c.backlog--
	}
	if c.backlog <= 0 && !c.synced {
		c.synced = true
		c.send(el("ib", attrs{"from": types.ServerJID}, el("offline", attrs{"count": c.offline})))
	}
}

// confirm removes the oldest stanza that matches.
func (s *Server) confirm(d *device, want stanza) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, st := range d.pending {
		if st.class == want.class && st.id == want.id && st.from == want.from && st.participant == want.participant && st.kind == want.kind {
			d.pending = append(d.pending[:i], d.pending[i+1:]...)
			if d.conn != nil && i < d.conn.unconfirmed {
				d.conn.unconfirmed--
			}
			d.pump()
			s.touch()
			return
		}
	}
}

// activate starts pushing to a connection: first what waited, then the end of the offline queue. A new companion is also
// sent what the account's devices share, if the options say so: the library fetches it in the background for a while, and
// and that races with the end of a session (in the library, and only there).
func (s *Server) activate(c *conn) {
	s.mu.Lock()
	d := c.dev
	if c.active || d.conn != c {
		s.mu.Unlock()
		return
	}
	c.active, c.backlog, c.offline = true, len(d.pending), len(d.pending)
	d.pump()
	first := s.opts.ShareName && !d.welcomed
	d.welcomed = d.welcomed || first
	s.mu.Unlock()
	if first {
		s.shareAppKey(d)
	}
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
