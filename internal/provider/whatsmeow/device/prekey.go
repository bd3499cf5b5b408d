package device

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/util/keys"

	"chasqui/internal/store"
)

var _ wmstore.PreKeyStore = (*keeper)(nil)

// A mark on a key says that WhatsApp has been given it.

var errNoPreKey = errors.New("what was kept is no key")

func preKeyName(id uint32) []byte { return binary.BigEndian.AppendUint32(nil, id) }

func preKeySlot(id uint32) slot { return slot{kindPreKey, string(preKeyName(id))} }

func preKeyOf(s slot, it item) (*keys.PreKey, error) {
	if len(s.key) != 4 || len(it.plain) != 32 {
		return nil, errNoPreKey
	}
	return &keys.PreKey{KeyPair: *keyPair(it.plain), KeyID: binary.BigEndian.Uint32([]byte(s.key))}, nil
}

// GetPreKey reads one key; nil when there is none.
func (k *keeper) GetPreKey(ctx context.Context, id uint32) (*keys.PreKey, error) {
	s := preKeySlot(id)
	found, err := k.get(ctx, s)
	it, ok := found[s]
	if err != nil || !ok {
		return nil, err
	}
	return preKeyOf(s, it)
}

// RemovePreKey forgets a key that was used.
func (k *keeper) RemovePreKey(ctx context.Context, id uint32) error {
	return k.set(ctx, preKeySlot(id), item{gone: true})
}

// GenOnePreKey makes a key that is given away at once.
func (k *keeper) GenOnePreKey(ctx context.Context) (*keys.PreKey, error) {
	k.preKeys.Lock()
	defer k.preKeys.Unlock()
	_, next, err := k.unused(ctx, 0)
	if err != nil {
		return nil, err
	}
	made, err := k.makePreKeys(ctx, next, 1, true)
	if err != nil {
		return nil, err
	}
	return made[0], nil
}

// GetOrGenPreKeys gives count keys that WhatsApp has not been given.
func (k *keeper) GetOrGenPreKeys(ctx context.Context, count uint32) ([]*keys.PreKey, error) {
	k.preKeys.Lock()
	defer k.preKeys.Unlock()
	list, next, err := k.unused(ctx, int(count))
	if err != nil || len(list) >= int(count) {
		return list, err
	}
	made, err := k.makePreKeys(ctx, next, int(count)-len(list), false)
	return append(list, made...), err
}

// unused reads keys that were not given away, and the id of the next to make.
func (k *keeper) unused(ctx context.Context, limit int) (list []*keys.PreKey, next uint32, err error) {
	rows, last, err := k.c.opts.DB.UnmarkedValues(ctx, k.row, kindPreKey, limit)
	if err != nil {
		return nil, 0, err
	}
	if next = 1; len(last) == 4 {
		next = binary.BigEndian.Uint32(last) + 1
	}
	var broken error
	err = k.open(ctx, rows, func(s slot, it item) {
		key, err := preKeyOf(s, it)
		list, broken = append(list, key), errors.Join(broken, err)
	})
	return list, next, errors.Join(err, broken)
}

func (k *keeper) makePreKeys(ctx context.Context, first uint32, count int, given bool) ([]*keys.PreKey, error) {
	made, changes := make([]*keys.PreKey, count), make(map[slot]item, count)
	for i := range made {
		made[i] = keys.NewPreKey(first + uint32(i))
		changes[preKeySlot(made[i].KeyID)] = item{plain: made[i].Priv[:], mark: given}
	}
	if err := k.write(ctx, changes, store.DeviceChange{}); err != nil {
		return nil, fmt.Errorf("keep new keys: %w", err)
	}
	return made, nil
}

// MarkPreKeysAsUploaded notes that WhatsApp has been given the keys up to one.
func (k *keeper) MarkPreKeysAsUploaded(ctx context.Context, upTo uint32) error {
	return k.c.opts.DB.MarkValues(ctx, k.row, kindPreKey, preKeyName(upTo))
}

// UploadedPreKeyCount counts the keys that WhatsApp has been given and nobody
// has used.
func (k *keeper) UploadedPreKeyCount(ctx context.Context) (int, error) {
	return k.c.opts.DB.MarkedValues(ctx, k.row, kindPreKey)
}
