package device

import (
	"context"
	"strings"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/store"
)

var _ wmstore.SessionStore = (*keeper)(nil)

// GetSession reads the session with an address; nil when there is none.
func (k *keeper) GetSession(ctx context.Context, address string) ([]byte, error) {
	return k.one(ctx, slot{kindSession, address})
}

// HasSession reports whether there is a session with an address.
func (k *keeper) HasSession(ctx context.Context, address string) (bool, error) {
	raw, err := k.GetSession(ctx, address)
	return raw != nil, err
}

// GetManySessions reads sessions; those that are not there are nil. Encrypting
// asks for the identities next, so they come along.
func (k *keeper) GetManySessions(ctx context.Context, addresses []string) (map[string][]byte, error) {
	if len(addresses) == 0 {
		return nil, nil
	}
	slots := make([]slot, 0, 2*len(addresses))
	for _, a := range addresses {
		slots = append(slots, slot{kindSession, a}, slot{kindIdentity, a})
	}
	found, err := k.get(ctx, slots...)
	if err != nil {
		return nil, err
	}
	sessions := make(map[string][]byte, len(addresses))
	for _, a := range addresses {
		sessions[a] = found[slot{kindSession, a}].plain
	}
	return sessions, nil
}

// PutSession keeps a session.
func (k *keeper) PutSession(ctx context.Context, address string, session []byte) error {
	return k.set(ctx, slot{kindSession, address}, item{plain: session})
}

// PutManySessions keeps sessions, all or none.
func (k *keeper) PutManySessions(ctx context.Context, sessions map[string][]byte) error {
	changes := make(map[slot]item, len(sessions))
	for address, raw := range sessions {
		changes[slot{kindSession, address}] = item{plain: raw}
	}
	return k.put(ctx, changes)
}

// DeleteSession forgets the session with one device of a person.
func (k *keeper) DeleteSession(ctx context.Context, address string) error {
	return k.set(ctx, slot{kindSession, address}, item{gone: true})
}

// DeleteAllSessions forgets the sessions with all devices of a person.
func (k *keeper) DeleteAllSessions(ctx context.Context, user string) error {
	return k.forget(ctx, user+":", kindSession)
}

// maxMoved bounds the list of phones that need no second look.
const maxMoved = 20_000

// MigratePNToLID moves everything that is known of a person's devices from the
// address of the phone to the hidden one. What is there already is replaced.
// Values are sealed for their place: they are sealed anew.
func (k *keeper) MigratePNToLID(ctx context.Context, pn, lid types.JID) error {
	from, to := pn.SignalAddressUser(), lid.SignalAddressUser()
	if k.hasMoved(from) {
		return nil
	}
	changes := map[slot]item{}
	err := k.under(ctx, from+":", func(s slot, it item) {
		changes[s] = item{gone: true}
		changes[slot{s.kind, to + strings.TrimPrefix(s.key, from)}] = it
	}, kindSession, kindIdentity, kindSenderKey)
	if err != nil {
		return err
	}
	if err := k.write(ctx, changes, store.DeviceChange{}); err != nil {
		return err
	}
	k.noteMoved(from)
	return nil
}

func (k *keeper) hasMoved(user string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.moved[user]
}

func (k *keeper) noteMoved(user string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.moved) >= maxMoved {
		clear(k.moved)
	}
	k.moved[user] = true
}
