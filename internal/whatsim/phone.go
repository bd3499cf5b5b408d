package whatsim

import (
	"fmt"
	"sort"
	"sync"

	"go.mau.fi/whatsmeow/proto/waE2E"

	"chasqui/internal/whatsim/signal"
)

// Behaviour is how one phone acts. The zero value acts as the simulator's options say.
type Behaviour struct {
	DeliveredAfterMS int64  `json:"delivered_after_ms,omitempty"` // 0: as the options say; Never: no delivered receipt
	ReadAfterMS      int64  `json:"read_after_ms,omitempty"`      // 0: as the options say; Never: no read receipt
	Blocked          bool   `json:"blocked,omitempty"`            // has blocked everybody: messages are taken and never arrive
	NotOnWhatsApp    bool   `json:"not_on_whatsapp,omitempty"`    // there is no account behind the number
	LIDSender        bool   `json:"lid_sender,omitempty"`         // writes from its hidden address instead of its number
	PushName         string `json:"push_name,omitempty"`          // the name its messages carry; "" means "Phone <last 4 digits>"
	AutoReply        string `json:"auto_reply,omitempty"`         // answers every text that arrives with this text

	Passkey PasskeyMode `json:"passkey,omitempty"` // wants a passkey when a companion is linked
}

// phone is a simulated phone and the account on it. Fields are guarded by Server.mu unless said otherwise.
type phone struct {
	number     string
	keys       *signal.Keyring // replaced when the person gets a new phone
	behaviour  Behaviour
	devices    map[uint16]*device
	nextDevice uint16
	refusal    *Refusal
	peers      map[string]bool // numbers it has exchanged messages with
	seen       map[string]bool // "sender/wire id" of messages it could read
	sent       map[string]*sentMessage
	sentOrder  []string
	retries    map[string]int // retry receipts sent, by "sender/wire id"
	passkey    *passkey       // made when it is first needed; not kept over a restart

	writing sync.Mutex // held from encryption to queueing, so that messages leave in the order of their keys
}

// sentMessage is kept so that a companion that could not read a message can get it again.
type sentMessage struct {
	plain  []byte // for the recipient
	copied []byte // for the other devices of the sender
	header attrs
}

// sentLimit is how many messages a phone can send again.
const sentLimit = 2000

// phoneLocked returns the phone of a number and creates it when this is the first time it is addressed. The caller holds
// Server.mu.
func (s *Server) phoneLocked(number string) *phone {
	p := s.phones[number]
	if p == nil {
		p = newPhone(number, signal.NewKeyring())
		s.phones[number] = p
		s.touch()
	}
	return p
}

func newPhone(number string, keys *signal.Keyring) *phone {
	return &phone{
		number: number, keys: keys, devices: map[uint16]*device{}, nextDevice: 1, peers: map[string]bool{},
		seen: map[string]bool{}, sent: map[string]*sentMessage{}, retries: map[string]int{},
	}
}

func (p *phone) pushName() string { return p.behaviour.name(p.number) }

// name is what the messages of a phone with this number carry as its name.
func (b Behaviour) name(number string) string {
	if b.PushName != "" {
		return b.PushName
	}
	return "Phone " + number[max(0, len(number)-4):]
}

// SetBehaviour changes how a phone acts from now on.
func (s *Server) SetBehaviour(number string, b Behaviour) error {
	if err := checkNumber(number); err != nil {
		return err
	}
	if !b.Passkey.known() {
		return fmt.Errorf("whatsim: a phone does not know how to want a passkey like %q", b.Passkey)
	}
	s.mu.Lock()
	s.phoneLocked(number).behaviour = b
	s.touch()
	s.mu.Unlock()
	s.ledger.stir()
	return nil
}

// PhoneInfo describes a phone to the control API.
type PhoneInfo struct {
	Number    string       `json:"number"`
	LID       string       `json:"lid"`
	Behaviour Behaviour    `json:"behaviour"`
	Refusal   *Refusal     `json:"refusal,omitempty"`
	Devices   []DeviceInfo `json:"devices"` // paired companions
}

// DeviceInfo describes a paired companion.
type DeviceInfo struct {
	ID      uint16 `json:"id"`
	JID     string `json:"jid"`
	Online  bool   `json:"online"`
	PreKeys int    `json:"prekeys"` // one-time prekeys left
	Pending int    `json:"pending"` // stanzas it has not confirmed
}

// Phones lists the phones that exist, by number.
func (s *Server) Phones() []PhoneInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]PhoneInfo, 0, len(s.phones))
	for _, p := range s.phones {
		out = append(out, p.info())
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Number < out[j].Number })
	return out
}

// Phone describes one phone and creates it when it does not exist.
func (s *Server) Phone(number string) (PhoneInfo, error) {
	if err := checkNumber(number); err != nil {
		return PhoneInfo{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phoneLocked(number).info(), nil
}

func (p *phone) info() PhoneInfo {
	out := PhoneInfo{Number: p.number, LID: lidJID(p.number, 0).String(), Behaviour: p.behaviour, Refusal: p.refusal, Devices: []DeviceInfo{}}
	for _, d := range p.sortedDevices() {
		out.Devices = append(out.Devices, DeviceInfo{
			ID: d.id, JID: pnJID(p.number, d.id).String(), Online: d.conn != nil && d.conn.active,
			PreKeys: len(d.oneTime), Pending: len(d.pending),
		})
	}
	return out
}

func (p *phone) sortedDevices() []*device {
	out := make([]*device, 0, len(p.devices))
	for _, d := range p.devices {
		out = append(out, d)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].id < out[j].id })
	return out
}

// remember keeps a sent message for retries and forgets the oldest one beyond the limit.
func (p *phone) remember(id string, m *sentMessage) {
	p.sent[id] = m
	p.sentOrder = append(p.sentOrder, id)
	if len(p.sentOrder) > sentLimit {
		delete(p.sent, p.sentOrder[0])
		p.sentOrder = p.sentOrder[1:]
	}
}

// checkNumber accepts what E.164 accepts, without the plus.
func checkNumber(number string) error {
	if len(number) < 5 || len(number) > 15 || number[0] == '0' {
		return fmt.Errorf("whatsim: %w: %d digits", ErrNumber, len(number))
	}
	for _, r := range number {
		if r < '0' || r > '9' {
			return fmt.Errorf("whatsim: %w: digits only", ErrNumber)
		}
	}
	return nil
}

// textOf returns the words of a message and what kind of message it is.
func textOf(m *waE2E.Message) (text, kind string) {
	switch {
	case m.Conversation != nil:
		return m.GetConversation(), "text"
	case m.ExtendedTextMessage != nil:
		return m.GetExtendedTextMessage().GetText(), "text"
	case m.ReactionMessage != nil:
		return m.GetReactionMessage().GetText(), "reaction"
	case m.ImageMessage != nil:
		return m.GetImageMessage().GetCaption(), "image"
	case m.VideoMessage != nil:
		return m.GetVideoMessage().GetCaption(), "video"
	case m.DocumentMessage != nil:
		return m.GetDocumentMessage().GetCaption(), "document"
	case m.AudioMessage != nil:
		return "", "audio"
	case m.ProtocolMessage != nil:
		return m.GetProtocolMessage().GetEditedMessage().GetConversation(), "protocol"
	default:
		return "", "other"
	}
}
