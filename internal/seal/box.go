package seal

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"chasqui/internal/wa"
)

// Box seals and opens the secrets of one org. It is safe for concurrent use.
type Box struct {
	aead    tink.AEAD
	keys    map[uint32]bool
	primary uint32
	version int64     // of the data key
	masters []*master // what the first scheme sealed
	missing func()    // a text names a key that came after this box
}

// newBox makes a box of an opened keyset.
func newBox(h *keyset.Handle) (*Box, error) {
	primitive, err := aead.New(h)
	if err != nil {
		return nil, fmt.Errorf("make seal: %w", err)
	}
	info := h.KeysetInfo()
	b := &Box{aead: primitive, keys: map[uint32]bool{}, primary: info.GetPrimaryKeyId(), missing: func() {}}
	for _, k := range info.GetKeyInfo() {
		b.keys[k.GetKeyId()] = true
	}
	return b, nil
}

// Seal encrypts plain for one place.
func (b *Box) Seal(place string, plain []byte) ([]byte, error) {
	sealed, err := b.aead.Encrypt(plain, []byte(place))
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return append([]byte{versionDataKey}, sealed...), nil
}

// Open decrypts what Seal made for the same place. ErrBroken: it cannot be
// opened here. Unavailable: its key is younger than this box, ask again.
func (b *Box) Open(place string, sealed []byte) ([]byte, error) {
	if len(sealed) < prefixLen {
		return nil, ErrBroken
	}
	switch sealed[0] {
	case versionMaster:
		return b.openOld(place, sealed)
	case versionDataKey:
		return b.open(place, sealed)
	}
	return nil, ErrBroken
}

func (b *Box) open(place string, sealed []byte) ([]byte, error) {
	plain, err := b.aead.Decrypt(sealed[1:], []byte(place))
	if err == nil {
		return plain, nil
	}
	if id := binary.BigEndian.Uint32(sealed[2:prefixLen]); sealed[1] == 1 && !b.keys[id] {
		b.missing()
		return nil, &wa.Error{
			Code: wa.Unavailable, Message: "a key is being changed; try again", RetryAfter: time.Second,
			Err: fmt.Errorf("data key %08x is not known here yet: %w", id, ErrBroken),
		}
	}
	return nil, ErrBroken
}

func (b *Box) openOld(place string, sealed []byte) ([]byte, error) {
	for _, m := range b.masters {
		if plain, err := m.old.Open(nil, nil, sealed[1:], []byte(place)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrBroken
}

// prefix is how every text begins that Seal makes now.
func (b *Box) prefix() []byte {
	return binary.BigEndian.AppendUint32([]byte{versionDataKey, 1}, b.primary)
}
