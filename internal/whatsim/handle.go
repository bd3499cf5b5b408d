package whatsim

import (
	"go.mau.fi/whatsmeow/types"
)

// handle takes one stanza of a client. A connection whose end was announced is no longer listened to, like on the real
// service; what still arrives on it is only counted.
func (s *Server) handle(c *conn, n *node) {
	if c.isEnding() {
		if n.Tag == "message" {
			s.event(Event{Kind: EventLateSend, Socket: c.id, Number: c.number(), ID: str(n, "id")})
		}
		if n.Tag != "iq" { // the answer to pair-success may still be under way
			return
		}
	}
	switch n.Tag {
	case "iq":
		s.handleIQ(c, n)
	case "message":
		if c.dev != nil {
			s.handleMessage(c, n)
		}
	case "receipt":
		if c.dev != nil {
			s.handleReceipt(c, n)
		}
	case "ack":
		if c.dev != nil {
			s.handleAck(c, n)
		}
	case "presence", "chatstate":
		s.handlePresence(c, n)
	}
}

// number is the account of a logged-in connection, or "".
func (c *conn) number() string {
	if c.dev == nil {
		return ""
	}
	return c.dev.phone.number
}

func (c *conn) deviceID() uint16 {
	if c.dev == nil {
		return 0
	}
	return c.dev.id
}

// handleAck takes a client's confirmation of a stanza, or its complaint about one.
func (s *Server) handleAck(c *conn, n *node) {
	want := stanza{class: str(n, "class"), id: str(n, "id"), from: jid(n, "to"), participant: jid(n, "participant")}
	if want.class != "message" {
		want.kind = str(n, "type")
	}
	s.confirm(c.dev, want)
	if code := num(n, "error"); code != 0 {
		s.event(Event{Kind: EventNack, Number: c.number(), Device: c.dev.id, Socket: c.id, ID: want.id, Code: code})
	}
}

// handlePresence records what a client shows of itself.
func (s *Server) handlePresence(c *conn, n *node) {
	e := Event{Kind: EventPresence, Number: c.number(), Device: c.deviceID(), Socket: c.id, Detail: str(n, "type")}
	if n.Tag == "chatstate" {
		e.Kind = EventChatState
		e.Peer, _ = numberOf(jid(n, "to"))
		if kids := n.GetChildren(); len(kids) > 0 {
			e.Detail = kids[0].Tag
		}
	}
	if to := jid(n, "to"); n.Tag == "presence" && to != types.EmptyJID {
		e.Peer, _ = numberOf(to)
	}
	s.event(e)
}
