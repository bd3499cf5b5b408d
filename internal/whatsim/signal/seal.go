package signal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/keys/prekey"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/session"
	"go.mau.fi/libsignal/util/optional"
)

// ErrPadding is returned by Unpad for a plaintext that does not end in its own padding.
var ErrPadding = errors.New("signal: wrong padding")

// Establish starts a new session from a bundle. An older session with the device is kept for messages under way.
func (k *Keyring) Establish(ctx context.Context, a Address, b Bundle) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	id, once := optional.NewEmptyUint32(), ecc.ECPublicKeyable(nil)
	if b.OneTime != nil {
		id, once = optional.NewOptionalUint32(b.OneTime.ID), ecc.NewDjbECPublicKey(b.OneTime.Pub)
	}
	bundle := prekey.NewBundle(b.Registration, a.Device, id, b.Signed.ID, once,
		ecc.NewDjbECPublicKey(b.Signed.Pub), b.Signed.Signature, identity.NewKey(ecc.NewDjbECPublicKey(b.Identity)))
	if err := k.builder(a).ProcessBundle(ctx, bundle); err != nil {
		return fmt.Errorf("signal: process bundle: %w", err)
	}
	return nil
}

// Seal encrypts a padded plaintext for a device with which a session exists; prekey tells whether it is a first message.
func (k *Keyring) Seal(ctx context.Context, a Address, plain []byte) (ciphertext []byte, first bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sessions[a.String()] == nil {
		return nil, false, ErrNoSession
	}
	out, err := session.NewCipher(k.builder(a), a.signal()).Encrypt(ctx, plain)
	if err != nil {
		return nil, false, fmt.Errorf("signal: encrypt: %w", err)
	}
	return out.Serialize(), out.Type() == protocol.PREKEY_TYPE, nil
}

// Pad appends 1 to 15 bytes that each hold their number.
func Pad(plain []byte) []byte {
	n := rand.IntN(15) + 1
	return append(bytes.Clone(plain), bytes.Repeat([]byte{byte(n)}, n)...)
}

// Unpad removes what Pad appended.
func Unpad(padded []byte) ([]byte, error) {
	if len(padded) == 0 {
		return nil, ErrPadding
	}
	n := int(padded[len(padded)-1])
	if n == 0 || n > len(padded) {
		return nil, ErrPadding
	}
	for _, b := range padded[len(padded)-n:] {
		if int(b) != n {
			return nil, ErrPadding
		}
	}
	return padded[:len(padded)-n], nil
}
