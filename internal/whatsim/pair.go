package whatsim

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"time"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/whatsmeow/proto/waAdv"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"chasqui/internal/whatsim/signal"
)

// Errors of the calls that play a person with a phone.
var (
	ErrNumber      = errors.New("not a phone number")
	ErrQR          = errors.New("not a WhatsApp QR text")
	ErrUnknownQR   = errors.New("nobody is waiting for this QR code")
	ErrCode        = errors.New("wrong or expired code")
	ErrPairRefused = errors.New("the companion refused the pairing")
	ErrNotPaired   = errors.New("number has no paired companion")
)

// refCount is how many QR codes a waiting companion gets: the first lasts a minute, the others twenty seconds each.
const refCount = 6

// reconnectGrace is how long a client may take to obey "pair done, reconnect". One that misses it never comes back.
const reconnectGrace = 10 * time.Second

// Prefixes of the signatures that bind a companion to its phone.
var (
	accountPrefix = []byte{6, 0}
	devicePrefix  = []byte{6, 1}
)

// registration is what an unpaired companion brought: the keys it will have when a phone accepts it.
type registration struct {
	identity     [32]byte
	registration uint32
	signed       signal.PublicKey
	refs         []string
	since        time.Time
}

func newRegistration(data *waWa6.ClientPayload_DevicePairingRegistrationData) (*registration, error) {
	if len(data.GetERegid()) != 4 || len(data.GetEIdent()) != 32 || len(data.GetESkeyID()) != 3 ||
		len(data.GetESkeyVal()) != 32 || len(data.GetESkeySig()) != 64 {
		return nil, errors.New("whatsim: registration with keys of the wrong size")
	}
	return &registration{
		identity:     [32]byte(data.GetEIdent()),
		registration: binary.BigEndian.Uint32(data.GetERegid()),
		signed: signal.PublicKey{
			ID:  keyID(data.GetESkeyID()),
			Pub: [32]byte(data.GetESkeyVal()), Signature: [64]byte(data.GetESkeySig()),
		},
		since: time.Now(),
	}, nil
}

// register gives an unpaired companion its QR refs and waits for a phone.
func (s *Server) register(c *conn, data *waWa6.ClientPayload_DevicePairingRegistrationData) {
	reg, err := newRegistration(data)
	if err != nil {
		s.log.Warn("registration refused", "err", err)
		c.end(Refusal{Reason: 400}.node())
		return
	}
	refs := make([]node, refCount)
	s.mu.Lock()
	for i := range refs {
		ref := "2@" + rand.Text() + rand.Text()
		reg.refs = append(reg.refs, ref)
		s.waiting[ref] = c
		refs[i] = leaf("ref", nil, []byte(ref))
	}
	c.reg = reg
	s.mu.Unlock()
	s.event(Event{Kind: EventWaiting, Socket: c.id})
	c.send(el("iq", attrs{"from": types.ServerJID, "type": "set", "id": s.nextID(), "xmlns": "md"}, el("pair-device", nil, refs...)))
}

func (s *Server) forgetRegistration(c *conn) {
	for _, ref := range c.reg.refs {
		delete(s.waiting, ref)
	}
	for ref, code := range s.codes {
		if code.conn == c {
			delete(s.codes, ref)
		}
	}
}

// WaitingCompanion is an unpaired companion that shows a QR code or a pairing code right now.
type WaitingCompanion struct {
	Socket int64     `json:"socket"`
	Refs   []string  `json:"refs"`            // the first part of the QR texts it shows, in order
	Phone  string    `json:"phone,omitempty"` // the number it asked a code for
	Since  time.Time `json:"since"`
}

// Waiting lists the companions that wait for a phone. A QR text holds a secret that never reaches the server, so the text
// itself (or the code) has to come from where the companion shows it.
func (s *Server) Waiting() []WaitingCompanion {
	s.mu.Lock()
	defer s.mu.Unlock()
	bySocket := map[int64]*WaitingCompanion{}
	for _, c := range s.waiting {
		bySocket[c.id] = &WaitingCompanion{Socket: c.id, Refs: c.reg.refs, Since: c.reg.since}
	}
	for _, code := range s.codes {
		if w := bySocket[code.conn.id]; w != nil {
			w.Phone = code.number
		}
	}
	out := make([]WaitingCompanion, 0, len(bySocket))
	for _, w := range bySocket {
		out = append(out, *w)
	}
	return out
}

