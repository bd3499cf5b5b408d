package whatsim

import (
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"chasqui/internal/whatsim/signal"
)

// retryLimit is how often a phone asks for the same message again.
const retryLimit = 5

// receive lets a phone open its copy of a message: the recipient's phone, or the sender's own phone.
func (s *Server) receive(m envelope, copy sealed, rule *Rule) {
	s.mu.Lock()
	p := s.phoneLocked(copy.number)
	keys := p.keys
	p.peers[m.sender.phone.number] = true
	s.mu.Unlock()
	own := copy.number == m.sender.phone.number
	entry := Message{
		To: copy.number, From: m.sender.phone.number, FromDevice: m.sender.id, Chat: m.sender.phone.number, ID: m.id, Time: m.arrived,
		Socket: m.conn.id, Copy: own, Retry: num(&copy.enc, "count"), Peer: m.peer, Addressed: m.to.String(),
	}
	if own {
		entry.Chat = m.number
	}
	if rule != nil && rule.Action == RequestRetry && !own {
		s.askAgain(m, p, keys, own, false)
		return
	}
	plain, err := keys.Open(s.ctx, m.sender.address(), str(&copy.enc, "type") == "pkmsg", data(&copy.enc))
	if err != nil {
		s.unreadable(m, p, keys, entry, err)
		return
	}
	if err := entry.read(plain); err != nil {
		entry.Err = err.Error()
	}
	entry.Duplicate = s.markSeen(p, entry)
	s.ledger.add(entry)
	if !own {
		s.scheduleReceipts(m, p, entry, rule)
		s.autoReply(p, entry)
	}
}

// read fills an entry from the decrypted bytes.
func (e *Message) read(padded []byte) error {
	plain, err := signal.Unpad(padded)
	if err != nil {
		return err
	}
	msg := &waE2E.Message{}
	if err := proto.Unmarshal(plain, msg); err != nil {
		return fmt.Errorf("whatsim: decode message: %w", err)
	}
	if wrapped := msg.GetDeviceSentMessage().GetMessage(); wrapped != nil {
		msg = wrapped
	}
	e.Text, e.Kind = textOf(msg)
	e.Proto = msg
	if info := msg.GetExtendedTextMessage().GetContextInfo(); info != nil {
		e.Quoted, e.Mentions = info.GetStanzaID(), info.GetMentionedJID()
	}
	return nil
}

// unreadable handles a copy that a phone could not open. The session is kept: messages under way may need it.
func (s *Server) unreadable(m envelope, p *phone, keys *signal.Keyring, entry Message, err error) {
	s.mu.Lock()
	known := p.seen[entry.key()]
	s.mu.Unlock()
	if errors.Is(err, signal.ErrOldCounter) && known {
		entry.Duplicate = true
		s.ledger.add(entry)
		if !entry.Copy {
			s.scheduleReceipts(m, p, entry, nil)
		}
		return
	}
	entry.Err = err.Error()
	s.ledger.add(entry)
	if errors.Is(err, signal.ErrOldCounter) {
		// A sender that used a key twice. Phones drop such a message without a word; here it is recorded loudly.
		s.event(Event{Kind: EventOldCounter, Number: entry.From, Device: entry.FromDevice, Peer: p.number, ID: m.id, Socket: m.conn.id})
		return
	}
	s.askAgain(m, p, keys, entry.Copy, true)
}

// markSeen tells whether the phone had read this message before.
func (s *Server) markSeen(p *phone, e Message) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := p.seen[e.key()]
	p.seen[e.key()] = true
	return before
}

