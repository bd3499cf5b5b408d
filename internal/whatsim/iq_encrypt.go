package whatsim

import (
	"encoding/binary"
	"time"

	"go.mau.fi/libsignal/ecc"

	"chasqui/internal/whatsim/signal"
)

// iqEncrypt answers prekey counts, uploads and bundle requests.
func (s *Server) iqEncrypt(c *conn, n *node) {
	switch {
	case child(n, "count") != nil:
		s.mu.Lock()
		left := len(c.dev.oneTime)
		s.mu.Unlock()
		c.send(iqResult(n, el("count", attrs{"value": left})))
	case child(n, "list") != nil:
		s.storePreKeys(c.dev, n)
		c.send(iqResult(n))
	case child(n, "key") != nil:
		var users []node
		for _, u := range child(n, "key").GetChildren() {
			users = append(users, s.bundleFor(c, u))
		}
		c.send(iqResult(n, el("list", nil, users...)))
	default:
		c.send(iqError(n, 400, ""))
	}
}

// storePreKeys keeps the keys of an upload, without those that were uploaded before.
func (s *Server) storePreKeys(d *device, n *node) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range child(n, "list").GetChildren() {
		key, ok := readKey(&k)
		if ok && key.ID > d.highestKey {
			d.oneTime = append(d.oneTime, key)
			d.highestKey = key.ID
		}
	}
	if skey := child(n, "skey"); skey != nil {
		if key, ok := readKey(skey); ok {
			d.signed = key
		}
	}
	s.touch()
}

// readKey reads <key> and <skey>.
func readKey(n *node) (signal.PublicKey, bool) {
	id, value := childData(n, "id"), childData(n, "value")
	if len(id) != 3 || len(value) != 32 {
		return signal.PublicKey{}, false
	}
	key := signal.PublicKey{ID: keyID(id), Pub: [32]byte(value)}
	if sig := childData(n, "signature"); len(sig) == 64 {
		key.Signature = [64]byte(sig)
	}
	return key, true
}

func keyID(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

func keyNode(tag string, k signal.PublicKey) node {
	n := el(tag, nil,
		leaf("id", nil, binary.BigEndian.AppendUint32(nil, k.ID)[1:]),
		leaf("value", nil, k.Pub[:]))
	if tag == "skey" {
		n.Content = append(n.GetChildren(), leaf("signature", nil, k.Signature[:]))
	}
	return n
}

// bundleFor answers for one device. The address is echoed exactly as asked: the client looks the answer up by it.
func (s *Server) bundleFor(c *conn, ask node) node {
	a := attrs{"jid": ask.Attrs["jid"], "t": unix(time.Now())}
	to := jid(&ask, "jid")
	number, ok := numberOf(to)
	if rule := s.rules.take(hookPreKeys, match{sender: c.number(), recipient: number}); rule != nil {
		s.fired(*rule, c.id, c.number())
		code := rule.codeOr(503)
		return el("user", a, el("error", attrs{"code": code, "text": errorText[code]}))
	}
	if !ok || checkNumber(number) != nil || !s.onWhatsApp(number) {
		return el("user", a, el("error", attrs{"code": 404, "text": errorText[404]}))
	}
	if to.Device == 0 {
		return el("user", a, bundleNodes(s.phoneKeys(number).Bundle(), nil)...)
	}
	d := s.companion(number, to.Device)
	if d == nil {
		return el("user", a, el("error", attrs{"code": 404, "text": errorText[404]}))
	}
	return el("user", a, bundleNodes(s.takeBundle(d), d.account)...)
}

func bundleNodes(b signal.Bundle, identity []byte) []node {
	out := []node{
		leaf("registration", nil, binary.BigEndian.AppendUint32(nil, b.Registration)),
		leaf("type", nil, []byte{ecc.DjbType}),
		leaf("identity", nil, b.Identity[:]),
		keyNode("skey", b.Signed),
	}
	if b.OneTime != nil {
		out = append(out, keyNode("key", *b.OneTime))
	}
	if identity != nil {
		out = append(out, leaf("device-identity", nil, identity))
	}
	return out
}

// phoneKeys returns the current keyring of a number.
func (s *Server) phoneKeys(number string) *signal.Keyring {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phoneLocked(number).keys
}

// onWhatsApp tells whether a number has an account. Numbers that nobody spoke about have one.
func (s *Server) onWhatsApp(number string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.phones[number]
	return p == nil || !p.behaviour.NotOnWhatsApp
}
