package device

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	wmstore "go.mau.fi/whatsmeow/store"

	"chasqui/internal/store"
)

var _ wmstore.AppStateSyncKeyStore = (*keeper)(nil)

// appKey is a key of the phone's settings, as it is sealed.
type appKey struct {
	Data        []byte `json:"data"`
	Fingerprint []byte `json:"fingerprint"`
	At          int64  `json:"at"`
}

var errNoAppKey = errors.New("what was kept is no key of the settings")

// PutAppStateSyncKey keeps a key unless a newer one is kept under its id.
func (k *keeper) PutAppStateSyncKey(ctx context.Context, id []byte, key wmstore.AppStateSyncKey) error {
	k.profiles.Lock()
	defer k.profiles.Unlock()
	known, err := k.GetAppStateSyncKey(ctx, id)
	if err != nil || (known != nil && known.Timestamp >= key.Timestamp) {
		return err
	}
	raw, err := json.Marshal(appKey{Data: key.Data, Fingerprint: key.Fingerprint, At: key.Timestamp})
	if err != nil {
		return err
	}
	return k.write(ctx, map[slot]item{{kindAppKey, string(id)}: {plain: raw}}, store.DeviceChange{})
}

// GetAppStateSyncKey reads a key; nil when there is none.
func (k *keeper) GetAppStateSyncKey(ctx context.Context, id []byte) (*wmstore.AppStateSyncKey, error) {
	raw, err := k.one(ctx, slot{kindAppKey, string(id)})
	if err != nil || raw == nil {
		return nil, err
	}
	return readAppKey(raw)
}

func readAppKey(raw []byte) (*wmstore.AppStateSyncKey, error) {
	var key appKey
	if json.Unmarshal(raw, &key) != nil {
		return nil, errNoAppKey
	}
	return &wmstore.AppStateSyncKey{Data: key.Data, Fingerprint: key.Fingerprint, Timestamp: key.At}, nil
}

type namedAppKey struct {
	id  string
	key *wmstore.AppStateSyncKey
}

// newestAppKeys reads all keys, newest first.
func (k *keeper) newestAppKeys(ctx context.Context) (list []namedAppKey, err error) {
	var broken error
	err = k.under(ctx, "", func(s slot, it item) {
		key, err := readAppKey(it.plain)
		if err != nil {
			broken = err
			return
		}
		list = append(list, namedAppKey{s.key, key})
	}, kindAppKey)
	slices.SortStableFunc(list, func(a, b namedAppKey) int {
		switch {
		case a.key.Timestamp > b.key.Timestamp:
			return -1
		case a.key.Timestamp < b.key.Timestamp:
			return 1
		}
		return 0
	})
	return list, errors.Join(err, broken)
}

// GetLatestAppStateSyncKeyID gives the id of the newest key; nil when there is
// none.
func (k *keeper) GetLatestAppStateSyncKeyID(ctx context.Context) ([]byte, error) {
	list, err := k.newestAppKeys(ctx)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return []byte(list[0].id), nil
}

// GetAllAppStateSyncKeys reads all keys, newest first.
func (k *keeper) GetAllAppStateSyncKeys(ctx context.Context) ([]*wmstore.AppStateSyncKey, error) {
	list, err := k.newestAppKeys(ctx)
	if err != nil {
		return nil, err
	}
	var all []*wmstore.AppStateSyncKey
	for _, n := range list {
		all = append(all, n.key)
	}
	return all, nil
}
