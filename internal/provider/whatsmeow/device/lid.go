package device

import (
	"context"
	"errors"
	"sync"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// maxPairs bounds the pairs that are remembered of an org.
const maxPairs = 50_000

// lids knows which hidden address belongs to which phone, for one org: another
// org learns nothing from what this one has seen. It is safe for concurrent use.
type lids struct {
	db  *store.DB
	org wa.OrgID

	mu     sync.Mutex
	lidOf  map[string]string // by phone
	pnOf   map[string]string // by hidden address
	writer sync.Mutex
}

var _ wmstore.LIDStore = (*lids)(nil)

var errWrongServer = errors.New("this is not the address of a person on that server")

// lidsOf gives an org's pairs.
func (c *Container) lidsOf(org wa.OrgID) *lids {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.lids[org]
	if !ok {
		l = &lids{db: c.opts.DB, org: org, lidOf: map[string]string{}, pnOf: map[string]string{}}
		c.lids[org] = l
	}
	return l
}

// GetLIDForPN gives the hidden address of a phone; empty when it is not known.
func (l *lids) GetLIDForPN(ctx context.Context, pn types.JID) (types.JID, error) {
	if pn.Server != types.DefaultUserServer {
		return types.EmptyJID, errWrongServer
	}
	found, err := l.GetManyLIDsForPNs(ctx, []types.JID{pn})
	return found[pn], err
}

// GetManyLIDsForPNs gives the hidden addresses of phones, as far as they are
// known.
func (l *lids) GetManyLIDsForPNs(ctx context.Context, pns []types.JID) (map[types.JID]types.JID, error) {
	if len(pns) == 0 {
		return nil, nil
	}
	var missing []string
	l.mu.Lock()
	for _, pn := range pns {
		if _, ok := l.lidOf[pn.User]; !ok && pn.Server == types.DefaultUserServer {
			missing = append(missing, pn.User)
		}
	}
	l.mu.Unlock()
	read, err := l.read(ctx, nil, missing)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	found := make(map[types.JID]types.JID, len(pns))
	for _, pn := range pns {
		lid, ok := l.lidOf[pn.User]
		if !ok {
			lid, ok = read.lidOf(pn.User)
		}
		if ok && pn.Server == types.DefaultUserServer {
			found[pn] = types.JID{User: lid, Device: pn.Device, Server: types.HiddenUserServer}
		}
	}
	return found, nil
}

// GetPNForLID gives the phone of a hidden address; empty when it is not known.
func (l *lids) GetPNForLID(ctx context.Context, lid types.JID) (types.JID, error) {
	if lid.Server != types.HiddenUserServer {
		return types.EmptyJID, errWrongServer
	}
	l.mu.Lock()
	pn, ok := l.pnOf[lid.User]
	l.mu.Unlock()
	if !ok {
		read, err := l.read(ctx, []string{lid.User}, nil)
		if err != nil || len(read) == 0 {
			return types.EmptyJID, err
		}
		pn = read[0].Phone
	}
	return types.JID{User: pn, Device: lid.Device, Server: types.DefaultUserServer}, nil
}

type pairs []store.LID

func (p pairs) lidOf(phone string) (string, bool) {
	for _, pair := range p {
		if pair.Phone == phone {
			return pair.LID, true
		}
	}
	return "", false
}

// read asks the database and remembers what it says.
func (l *lids) read(ctx context.Context, hidden, phones []string) (pairs, error) {
	if len(hidden)+len(phones) == 0 {
		return nil, nil
	}
	found, err := l.db.LIDs(ctx, l.org, hidden, phones)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range found {
		l.remember(p)
	}
	return found, nil
}

// remember needs mu.
func (l *lids) remember(p store.LID) {
	if len(l.lidOf) >= maxPairs {
		clear(l.lidOf)
		clear(l.pnOf)
	}
	if old, ok := l.lidOf[p.Phone]; ok && old != p.LID {
		delete(l.pnOf, old)
	}
	if old, ok := l.pnOf[p.LID]; ok && old != p.Phone {
		delete(l.lidOf, old)
	}
	l.lidOf[p.Phone], l.pnOf[p.LID] = p.LID, p.Phone
}

// PutLIDMapping keeps a pair.
func (l *lids) PutLIDMapping(ctx context.Context, lid, pn types.JID) error {
	if lid.Server != types.HiddenUserServer || pn.Server != types.DefaultUserServer {
		return errWrongServer
	}
	return l.PutManyLIDMappings(ctx, []wmstore.LIDMapping{{LID: lid, PN: pn}})
}

// PutManyLIDMappings keeps pairs; those that are no pairs are left out, and of
// an address that is named twice the last one counts.
func (l *lids) PutManyLIDMappings(ctx context.Context, mappings []wmstore.LIDMapping) error {
	l.writer.Lock()
	defer l.writer.Unlock()
	fresh := l.news(mappings)
	if len(fresh) == 0 {
		return nil
	}
	if err := l.db.PutLIDs(ctx, l.org, fresh); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range fresh {
		l.remember(p)
	}
	return nil
}

func (l *lids) news(mappings []wmstore.LIDMapping) (fresh []store.LID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	named := map[string]bool{}
	for i := len(mappings) - 1; i >= 0; i-- {
		m := mappings[i]
		if m.LID.Server != types.HiddenUserServer || m.PN.Server != types.DefaultUserServer || m.LID.User == "" || m.PN.User == "" {
			continue
		}
		hidden, phone := "lid "+m.LID.User, "pn "+m.PN.User
		if named[hidden] || named[phone] {
			continue
		}
		named[hidden], named[phone] = true, true
		if l.lidOf[m.PN.User] != m.LID.User || l.pnOf[m.LID.User] != m.PN.User {
			fresh = append(fresh, store.LID{LID: m.LID.User, Phone: m.PN.User})
		}
	}
	return fresh
}
