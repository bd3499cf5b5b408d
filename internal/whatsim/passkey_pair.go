package whatsim

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// A phone that wants a passkey does not sign at once. The companion is asked (passkey_prologue_request), a person answers in a
// browser on web.whatsapp.com, the companion hands the answer in with a commitment to a key of its own (passkey_prologue), the
// phone shows its key (crsc_continuation), the companion opens its commitment (companion_nonce) and, when the person agrees,
// sends the keys that are to be signed (encrypted_pairing_request). The secret in there takes the place of the code's.
//
// The names and shapes are those of the client library. What the service says to a wrong answer (a refused request) and to none
// (a continuation without a key) is assumed.

// passkeyPatience is how long a person may take over the control API.
const passkeyPatience = 10 * time.Minute

// link runs all that makes c a companion of a number.
func (s *Server) link(ctx context.Context, c *conn, number string, secret []byte) (types.JID, error) {
	s.mu.Lock()
	mode := s.phoneLocked(number).behaviour.Passkey
	s.mu.Unlock()
	if mode != PasskeyOff {
		var err error
		if secret, err = s.askPasskey(ctx, c, number, mode, secret); err != nil {
			return types.EmptyJID, err
		}
	}
	return s.join(ctx, c, number, secret)
}

// pairingTime is how long linking a phone may take over the control API.
func (s *Server) pairingTime(number string) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.phones[number]; p != nil && p.behaviour.Passkey != PasskeyOff {
		return passkeyPatience
	}
	return controlTimeout
}

// askPasskey has the owner of a number prove who they are, and returns the secret that the companion chose for the signature.
func (s *Server) askPasskey(ctx context.Context, c *conn, number string, mode PasskeyMode, secret []byte) ([]byte, error) {
	x, err := s.beginPasskey(c, number, mode, secret)
	if err != nil {
		return nil, err
	}
	defer s.endPasskey(c, x)
	s.event(Event{Kind: EventPasskey, Number: number, Socket: c.id, Detail: "asked"})
	c.send(passkeyNotification(s, "passkey_prologue_request", leaf("passkey_request_options", nil, x.options)))
	select {
	case end := <-x.done:
		return end.secret, end.err
	case <-c.ctx.Done():
		return nil, fmt.Errorf("%w: it hung up", ErrPairRefused)
	case <-ctx.Done():
		c.send(passkeyNotification(s, "crsc_continuation"))
		return nil, fmt.Errorf("%w: nobody answered in time: %w", ErrPasskey, ctx.Err())
	}
}

func passkeyNotification(s *Server, kind string, children ...node) node {
	return el("notification", attrs{"type": kind, "from": types.ServerJID, "id": s.nextID(), "t": unix(time.Now())}, children...)
}

func (s *Server) beginPasskey(c *conn, number string, mode PasskeyMode, secret []byte) (*passkeyExchange, error) {
	k, err := s.passkeyOf(number)
	if err != nil {
		return nil, err
	}
	handoff, err := hkdf.Key(sha256.New, secret, nil, "shortcake-passkey-handoff-v1", 32)
	if err != nil {
		return nil, fmt.Errorf("whatsim: derive handoff key: %w", err)
	}
	x := &passkeyExchange{
		conn: c, number: number, mode: mode, passkey: k, handoff: handoff, challenge: random(32), ref: "ref-" + rand.Text(), since: time.Now(),
		done: make(chan passkeyEnd, 1),
	}
	if x.options, err = passkeyOptions(k.id, x.challenge); err != nil {
		return nil, fmt.Errorf("whatsim: encode passkey options: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.asked != nil {
		return nil, fmt.Errorf("%w: another phone is asked already", ErrPasskey)
	}
	c.asked = x
	s.asked[x] = true
	return x, nil
}

func (s *Server) endPasskey(c *conn, x *passkeyExchange) {
	s.mu.Lock()
	c.asked = nil
	delete(s.asked, x)
	s.mu.Unlock()
	s.ledger.stir()
}

// iqPasskey answers the steps of a companion whose phone wants a passkey, and tells whether n was one.
func (s *Server) iqPasskey(c *conn, n *node) bool {
	kids := n.GetChildren()
	if c.reg == nil || len(kids) == 0 {
		return false
	}
	step := &kids[0]
	switch step.Tag {
	case "ref", "passkey_request_options", "passkey_prologue", "companion_nonce", "encrypted_pairing_request":
	default:
		return false
	}
	s.mu.Lock()
	x := c.asked
	if x == nil {
		s.mu.Unlock()
		c.send(iqError(n, 404, ""))
		return true
	}
	told, next, err := x.take(step)
	s.mu.Unlock()
	if err != nil {
		c.send(iqError(n, 401, ""))
		s.event(Event{Kind: EventPasskey, Number: x.number, Socket: c.id, Detail: "refused"})
		x.end(nil, err)
		return true
	}
	c.send(iqResult(n, told...))
	next(s)
	return true
}

// ApprovePasskey plays a person who answers with the passkey of a number on web.whatsapp.com: it gives what the browser gives
// there, for the companion to pass on.
func (s *Server) ApprovePasskey(number string) (json.RawMessage, error) {
	x := s.askedOf(number)
	if x == nil {
		return nil, ErrNoPasskey
	}
	answer, err := x.passkey.sign(x.challenge)
	if err != nil {
		return nil, err
	}
	return json.Marshal(answer)
}

// RefusePasskey plays a person who does not let the companion in.
func (s *Server) RefusePasskey(number string) error {
	x := s.askedOf(number)
	if x == nil {
		return ErrNoPasskey
	}
	x.conn.send(passkeyNotification(s, "crsc_continuation"))
	s.event(Event{Kind: EventPasskey, Number: number, Socket: x.conn.id, Detail: "refused"})
	x.end(nil, fmt.Errorf("%w: refused on the phone", ErrPasskey))
	return nil
}

// askedOf gives the latest companion that waits for the passkey of a number, or nil.
func (s *Server) askedOf(number string) (found *passkeyExchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for x := range s.asked {
		if x.number == number && (found == nil || x.since.After(found.since)) {
			found = x
		}
	}
	return found
}

// AskedPasskey is a companion that waits for the passkey of a number.
type AskedPasskey struct {
	Number string    `json:"number"`
	Socket int64     `json:"socket"`
	Since  time.Time `json:"since"`
	Code   string    `json:"code,omitempty"` // what the phone shows, to be compared with the companion's
}

// AskedPasskeys lists the companions that wait for a passkey, the longest waiting first.
func (s *Server) AskedPasskeys() []AskedPasskey {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []AskedPasskey{}
	for x := range s.asked {
		out = append(out, AskedPasskey{Number: x.number, Socket: x.conn.id, Since: x.since, Code: x.shown})
	}
	slices.SortFunc(out, func(a, b AskedPasskey) int { return a.Since.Compare(b.Since) })
	return out
}
