package device

import (
	"bytes"
	"context"

	wmstore "go.mau.fi/whatsmeow/store"
)

var _ wmstore.IdentityStore = (*keeper)(nil)

// PutIdentity keeps the key that an address was seen with. The library says so
// with every message; only news is written.
func (k *keeper) PutIdentity(ctx context.Context, address string, key [32]byte) error {
	s := slot{kindIdentity, address}
	if known, err := k.one(ctx, s); err == nil && bytes.Equal(known, key[:]) {
		return nil
	}
	return k.set(ctx, s, item{plain: key[:]})
}

// IsTrustedIdentity compares a key with the one that is known. An address that
// nobody has seen is trusted.
func (k *keeper) IsTrustedIdentity(ctx context.Context, address string, key [32]byte) (bool, error) {
	known, err := k.one(ctx, slot{kindIdentity, address})
	if err != nil {
		return false, err
	}
	return known == nil || bytes.Equal(known, key[:]), nil
}

// DeleteIdentity forgets the key of one device of a person.
func (k *keeper) DeleteIdentity(ctx context.Context, address string) error {
	return k.set(ctx, slot{kindIdentity, address}, item{gone: true})
}

// DeleteAllIdentities forgets the keys of all devices of a person.
func (k *keeper) DeleteAllIdentities(ctx context.Context, user string) error {
	return k.forget(ctx, user+":", kindIdentity)
}
