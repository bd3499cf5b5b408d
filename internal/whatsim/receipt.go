package whatsim

import (
	"encoding/binary"
	"time"

	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/whatsim/signal"
)

// handleReceipt takes a client's receipt: it confirms the message, is recorded, and goes on to whoever wrote it.
func (s *Server) handleReceipt(c *conn, n *node) {
	id, kind, to := str(n, "id"), str(n, "type"), jid(n, "to")
	number, _ := numberOf(to)
	a := attrs{"class": "receipt", "id": id, "from": to}
	if kind != "" {
		a["type"] = kind
	}
	c.send(el("ack", a))
	if kind != "retry" { // a client that asks for a retry confirms the stanza with an ack of its own
		s.confirm(c.dev, stanza{class: "message", id: id, from: to, participant: jid(n, "participant")})
	}
	for _, one := range receiptIDs(n) {
		s.event(Event{Kind: EventReceipt, Number: c.number(), Device: c.dev.id, Socket: c.id, Peer: number, ID: one, Detail: kind})
	}
	switch {
	case kind == "retry" && to.Device == 0:
		s.writeAgain(c.dev, number, n)
	case kind == "retry":
		s.passOn(c.dev, to, n)
	case kind == "read" || kind == "played":
		for _, d := range s.companions(number) {
			s.passOn(c.dev, pnJID(number, d.id), n)
		}
	case to.Device != 0:
		s.passOn(c.dev, to, n)
	}
}

// receiptIDs lists the messages a receipt is about.
func receiptIDs(n *node) []string {
	ids := []string{str(n, "id")}
	if list := child(n, "list"); list != nil {
		for _, item := range list.GetChildren() {
			ids = append(ids, str(&item, "id"))
		}
	}
	return ids
}

// passOn forwards a receipt of one companion to another, with the address it can be answered to.
func (s *Server) passOn(from *device, to types.JID, n *node) {
	number, _ := numberOf(to)
	d := s.companion(number, to.Device)
	if d == nil || d == from {
		return
	}
	a := attrs{"from": lidJID(from.phone.number, 0), "id": str(n, "id"), "t": unix(time.Now())}
	if kind := str(n, "type"); kind != "" {
		a["type"] = kind
	}
	if str(n, "type") == "retry" {
		a["from"] = lidJID(from.phone.number, from.id)
	}
	s.push(d, node{Tag: "receipt", Attrs: a, Content: n.Content})
}

// writeAgain answers a companion that could not read a phone's message: the same id, encrypted anew.
func (s *Server) writeAgain(d *device, number string, n *node) {
	id := str(n, "id")
	retry := child(n, "retry")
	s.mu.Lock()
	p := s.phoneLocked(number)
	sent := p.sent[id]
	s.mu.Unlock()
	e := Event{Kind: EventRetryServed, Number: d.phone.number, Device: d.id, Peer: number, ID: id}
	if sent == nil || retry == nil {
		e.Kind = EventRetryUnknown
		s.event(e)
		return
	}
	e.Code = num(retry, "count")
	s.event(e)
	p.writing.Lock()
	defer p.writing.Unlock()
	if err := s.renewSession(p, d, n, e.Code); err != nil {
		s.log.Warn("retry without new session", "err", err)
	}
	plain, header := sent.plain, sent.header
	if d.phone == p {
		plain = sent.copied
	}
	s.pushSealed(p, d, header, plain, attrs{"count": e.Code})
}

// renewSession starts a new session when the receipt brings keys, or when asking once did not help.
func (s *Server) renewSession(p *phone, d *device, n *node, count int) error {
	keys := child(n, "keys")
	if keys == nil && count < 2 {
		return nil
	}
	b := signal.Bundle{}
	if keys == nil {
		b = s.takeBundle(d)
	} else {
		var ok bool
		if b, ok = readBundle(n, keys); !ok {
			b = s.takeBundle(d)
		}
	}
	return s.phoneKeys(p.number).Establish(s.ctx, d.address(), b)
}

// readBundle reads the keys of a retry receipt.
func readBundle(n, keys *node) (signal.Bundle, bool) {
	reg, identity := childData(n, "registration"), childData(keys, "identity")
	signed := child(keys, "skey")
	if len(reg) != 4 || len(identity) != 32 || signed == nil {
		return signal.Bundle{}, false
	}
	skey, ok := readKey(signed)
	b := signal.Bundle{Registration: binary.BigEndian.Uint32(reg), Identity: [32]byte(identity), Signed: skey}
	if once := child(keys, "key"); once != nil {
		if key, good := readKey(once); good {
			b.OneTime = &key
		}
	}
	return b, ok
}