// qrText is a parsed QR code.
type qrText struct {
	ref                     string
	noise, identity, secret []byte
}

// parseQR reads "https://wa.me/settings/linked_devices#ref,noise,identity,secret,type" and the older form without the URL.
func parseQR(text string) (qrText, error) {
	if i := strings.IndexByte(text, '#'); i >= 0 {
		text = text[i+1:]
	}
	parts := strings.Split(strings.TrimSpace(text), ",")
	if len(parts) < 4 {
		return qrText{}, ErrQR
	}
	q := qrText{ref: parts[0]}
	for i, dst := range []*[]byte{&q.noise, &q.identity, &q.secret} {
		raw, err := base64.StdEncoding.DecodeString(parts[i+1])
		if err != nil || len(raw) != 32 {
			return qrText{}, ErrQR
		}
		*dst = raw
	}
	return q, nil
}

// Scan plays a person who scans a QR code with the phone of a number. It returns the companion's address when the companion
// has accepted; the companion then reconnects and logs in by itself. With number "" a fresh phone scans.
func (s *Server) Scan(ctx context.Context, text, number string) (types.JID, error) {
	q, err := parseQR(text)
	if err != nil {
		return types.EmptyJID, err
	}
	if number == "" {
		number = s.freshNumber()
	}
	if err := checkNumber(number); err != nil {
		return types.EmptyJID, err
	}
	s.mu.Lock()
	c := s.waiting[q.ref]
	s.mu.Unlock()
	if c == nil || string(c.key[:]) != string(q.noise) || string(c.reg.identity[:]) != string(q.identity) {
		return types.EmptyJID, ErrUnknownQR
	}
	return s.link(ctx, c, number, q.secret)
}

// freshNumber picks a number that nobody uses yet, from a range that belongs to no one.
func (s *Server) freshNumber() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		number := fmt.Sprintf("1555%07d", mathrand.IntN(10_000_000))
		if s.phones[number] == nil {
			return number
		}
	}
}

// join is the end of linking: the phone signs, the companion signs back, the device is stored, and the companion is told to
// reconnect.
func (s *Server) join(ctx context.Context, c *conn, number string, secret []byte) (types.JID, error) {
	s.mu.Lock()
	p := s.phoneLocked(number)
	id := p.freeDevice()
	keys := p.keys
	s.mu.Unlock()
	details, err := proto.Marshal(&waAdv.ADVDeviceIdentity{
		RawID: proto.Uint32(mathrand.Uint32()), Timestamp: proto.Uint64(uint64(time.Now().Unix())), KeyIndex: proto.Uint32(uint32(id)),
		AccountType: waAdv.ADVEncryptionType_E2EE.Enum(), DeviceType: waAdv.ADVEncryptionType_E2EE.Enum(),
	})
	if err != nil {
		return types.EmptyJID, fmt.Errorf("whatsim: encode device identity: %w", err)
	}
	sig := ecc.CalculateSignature(ecc.NewDjbECPrivateKey(*keys.Identity().Priv), concat(accountPrefix, details, c.reg.identity[:]))
	signed := &waAdv.ADVSignedDeviceIdentity{Details: details, AccountSignatureKey: keys.Identity().Pub[:], AccountSignature: sig[:]}
	container, err := seal(signed, secret)
	if err != nil {
		return types.EmptyJID, err
	}
	done := make(chan error, 1)
	reqID := s.nextID()
	s.mu.Lock()
	c.answers[reqID] = func(n *node) { done <- s.accepted(c, p, id, signed, n) }
	s.mu.Unlock()
	c.send(el("iq", attrs{"from": types.ServerJID, "type": "set", "id": reqID, "xmlns": "md", "t": unix(time.Now())}, el("pair-success", nil,
		leaf("device-identity", nil, container),
		el("device", attrs{"jid": pnJID(number, id), "lid": lidJID(number, id)}),
		el("platform", attrs{"name": "android"}))))
	select {
	case err := <-done:
		return pnJID(number, id), err
	case <-c.ctx.Done():
		return pnJID(number, id), lastWord(done)
	case <-ctx.Done():
		return types.EmptyJID, fmt.Errorf("whatsim: waiting for the companion: %w", ctx.Err())
	}
}

