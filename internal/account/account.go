// Package account knows who may come in: orgs, people and API keys. What an
// actor may do once inside is a table in wa; what it does belongs to the other
// verbs.
package account

import (
	"context"
	"crypto/hmac"
	"sync"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// keyMemory is how long a key is taken at its word before Postgres is asked
// again: a revoked key opens nothing longer than this.
const keyMemory = 3 * time.Second

// Service lets actors in.
type Service struct {
	db     *store.DB
	pepper []byte
	now    func() time.Time

	mu   sync.Mutex
	keys map[string]remembered
}

type remembered struct {
	key   wa.APIKey
	until time.Time
}

// New needs the pepper under which key hashes are kept.
func New(db *store.DB, pepper []byte) *Service {
	return &Service{db: db, pepper: pepper, now: time.Now, keys: map[string]remembered{}}
}

// Authenticate finds the actor behind an API key. Every key that opens nothing
// gets the same answer.
func (s *Service) Authenticate(ctx context.Context, text wa.Secret) (wa.Actor, error) {
	public, err := wa.KeyPublicID(text)
	if err != nil {
		return wa.Actor{}, err
	}
	key, err := s.key(ctx, public)
	if wa.CodeOf(err) == wa.NotFound || (err == nil && !hmac.Equal(key.Hash, wa.HashKey(s.pepper, text))) {
		return wa.Actor{}, wa.Errorf(wa.Unauthorized, "this API key opens nothing: it may be revoked, expired or mistyped")
	}
	if err != nil {
		return wa.Actor{}, err
	}
	return wa.Actor{Org: key.OrgID, Key: key.ID, Name: key.Name, Scopes: key.Scopes}, nil
}

func (s *Service) key(ctx context.Context, public string) (wa.APIKey, error) {
	if k, ok := s.recall(public); ok {
		return k, nil
	}
	var k wa.APIKey
	err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
		if k, err = tx.KeyByPublicID(ctx, public); err != nil {
			return err
		}
		return tx.TouchKey(ctx, k.ID)
	})
	if err == nil {
		s.remember(public, k)
	}
	return k, err
}

func (s *Service) recall(public string) (wa.APIKey, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.keys[public]
	if ok && s.now().Before(r.until) {
		return r.key, true
	}
	return wa.APIKey{}, false
}

func (s *Service) remember(public string, k wa.APIKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.keys) > 10_000 { // forgetting costs one look-up each
		clear(s.keys)
	}
	until := s.now().Add(keyMemory)
	if k.ExpiresAt != nil && k.ExpiresAt.Before(until) {
		until = *k.ExpiresAt
	}
	s.keys[public] = remembered{key: k, until: until}
}
