package whatsim

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/proto/waCompanionReg"
	"go.mau.fi/whatsmeow/util/keys"
	"golang.org/x/crypto/curve25519"
	"google.golang.org/protobuf/proto"
)

// passkeyExchange is what a phone that wants a passkey knows of the companion. Fields are guarded by Server.mu where they change.
type passkeyExchange struct {
	conn      *conn
	number    string
	mode      PasskeyMode
	passkey   *passkey
	handoff   []byte // key of the proof that the companion showed the code that the phone read
	challenge []byte
	options   []byte
	ref       string
	since     time.Time
	done      chan passkeyEnd

	commitment []byte                                     // of the companion, to its identity and a nonce
	identity   []byte                                     // the companion's, encoded
	companion  *waCompanionReg.CompanionEphemeralIdentity // the same, decoded
	mine       *keys.KeyPair
	nonce      []byte
	trusted    bool   // the proof was there: nothing is compared
	key        []byte // of the companion's last word; nil until the commitment was opened
	shown      string // the code to compare
}

// passkeyEnd is how an exchange ended.
type passkeyEnd struct {
	secret []byte
	err    error
}

// end tells whoever waits; the first word counts.
func (x *passkeyExchange) end(secret []byte, err error) {
	select {
	case x.done <- passkeyEnd{secret, err}:
	default:
	}
}

// take follows one step of the companion. It gives what the answer says, and what happens after it.
func (x *passkeyExchange) take(step *node) (told []node, next func(*Server), err error) {
	content := data(step)
	next = func(*Server) {}
	switch step.Tag {
	case "ref":
		told = []node{leaf("ref", nil, []byte(x.ref))}
	case "passkey_request_options":
		told = []node{leaf("passkey_request_options", nil, x.options)}
	case "passkey_prologue":
		next, err = x.prologue(step)
	case "companion_nonce":
		next, err = x.reveal(content)
	case "encrypted_pairing_request":
		var secret []byte
		if secret, err = x.open(content); err == nil {
			next = func(*Server) { x.end(secret, nil) }
		}
	}
	return told, next, err
}

// prologue takes the passkey's answer and the commitment. A later answer begins again.
func (x *passkeyExchange) prologue(step *node) (func(*Server), error) {
	if err := x.passkey.verify(x.challenge, childData(step, "credential_id"), childData(step, "webauthn_assertion")); err != nil {
		return nil, err
	}
	payload := childData(step, "prologue_payload")
	var prologue waCompanionReg.ProloguePayload
	var companion waCompanionReg.CompanionEphemeralIdentity
	if err := proto.Unmarshal(payload, &prologue); err != nil {
		return nil, fmt.Errorf("%w: unreadable prologue: %w", ErrPasskey, err)
	}
	if err := proto.Unmarshal(prologue.GetCompanionEphemeralIdentity(), &companion); err != nil {
		return nil, fmt.Errorf("%w: unreadable identity: %w", ErrPasskey, err)
	}
	if len(companion.GetPublicKey()) != 32 || companion.GetRef() != x.ref {
		return nil, fmt.Errorf("%w: an identity for something else", ErrPasskey)
	}
	proof := childData(step, "pairing_handoff_proof")
	if x.trusted = len(proof) > 0; x.trusted && !hmac.Equal(proof, x.proofOf(payload)) {
		return nil, fmt.Errorf("%w: it did not show the code that was read", ErrPasskey)
	}
	x.identity, x.companion, x.commitment = prologue.GetCompanionEphemeralIdentity(), &companion, prologue.GetCommitment().GetHash()
	x.mine, x.nonce, x.key, x.shown = keys.NewKeyPair(), random(32), nil, ""
	if x.trusted && x.mode == PasskeyCompare {
		return x.note("answered"), nil
	}
	return x.goOn()
}

func (x *passkeyExchange) proofOf(payload []byte) []byte {
	mac := hmac.New(sha256.New, x.handoff)
	mac.Write(payload)
	return mac.Sum(nil)
}

