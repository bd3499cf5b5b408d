package seal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"chasqui/internal/wa"
)

// ErrWrongMaster tells that this process has not the master key that the
// database's secrets are kept under. It must not run.
var ErrWrongMaster = errors.New("wrong master key")

// ErrKeyLost tells that an org has sealed texts and no data key. No other may
// take its place: it would hide that the texts are lost until a backup of the
// key is restored.
var ErrKeyLost = errors.New("the data key is lost: restore data_keys from a backup")

// Source is where keys are kept: *store.DB in programs.
type Source interface {
	Masters
	DataKeys
	Secrets
}

// Masters are the master keys as the database knows them.
type Masters interface {
	// MasterKeys lists those that something may hang on, the current one first.
	MasterKeys(ctx context.Context) ([]wa.MasterKey, error)
	// InsertMasterKeys keeps the first ones, unless there are any.
	InsertMasterKeys(ctx context.Context, keys []wa.MasterKey) error
	// OldSealed finds some text of the first scheme; NotFound when there is none.
	OldSealed(ctx context.Context) (wa.SealedText, error)
}

// DataKeys are the wrapped keysets.
type DataKeys interface {
	// DataKey reads an org's; NotFound when it has none yet.
	DataKey(ctx context.Context, org wa.OrgID) (wa.DataKey, error)
	// SealedByKey reports whether an org has texts that a data key sealed.
	SealedByKey(ctx context.Context, org wa.OrgID) (bool, error)
	// InsertDataKey keeps an org's first. Conflict: there is one, or its master
	// key is not the current one any more.
	InsertDataKey(ctx context.Context, k wa.DataKey) error
	// ChangedDataKeys gives the orgs whose keysets changed lately, with the
	// version they have now.
	ChangedDataKeys(ctx context.Context, lately time.Duration) (map[wa.OrgID]int64, error)
}

// Secrets are the installation's own, sealed.
type Secrets interface {
	// InstallationSecret reads one; NotFound when nobody has kept it yet.
	InstallationSecret(ctx context.Context, name string) ([]byte, error)
	// KeepInstallationSecret keeps one, unless there is one of that name.
	KeepInstallationSecret(ctx context.Context, name string, sealed []byte) error
	// SecretLost reports whether something hangs on a secret of that name, which is
	// not there.
	SecretLost(ctx context.Context, name string) (bool, error)
	// OlderThanKeys reports whether there were orgs before there were data keys.
	OlderThanKeys(ctx context.Context) (bool, error)
}

// Options tune a Keyring; the zero value is right for production.
type Options struct {
	// Fresh is for how long nobody asks whether keys changed; 0 means 20 s. When
	// there is no answer for three times that, nothing is sealed nor opened.
	Fresh time.Duration
	// Settle is how long a rotation waits until every process knows a change; 0
	// means 90 s. It must be well above three times Fresh.
	Settle time.Duration
}

const (
	boxesMost = 5000             // boxes that are remembered
	lately    = 10 * time.Minute // of changes that are asked for; longer than any transaction
)

// Keyring gives the boxes of orgs. It is safe for concurrent use, and asks the
// database once for each org and then, for all of them together, every
// Options.Fresh.
type Keyring struct {
	source  Source
	opt     Options
	masters []*master // the first is meant for new data keys after `rotate-keys --master`

	mu      sync.RWMutex
	slots   map[wa.OrgID]*slot
	secrets map[string][]byte

	asking  sync.Mutex
	asked   atomic.Pointer[time.Time] // when the last question that was answered was put; nil before the first
	pending atomic.Bool               // somebody is asking in the background
}

// slot is the place of one org's box.
type slot struct {
	fill sync.Mutex
	box  atomic.Pointer[Box]
}

// New makes a keyring of the master keys (32 bytes each), the one to be used
// first. It asks the source nothing yet.
func New(masters [][]byte, source Source, o Options) (*Keyring, error) {
	if o.Fresh == 0 {
		o.Fresh = 20 * time.Second
	}
	if o.Settle == 0 {
		o.Settle = 90 * time.Second
	}
	k := &Keyring{source: source, opt: o, slots: map[wa.OrgID]*slot{}, secrets: map[string][]byte{}}
	for _, raw := range masters {
		m, err := newMaster(raw)
		if err != nil {
			return nil, err
		}
		k.masters = append(k.masters, m)
	}
	if len(k.masters) == 0 {
		return nil, errors.New("there is no master key")
	}
	return k, nil
}

// MasterID names the first master key, without telling anything of it.
func (k *Keyring) MasterID() string { return k.masters[0].id }

