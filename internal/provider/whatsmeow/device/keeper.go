package device

import (
	"context"
	"encoding/hex"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"

	"chasqui/internal/seal"
	"chasqui/internal/store"
)

// The kinds of values. Each has its file.
const (
	kindIdentity  = "identity"
	kindSession   = "session"
	kindSenderKey = "sender_key"
	kindPreKey    = "pre_key"
	kindAppKey    = "app_key"
	kindAppState  = "app_state"
	kindAppMAC    = "app_mac"
	kindContact   = "contact"
	kindChat      = "chat"
	kindSecret    = "secret"
	kindToken     = "token"
	kindSalt      = "salt"
	kindInbound   = "inbound"
	kindOutbound  = "outbound"
)

// remembers are the kinds that a device is asked for with every message.
var remembers = map[string]bool{
	kindIdentity: true, kindSession: true, kindSenderKey: true, kindContact: true, kindToken: true, kindSalt: true,
}

// slot names a value of a device.
type slot struct{ kind, key string }

func (s slot) name() store.DeviceKey { return store.DeviceKey{Kind: s.kind, Key: []byte(s.key)} }

// item is what becomes of a slot.
type item struct {
	plain []byte
	gone  bool // the slot is emptied
	spent bool // only that it was there is kept
	mark  bool
	at    time.Time
}

// keeper is one opening of a device. It is safe for concurrent use.
type keeper struct {
	c     *Container
	owner Owner
	row   store.Device

	preKeys  sync.Mutex // numbers are given out one after the other
	profiles sync.Mutex // around reading and writing what is known of a person

	writer chan struct{} // one change of what is remembered at a time
	writes atomic.Uint64 // odd while one is under way

	mu    sync.Mutex
	moved map[string]bool // phones whose sessions live under their hidden address
}

var (
	_ wmstore.AllSessionSpecificStores = (*keeper)(nil)
	_ wmstore.DeviceContainer          = (*keeper)(nil)
)

func (c *Container) keeper(o Owner, row store.Device) *keeper {
	return &keeper{c: c, owner: o, row: row, writer: make(chan struct{}, 1), moved: map[string]bool{}}
}

func (k *keeper) box(ctx context.Context) (Box, error) {
	box, err := k.c.opts.Box(ctx, k.row.Org)
	if err != nil {
		return nil, fmt.Errorf("key of the org: %w", err)
	}
	return box, nil
}

// place is where a value is sealed for.
func (k *keeper) place(s slot) string {
	row := seal.Row(k.row.ID.String(), s.kind, `\x`+hex.EncodeToString([]byte(s.key)))
	return seal.Place("device_values", "sealed", row, k.row.Org.UUID())
}

// one reads one value; nil when there is none.
func (k *keeper) one(ctx context.Context, s slot) ([]byte, error) {
	found, err := k.get(ctx, s)
	return found[s].plain, err
}

// get reads values: from the work under way, from memory, from the database.
// Those that are not there are left out. What it gives must not be changed.
func (k *keeper) get(ctx context.Context, slots ...slot) (map[slot]item, error) {
	found := make(map[slot]item, len(slots))
	var missing []slot
	for _, s := range slots {
		if it, ok := workOf(ctx, k).look(s); ok {
			if !it.gone {
				found[s] = it
			}
			continue
		}
		if value, ok := k.c.memory.get(k, s); ok {
			if value != nil {
				found[s] = item{plain: value}
			}
			continue
		}
		missing = append(missing, s)
	}
	if len(missing) == 0 {
		return found, nil
	}
	return found, k.fetch(ctx, missing, found)
}

// fetch reads values from the database and remembers them, unless something was
// written meanwhile.
func (k *keeper) fetch(ctx context.Context, slots []slot, into map[slot]item) error {
	before := k.writes.Load()
	names := make([]store.DeviceKey, len(slots))
	for i, s := range slots {
		names[i] = s.name()
	}
	rows, err := k.c.opts.DB.DeviceValues(ctx, k.row, names)
	if err != nil {
		return err
	}
	if err := k.open(ctx, rows, func(s slot, it item) { into[s] = it }); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if before%2 != 0 || k.writes.Load() != before {
		return nil
	}
	for _, s := range slots {
		if remembers[s.kind] {
			k.c.memory.put(k, s, into[s].plain)
		}
	}
	return nil
}

// open unseals rows.
func (k *keeper) open(ctx context.Context, rows []store.DeviceValue, take func(slot, item)) error {
	if len(rows) == 0 {
		return nil
	}
	box, err := k.box(ctx)
	if err != nil {
		return err
	}
	for _, r := range rows {
		s, it := slot{r.Kind, string(r.Key)}, item{mark: r.Mark, at: r.At, spent: r.Sealed == nil}
		if !it.spent {
			if it.plain, err = box.Open(k.place(s), r.Sealed); err != nil {
				return fmt.Errorf("%s of a device: %w", r.Kind, err)
			}
			if it.plain == nil {
				it.plain = []byte{}
			}
		}
		take(s, it)
	}
	return nil
}

// under reads the values whose keys begin with prefix, in order.
func (k *keeper) under(ctx context.Context, prefix string, take func(slot, item), kinds ...string) error {
	rows, err := k.c.opts.DB.DeviceRange(ctx, k.row, kinds, []byte(prefix))
	if err != nil {
		return err
	}
	return k.open(ctx, rows, take)
}

// forget drops the values whose keys begin with prefix.
func (k *keeper) forget(ctx context.Context, prefix string, kinds ...string) error {
	rows, err := k.c.opts.DB.DeviceRange(ctx, k.row, kinds, []byte(prefix))
	if err != nil {
		return err
	}
	changes := make(map[slot]item, len(rows))
	for _, r := range rows {
		changes[slot{r.Kind, string(r.Key)}] = item{gone: true}
	}
	return k.write(ctx, changes, store.DeviceChange{})
}
