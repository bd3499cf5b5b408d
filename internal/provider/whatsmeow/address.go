package whatsmeow

import (
	"context"
	"errors"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

var errNobody = errors.New("the message has no recipient")

// jidOf is where to send for a peer. The phone goes first: the library then
// looks up the hidden address itself and notices when a number has none.
func jidOf(p provider.Peer) (types.JID, error) {
	switch {
	case p.Group != "":
		return types.NewJID(p.Group, types.GroupServer), nil
	case p.Phone.Digits() != "":
		return types.NewJID(p.Phone.Digits(), types.DefaultUserServer), nil
	case p.LID != "":
		return types.NewJID(p.LID, types.HiddenUserServer), nil
	}
	return types.EmptyJID, errNobody
}

// peerOf is a person by one address of theirs and maybe the other.
func peerOf(jid, alt types.JID) provider.Peer {
	var p provider.Peer
	for _, j := range []types.JID{jid, alt} {
		if !digits(j.User) {
			continue
		}
		switch j.Server {
		case types.DefaultUserServer, types.LegacyUserServer, types.HostedServer:
			p.Phone = wa.Phone("+" + j.User)
		case types.HiddenUserServer, types.HostedLIDServer:
			p.LID = j.User
		}
	}
	return p
}

// knownPeer completes a peer from the library's table of address pairs. A
// failed look-up leaves the peer with one address, which is enough to go on.
func knownPeer(ctx context.Context, device *store.Device, jid, alt types.JID) provider.Peer {
	p := peerOf(jid, alt)
	if device.LIDs == nil {
		return p
	}
	switch {
	case p.LID == "" && p.Phone != "":
		if lid, err := device.LIDs.GetLIDForPN(ctx, types.NewJID(p.Phone.Digits(), types.DefaultUserServer)); err == nil {
			p.LID = lid.User
		}
	case p.Phone == "" && p.LID != "":
		pn, err := device.LIDs.GetPNForLID(ctx, types.NewJID(p.LID, types.HiddenUserServer))
		if err == nil && digits(pn.User) {
			p.Phone = wa.Phone("+" + pn.User)
		}
	}
	return p
}

// bothJIDs gives every address under which a person may be known.
func bothJIDs(p provider.Peer) []types.JID {
	var jids []types.JID
	if p.Phone != "" {
		jids = append(jids, types.NewJID(p.Phone.Digits(), types.DefaultUserServer))
	}
	if p.LID != "" {
		jids = append(jids, types.NewJID(p.LID, types.HiddenUserServer))
	}
	return jids
}

func digits(s string) bool {
	if s == "" || len(s) > 24 {
		return false
	}
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}
