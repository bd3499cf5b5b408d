package whatsmeow

import (
	"context"
	"strings"
	"sync"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
)

// guard puts the session lock around a device's stores. It must be called once
// the device has stores, before anything is encrypted with them.
func guard(device *store.Device, lock *sessionLock) {
	if _, done := device.Sessions.(*guardedSessions); done || device.Sessions == nil {
		return
	}
	sessions := &guardedSessions{SessionStore: device.Sessions, lock: lock}
	device.Sessions = sessions
	device.Identities = guardedIdentities{IdentityStore: device.Identities, sessions: sessions}
	device.EventBuffer = guardedBuffer{EventBuffer: device.EventBuffer, lock: lock}
	device.PreKeys = watchedPreKeys{PreKeyStore: device.PreKeys}
	device.PrivacyTokens = guardedTokens{PrivacyTokenStore: device.PrivacyTokens}
}

// guardingContainer guards a new device, which gets its stores only when it is
// saved for the first time, in the middle of pairing.
type guardingContainer struct {
	store.DeviceContainer
	lock *sessionLock
}

// PutDevice saves and guards.
func (c guardingContainer) PutDevice(ctx context.Context, device *store.Device) error {
	err := c.DeviceContainer.PutDevice(ctx, device)
	guard(device, c.lock)
	return err
}

type guardedBuffer struct {
	store.EventBuffer
	lock *sessionLock
}

// DoDecryptionTxn holds the lock while an inbound message is decrypted and its
// session stored.
func (b guardedBuffer) DoDecryptionTxn(ctx context.Context, fn func(context.Context) error) error {
	g, err := b.lock.take(ctx, 0)
	if err != nil {
		return err
	}
	defer g.end()
	return b.decrypt(ctx, fn)
}

// guardedTokens only watches: the library asks for the recipient's privacy
// token right after it has encrypted.
type guardedTokens struct{ store.PrivacyTokenStore }

// GetPrivacyToken gives the token of a user.
func (t guardedTokens) GetPrivacyToken(ctx context.Context, user types.JID) (*store.PrivacyToken, error) {
	if s := sendingOf(ctx); s != nil {
		s.afterEncryption()
	}
	return t.PrivacyTokenStore.GetPrivacyToken(ctx, user)
}

// guardedIdentities takes the lock where work without a mark begins: the
// identity is looked at before the session is loaded, and a send that stores
// the old one in between would make the answer to a retry request fail.
type guardedIdentities struct {
	store.IdentityStore
	sessions *guardedSessions
}

// IsTrustedIdentity compares a key with the one that is known.
func (i guardedIdentities) IsTrustedIdentity(ctx context.Context, address string, key [32]byte) (bool, error) {
	if decryptingOf(ctx) == nil && sendingOf(ctx) == nil {
		if err := i.sessions.grab(ctx, address); err != nil {
			return false, err
		}
	}
	trusted, err := i.IdentityStore.IsTrustedIdentity(ctx, address, key)
	return trusted, decryptingOf(ctx).saw(err)
}

// PutIdentity stores the key of an address.
func (i guardedIdentities) PutIdentity(ctx context.Context, address string, key [32]byte) error {
	return decryptingOf(ctx).saw(i.IdentityStore.PutIdentity(ctx, address, key))
}

type guardedSessions struct {
	store.SessionStore
	lock *sessionLock

	mu    sync.Mutex
	loose looseGrip
}

// looseGrip is held by work that carries no mark in its context: answers to
// retry requests, and the library's messages to the own phone.
type looseGrip struct {
	grip    *grip
	address string
}

// GetManySessions loads what a message to several devices needs.
func (s *guardedSessions) GetManySessions(ctx context.Context, addresses []string) (map[string][]byte, error) {
	if m := sendingOf(ctx); m != nil {
		if err := m.begin(ctx, s.lock); err != nil {
			return nil, err
		}
	}
	return s.SessionStore.GetManySessions(ctx, addresses)
}

// PutManySessions ends the encryption of a message to several devices.
func (s *guardedSessions) PutManySessions(ctx context.Context, sessions map[string][]byte) error {
	put := func() error { return s.SessionStore.PutManySessions(ctx, sessions) }
	if m := sendingOf(ctx); m != nil {
		return m.store(sessions, put)
	}
	return s.alone(ctx, put)
}

