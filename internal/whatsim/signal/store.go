package signal

import (
	"context"
	"errors"

	"go.mau.fi/libsignal/ecc"
	"go.mau.fi/libsignal/keys/identity"
	"go.mau.fi/libsignal/protocol"
	"go.mau.fi/libsignal/state/record"
	"go.mau.fi/whatsmeow/util/keys"
)

var errUnused = errors.New("signal: not used by a simulated phone")

// store lets the library reach a keyring whose lock is already held. Phones trust every identity, as people do.
type store struct{ k *Keyring }

func ecPair(p *keys.KeyPair) *ecc.ECKeyPair {
	return ecc.NewECKeyPair(ecc.NewDjbECPublicKey(*p.Pub), ecc.NewDjbECPrivateKey(*p.Priv))
}

func (s store) GetIdentityKeyPair() *identity.KeyPair {
	pub := identity.NewKey(ecc.NewDjbECPublicKey(*s.k.identity.Pub))
	return identity.NewKeyPair(pub, ecc.NewDjbECPrivateKey(*s.k.identity.Priv))
}

func (s store) GetLocalRegistrationID() uint32 { return s.k.registration }

func (s store) SaveIdentity(context.Context, *protocol.SignalAddress, *identity.Key) error {
	return nil
}

func (s store) IsTrustedIdentity(context.Context, *protocol.SignalAddress, *identity.Key) (bool, error) {
	return true, nil
}

func (s store) LoadPreKey(_ context.Context, id uint32) (*record.PreKey, error) {
	key := s.k.oneTime[id]
	if key == nil {
		return nil, nil
	}
	return record.NewPreKey(id, ecPair(&key.KeyPair), nil), nil
}

func (s store) ContainsPreKey(_ context.Context, id uint32) (bool, error) {
	return s.k.oneTime[id] != nil, nil
}

func (s store) RemovePreKey(_ context.Context, id uint32) error {
	delete(s.k.oneTime, id)
	return nil
}

func (s store) StorePreKey(context.Context, uint32, *record.PreKey) error { return errUnused }

func (s store) LoadSession(_ context.Context, a *protocol.SignalAddress) (*record.Session, error) {
	return s.k.load(a.String())
}

func (s store) StoreSession(_ context.Context, a *protocol.SignalAddress, r *record.Session) error {
	s.k.sessions[a.String()] = r.Serialize()
	return nil
}

func (s store) ContainsSession(_ context.Context, a *protocol.SignalAddress) (bool, error) {
	return s.k.sessions[a.String()] != nil, nil
}

func (s store) GetSubDeviceSessions(context.Context, string) ([]uint32, error) { return nil, errUnused }
func (s store) DeleteSession(context.Context, *protocol.SignalAddress) error   { return errUnused }
func (s store) DeleteAllSessions(context.Context) error                        { return errUnused }

func (s store) LoadSignedPreKey(_ context.Context, id uint32) (*record.SignedPreKey, error) {
	if id != s.k.signed.KeyID {
		return nil, nil
	}
	return record.NewSignedPreKey(id, 0, ecPair(&s.k.signed.KeyPair), *s.k.signed.Signature, nil), nil
}

func (s store) ContainsSignedPreKey(_ context.Context, id uint32) (bool, error) {
	return id == s.k.signed.KeyID, nil
}

func (s store) LoadSignedPreKeys(context.Context) ([]*record.SignedPreKey, error) {
	return nil, errUnused
}

func (s store) StoreSignedPreKey(context.Context, uint32, *record.SignedPreKey) error {
	return errUnused
}
func (s store) RemoveSignedPreKey(context.Context, uint32) error { return errUnused }

// load returns a private copy of a session, or a fresh record.
func (k *Keyring) load(key string) (*record.Session, error) {
	raw := k.sessions[key]
	if raw == nil {
		return record.NewSession(codec.Session, codec.State), nil
	}
	return record.NewSessionFromBytes(raw, codec.Session, codec.State)
}
