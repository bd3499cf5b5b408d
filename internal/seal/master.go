package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"chasqui/internal/wa"
)

// master is a master key: it wraps data keys, and opens what the first scheme
// sealed under it.
type master struct {
	id   string
	raw  []byte
	wrap tink.AEAD
	old  cipher.AEAD
}

// canary is the text by which a master key is known to be the right one.
const canary = "chasqui: this is the right master key"

// newMaster draws what is needed from a master key of 32 bytes.
func newMaster(raw []byte) (*master, error) {
	if len(raw) != 32 {
		return nil, fmt.Errorf("a master key has 32 bytes, not %d", len(raw))
	}
	id, err1 := draw(raw, "chasqui master key id")
	wrapping, err2 := draw(raw, "chasqui wraps data keys")
	sealing, err3 := draw(raw, "chasqui secrets at rest")
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	wrap, err := subtle.NewAESGCM(wrapping)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	block, err := aes.NewCipher(sealing)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	old, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("make cipher: %w", err)
	}
	return &master{id: hex.EncodeToString(id[:8]), raw: bytes.Clone(raw), wrap: wrap, old: old}, nil
}

// draw gives 32 bytes that are always the same for a key and a label, and tell
// nothing of the key nor of those of other labels.
func draw(key []byte, label string) ([]byte, error) {
	out, err := hkdf.Key(sha256.New, key, nil, label, 32)
	if err != nil {
		return nil, fmt.Errorf("draw key: %w", err)
	}
	return out, nil
}

// row is what the database keeps of the key.
func (m *master) row() (wa.MasterKey, error) {
	sealed, err := m.wrap.Encrypt([]byte(canary), []byte(Place("master_keys", "canary", m.id, "")))
	if err != nil {
		return wa.MasterKey{}, fmt.Errorf("seal canary: %w", err)
	}
	return wa.MasterKey{ID: m.id, Canary: sealed}, nil
}

// known reports whether a row was made under this key.
func (m *master) known(row wa.MasterKey) bool {
	plain, err := m.wrap.Decrypt(row.Canary, []byte(Place("master_keys", "canary", m.id, "")))
	return err == nil && string(plain) == canary
}

// seal wraps a keyset for one org.
func (m *master) seal(h *keyset.Handle, org wa.OrgID) ([]byte, error) {
	var out bytes.Buffer
	if err := h.WriteWithAssociatedData(keyset.NewBinaryWriter(&out), m.wrap, keysetPlace(org)); err != nil {
		return nil, fmt.Errorf("wrap data key: %w", err)
	}
	return out.Bytes(), nil
}

// open unwraps what seal made for the same org.
func (m *master) open(wrapped []byte, org wa.OrgID) (*keyset.Handle, error) {
	h, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(wrapped)), m.wrap, keysetPlace(org))
	if err != nil {
		return nil, fmt.Errorf("unwrap data key: %w", err)
	}
	return h, nil
}

func keysetPlace(org wa.OrgID) []byte {
	return []byte(Place("data_keys", "keyset", org.UUID(), org.UUID()))
}