func (x *passkeyExchange) note(what string) func(*Server) {
	return func(s *Server) { s.event(Event{Kind: EventPasskey, Number: x.number, Socket: x.conn.id, Detail: what}) }
}

// goOn shows the companion the phone's key.
func (x *passkeyExchange) goOn() (func(*Server), error) {
	primary, err := proto.Marshal(&waCompanionReg.PrimaryEphemeralIdentity{PublicKey: x.mine.Pub[:], Nonce: x.nonce})
	if err != nil {
		return nil, fmt.Errorf("whatsim: encode phone's key: %w", err)
	}
	answered := x.note("answered")
	return func(s *Server) {
		answered(s)
		x.conn.send(passkeyNotification(s, "crsc_continuation", leaf("primary_ephemeral_identity", nil, primary)))
	}, nil
}

// reveal checks that the companion committed to what it shows now, and makes the code and the key that follow from it.
func (x *passkeyExchange) reveal(nonce []byte) (func(*Server), error) {
	hash := sha256.Sum256(concat(x.identity, nonce))
	if x.companion == nil || len(nonce) != 32 || !hmac.Equal(hash[:], x.commitment) {
		return nil, fmt.Errorf("%w: the commitment does not hold", ErrPasskey)
	}
	shared, err := curve25519.X25519(x.mine.Priv[:], x.companion.GetPublicKey())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	salt := fmt.Sprintf("Companion Pairing %d with ref %s", x.companion.GetDeviceType(), x.ref)
	if x.key, err = hkdf.Key(sha256.New, shared, []byte(salt), "Pairing Information Encryption Key", 32); err != nil {
		return nil, fmt.Errorf("whatsim: derive pairing key: %w", err)
	}
	if x.trusted {
		return func(*Server) {}, nil
	}
	x.shown = comparison(nonce, x.mine.Pub[:], x.nonce)
	return x.note("compare"), nil
}

// comparison is the code that both sides show: eight characters without those that are easily confused.
func comparison(companionNonce, phoneKey, phoneNonce []byte) string {
	digest := sha256.Sum256(concat(companionNonce, phoneKey))
	code := make([]byte, 5)
	for i := range code {
		code[i] = phoneNonce[i] ^ digest[i]
	}
	text := base32.NewEncoding("123456789ABCDEFGHJKLMNPQRSTVWXYZ").EncodeToString(code)
	return text[:4] + "-" + text[4:]
}

// open reads the companion's last word: its keys, which the phone has seen already, and the secret for the signature.
func (x *passkeyExchange) open(raw []byte) ([]byte, error) {
	var sealed waCompanionReg.EncryptedPairingRequest
	if err := proto.Unmarshal(raw, &sealed); err != nil || x.key == nil || len(sealed.GetIV()) != 12 {
		return nil, fmt.Errorf("%w: an unreadable request", ErrPasskey)
	}
	block, err := aes.NewCipher(x.key)
	if err != nil {
		return nil, fmt.Errorf("whatsim: pairing cipher: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("whatsim: pairing cipher: %w", err)
	}
	plain, err := gcm.Open(nil, sealed.GetIV(), sealed.GetEncryptedPayload(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: a request under another key", ErrPasskey)
	}
	var request waCompanionReg.PairingRequest
	if err := proto.Unmarshal(plain, &request); err != nil {
		return nil, fmt.Errorf("%w: an unreadable request: %w", ErrPasskey, err)
	}
	if string(request.GetCompanionPublicKey()) != string(x.conn.key[:]) || string(request.GetCompanionIdentityKey()) != string(x.conn.reg.identity[:]) {
		return nil, fmt.Errorf("%w: keys of another companion", ErrPasskey)
	}
	if len(request.GetAdvSecret()) != 32 {
		return nil, fmt.Errorf("%w: a secret of the wrong size", ErrPasskey)
	}
	return request.GetAdvSecret(), nil
}
