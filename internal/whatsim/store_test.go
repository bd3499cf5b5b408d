package whatsim_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"go.mau.fi/util/random"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
)

// newDevice makes an unpaired device that lives in memory.
func newDevice() *store.Device {
	dev := &store.Device{
		NoiseKey: keys.NewKeyPair(), IdentityKey: keys.NewKeyPair(), RegistrationID: rand.Uint32(), AdvSecretKey: random.Bytes(32),
	}
	dev.SignedPreKey = dev.IdentityKey.CreateSignedPreKey(1)
	mem := &memory{
		NoopStore: &store.NoopStore{}, sessions: map[string][]byte{}, identities: map[string][32]byte{}, preKeys: map[uint32]*memoryKey{},
		lids: map[string]string{}, pns: map[string]string{}, buffered: map[[32]byte]*store.BufferedEvent{},
		appKeys: map[string]*store.AppStateSyncKey{}, appStates: map[string]appState{}, ready: make(chan struct{}),
	}
	mem.loggedIn = sync.OnceFunc(func() { close(mem.ready) })
	dev.Identities, dev.Sessions, dev.PreKeys, dev.SenderKeys = mem, mem, mem, mem
	dev.AppStateKeys, dev.AppState, dev.Contacts, dev.ChatSettings = mem, mem, mem, mem
	dev.MsgSecrets, dev.PrivacyTokens, dev.NCTSalt, dev.EventBuffer, dev.LIDs = mem, mem, mem, mem, mem
	dev.Container, dev.Initialized = mem, true
	return dev
}

// memory is a whatsmeow store in memory: what the tests here need of it.
type memory struct {
	*store.NoopStore
	mu         sync.Mutex
	txn        sync.Mutex
	sessions   map[string][]byte
	identities map[string][32]byte
	preKeys    map[uint32]*memoryKey
	lids, pns  map[string]string
	buffered   map[[32]byte]*store.BufferedEvent
	appKeys    map[string]*store.AppStateSyncKey
	appStates  map[string]appState
	loggedIn   func() // closes ready
	ready      chan struct{}
}

type appState struct {
	version uint64
	hash    [128]byte
}

func (m *memory) PutAppStateSyncKey(_ context.Context, id []byte, key store.AppStateSyncKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.appKeys[string(id)] = &key
	return nil
}

func (m *memory) GetAppStateSyncKey(_ context.Context, id []byte) (*store.AppStateSyncKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.appKeys[string(id)], nil
}

func (m *memory) PutAppStateVersion(_ context.Context, name string, version uint64, hash [128]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.appStates[name] = appState{version, hash}
	return nil
}

func (m *memory) GetAppStateVersion(_ context.Context, name string) (uint64, [128]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.appStates[name].version, m.appStates[name].hash, nil
}

type memoryKey struct {
	*keys.PreKey
	uploaded bool
}

func (m *memory) PutDevice(context.Context, *store.Device) error { return nil }

// DeleteDevice and the next two are ordered by the lock: the library touches the device in the background after a login and
// after a first message, and would race with a log-out that follows at once.
func (m *memory) DeleteDevice(context.Context, *store.Device) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return nil
}

func (m *memory) DeleteExpiredPrivacyTokens(context.Context, time.Time) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.loggedIn()
	return 0, nil
}

func (m *memory) GetPrivacyToken(context.Context, types.JID) (*store.PrivacyToken, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return nil, nil
}

func (m *memory) PutIdentity(_ context.Context, a string, key [32]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.identities[a] = key
	return nil
}

func (m *memory) IsTrustedIdentity(_ context.Context, a string, key [32]byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	known, ok := m.identities[a]
	return !ok || known == key, nil
}

func (m *memory) DeleteIdentity(_ context.Context, a string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.identities, a)
	return nil
}

func (m *memory) DeleteAllIdentities(_ context.Context, user string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.identities, func(a string, _ [32]byte) bool { return strings.HasPrefix(a, user+":") })
	return nil
}

func (m *memory) GetSession(_ context.Context, a string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessions[a], nil
}

func (m *memory) HasSession(_ context.Context, a string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessions[a] != nil, nil
}

func (m *memory) GetManySessions(_ context.Context, as []string) (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[string][]byte{}
	for _, a := range as {
		out[a] = m.sessions[a]
	}
	return out, nil
}

func (m *memory) PutSession(_ context.Context, a string, s []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions[a] = s
	return nil
}

func (m *memory) PutManySessions(_ context.Context, ss map[string][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.Copy(m.sessions, ss)
	return nil
}

func (m *memory) DeleteSession(_ context.Context, a string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.sessions, a)
	return nil
}