// GetSession loads one session; without a mark it also takes the lock for the
// PutSession that follows.
func (s *guardedSessions) GetSession(ctx context.Context, address string) ([]byte, error) {
	if d := decryptingOf(ctx); d != nil {
		raw, err := s.SessionStore.GetSession(ctx, address)
		d.loaded[address] = raw
		return raw, d.saw(err)
	}
	if sendingOf(ctx) == nil {
		if err := s.grab(ctx, address); err != nil {
			return nil, err
		}
	}
	raw, err := s.SessionStore.GetSession(ctx, address)
	if err != nil && sendingOf(ctx) == nil {
		s.release(address)
	}
	return raw, err
}

// PutSession stores one session.
func (s *guardedSessions) PutSession(ctx context.Context, address string, session []byte) error {
	if d := decryptingOf(ctx); d != nil {
		return d.saw(s.SessionStore.PutSession(ctx, address, repaired(d.loaded[address], session)))
	}
	if sendingOf(ctx) != nil {
		return s.SessionStore.PutSession(ctx, address, session)
	}
	g := s.takeLoose(address)
	if g == nil || !g.keep() {
		// Cancelled is what makes the library leave the request unanswered, so
		// that the server repeats it.
		return gripLost{}
	}
	defer g.free()
	return s.SessionStore.PutSession(ctx, address, session)
}

// gripLost reads as a cancellation to the library.
type gripLost struct{}

// Error says what happened.
func (gripLost) Error() string { return errGripLost.Error() }

// Is matches context.Canceled.
func (gripLost) Is(target error) bool { return target == context.Canceled || target == errGripLost }

// DeleteSession forgets one session. It may happen between loading and storing,
// when a key is not trusted; the lock stays where it is then.
func (s *guardedSessions) DeleteSession(ctx context.Context, address string) error {
	if s.holdsLoose(address) {
		return s.SessionStore.DeleteSession(ctx, address)
	}
	return s.alone(ctx, func() error { return s.SessionStore.DeleteSession(ctx, address) })
}

// DeleteAllSessions forgets a person's sessions.
func (s *guardedSessions) DeleteAllSessions(ctx context.Context, user string) error {
	return s.alone(ctx, func() error { return s.SessionStore.DeleteAllSessions(ctx, user) })
}

// MigratePNToLID moves sessions from the phone's address to the hidden one.
func (s *guardedSessions) MigratePNToLID(ctx context.Context, pn, lid types.JID) error {
	return s.alone(ctx, func() error { return s.SessionStore.MigratePNToLID(ctx, pn, lid) })
}

// alone runs fn with the lock, unless the caller holds it already.
func (s *guardedSessions) alone(ctx context.Context, fn func() error) error {
	if decryptingOf(ctx) != nil || sendingOf(ctx).holds() {
		return fn()
	}
	g, err := s.lock.take(ctx, 0)
	if err != nil {
		return err
	}
	defer g.end()
	return fn()
}

func (s *sending) holds() bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.grip != nil
}

// grab takes the lock for work without a mark, unless that work has it already.
func (s *guardedSessions) grab(ctx context.Context, address string) error {
	if s.holdsLoose(address) {
		return nil
	}
	g, err := s.lock.take(ctx, retryGrip)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loose = looseGrip{grip: g, address: address}
	return nil
}

func (s *guardedSessions) holdsLoose(address string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loose.grip != nil && s.loose.address == address && !s.loose.grip.over()
}

// takeLoose gives the grip that belongs to an address, and forgets it.
func (s *guardedSessions) takeLoose(address string) *grip {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.loose.address != address {
		return nil
	}
	g := s.loose.grip
	s.loose = looseGrip{}
	return g
}

func (s *guardedSessions) release(address string) {
	if g := s.takeLoose(address); g != nil {
		g.end()
	}
}

// signalUser is the person's part of a Signal address ("user:device").
func signalUser(address string) string {
	user, _, _ := strings.Cut(address, ":")
	return user
}
