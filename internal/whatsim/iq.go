package whatsim

import (
	"time"

	"go.mau.fi/whatsmeow/types"
)

// handleIQ answers a request, or passes an answer to whoever asked.
func (s *Server) handleIQ(c *conn, n *node) {
	switch str(n, "type") {
	case "result", "error":
		s.mu.Lock()
		fn := c.answers[str(n, "id")]
		delete(c.answers, str(n, "id"))
		s.mu.Unlock()
		if fn != nil {
			fn(n)
		}
		return
	}
	rule := s.rules.take(hookIQ, match{sender: c.number(), namespace: str(n, "xmlns")})
	if rule == nil {
		s.answer(c, n)
		return
	}
	s.fired(*rule, c.id, c.number())
	switch rule.Action {
	case IQError:
		s.after(rule.delay(), func() { c.send(iqError(n, rule.codeOr(500), rule.Text)) })
	case IQDelay:
		s.after(rule.delay(), func() { s.answer(c, n) })
	case DropIQ:
	case Disconnect:
		c.drop()
	}
}

// answer routes a request by its namespace.
func (s *Server) answer(c *conn, n *node) {
	switch str(n, "xmlns") {
	case "md":
		s.iqMultiDevice(c, n)
		return
	case "w:p":
		c.send(iqResult(n))
		return
	}
	if c.dev == nil {
		c.send(iqError(n, 401, "not-authorized"))
		return
	}
	s.answerPaired(c, n)
}

// answerPaired routes the requests that only a logged-in companion may make.
func (s *Server) answerPaired(c *conn, n *node) {
	switch str(n, "xmlns") {
	case "passive":
		c.send(iqResult(n))
		if child(n, "active") != nil {
			s.activate(c)
		}
	case "encrypt":
		s.iqEncrypt(c, n)
	case "usync":
		s.iqUsync(c, n)
	case "privacy":
		c.send(iqResult(n, privacy(n)...))
	case "w:m":
		c.send(iqResult(n, mediaConn()))
	case "w:sync:app:state":
		c.send(s.iqAppState(c, n))
	case "w:profile:picture":
		c.send(iqError(n, 404, "item-not-found"))
	case "blocklist":
		c.send(iqResult(n, el("list", attrs{"dhash": "0"})))
	case "w:biz":
		c.send(iqResult(n, businessProfile(n)...))
	case "w:g2":
		c.send(iqGroups(n))
	case "status", "disappearing_mode", "urn:xmpp:whatsapp:push", "urn:xmpp:whatsapp:dirty", "abt", "tos", "w:stats":
		c.send(iqResult(n))
	default:
		s.event(Event{Kind: EventUnknownIQ, Number: c.number(), Socket: c.id, Detail: str(n, "xmlns")})
		c.send(iqResult(n))
	}
}

func iqAnswer(n *node, kind string, children ...node) node {
	from := jid(n, "to")
	if from == types.EmptyJID {
		from = types.ServerJID
	}
	return el("iq", attrs{"from": from, "id": str(n, "id"), "type": kind, "t": unix(time.Now())}, children...)
}

func iqResult(n *node, children ...node) node { return iqAnswer(n, "result", children...) }

func iqError(n *node, code int, text string) node {
	if text == "" {
		text = errorText[code]
	}
	return iqAnswer(n, "error", el("error", attrs{"code": code, "text": text}))
}

var errorText = map[int]string{
	400: "bad-request", 401: "not-authorized", 403: "forbidden", 404: "item-not-found", 405: "not-allowed", 406: "not-acceptable",
	410: "gone", 429: "rate-overlimit", 500: "internal-server-error", 503: "service-unavailable",
}

// iqMultiDevice answers pairing by code or with a passkey, and the log-out of a companion.
func (s *Server) iqMultiDevice(c *conn, n *node) {
	if reg := child(n, "link_code_companion_reg"); reg != nil && c.reg != nil {
		s.iqLinkCode(c, n, reg)
		return
	}
	if s.iqPasskey(c, n) {
		return
	}
	c.send(iqResult(n))
	if rm := child(n, "remove-companion-device"); rm != nil && c.dev != nil {
		s.unlink(c.number(), jid(rm, "jid").Device)
		s.event(Event{Kind: EventLoggedOut, Number: c.number(), Device: c.dev.id, Socket: c.id, Detail: "by the companion"})
	}
}

// privacy answers the settings; a set (such as a trusted-contact token) is only confirmed.
func privacy(n *node) []node {
	if str(n, "type") == "set" {
		return nil
	}
	var out []node
	for _, name := range []string{"readreceipts", "last", "online", "profile", "status", "groupadd", "calladd"} {
		out = append(out, el("category", attrs{"name": name, "value": "all"}))
	}
	return []node{el("privacy", nil, out...)}
}

func mediaConn() node {
	return el("media_conn", attrs{"auth": "sim", "ttl": 3600, "auth_ttl": 21600, "max_buckets": 12},
		el("host", attrs{"hostname": "mmg.whatsapp.net"}))
}

func businessProfile(n *node) []node {
	ask := child(n, "business_profile")
	if ask == nil {
		return nil
	}
	var out []node
	for _, p := range ask.GetChildren() {
		out = append(out, el("profile", attrs{"jid": jid(&p, "jid")}))
	}
	return []node{el("business_profile", nil, out...)}
}

// iqGroups knows that nobody is in any group.
func iqGroups(n *node) node {
	if child(n, "participating") != nil {
		return iqResult(n, el("groups", nil))
	}
	return iqError(n, 404, "")
}
