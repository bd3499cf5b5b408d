package whatsim

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/types"
)

// ErrPasskey is returned when a phone wanted a passkey and did not get what it accepts.
var ErrPasskey = errors.New("the passkey was not accepted")

// ErrNoPasskey is returned when no companion of a phone waits for its passkey.
var ErrNoPasskey = errors.New("no passkey of this phone is asked for")

// PasskeyMode is whether, and how, a phone wants a passkey when a companion is linked.
type PasskeyMode string

// The modes.
const (
	PasskeyOff PasskeyMode = ""    // it does not
	PasskeyAsk PasskeyMode = "ask" // it does, and trusts a companion that proves to have shown the code that was read
	// PasskeyCompare wants two codes compared: it is silent on an answer with that proof. The client sends the proof with the
	// first answer only, so that a second answer leads to the comparison. How the real service comes to it is not known.
	PasskeyCompare PasskeyMode = "compare"
)

func (m PasskeyMode) known() bool { return m == PasskeyOff || m == PasskeyAsk || m == PasskeyCompare }

// passkeyHost is where passkeys of WhatsApp can be used, and nowhere else: the browser sees to it.
const passkeyHost = "web.whatsapp.com" //nolint:gosec // an address

// What an authenticator did, as a bit of its data each.
const (
	personPresent  = 1 << 0
	personVerified = 1 << 2
)

// passkey is the key pair that a person keeps for web.whatsapp.com. It lives as long as the simulator runs.
type passkey struct {
	id  []byte
	key *ecdsa.PrivateKey
}

func newPasskey() (*passkey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("whatsim: make passkey: %w", err)
	}
	return &passkey{id: random(20), key: key}, nil
}

func random(size int) []byte {
	out := make([]byte, size)
	_, _ = rand.Read(out) // never fails
	return out
}

// Credential is a passkey as the virtual authenticator of a browser under test takes it.
type Credential struct {
	ID   []byte `json:"id"`
	Host string `json:"rp_id"`
	Key  []byte `json:"private_key"` // PKCS#8
}

// Passkey gives the passkey of a phone, to put it into a browser under test.
func (s *Server) Passkey(number string) (Credential, error) {
	if err := checkNumber(number); err != nil {
		return Credential{}, err
	}
	k, err := s.passkeyOf(number)
	if err != nil {
		return Credential{}, err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k.key)
	if err != nil {
		return Credential{}, fmt.Errorf("whatsim: encode passkey: %w", err)
	}
	return Credential{ID: k.id, Host: passkeyHost, Key: raw}, nil
}

// passkeyOf gives the passkey of a phone, which is made when it is first needed.
func (s *Server) passkeyOf(number string) (*passkey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.phoneLocked(number)
	if p.passkey != nil {
		return p.passkey, nil
	}
	k, err := newPasskey()
	if err == nil {
		p.passkey = k
	}
	return k, err
}

// passkeyOptions is what a browser is asked for, in the words of navigator.credentials.get.
func passkeyOptions(credential, challenge []byte) ([]byte, error) {
	return json.Marshal(types.WebAuthnPublicKey{
		Challenge: challenge, Timeout: 300_000, RelyingPartID: passkeyHost, UserVerification: "required",
		AllowCredentials: []types.AllowedCredential{{ID: credential, Type: "public-key", Transports: []string{"hybrid", "internal"}}},
	})
}

// clientData is what a browser says of the page that asked.
type clientData struct {
	Type      string `json:"type"`
	Challenge string `json:"challenge"` // base64url without padding
	Origin    string `json:"origin"`
}

// sign answers a challenge as a browser on web.whatsapp.com does.
func (k *passkey) sign(challenge []byte) (*types.WebAuthnResponse, error) {
	said, err := json.Marshal(clientData{"webauthn.get", base64.RawURLEncoding.EncodeToString(challenge), "https://" + passkeyHost})
	if err != nil {
		return nil, fmt.Errorf("whatsim: encode client data: %w", err)
	}
	host := sha256.Sum256([]byte(passkeyHost))
	data := append(host[:], personPresent|personVerified, 0, 0, 0, 0) // no counter
	signature, err := ecdsa.SignASN1(rand.Reader, k.key, signedBytes(data, said))
	if err != nil {
		return nil, fmt.Errorf("whatsim: sign with passkey: %w", err)
	}
	return &types.WebAuthnResponse{
		ID: base64.RawURLEncoding.EncodeToString(k.id), RawID: k.id, Type: "public-key",
		Response: types.WebAuthnResponseData{ClientDataJSON: said, AuthenticatorData: data, Signature: signature},
	}, nil
}

func signedBytes(data, said []byte) []byte {
	inner := sha256.Sum256(said)
	outer := sha256.Sum256(concat(data, inner[:]))
	return outer[:]
}

// verify checks an answer to a challenge.
func (k *passkey) verify(challenge, credential, answer []byte) error {
	var got types.WebAuthnResponse
	if err := json.Unmarshal(answer, &got); err != nil {
		return fmt.Errorf("%w: unreadable: %w", ErrPasskey, err)
	}
	var said clientData
	if err := json.Unmarshal(got.Response.ClientDataJSON, &said); err != nil {
		return fmt.Errorf("%w: unreadable client data: %w", ErrPasskey, err)
	}
	host, data := sha256.Sum256([]byte(passkeyHost)), got.Response.AuthenticatorData
	switch {
	case !bytes.Equal(credential, k.id) || !bytes.Equal(got.RawID, k.id):
		return fmt.Errorf("%w: another passkey", ErrPasskey)
	case said.Type != "webauthn.get" || said.Challenge != base64.RawURLEncoding.EncodeToString(challenge):
		return fmt.Errorf("%w: the answer to another question", ErrPasskey)
	case said.Origin != "https://"+passkeyHost:
		return fmt.Errorf("%w: given on another page", ErrPasskey)
	case len(data) < 37 || !bytes.Equal(data[:32], host[:]) || data[32]&personVerified == 0:
		return fmt.Errorf("%w: nobody was verified", ErrPasskey)
	case !ecdsa.VerifyASN1(&k.key.PublicKey, signedBytes(data, got.Response.ClientDataJSON), got.Response.Signature):
		return fmt.Errorf("%w: wrong signature", ErrPasskey)
	}
	return nil
}
