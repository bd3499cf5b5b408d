package account

import (
	"context"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

const (
	missMemory   = 5 * time.Second // for how long a key that opens nothing is not looked for again
	refusalNoted = time.Minute     // how often a key's use from elsewhere is written down
	doorstepMost = 10_000          // of each that are remembered
)

// Remembers reports whether Authenticate can answer without looking for a key
// that this process has not seen yet. Tokens prove themselves, and what has not
// the form of a key is never looked for.
func (s *Service) Remembers(text wa.Secret) bool {
	public, err := wa.KeyPublicID(text)
	if err != nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, seen := s.keys[public] // one that is due to be read again was good a moment ago
	return seen || s.now().Before(s.misses[public])
}

// missed reports whether a key was looked for in vain just now.
func (s *Service) missed(public string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now().Before(s.misses[public])
}

// miss remembers that a key opens nothing.
func (s *Service) miss(public string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.keys, public)
	if len(s.misses) >= doorstepMost {
		clear(s.misses)
	}
	s.misses[public] = s.now().Add(missMemory)
}

// RefuseKey writes down that a key was used from where it may not be, once a
// minute for each key and process.
func (s *Service) RefuseKey(ctx context.Context, by wa.Actor) error {
	if !s.noteRefusal(by.Key) {
		return nil
	}
	return s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		return tx.Audit(by, wa.AuditKeyRefused, by.Key.String(), nil, nil)
	})
}

func (s *Service) noteRefusal(key wa.KeyID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now().Before(s.refused[key]) {
		return false
	}
	if len(s.refused) >= doorstepMost {
		clear(s.refused)
	}
	s.refused[key] = s.now().Add(refusalNoted)
	return true
}
