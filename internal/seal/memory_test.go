package seal_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"chasqui/internal/wa"
)

// memory is a database that forgets with the test.
type memory struct {
	mu      sync.Mutex
	masters []wa.MasterKey
	keys    map[wa.OrgID]wa.DataKey
	secrets map[string][]byte
	sealed  map[wa.OrgID]bool // who has texts under a data key
	old     *wa.SealedText
	older   bool
	written int
	asked   atomic.Int64
	away    atomic.Bool
}

func newMemory() *memory {
	return &memory{keys: map[wa.OrgID]wa.DataKey{}, secrets: map[string][]byte{}}
}

// do is one statement.
func (m *memory) do(writes bool, fn func() error) error {
	m.asked.Add(1)
	if m.away.Load() {
		return wa.Errorf(wa.Unavailable, "away")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	err := fn()
	if writes && err == nil {
		m.written++
	}
	return err
}

func (m *memory) MasterKeys(context.Context) (all []wa.MasterKey, err error) {
	err = m.do(false, func() error { all = slices.Clone(m.masters); return nil })
	return all, err
}

func (m *memory) InsertMasterKeys(_ context.Context, keys []wa.MasterKey) error {
	return m.do(true, func() error {
		if len(m.masters) == 0 {
			m.masters = keys
		}
		return nil
	})
}

func (m *memory) OldSealed(context.Context) (t wa.SealedText, err error) {
	err = m.do(false, func() error {
		if m.old == nil {
			return wa.Errorf(wa.NotFound, "none")
		}
		t = *m.old
		return nil
	})
	return t, err
}

func (m *memory) DataKey(_ context.Context, org wa.OrgID) (k wa.DataKey, err error) {
	err = m.do(false, func() error {
		found := false
		if k, found = m.keys[org]; !found {
			return wa.Errorf(wa.NotFound, "none")
		}
		return nil
	})
	return k, err
}

func (m *memory) SealedByKey(_ context.Context, org wa.OrgID) (bool, error) {
	return org.IsZero() && len(m.secrets) > 0 || m.sealed[org], nil
}

func (m *memory) InsertDataKey(_ context.Context, k wa.DataKey) error {
	return m.do(true, func() error {
		if _, found := m.keys[k.Org]; found {
			return wa.Errorf(wa.Conflict, "there is one")
		}
		m.keys[k.Org] = k
		return nil
	})
}

func (m *memory) ChangedDataKeys(context.Context, time.Duration) (all map[wa.OrgID]int64, err error) {
	all = map[wa.OrgID]int64{}
	err = m.do(false, func() error {
		for org, k := range maps.All(m.keys) {
			all[org] = k.Version
		}
		return nil
	})
	return all, err
}

func (m *memory) InstallationSecret(_ context.Context, name string) (sealed []byte, err error) {
	err = m.do(false, func() error {
		if sealed = m.secrets[name]; sealed == nil {
			return wa.Errorf(wa.NotFound, "none")
		}
		return nil
	})
	return sealed, err
}

func (m *memory) KeepInstallationSecret(_ context.Context, name string, sealed []byte) error {
	return m.do(true, func() error {
		if m.secrets[name] == nil {
			m.secrets[name] = sealed
		}
		return nil
	})
}

func (m *memory) SecretLost(context.Context, string) (bool, error) { return false, nil }

func (m *memory) OlderThanKeys(context.Context) (bool, error) { return m.older, nil }

func drawn(master []byte, label string) ([]byte, error) {
	return hkdf.Key(sha256.New, master, nil, label, 32)
}

// sealOld is how texts were sealed before there were data keys.
func sealOld(master []byte, place, plain string) ([]byte, error) {
	k, err := drawn(master, "chasqui secrets at rest")
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(k)
	if err != nil {
		return nil, err
	}
	c, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return c.Seal([]byte{1}, nil, []byte(plain), []byte(place)), nil
}
