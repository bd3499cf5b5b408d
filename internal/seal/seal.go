// Package seal keeps secrets at rest: AES-256-GCM under one key, bound to the
// place where the sealed text is kept. Which key, and how it is turned over,
// belongs to whoever makes a Box.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
)

// Box seals and opens. It is safe for concurrent use.
type Box struct {
	aead   cipher.AEAD
	master []byte
}

// version is the first byte of everything sealed: another scheme gets another.
const version = 1

// ErrBroken tells of a text that was sealed elsewhere, under another key, or
// was changed since.
var ErrBroken = errors.New("sealed text cannot be opened: it belongs elsewhere, or the master key is another")

// New makes a box whose key is drawn from the master key (32 bytes).
func New(master []byte) (*Box, error) {
	key, err := hkdf.Key(sha256.New, master, nil, "chasqui secrets at rest", 32)
	if err != nil {
		return nil, fmt.Errorf("draw key: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make seal: %w", err)
	}
	return &Box{aead, bytes.Clone(master)}, nil
}

// Seal encrypts plain for one place.
func (b *Box) Seal(place string, plain []byte) []byte {
	return b.aead.Seal([]byte{version}, nil, plain, []byte(place)) //nolint:gosec // this AEAD draws its own random nonce and takes none
}

// Open decrypts what Seal made for the same place.
func (b *Box) Open(place string, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != version {
		return nil, ErrBroken
	}
	plain, err := b.aead.Open(nil, nil, sealed[1:], []byte(place))
	if err != nil {
		return nil, ErrBroken
	}
	return plain, nil
}

// Derive draws 32 bytes that are always the same for a name, and tell nothing
// of those of other names.
func (b *Box) Derive(name string) ([]byte, error) {
	out, err := hkdf.Key(sha256.New, b.master, nil, "chasqui derived|"+name, 32)
	if err != nil {
		return nil, fmt.Errorf("draw key: %w", err)
	}
	return out, nil
}

// Place names where a sealed text is kept: it opens nowhere else.
func Place(table, column, row, org string) string {
	return strings.Join([]string{table, column, row, org}, "|")
}

// Random gives n random bytes.
func Random(n int) []byte {
	raw := make([]byte, n)
	rand.Read(raw)
	return raw
}
