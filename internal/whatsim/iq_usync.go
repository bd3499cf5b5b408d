package whatsim

import (
	"strings"

	"go.mau.fi/whatsmeow/types"
)

// iqUsync answers questions about users: their devices, their hidden address, whether a number has an account.
func (s *Server) iqUsync(c *conn, n *node) {
	ask := child(n, "usync")
	if ask == nil || child(ask, "query") == nil || child(ask, "list") == nil {
		c.send(iqError(n, 400, ""))
		return
	}
	query := child(ask, "query").GetChildren()
	var users []node
	for _, u := range child(ask, "list").GetChildren() {
		users = append(users, s.usyncUser(u, query))
	}
	c.send(iqResult(n, el("usync", attrs{"sid": str(ask, "sid"), "mode": str(ask, "mode"), "context": str(ask, "context")},
		el("list", nil, users...))))
}

// usyncUser answers for one user, one part per thing asked. A number without an account has neither devices nor a LID.
func (s *Server) usyncUser(u node, query []node) node {
	asked := jid(&u, "jid")
	number, ok := numberOf(asked)
	contact := child(&u, "contact")
	if contact != nil && asked.IsEmpty() {
		number, ok = contactNumber(string(data(contact)))
	}
	exists := ok && checkNumber(number) == nil && s.onWhatsApp(number)
	out := el("user", attrs{})
	if asked.IsEmpty() {
		out.Attrs["jid"] = pnJID(number, 0)
		if exists {
			out.Attrs["pn_jid"] = pnJID(number, 0)
		}
	} else {
		out.Attrs["jid"] = asked
	}
	var parts []node
	for _, q := range query {
		if part, ok := s.usyncPart(q, number, exists, contact); ok {
			parts = append(parts, part)
		}
		if q.Tag == "contact" && str(&q, "addressing_mode") == "lid" && exists {
			out.Attrs["jid"] = lidJID(number, 0)
		}
	}
	out.Content = parts
	return out
}

func (s *Server) usyncPart(q node, number string, exists bool, contact *node) (node, bool) {
	switch q.Tag {
	case "devices":
		if !exists {
			return node{}, false
		}
		return s.deviceList(number), true
	case "lid":
		if !exists {
			return node{}, false
		}
		return el("lid", attrs{"val": lidJID(number, 0)}), true
	case "contact":
		kind := "out"
		if exists {
			kind = "in"
		}
		var echo []byte
		if contact != nil {
			echo = data(contact)
		}
		return leaf("contact", attrs{"type": kind}, echo), true
	case "status":
		return leaf("status", nil, []byte("Hey there! I am simulated.")), exists
	default:
		return node{}, false
	}
}

// deviceList lists the phone and every companion of an account, the asking one included.
func (s *Server) deviceList(number string) node {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []node{el("device", attrs{"id": 0})}
	for _, d := range s.phoneLocked(number).sortedDevices() {
		list = append(list, el("device", attrs{"id": int(d.id), "key-index": int(d.id)}))
	}
	return el("devices", nil, el("device-list", nil, list...))
}

// contactNumber reads "+15551234567" and "+15551234567@c.us".
func contactNumber(text string) (string, bool) {
	number, _, _ := strings.Cut(text, "@"+types.LegacyUserServer)
	number = strings.TrimPrefix(number, "+")
	return number, checkNumber(number) == nil
}
