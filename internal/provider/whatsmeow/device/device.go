// Package device keeps what the WhatsApp library wants kept of a linked device:
// its keys, the Signal sessions with everybody, and what it knows of people. It
// is the library's store interfaces over chasqui's own database, one file an
// interface. What the library does with these things does not belong here.
//
// Three habits make it different from the store that comes with the library:
// every value is sealed for its place, every write says who opened the device
// (a process that stood still stores nothing over its heir), and what was read
// or written is remembered, because while a device is ours nobody else changes
// it. A message that is sent or received costs one write.
package device

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/google/uuid"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	waLog "go.mau.fi/whatsmeow/util/log"

	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Box seals and opens the values of one org.
type Box interface {
	Seal(place string, plain []byte) ([]byte, error)
	Open(place string, sealed []byte) ([]byte, error)
}

// Owner is who opens a device: the owner of its client in one epoch.
type Owner struct {
	Org    wa.OrgID
	Client wa.ClientID
	Epoch  int64
}

// Options configure a Container. DB and Box are required.
type Options struct {
	DB *store.DB
	// Box gives an org's box. It is asked before every reading and writing.
	Box func(context.Context, wa.OrgID) (Box, error)
	Log waLog.Logger
	// Memory bounds what all devices together remember, in bytes; 0 means 32 MiB.
	Memory int
}

// Container holds the devices of a process.
type Container struct {
	opts   Options
	memory *memory

	mu   sync.Mutex
	lids map[wa.OrgID]*lids
}

// New makes a container that has opened nothing.
func New(o Options) *Container {
	if o.Memory == 0 {
		o.Memory = 32 << 20
	}
	if o.Log == nil {
		o.Log = waLog.Noop
	}
	return &Container{opts: o, memory: newMemory(o.Memory), lids: map[wa.OrgID]*lids{}}
}

var errNoAddress = errors.New("a device must know its address before it can be kept")

// Fresh makes a device that is not linked yet. Nothing is kept before it is
// saved.
func (c *Container) Fresh(o Owner) *wmstore.Device {
	d := &wmstore.Device{
		Log: c.opts.Log, Container: &newborn{c: c, owner: o},
		NoiseKey: keys.NewKeyPair(), IdentityKey: keys.NewKeyPair(), RegistrationID: rand.Uint32(), AdvSecretKey: seal.Random(32),
	}
	d.SignedPreKey = d.IdentityKey.CreateSignedPreKey(1)
	return d
}

// Load opens a device and takes it from whoever had it open; nil when there is
// none. It is store.ErrTaken when the client has another owner.
func (c *Container) Load(ctx context.Context, o Owner, jid types.JID) (*wmstore.Device, error) {
	row, err := c.opts.DB.OpenDevice(ctx, o.Org, o.Client, o.Epoch, jid.String())
	if wa.CodeOf(err) == wa.NotFound {
		row, err = c.inherit(ctx, o, jid)
	}
	if wa.CodeOf(err) == wa.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	k := c.keeper(o, row)
	box, err := k.box(ctx)
	if err != nil {
		return nil, err
	}
	plain, err := box.Open(devicePlace(row), row.Sealed)
	if err != nil {
		return nil, fmt.Errorf("device: %w", err)
	}
	d, err := decodeDevice(plain)
	if err != nil {
		return nil, err
	}
	d.Log, d.ID = c.opts.Log, &jid
	k.serve(d)
	return d, nil
}

// devicePlace is where a device's own keys are sealed for.
func devicePlace(d store.Device) string {
	return seal.Place("devices", "sealed", d.ID.String(), d.Org.UUID())
}

// newborn keeps a device for the first time.
type newborn struct {
	c     *Container
	owner Owner
}

// PutDevice keeps the device and opens it.
func (n *newborn) PutDevice(ctx context.Context, d *wmstore.Device) error {
	if d.ID == nil {
		return errNoAddress
	}
	row := store.Device{Org: n.owner.Org, Client: n.owner.Client, Epoch: n.owner.Epoch, ID: uuid.New(), JID: d.ID.String()}
	k := n.c.keeper(n.owner, row)
	sealed, err := k.sealDevice(ctx, d)
	if err != nil {
		return err
	}
	row.Sealed = sealed
	if k.row, err = n.c.opts.DB.InsertDevice(ctx, row); err != nil {
		return err
	}
	k.serve(d)
	return nil
}

// DeleteDevice has nothing to forget yet.
func (n *newborn) DeleteDevice(context.Context, *wmstore.Device) error { return errNoAddress }

// serve makes the keeper the device's store.
func (k *keeper) serve(d *wmstore.Device) {
	d.SetAllStores(k)
	d.LIDs, d.Container, d.Initialized = k.c.lidsOf(k.row.Org), k, true
}

// PutDevice keeps what the device says of itself.
func (k *keeper) PutDevice(ctx context.Context, d *wmstore.Device) error {
	sealed, err := k.sealDevice(ctx, d)
	if err != nil {
		return err
	}
	row := k.row
	row.Sealed = sealed
	return k.c.opts.DB.SetDevice(ctx, row)
}

// DeleteDevice forgets the device and all of its keys.
func (k *keeper) DeleteDevice(ctx context.Context, _ *wmstore.Device) error {
	return k.c.opts.DB.DropDevice(ctx, k.row)
}

func (k *keeper) sealDevice(ctx context.Context, d *wmstore.Device) ([]byte, error) {
	box, err := k.box(ctx)
	if err != nil {
		return nil, err
	}
	plain, err := encodeDevice(d)
	if err != nil {
		return nil, err
	}
	return box.Seal(devicePlace(k.row), plain)
}
