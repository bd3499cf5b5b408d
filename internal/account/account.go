// Package account knows who may come in: orgs, people and API keys. What an
// actor may do once inside is a table in wa; what it does belongs to the other
// verbs.
package account

import (
	"context"
	"crypto/hmac"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// keyMemory is how long a key is taken at its word before Postgres is asked
// again: a revoked key opens nothing longer than this.
const keyMemory = 3 * time.Second

// keyTouched is how often it is noted that a key is in use.
const keyTouched = time.Minute

// Service lets actors in.
type Service struct {
	db     *store.DB
	pepper []byte
	now    func() time.Time
	opt    Options

	tokens  signer
	hashing chan struct{} // one place per password that is hashed at the same time
	later   chan func(context.Context)
	mails   chan struct{} // told when there is one to send
	issuers issuers

	strangers strangers

	mu      sync.Mutex
	keys    map[string]remembered
	misses  map[string]time.Time // until when keys that open nothing are not looked for
	refused map[wa.KeyID]time.Time
	seats   map[wa.SessionID]seat
}

type remembered struct {
	key   wa.APIKey
	until time.Time
}

// New needs the pepper under which key hashes are kept. Of the options at most
// one is read; without any, what needs one is Unsupported.
func New(db *store.DB, pepper []byte, options ...Options) *Service {
	s := &Service{
		db: db, pepper: pepper, now: time.Now, keys: map[string]remembered{}, seats: map[wa.SessionID]seat{},
		misses: map[string]time.Time{}, refused: map[wa.KeyID]time.Time{},
		hashing: make(chan struct{}, maxHashing), later: make(chan func(context.Context), maxLater), mails: make(chan struct{}, 1),
	}
	if len(options) > 0 {
		s.opt = options[0]
	}
	if s.opt.Now != nil {
		s.now = s.opt.Now
	}
	if s.opt.Log == nil {
		s.opt.Log = slog.New(slog.DiscardHandler)
	}
	s.tokens = newSigner(pepper, s.opt.Retired, s.now)
	return s
}

// Authenticate finds the actor behind an API key or an access token. Everything
// that opens nothing gets the same answer.
func (s *Service) Authenticate(ctx context.Context, text wa.Secret) (wa.Actor, error) {
	if looksLikeToken(text) {
		return s.byToken(ctx, text)
	}
	public, err := wa.KeyPublicID(text)
	if err != nil {
		return wa.Actor{}, err
	}
	hash := wa.HashKey(s.pepper, text)
	key, err := s.key(ctx, public, hash)
	if wa.CodeOf(err) == wa.NotFound || (err == nil && !hmac.Equal(key.Hash, hash)) {
		return wa.Actor{}, wa.Errorf(wa.Unauthorized, "this API key opens nothing: it may be revoked, expired or mistyped")
	}
	if err != nil {
		return wa.Actor{}, err
	}
	networks, err := wa.Networks(key.Networks)
	if err != nil {
		return wa.Actor{}, fmt.Errorf("read networks of key %s: %w", key.ID, err)
	}
	return wa.Actor{Org: key.OrgID, Key: key.ID, Name: key.Name, Scopes: key.Scopes, Networks: networks, Rate: key.Rate}, nil
}

// key finds a key by its public id. It notes that it was used only for who holds
// all of it: the public id alone is no secret.
func (s *Service) key(ctx context.Context, public string, hash []byte) (wa.APIKey, error) {
	if k, ok := s.recall(public); ok {
		return k, nil
	}
	if s.missed(public) {
		return wa.APIKey{}, wa.Errorf(wa.NotFound, "there is no such key")
	}
	var k wa.APIKey
	err := s.db.InTxRelaxed(ctx, func(tx *store.Tx) (err error) { // when it was last used may be forgotten
		if k, err = tx.KeyByPublicID(ctx, public); err != nil || !hmac.Equal(k.Hash, hash) || k.LastUsedAt != nil && s.now().Sub(*k.LastUsedAt) < keyTouched {
			return err
		}
		return tx.TouchKey(ctx, k.ID)
	})
	switch {
	case err == nil:
		s.remember(public, k)
	case wa.CodeOf(err) == wa.NotFound:
		s.miss(public)
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
