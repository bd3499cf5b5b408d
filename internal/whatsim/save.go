package whatsim

import (
	"encoding/json"
	"fmt"
	"time"

	"chasqui/internal/whatsim/signal"
)

const (
	stateFile = "state.json"
	saveEvery = time.Second
	// savedMessages is how much of the inboxes outlives a restart.
	savedMessages = 5000
)

// savedState is everything that a restarted simulator needs so that nobody has to pair again.
type savedState struct {
	Phones   []savedPhone `json:"phones"`
	Messages []*Message   `json:"messages"`
}

type savedPhone struct {
	Number     string                `json:"number"`
	Keys       *signal.Keyring       `json:"keys"`
	Behaviour  Behaviour             `json:"behaviour"`
	Refusal    *Refusal              `json:"refusal,omitempty"`
	NextDevice uint16                `json:"next_device"`
	Devices    []savedDevice         `json:"devices,omitempty"`
	Peers      []string              `json:"peers,omitempty"`
	Seen       []string              `json:"seen,omitempty"`
	Sent       map[string]*savedSent `json:"sent,omitempty"`
	SentOrder  []string              `json:"sent_order,omitempty"`
}

type savedDevice struct {
	ID           uint16             `json:"id"`
	Noise        []byte             `json:"noise"`
	Identity     []byte             `json:"identity"`
	Registration uint32             `json:"registration"`
	Signed       signal.PublicKey   `json:"signed"`
	OneTime      []signal.PublicKey `json:"one_time"`
	HighestKey   uint32             `json:"highest_key"`
	Account      []byte             `json:"account"`
	Welcomed     bool               `json:"welcomed"`
	Pending      []savedStanza      `json:"pending,omitempty"`
}

type savedStanza struct {
	Raw []byte `json:"raw"`
}

type savedSent struct {
	Plain  []byte `json:"plain"`
	Copied []byte `json:"copied"`
	Header []byte `json:"header"`
}

// touch notes that there is something to save.
func (s *Server) touch() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}

// saveLoop writes the state a little while after it changed.
func (s *Server) saveLoop() {
	if s.opts.DataDir == "" {
		return
	}
	pause := saveEvery
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.changed:
		}
		sleep(s.ctx, pause)
		began := time.Now()
		if err := s.save(); err != nil {
			s.log.Error("state not saved", "err", err)
		}
		pause = max(saveEvery, 20*time.Since(began)) // a large state is not written all the time
	}
}

func (s *Server) save() error {
	if s.opts.DataDir == "" {
		return nil
	}
	raw, err := json.Marshal(s.snapshot())
	if err != nil {
		return fmt.Errorf("whatsim: encode state: %w", err)
	}
	return s.writeData(stateFile, raw)
}

// snapshot copies the state. Keyrings are copied later, when they are encoded, each under its own lock.
func (s *Server) snapshot() savedState {
	var out savedState
	s.mu.Lock()
	for _, p := range s.phones {
		out.Phones = append(out.Phones, p.saved())
	}
	s.mu.Unlock()
	s.ledger.mu.Lock()
	defer s.ledger.mu.Unlock()
	out.Messages = append(out.Messages, s.ledger.messages[max(0, len(s.ledger.messages)-savedMessages):]...)
	return out
}

func (p *phone) saved() savedPhone {
	out := savedPhone{
		Number: p.number, Keys: p.keys, Behaviour: p.behaviour, Refusal: p.refusal, NextDevice: p.nextDevice,
		Peers: keysOf(p.peers), Seen: keysOf(p.seen), SentOrder: append([]string(nil), p.sentOrder...), Sent: map[string]*savedSent{},
	}
	for id, m := range p.sent {
		header, err := encode(el("header", m.header))
		if err == nil {
			out.Sent[id] = &savedSent{m.plain, m.copied, header}
		}
	}
	for _, d := range p.sortedDevices() {
		sd := savedDevice{
			ID: d.id, Noise: d.noise[:], Identity: d.identity[:], Registration: d.registration, Signed: d.signed,
			OneTime: append([]signal.PublicKey(nil), d.oneTime...), HighestKey: d.highestKey, Account: d.account, Welcomed: d.welcomed,
		}
		for _, st := range d.pending {
			sd.Pending = append(sd.Pending, savedStanza{st.raw})
		}
		out.Devices = append(out.Devices, sd)
	}
	return out
}

func keysOf(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	return out
}

// loadState restores what save wrote.
func (s *Server) loadState() error {
	raw, err := s.readData(stateFile)
	if err != nil || raw == nil {
		return err
	}
	var in savedState
	if err := json.Unmarshal(raw, &in); err != nil {
		return fmt.Errorf("whatsim: read state: %w", err)
	}
	for _, sp := range in.Phones {
		p, err := sp.restore()
		if err != nil {
			return err
		}
		s.phones[p.number] = p
	}
	s.ledger.messages = in.Messages
	for _, m := range in.Messages {
		s.ledger.seq = max(s.ledger.seq, m.Seq)
	}
	s.ids.Store(time.Now().UnixMilli()) // ids of an earlier run may still wait to be confirmed
	return nil
}

func (sp savedPhone) restore() (*phone, error) {
	p := newPhone(sp.Number, sp.Keys)
	p.behaviour, p.refusal, p.nextDevice, p.sentOrder = sp.Behaviour, sp.Refusal, sp.NextDevice, sp.SentOrder
	for _, k := range sp.Peers {
		p.peers[k] = true
	}
	for _, k := range sp.Seen {
		p.seen[k] = true
	}
	for id, m := range sp.Sent {
		header, err := decode(m.Header)
		if err != nil {
			return nil, err
		}
		p.sent[id] = &sentMessage{m.Plain, m.Copied, header.Attrs}
	}
	for _, sd := range sp.Devices {
		d, err := sd.restore(p)
		if err != nil {
			return nil, err
		}
		p.devices[d.id] = d
	}
	return p, nil
}

func (sd savedDevice) restore(p *phone) (*device, error) {
	if len(sd.Noise) != 32 || len(sd.Identity) != 32 {
		return nil, fmt.Errorf("whatsim: saved device %d has keys of the wrong size", sd.ID)
	}
	d := &device{
		phone: p, id: sd.ID, noise: [32]byte(sd.Noise), identity: [32]byte(sd.Identity), registration: sd.Registration, signed: sd.Signed,
		oneTime: sd.OneTime, highestKey: sd.HighestKey, account: sd.Account, welcomed: sd.Welcomed,
	}
	for _, st := range sd.Pending {
		n, err := decode(st.Raw)
		if err != nil {
			return nil, err
		}
		d.pending = append(d.pending, newStanza(n, st.Raw))
	}
	return d, nil
}

// newStanza describes an encoded stanza by what its confirmation will say.
func newStanza(n *node, raw []byte) *stanza {
	st := &stanza{class: n.Tag, id: str(n, "id"), from: jid(n, "from"), participant: jid(n, "participant"), raw: raw}
	if n.Tag != "message" {
		st.kind = str(n, "type")
	}
	return st
}
