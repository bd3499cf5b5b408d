package whatsim

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"chasqui/internal/whatsim/signal"
)

// Draft is what a person writes on a phone.
type Draft struct {
	From    string         `json:"from"`              // the phone that writes
	To      string         `json:"to"`                // the number it writes to
	Text    string         `json:"text"`              //
	ID      string         `json:"id,omitempty"`      // the wire id; "" makes one
	Quote   string         `json:"quote,omitempty"`   // wire id of the message that is answered
	Time    time.Time      `json:"time,omitzero"`     // what the stanza says; zero means now
	Garbage bool           `json:"garbage,omitempty"` // send bytes that nobody can decrypt, once; a retry gets the text
	Proto   *waE2E.Message `json:"-"`                 // instead of Text, for other kinds of messages
}

func (d Draft) message() *waE2E.Message {
	switch {
	case d.Proto != nil:
		return d.Proto
	case d.Quote != "":
		return &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{
			Text: proto.String(d.Text),
			ContextInfo: &waE2E.ContextInfo{
				StanzaID: proto.String(d.Quote), Participant: proto.String(pnJID(d.To, 0).String()),
				QuotedMessage: &waE2E.Message{Conversation: proto.String("")},
			},
		}}
	default:
		return &waE2E.Message{Conversation: proto.String(d.Text)}
	}
}

// Write plays a person who writes a message. Every companion of the recipient gets it, now or at its next login; so do the
// writer's own companions, as a copy. It returns the wire id.
func (s *Server) Write(ctx context.Context, d Draft) (string, error) {
	for _, number := range []string{d.From, d.To} {
		if err := checkNumber(number); err != nil {
			return "", err
		}
	}
	if err := ctx.Err(); err != nil {
		return "", fmt.Errorf("whatsim: write: %w", err)
	}
	if d.ID == "" {
		d.ID = newWireID()
	}
	if d.Time.IsZero() {
		d.Time = time.Now()
	}
	sent, err := newSent(d)
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	p, other := s.phoneLocked(d.From), s.phoneLocked(d.To)
	p.peers[d.To], other.peers[d.From] = true, true
	sent.header = p.header(d)
	p.remember(d.ID, sent)
	s.mu.Unlock()

	p.writing.Lock()
	defer p.writing.Unlock()
	s.writeToAll(p, d, sent)
	msg := d.message()
	text, kind := textOf(msg)
	s.ledger.add(Message{
		To: d.To, From: d.From, Chat: d.From, ID: d.ID, Kind: kind, Text: text, Time: time.Now(), Written: true, Quoted: d.Quote, Proto: msg,
	})
	return d.ID, nil
}

func (s *Server) writeToAll(p *phone, d Draft, sent *sentMessage) {
	for _, dev := range s.companions(d.To) {
		if d.Garbage {
			s.push(dev, el("message", sent.header, leaf("enc", attrs{"v": 2, "type": "msg"}, []byte("\x33 not a ciphertext at all"))))
			continue
		}
		s.pushSealed(p, dev, sent.header, sent.plain, nil)
	}
	if d.From == d.To {
		return
	}
	for _, dev := range s.companions(d.From) {
		a := attrs{}
		for k, v := range sent.header {
			a[k] = v
		}
		a["from"], a["recipient"], a["peer_recipient_lid"] = pnJID(d.From, 0), pnJID(d.To, 0), lidJID(d.To, 0)
		delete(a, "notify")
		s.pushSealed(p, dev, a, sent.copied, nil)
	}
}

// pushSealed encrypts for one companion and queues the stanza. The caller holds p.writing, so that stanzas are queued in
// the order of their keys.
func (s *Server) pushSealed(p *phone, d *device, header attrs, plain []byte, extra attrs) {
	keys := s.phoneKeys(p.number)
	if !keys.HasSession(d.address()) {
		if err := keys.Establish(s.ctx, d.address(), s.takeBundle(d)); err != nil {
			s.log.Error("no session with companion", "err", err)
			return
		}
	}
	ciphertext, first, err := keys.Seal(s.ctx, d.address(), signal.Pad(plain))
	if err != nil {
		s.log.Error("message not encrypted", "err", err)
		return
	}
	a := attrs{"v": 2, "type": "msg"}
	if first {
		a["type"] = "pkmsg"
	}
	for k, v := range extra {
		a[k] = v
	}
	s.push(d, el("message", header, leaf("enc", a, ciphertext)))
}

// header is what the stanzas of a message say about it.
func (p *phone) header(d Draft) attrs {
	a := attrs{"from": pnJID(d.From, 0), "id": d.ID, "type": "text", "t": unix(d.Time), "notify": p.pushName(), "sender_lid": lidJID(d.From, 0)}
	if p.behaviour.LIDSender {
		a["from"], a["sender_pn"], a["addressing_mode"] = lidJID(d.From, 0), pnJID(d.From, 0), "lid"
		delete(a, "sender_lid")
	}
	return a
}

func newSent(d Draft) (*sentMessage, error) {
	msg := d.message()
	plain, err := proto.Marshal(msg)
	if err != nil {
		return nil, fmt.Errorf("whatsim: encode message: %w", err)
	}
	copied, err := proto.Marshal(&waE2E.Message{DeviceSentMessage: &waE2E.DeviceSentMessage{
		DestinationJID: proto.String(pnJID(d.To, 0).String()), Message: msg,
	}})
	if err != nil {
		return nil, fmt.Errorf("whatsim: encode copy: %w", err)
	}
	return &sentMessage{plain: plain, copied: copied}, nil
}

// newWireID makes an id as phones make them.
func newWireID() string {
	raw := make([]byte, 15)
	_, _ = rand.Read(raw) // never fails
	return "3A" + strings.ToUpper(hex.EncodeToString(raw))
}
