package signal

import (
	"encoding/json"
	"fmt"
	"maps"

	"go.mau.fi/whatsmeow/util/keys"
)

type savedKeyring struct {
	Registration uint32            `json:"registration"`
	Identity     []byte            `json:"identity"`
	Signed       savedKey          `json:"signed"`
	OneTime      []savedKey        `json:"one_time"`
	NextKey      uint32            `json:"next_key"`
	Sessions     map[string][]byte `json:"sessions"`
}

type savedKey struct {
	ID        uint32 `json:"id"`
	Priv      []byte `json:"priv"`
	Signature []byte `json:"signature,omitempty"`
}

// MarshalJSON stores the private keys and all sessions.
func (k *Keyring) MarshalJSON() ([]byte, error) {
	k.mu.Lock()
	s := savedKeyring{
		Registration: k.registration,
		Identity:     k.identity.Priv[:],
		Signed:       savedKey{k.signed.KeyID, k.signed.Priv[:], k.signed.Signature[:]},
		NextKey:      k.nextKey,
		Sessions:     maps.Clone(k.sessions),
	}
	for id, key := range k.oneTime {
		s.OneTime = append(s.OneTime, savedKey{ID: id, Priv: key.Priv[:]})
	}
	k.mu.Unlock()
	return json.Marshal(s)
}

// UnmarshalJSON restores what MarshalJSON stored.
func (k *Keyring) UnmarshalJSON(data []byte) error {
	Quiet()
	var s savedKeyring
	if err := json.Unmarshal(data, &s); err != nil {
		return fmt.Errorf("signal: read keyring: %w", err)
	}
	if len(s.Identity) != 32 || len(s.Signed.Priv) != 32 || len(s.Signed.Signature) != 64 {
		return fmt.Errorf("signal: keyring with keys of the wrong size")
	}
	k.registration, k.nextKey = s.Registration, s.NextKey
	k.identity = keys.NewKeyPairFromPrivateKey([32]byte(s.Identity))
	sig := [64]byte(s.Signed.Signature)
	k.signed = &keys.PreKey{KeyPair: *keys.NewKeyPairFromPrivateKey([32]byte(s.Signed.Priv)), KeyID: s.Signed.ID, Signature: &sig}
	k.oneTime = make(map[uint32]*keys.PreKey, len(s.OneTime))
	for _, key := range s.OneTime {
		if len(key.Priv) != 32 {
			return fmt.Errorf("signal: one-time key %d has %d bytes", key.ID, len(key.Priv))
		}
		k.oneTime[key.ID] = &keys.PreKey{KeyPair: *keys.NewKeyPairFromPrivateKey([32]byte(key.Priv)), KeyID: key.ID}
	}
	k.sessions = s.Sessions
	if k.sessions == nil {
		k.sessions = map[string][]byte{}
	}
	return nil
}
