package whatsim

import (
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// envelope is a message stanza of a client, taken apart.
type envelope struct {
	conn     *conn
	sender   *device
	id       string
	to       types.JID // as the client addressed it
	number   string    // of the recipient
	kind     string
	peer     bool // to the own phone, about the account itself
	resend   bool // the answer to a retry receipt
	copies   []sealed
	identity []byte // the sender's signed identity, when a copy starts a session
	arrived  time.Time
}

// sealed is the ciphertext for one device.
type sealed struct {
	number string
	device uint16
	enc    node
}

func (s *Server) open(c *conn, n *node) envelope {
	m := envelope{
		conn: c, sender: c.dev, id: str(n, "id"), to: jid(n, "to"), kind: str(n, "type"),
		peer: str(n, "category") == "peer", identity: childData(n, "device-identity"), arrived: time.Now(),
	}
	m.number, _ = numberOf(m.to)
	add := func(to types.JID, holder *node) {
		number, ok := numberOf(to)
		if enc := child(holder, "enc"); ok && enc != nil {
			m.copies = append(m.copies, sealed{number, to.Device, *enc})
			m.resend = m.resend || str(enc, "count") != ""
		}
	}
	if list := child(n, "participants"); list != nil {
		for _, to := range list.GetChildren() {
			add(jid(&to, "jid"), &to)
		}
	} else if to := jid(n, "participant"); !to.IsEmpty() {
		add(to, n)
	} else {
		add(m.to, n)
	}
	return m
}

// handleMessage delivers a message of a client and acknowledges it, as far as the rules let it.
func (s *Server) handleMessage(c *conn, n *node) {
	m := s.open(c, n)
	var rule *Rule
	if !m.resend && !m.peer {
		rule = s.rules.take(hookMessage, match{sender: c.number(), recipient: m.number})
	}
	s.ledger.frame(m)
	if rule == nil {
		s.deliver(m, nil)
		s.ack(m, n)
		return
	}
	s.fired(*rule, c.id, c.number())
	s.handleFaulty(m, n, rule)
}

// handleFaulty plays one of the ways in which a message can go wrong.
func (s *Server) handleFaulty(m envelope, n *node, rule *Rule) {
	c := m.conn
	switch rule.Action {
	case AckError:
		s.after(rule.delay(), func() { c.send(ackNode(m, attrs{"error": rule.codeOr(463)})) })
	case DropSilent:
	case DisconnectPre:
		c.drop()
	case AckThenDrop:
		c.send(ackNode(m, nil))
	case NoAck:
		s.deliver(m, rule)
	case DisconnectPost:
		s.deliver(m, rule)
		c.drop()
	case AckDelay:
		s.deliver(m, rule)
		s.after(rule.delay(), func() { s.ack(m, n) })
	default: // no_receipts, request_retry
		s.deliver(m, rule)
		s.ack(m, n)
	}
}

// deliver hands every copy to its device: paired companions get it through their queue, phones open it at once.
func (s *Server) deliver(m envelope, rule *Rule) {
	if m.number != "" && !s.onWhatsApp(m.number) {
		return
	}
	reached := false
	for _, copy := range m.copies {
		reached = reached || copy.number == m.number
		if copy.number != m.sender.phone.number && s.blocked(copy.number) {
			continue
		}
		if copy.device == 0 {
			s.receive(m, copy, rule)
		} else {
			s.forward(m, copy)
		}
	}
	if !reached {
		s.event(Event{Kind: EventUndeliverable, Number: m.sender.phone.number, Peer: m.number, ID: m.id, Socket: m.conn.id})
	}
}

func (s *Server) blocked(number string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.phones[number]
	return p != nil && p.behaviour.Blocked
}

// forward queues a copy for a paired companion, of the recipient or of the sender.
func (s *Server) forward(m envelope, copy sealed) {
	d := s.companion(copy.number, copy.device)
	if d == nil {
		return
	}
	from := m.sender
	number := from.phone.number
	a := attrs{
		"from": pnJID(number, from.id), "id": m.id, "type": m.kind, "t": unix(m.arrived), "sender_lid": lidJID(number, from.id),
	}
	if copy.number == number {
		a["recipient"], a["peer_recipient_lid"] = pnJID(m.number, 0), lidJID(m.number, 0)
	} else {
		a["notify"] = s.nameOf(number)
	}
	out := el("message", a, copy.enc)
	if str(&copy.enc, "type") == "pkmsg" && m.identity != nil {
		out.Content = append(out.GetChildren(), leaf("device-identity", nil, m.identity))
	}
	s.push(d, out)
}

func (s *Server) nameOf(number string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phoneLocked(number).pushName()
}

// ack confirms that the server has a message. A number without an account is refused here, and not earlier: the client
// sends the message all the same.
func (s *Server) ack(m envelope, n *node) {
	extra := attrs{}
	if m.number == "" {
		extra["error"] = 405
	} else if !s.onWhatsApp(m.number) {
		extra["error"] = 404
	}
	if hash, same := s.devicesHash(m, n); !same {
		extra["phash"] = hash
	}
	m.conn.send(ackNode(m, extra))
}

func ackNode(m envelope, extra attrs) node {
	a := attrs{"class": "message", "id": m.id, "from": m.to, "t": unix(time.Now())}
	for k, v := range extra {
		a[k] = v
	}
	return el("ack", a)
}

// devicesHash tells whether a message was encrypted for exactly the devices that recipient and sender have, and the hash of
// that set. A client that gets another hash than its own asks for the device lists again.
func (s *Server) devicesHash(m envelope, n *node) (hash string, same bool) {
	if child(n, "participants") == nil || m.number == "" {
		return "", true
	}
	want := map[types.JID]bool{}
	for _, number := range []string{m.number, m.sender.phone.number} {
		want[inSpaceOf(m.to, number, 0)] = true
		for _, d := range s.companions(number) {
			want[inSpaceOf(m.to, number, d.id)] = true
		}
	}
	got := map[types.JID]bool{inSpaceOf(m.to, m.sender.phone.number, m.sender.id): true}
	for _, copy := range m.copies {
		got[inSpaceOf(m.to, copy.number, copy.device)] = true
	}
	same = len(got) == len(want)
	list := make([]string, 0, len(want))
	for j := range want {
		same = same && got[j]
		list = append(list, j.ADString())
	}
	slices.Sort(list)
	sum := sha256.Sum256([]byte(strings.Join(list, "")))
	return "2:" + base64.RawStdEncoding.EncodeToString(sum[:6]), same
}
