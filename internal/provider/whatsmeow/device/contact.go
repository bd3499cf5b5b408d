package device

import (
	"context"
	"encoding/json"
	"slices"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/store"
)

var _ wmstore.ContactStore = (*keeper)(nil)

// person is what is known of somebody, as it is sealed.
type person struct {
	FirstName     string `json:"first_name,omitempty"`
	FullName      string `json:"full_name,omitempty"`
	PushName      string `json:"push_name,omitempty"`
	BusinessName  string `json:"business_name,omitempty"`
	RedactedPhone string `json:"redacted_phone,omitempty"`
}

func (p person) info() types.ContactInfo {
	return types.ContactInfo{
		Found: true, FirstName: p.FirstName, FullName: p.FullName, PushName: p.PushName, BusinessName: p.BusinessName, RedactedPhone: p.RedactedPhone,
	}
}

// change changes what is known of people, and writes what is news.
func (k *keeper) change(ctx context.Context, users []types.JID, fn func(types.JID, *person)) error {
	k.profiles.Lock()
	defer k.profiles.Unlock()
	slots := make([]slot, len(users))
	for i, u := range users {
		slots[i] = slot{kindContact, u.String()}
	}
	found, err := k.get(ctx, slots...)
	if err != nil {
		return err
	}
	changes := map[slot]item{}
	for i, u := range users {
		old, _ := readPerson(found[slots[i]])
		p := old
		fn(u, &p)
		if p == old {
			continue
		}
		raw, err := json.Marshal(p)
		if err != nil {
			return err
		}
		changes[slots[i]] = item{plain: raw}
	}
	return k.write(ctx, changes, store.DeviceChange{})
}

// readPerson takes what cannot be read for nothing: the phone tells it again.
func readPerson(it item) (p person, known bool) {
	return p, it.plain != nil && json.Unmarshal(it.plain, &p) == nil
}

// PutPushName keeps the name that somebody calls themselves, and tells whether
// it is news and what it was.
func (k *keeper) PutPushName(ctx context.Context, user types.JID, name string) (changed bool, before string, err error) {
	err = k.change(ctx, []types.JID{user}, func(_ types.JID, p *person) {
		changed, before = p.PushName != name, p.PushName
		p.PushName = name
	})
	return news(changed, before, err)
}

// PutBusinessName keeps the name of a business, and tells whether it is news and
// what it was.
func (k *keeper) PutBusinessName(ctx context.Context, user types.JID, name string) (changed bool, before string, err error) {
	err = k.change(ctx, []types.JID{user}, func(_ types.JID, p *person) {
		changed, before = p.BusinessName != name, p.BusinessName
		p.BusinessName = name
	})
	return news(changed, before, err)
}

func news(changed bool, before string, err error) (bool, string, error) {
	if err != nil || !changed {
		return false, "", err
	}
	return true, before, nil
}

// PutContactName keeps the name that the phone's owner gave to somebody. The
// library's interface has the two names the other way round than its callers.
func (k *keeper) PutContactName(ctx context.Context, user types.JID, first, full string) error {
	return k.PutAllContactNames(ctx, []wmstore.ContactEntry{{JID: user, FirstName: first, FullName: full}})
}

// peopleAtOnce is how many people are written at once.
const peopleAtOnce = 500

// PutAllContactNames keeps the names that the phone's owner gave to people. Of
// somebody named twice the first counts.
func (k *keeper) PutAllContactNames(ctx context.Context, entries []wmstore.ContactEntry) error {
	first := map[types.JID]wmstore.ContactEntry{}
	for _, e := range entries {
		if _, twice := first[e.JID]; !twice {
			first[e.JID] = e
		}
	}
	return k.changeMany(ctx, users(first), func(user types.JID, p *person) {
		p.FirstName, p.FullName = first[user].FirstName, first[user].FullName
	})
}

// PutManyRedactedPhones keeps what is shown of phones that are hidden.
func (k *keeper) PutManyRedactedPhones(ctx context.Context, entries []wmstore.RedactedPhoneEntry) error {
	first := map[types.JID]wmstore.RedactedPhoneEntry{}
	for _, e := range entries {
		if _, twice := first[e.JID]; !twice {
			first[e.JID] = e
		}
	}
	return k.changeMany(ctx, users(first), func(user types.JID, p *person) { p.RedactedPhone = first[user].RedactedPhone })
}

func users[E any](entries map[types.JID]E) []types.JID {
	list := make([]types.JID, 0, len(entries))
	for user := range entries {
		list = append(list, user)
	}
	return list
}

func (k *keeper) changeMany(ctx context.Context, users []types.JID, fn func(types.JID, *person)) error {
	for part := range slices.Chunk(users, peopleAtOnce) {
		if err := k.change(ctx, part, fn); err != nil {
			return err
		}
	}
	return nil
}

// GetContact reads what is known of somebody.
func (k *keeper) GetContact(ctx context.Context, user types.JID) (types.ContactInfo, error) {
	s := slot{kindContact, user.String()}
	found, err := k.get(ctx, s)
	if err != nil {
		return types.ContactInfo{}, err
	}
	p, known := readPerson(found[s])
	if !known {
		return types.ContactInfo{}, nil
	}
	return p.info(), nil
}

// GetAllContacts reads what is known of everybody.
func (k *keeper) GetAllContacts(ctx context.Context) (map[types.JID]types.ContactInfo, error) {
	all := map[types.JID]types.ContactInfo{}
	err := k.under(ctx, "", func(s slot, it item) {
		p, known := readPerson(it)
		jid, err := types.ParseJID(s.key)
		if known && err == nil {
			all[jid] = p.info()
		}
	}, kindContact)
	return all, err
}