// askAgain sends a retry receipt to the device that a message came from. The phone's keys go along when the sender cannot
// help without them: from the second time on, and when the phone has no session at all.
func (s *Server) askAgain(m envelope, p *phone, keys *signal.Keyring, own, failed bool) {
	key := m.sender.phone.number + "/" + m.id
	s.mu.Lock()
	p.retries[key]++
	count := p.retries[key]
	s.mu.Unlock()
	if count > retryLimit {
		return
	}
	s.event(Event{Kind: EventRetryAsked, Number: m.sender.phone.number, Device: m.sender.id, Peer: p.number, ID: m.id, Code: count})
	a := attrs{"from": inSpaceOf(m.to, p.number, 0), "id": m.id, "type": "retry", "t": unix(time.Now())}
	if own {
		a["recipient"] = m.to
	}
	out := el("receipt", a,
		el("retry", attrs{"count": count, "id": m.id, "t": unix(m.arrived), "v": 1}),
		leaf("registration", nil, keys.Registration()))
	if count > 1 || failed && !keys.HasSession(m.sender.address()) {
		out.Content = append(out.GetChildren(), el("keys", nil, bundleNodes(keys.Bundle(), nil)[1:]...))
	}
	s.push(m.sender, out)
}

// scheduleReceipts lets the recipient's phone confirm delivery and reading after its delays. A repeated message is
// confirmed as delivered once more and not read again.
func (s *Server) scheduleReceipts(m envelope, p *phone, e Message, rule *Rule) {
	if rule != nil && rule.Action == NoReceipts {
		return
	}
	s.mu.Lock()
	b := p.behaviour
	s.mu.Unlock()
	delivered, sendDelivered := receiptDelay(b.DeliveredAfterMS, s.opts.DeliveredAfter)
	read, sendRead := receiptDelay(b.ReadAfterMS, s.opts.ReadAfter)
	first, rest := delivered, max(read-delivered, 0)
	if !sendDelivered {
		first, rest = read, 0
	}
	if !sendDelivered && !sendRead {
		return
	}
	s.after(first, func() {
		if sendDelivered {
			s.sendReceipt(m, "")
		}
		if sendRead && !e.Duplicate {
			s.after(rest, func() { s.sendReceipt(m, "read") })
		}
	})
}

// receiptDelay picks a phone's own delay, or else the general one.
func receiptDelay(own int64, general time.Duration) (time.Duration, bool) {
	if own != 0 {
		general = time.Duration(own) * time.Millisecond
	}
	return general, general > 0
}

// sendReceipt tells every companion of the sender, in the address space in which the message was addressed.
func (s *Server) sendReceipt(m envelope, kind string) {
	a := attrs{"from": m.to.ToNonAD(), "id": m.id, "t": unix(time.Now())}
	if kind != "" {
		a["type"] = kind
	}
	for _, d := range s.companions(m.sender.phone.number) {
		s.push(d, el("receipt", a))
	}
}

// Receipt is a receipt that is sent although no rule of behaviour asks for it: late, twice, or out of order.
type Receipt struct {
	From string `json:"from"`           // the phone that confirms
	To   string `json:"to"`             // the number whose companions are told
	ID   string `json:"id"`             // wire id of the message
	Type string `json:"type,omitempty"` // "" (delivered), read or played
	PN   bool   `json:"pn,omitempty"`   // from the phone number; otherwise from the hidden address, as companions write today
}

// SendReceipt sends a receipt at once.
func (s *Server) SendReceipt(r Receipt) error {
	for _, number := range []string{r.From, r.To} {
		if err := checkNumber(number); err != nil {
			return err
		}
	}
	to := lidJID(r.From, 0)
	if r.PN {
		to = pnJID(r.From, 0)
	}
	devices := s.companions(r.To)
	if len(devices) == 0 {
		return ErrNotPaired
	}
	s.sendReceipt(envelope{id: r.ID, to: to, sender: devices[0]}, r.Type)
	return nil
}

func (s *Server) autoReply(p *phone, e Message) {
	s.mu.Lock()
	text := p.behaviour.AutoReply
	s.mu.Unlock()
	if text == "" || e.Duplicate || e.Kind != "text" {
		return
	}
	s.goWhileRunning(func() {
		if _, err := s.Write(s.ctx, Draft{From: p.number, To: e.From, Text: text}); err != nil {
			s.log.Warn("automatic reply failed", "err", err)
		}
	})
}
