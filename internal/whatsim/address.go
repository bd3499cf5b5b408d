package whatsim

import (
	"strings"

	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/whatsim/signal"
)

// lidPrefix turns a phone number into the hidden address of its account: reversible, no table, still a number.
const lidPrefix = "99"

func pnJID(number string, device uint16) types.JID {
	return types.JID{User: number, Server: types.DefaultUserServer, Device: device}
}

func lidJID(number string, device uint16) types.JID {
	return types.JID{User: lidPrefix + number, Server: types.HiddenUserServer, Device: device}
}

// numberOf returns the phone number behind an address of either space; ok is false for anything that is not a person.
func numberOf(j types.JID) (number string, ok bool) {
	switch j.Server {
	case types.DefaultUserServer, types.LegacyUserServer:
		return j.User, j.User != ""
	case types.HiddenUserServer:
		return strings.CutPrefix(j.User, lidPrefix)
	default:
		return "", false
	}
}

// inSpaceOf writes a device of a number in the address space (phone number or LID) of another address.
func inSpaceOf(like types.JID, number string, device uint16) types.JID {
	if like.Server == types.HiddenUserServer {
		return lidJID(number, device)
	}
	return pnJID(number, device)
}

func (d *device) address() signal.Address {
	return signal.Address{Phone: d.phone.number, Device: uint32(d.id)}
}