func (m *memory) DeleteAllSessions(_ context.Context, user string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.sessions, func(a string, _ []byte) bool { return strings.HasPrefix(a, user+":") })
	return nil
}

func (m *memory) MigratePNToLID(_ context.Context, pn, lid types.JID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, to := pn.SignalAddressUser()+":", lid.SignalAddressUser()+":"
	for a, s := range m.sessions {
		if rest, ok := strings.CutPrefix(a, from); ok {
			m.sessions[to+rest] = s
			delete(m.sessions, a)
		}
	}
	for a, key := range m.identities {
		if rest, ok := strings.CutPrefix(a, from); ok {
			m.identities[to+rest] = key
			delete(m.identities, a)
		}
	}
	return nil
}

func (m *memory) newKey(uploaded bool) *memoryKey {
	k := &memoryKey{keys.NewPreKey(uint32(len(m.preKeys) + 1)), uploaded}
	m.preKeys[k.KeyID] = k
	return k
}

func (m *memory) GetOrGenPreKeys(_ context.Context, n uint32) ([]*keys.PreKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]*keys.PreKey, n)
	for i := range out {
		out[i] = m.newKey(false).PreKey
	}
	return out, nil
}

func (m *memory) GenOnePreKey(context.Context) (*keys.PreKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.newKey(true).PreKey, nil
}

func (m *memory) GetPreKey(_ context.Context, id uint32) (*keys.PreKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k := m.preKeys[id]; k != nil && k.Priv != nil {
		return k.PreKey, nil
	}
	return nil, nil
}

// RemovePreKey keeps the number of a used key, so that numbers are never given twice.
func (m *memory) RemovePreKey(_ context.Context, id uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.preKeys[id] = &memoryKey{&keys.PreKey{KeyID: id}, false}
	return nil
}

func (m *memory) MarkPreKeysAsUploaded(_ context.Context, upTo uint32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, k := range m.preKeys {
		k.uploaded = k.uploaded || id <= upTo && k.Priv != nil
	}
	return nil
}

func (m *memory) UploadedPreKeyCount(context.Context) (n int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.preKeys {
		if k.uploaded {
			n++
		}
	}
	return n, nil
}

func (m *memory) PutLIDMapping(_ context.Context, lid, pn types.JID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lids[pn.User], m.pns[lid.User] = lid.User, pn.User
	return nil
}

func (m *memory) PutManyLIDMappings(ctx context.Context, all []store.LIDMapping) error {
	for _, one := range all {
		if err := m.PutLIDMapping(ctx, one.LID, one.PN); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) GetLIDForPN(_ context.Context, pn types.JID) (types.JID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if lid := m.lids[pn.User]; lid != "" {
		return types.JID{User: lid, Server: types.HiddenUserServer, Device: pn.Device}, nil
	}
	return types.EmptyJID, nil
}

func (m *memory) GetPNForLID(_ context.Context, lid types.JID) (types.JID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if pn := m.pns[lid.User]; pn != "" {
		return types.JID{User: pn, Server: types.DefaultUserServer, Device: lid.Device}, nil
	}
	return types.EmptyJID, nil
}

func (m *memory) GetManyLIDsForPNs(ctx context.Context, pns []types.JID) (map[types.JID]types.JID, error) {
	out := map[types.JID]types.JID{}
	for _, pn := range pns {
		lid, err := m.GetLIDForPN(ctx, pn)
		if err != nil {
			return nil, err
		}
		if !lid.IsEmpty() {
			out[pn] = lid
		}
	}
	return out, nil
}

func (m *memory) GetBufferedEvent(_ context.Context, hash [32]byte) (*store.BufferedEvent, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.buffered[hash], nil
}

func (m *memory) PutBufferedEvent(_ context.Context, hash [32]byte, plain []byte, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.buffered[hash] = &store.BufferedEvent{Plaintext: plain, InsertTime: time.Now(), ServerTime: at}
	return nil
}

func (m *memory) ClearBufferedEventPlaintext(_ context.Context, hash [32]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.buffered[hash]; e != nil {
		m.buffered[hash] = &store.BufferedEvent{InsertTime: e.InsertTime, ServerTime: e.ServerTime}
	}
	return nil
}

// DoDecryptionTxn takes the lock that keeps decryption and encryption apart when a test shares it with its sends.
func (m *memory) DoDecryptionTxn(ctx context.Context, fn func(context.Context) error) error {
	m.txn.Lock()
	defer m.txn.Unlock()
	return fn(ctx)
}