// For gives an org's box; the zero org's is the installation's. The first time
// for an org it asks the database, and makes the org's data key if it has none.
func (k *Keyring) For(ctx context.Context, org wa.OrgID) (*Box, error) {
	if err := k.refresh(ctx); err != nil {
		return nil, err
	}
	s := k.slot(org)
	if b := s.box.Load(); b != nil {
		return b, nil
	}
	s.fill.Lock()
	defer s.fill.Unlock()
	if b := s.box.Load(); b != nil {
		return b, nil
	}
	b, err := k.load(ctx, org)
	if err != nil {
		return nil, err
	}
	b.missing = func() { s.box.CompareAndSwap(b, nil) }
	s.box.Store(b)
	return b, nil
}

func (k *Keyring) slot(org wa.OrgID) *slot {
	k.mu.RLock()
	s := k.slots[org]
	k.mu.RUnlock()
	if s != nil {
		return s
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if s := k.slots[org]; s != nil {
		return s
	}
	if len(k.slots) >= boxesMost {
		clear(k.slots) // forgetting costs one look-up each
	}
	s = &slot{}
	k.slots[org] = s
	return s
}

// load reads an org's data key, or makes it. Another process may be making it,
// or changing the master key, at this moment.
func (k *Keyring) load(ctx context.Context, org wa.OrgID) (*Box, error) {
	var err error
	for range 5 {
		var row wa.DataKey
		row, err = k.source.DataKey(ctx, org)
		if wa.CodeOf(err) == wa.NotFound {
			row, err = k.first(ctx, org)
		}
		if err == nil {
			return k.box(row)
		}
		if wa.CodeOf(err) != wa.Conflict {
			break
		}
	}
	return nil, fmt.Errorf("find data key of %s: %w", name(org), err)
}

// box unwraps a data key.
func (k *Keyring) box(row wa.DataKey) (*Box, error) {
	h, err := k.open(row)
	if err != nil {
		return nil, err
	}
	b, err := newBox(h)
	if err != nil {
		return nil, err
	}
	b.version, b.masters = row.Version, k.masters
	return b, nil
}

func (k *Keyring) open(row wa.DataKey) (*keyset.Handle, error) {
	m := k.master(row.Master)
	if m == nil {
		return nil, fmt.Errorf("%w: the data key of %s is under master key %s, and CHASQUI_MASTER_KEY holds %s", ErrWrongMaster, name(row.Org), row.Master, k.ids())
	}
	h, err := m.open(row.Keyset, row.Org)
	if err != nil {
		return nil, fmt.Errorf("data key of %s: %w", name(row.Org), err)
	}
	return h, nil
}

// first makes an org's data key, unless it must have had one.
func (k *Keyring) first(ctx context.Context, org wa.OrgID) (wa.DataKey, error) {
	sealed, err := k.source.SealedByKey(ctx, org)
	if err != nil {
		return wa.DataKey{}, err
	}
	if !sealed {
		return k.insert(ctx, org)
	}
	row, err := k.source.DataKey(ctx, org) // another process may have made it, and used it, just now
	if wa.CodeOf(err) == wa.NotFound && err != nil {
		return wa.DataKey{}, ErrKeyLost
	}
	return row, err
}

func (k *Keyring) insert(ctx context.Context, org wa.OrgID) (wa.DataKey, error) {
	m, err := k.current(ctx)
	if err != nil {
		return wa.DataKey{}, err
	}
	h, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return wa.DataKey{}, fmt.Errorf("make data key: %w", err)
	}
	wrapped, err := m.seal(h, org)
	if err != nil {
		return wa.DataKey{}, err
	}
	row := wa.DataKey{Org: org, Keyset: wrapped, Master: m.id, Version: 1}
	return row, k.source.InsertDataKey(ctx, row)
}

// current is the master key that the database says new data keys belong under,
// which every process has. It need not be our first one yet.
func (k *Keyring) current(ctx context.Context) (*master, error) {
	rows, err := k.source.MasterKeys(ctx)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 || !rows[0].Current {
		return nil, errors.New("there is no current master key in the database")
	}
	if m := k.master(rows[0].ID); m != nil {
		return m, nil
	}
	return nil, k.lacks(rows[0])
}

func (k *Keyring) master(id string) *master {
	i := slices.IndexFunc(k.masters, func(m *master) bool { return m.id == id })
	if i < 0 {
		return nil
	}
	return k.masters[i]
}

func (k *Keyring) ids() string {
	var all []string
	for _, m := range k.masters {
		all = append(all, m.id)
	}
	return strings.Join(all, ", ")
}

func name(org wa.OrgID) string {
	if org.IsZero() {
		return "the installation"
	}
	return org.String()
}
