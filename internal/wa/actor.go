package wa

import (
	"net/netip"
	"slices"
)

// Actor is who acts: a person, an API key, or the system. It is passed to every
// verb, never hidden in a context.
type Actor struct {
	Org  OrgID
	Name string // the key's name, the person's e-mail address, or "system"

	Key    KeyID // zero for people
	Scopes []Permission
	// Networks are where the key may be used from, nil meaning anywhere; Rate is
	// how many requests it may make in a minute, 0 meaning the usual.
	Networks []netip.Prefix
	Rate     int

	User    UserID // zero for keys
	Role    Role
	Session SessionID
	Fresh   bool // the password or second factor was given within the last minutes

	// FactorDue marks somebody who must have a second factor and has none yet:
	// until it is set up they may do nothing else.
	FactorDue bool

	// Leaving marks somebody whose org is being deleted: they may look, and take
	// that back.
	Leaving bool

	// Clients are those a person is assigned to; it says something only where
	// the reach of what they do is Own. OwnChats narrows that further, to the
	// chats assigned to them.
	Clients  []ClientID
	OwnChats bool

	// KnownOnly is for agents whose org lets them write only to whom the client
	// has a chat with.
	KnownOnly bool

	Operator OperatorID // who runs the installation; has no permission in any org

	From Caller
}

// Caller is where a request came from: for the audit log.
type Caller struct {
	IP      string
	Agent   string // the User-Agent header, cut
	Request string // the X-Request-Id
}

// Lasting names the actor in what outlives them and others read: a person by
// their id, because nobody takes an address out again; a key by its name.
func (a Actor) Lasting() string {
	if !a.User.IsZero() {
		return a.User.String()
	}
	return a.Name
}

// May reports whether the actor holds p at all.
func (a Actor) May(p Permission) bool { return a.Reach(p) != None }

// Reach is how far p goes for the actor.
func (a Actor) Reach(p Permission) Reach {
	g, known := grants[p]
	switch {
	case a.FactorDue:
		return None
	case p == Everything && a.User.IsZero() && slices.Contains(a.Scopes, Everything):
		return All
	case !known:
		return None
	case !a.User.IsZero():
		return g.Of(a.Role)
	case g.Key && (slices.Contains(a.Scopes, p) || slices.Contains(a.Scopes, Everything)):
		return All
	}
	return None
}

// UsableFrom reports whether the actor may act from an address. What cannot be
// read is nowhere.
func (a Actor) UsableFrom(ip string) bool {
	if len(a.Networks) == 0 {
		return true
	}
	addr, err := netip.ParseAddr(ip)
	return err == nil && slices.ContainsFunc(a.Networks, func(n netip.Prefix) bool { return n.Contains(addr.Unmap().WithZone("")) })
}

// Sees reports whether p goes as far as a client.
func (a Actor) Sees(p Permission, client ClientID) bool {
	switch a.Reach(p) {
	case All:
		return true
	case Own:
		return slices.Contains(a.Clients, client)
	}
	return false
}
