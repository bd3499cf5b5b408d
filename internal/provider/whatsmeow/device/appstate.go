package device

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"

	wmstore "go.mau.fi/whatsmeow/store"

	"chasqui/internal/store"
)

var _ wmstore.AppStateStore = (*keeper)(nil)

var errNoAppState = errors.New("what was kept is no state of the settings")

// PutAppStateVersion keeps how far a list of settings is known.
func (k *keeper) PutAppStateVersion(ctx context.Context, name string, version uint64, hash [128]byte) error {
	return k.set(ctx, slot{kindAppState, name}, item{plain: appStateOf(version, hash[:])})
}

func appStateOf(version uint64, hash []byte) []byte {
	return append(binary.BigEndian.AppendUint64(nil, version), hash...)
}

// GetAppStateVersion reads it; nothing known is version 0 of an empty hash.
func (k *keeper) GetAppStateVersion(ctx context.Context, name string) (version uint64, hash [128]byte, err error) {
	raw, err := k.one(ctx, slot{kindAppState, name})
	if err != nil || raw == nil {
		return 0, hash, err
	}
	if len(raw) != 8+len(hash) {
		return 0, hash, errNoAppState
	}
	if version = binary.BigEndian.Uint64(raw); version == 0 {
		return 0, hash, errNoAppState
	}
	return version, [128]byte(raw[8:]), nil
}

// DeleteAppStateVersion forgets a list of settings and what belongs to it.
func (k *keeper) DeleteAppStateVersion(ctx context.Context, name string) error {
	if err := k.forget(ctx, name+"\x00", kindAppMAC); err != nil {
		return err
	}
	return k.set(ctx, slot{kindAppState, name}, item{gone: true})
}

func macSlot(name string, index []byte) slot { return slot{kindAppMAC, name + "\x00" + string(index)} }

// macBatch is how many values are written at once.
const macBatch = 2000

// PutAppStateMutationMACs keeps the newest check of settings. Only the newest is
// ever asked for.
func (k *keeper) PutAppStateMutationMACs(ctx context.Context, name string, _ uint64, mutations []wmstore.AppStateMutationMAC) error {
	for part := range slices.Chunk(mutations, macBatch) {
		changes := make(map[slot]item, len(part))
		for _, m := range part {
			changes[macSlot(name, m.IndexMAC)] = item{plain: m.ValueMAC}
		}
		if err := k.write(ctx, changes, store.DeviceChange{}); err != nil {
			return err
		}
	}
	return nil
}

// DeleteAppStateMutationMACs forgets the checks of settings.
func (k *keeper) DeleteAppStateMutationMACs(ctx context.Context, name string, indexes [][]byte) error {
	for part := range slices.Chunk(indexes, macBatch) {
		changes := make(map[slot]item, len(part))
		for _, index := range part {
			changes[macSlot(name, index)] = item{gone: true}
		}
		if err := k.write(ctx, changes, store.DeviceChange{}); err != nil {
			return err
		}
	}
	return nil
}

// GetAppStateMutationMAC reads the check of a setting; nil when there is none.
func (k *keeper) GetAppStateMutationMAC(ctx context.Context, name string, index []byte) ([]byte, error) {
	return k.one(ctx, macSlot(name, index))
}
