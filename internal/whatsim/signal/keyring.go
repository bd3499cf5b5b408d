// Package signal is the encryption of one simulated phone: its identity, its prekeys and its sessions with the devices
// of others.
//
// Sessions are keyed by "phone:device" of the other side whatever address space a stanza uses, because the keys are the
// same in both. They are stored serialized and every attempt to decrypt works on a copy: the library changes a session
// while it tries, so that a failed attempt on a shared one would damage it.
package signal

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"

	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/serialize"
	"go.mau.fi/whatsmeow/util/keys"
)

var codec = serialize.NewProtoBufSerializer()

// Bundle is what one needs to start a session with a device: public keys only.
type Bundle struct {
	Registration uint32
	Identity     [32]byte
	Signed       PublicKey
	OneTime      *PublicKey // nil when the device has run out of them
}

// PublicKey is a numbered prekey; Signature is set on signed prekeys only.
type PublicKey struct {
	ID        uint32
	Pub       [32]byte
	Signature [64]byte
}

// MarshalText writes a key in 48 characters, or 134 with its signature: a simulator with many devices saves hundreds of thousands of them.
func (k PublicKey) MarshalText() ([]byte, error) {
	raw := binary.BigEndian.AppendUint32(nil, k.ID)
	raw = append(raw, k.Pub[:]...)
	if k.Signature != [64]byte{} {
		raw = append(raw, k.Signature[:]...)
	}
	return base64.RawStdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText reads what MarshalText wrote.
func (k *PublicKey) UnmarshalText(text []byte) error {
	raw, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if err != nil || len(raw) != 36 && len(raw) != 100 {
		return fmt.Errorf("signal: public key of %d characters", len(text))
	}
	*k = PublicKey{ID: binary.BigEndian.Uint32(raw), Pub: [32]byte(raw[4:36])}
	copy(k.Signature[:], raw[36:])
	return nil
}

// Address names a device of another account: the bare phone number and the device number.
type Address struct {
	Phone  string
	Device uint32
}

// String is "phone:device", the key under which sessions are stored.
func (a Address) String() string { return fmt.Sprintf("%s:%d", a.Phone, a.Device) }

func (a Address) signal() *protocol.SignalAddress {
	return protocol.NewSignalAddress(a.Phone, a.Device)
}

// Keyring holds the keys of one phone. Safe for concurrent use.
type Keyring struct {
	mu           sync.Mutex
	registration uint32
	identity     *keys.KeyPair
	signed       *keys.PreKey
	oneTime      map[uint32]*keys.PreKey
	nextKey      uint32
	sessions     map[string][]byte
}

// NewKeyring makes the keys of a phone that has just been set up.
func NewKeyring() *Keyring {
	Quiet()
	identity := keys.NewKeyPair()
	return &Keyring{
		registration: rand.Uint32N(16380) + 1,
		identity:     identity,
		signed:       identity.CreateSignedPreKey(1),
		oneTime:      map[uint32]*keys.PreKey{},
		nextKey:      1,
		sessions:     map[string][]byte{},
	}
}

// Identity is the phone's identity key pair. It also signs the devices that the phone links.
func (k *Keyring) Identity() *keys.KeyPair { return k.identity }

// Registration is the phone's registration number in the four bytes of the wire.
func (k *Keyring) Registration() []byte { return binary.BigEndian.AppendUint32(nil, k.registration) }

// Bundle hands out the phone's public keys with a one-time prekey made for the occasion.
func (k *Keyring) Bundle() Bundle {
	k.mu.Lock()
	defer k.mu.Unlock()
	once := keys.NewPreKey(k.nextKey)
	k.nextKey++
	k.oneTime[once.KeyID] = once
	return Bundle{
		Registration: k.registration,
		Identity:     *k.identity.Pub,
		Signed:       PublicKey{ID: k.signed.KeyID, Pub: *k.signed.Pub, Signature: *k.signed.Signature},
		OneTime:      &PublicKey{ID: once.KeyID, Pub: *once.Pub},
	}
}

// HasSession tells whether the phone can write to the device without a bundle.
func (k *Keyring) HasSession(a Address) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.sessions[a.String()] != nil
}

// Forget drops the session with one device.
func (k *Keyring) Forget(a Address) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.sessions, a.String())
}