// lastWord is the outcome of a pairing whose connection is over: a companion that accepted hangs up at once.
func lastWord(done <-chan error) error {
	select {
	case err := <-done:
		return err
	default:
		return fmt.Errorf("%w: it hung up", ErrPairRefused)
	}
}

// seal wraps a signed identity in the container that only the companion with the QR secret accepts.
func seal(signed *waAdv.ADVSignedDeviceIdentity, secret []byte) ([]byte, error) {
	raw, err := proto.Marshal(signed)
	if err != nil {
		return nil, fmt.Errorf("whatsim: encode signed identity: %w", err)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(raw)
	return proto.Marshal(&waAdv.ADVSignedDeviceIdentityHMAC{Details: raw, HMAC: mac.Sum(nil)})
}

// accepted handles the companion's answer to pair-success. The device is published before the companion is told to
// reconnect: it is back within a millisecond.
func (s *Server) accepted(c *conn, p *phone, id uint16, signed *waAdv.ADVSignedDeviceIdentity, answer *node) error {
	if str(answer, "type") != "result" {
		text := "no reason given"
		if e := child(answer, "error"); e != nil {
			text = str(e, "text")
		}
		return fmt.Errorf("%w: %s", ErrPairRefused, text)
	}
	account, err := verifyCompanion(answer, signed, c.reg.identity)
	if err != nil {
		return err
	}
	s.mu.Lock()
	p.devices[id] = &device{
		phone: p, id: id, noise: c.key, identity: c.reg.identity, registration: c.reg.registration, signed: c.reg.signed, account: account,
	}
	s.forgetRegistration(c)
	s.touch()
	s.mu.Unlock()
	s.event(Event{Kind: EventPaired, Number: p.number, Device: id, Socket: c.id})
	c.endAfter(reconnectGrace, el("stream:error", attrs{"code": "515"})) // the client closes by itself
	return nil
}

// verifyCompanion checks the companion's own signature and returns its identity with the account key put back in.
func verifyCompanion(answer *node, signed *waAdv.ADVSignedDeviceIdentity, identity [32]byte) ([]byte, error) {
	sign := child(answer, "pair-device-sign")
	if sign == nil {
		return nil, fmt.Errorf("%w: answer without a signature", ErrPairRefused)
	}
	var own waAdv.ADVSignedDeviceIdentity
	if err := proto.Unmarshal(childData(sign, "device-identity"), &own); err != nil {
		return nil, fmt.Errorf("%w: unreadable signature: %w", ErrPairRefused, err)
	}
	if len(own.GetDeviceSignature()) != 64 {
		return nil, fmt.Errorf("%w: signature of the wrong size", ErrPairRefused)
	}
	text := concat(devicePrefix, signed.GetDetails(), identity[:], signed.GetAccountSignatureKey())
	if !ecc.VerifySignature(ecc.NewDjbECPublicKey(identity), text, [64]byte(own.GetDeviceSignature())) {
		return nil, fmt.Errorf("%w: wrong signature", ErrPairRefused)
	}
	own.AccountSignatureKey = signed.GetAccountSignatureKey()
	return proto.Marshal(&own)
}

// freeDevice returns the next device number; numbers are one byte on the wire and are not used twice in a row.
func (p *phone) freeDevice() uint16 {
	for {
		id := p.nextDevice
		p.nextDevice = p.nextDevice%255 + 1
		if p.devices[id] == nil {
			return id
		}
	}
}

func concat(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}
