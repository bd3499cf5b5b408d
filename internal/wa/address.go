package wa

import (
	"regexp"
	"strings"
)

// AddressKind says what an Address points to.
type AddressKind string

// The kinds of addresses a message can go to.
const (
	ToPhone   AddressKind = "phone"
	ToLID     AddressKind = "lid"
	ToGroup   AddressKind = "group"
	ToContact AddressKind = "contact"
	ToChat    AddressKind = "chat"
)

// Address is a recipient as the caller named it, checked in form only. Phone
// is "+E.164"; LID and group ids are WhatsApp's own digits.
type Address struct {
	Kind  AddressKind
	Value string
}

var (
	phoneUser = regexp.MustCompile(`^[1-9][0-9]{4,14}$`)
	lidUser   = regexp.MustCompile(`^[0-9]{5,20}$`)
	groupUser = regexp.MustCompile(`^[0-9]{5,25}(-[0-9]{5,15})?$`)
)

// ParseAddress reads "to": a phone number, a contact or chat id of ours, or a
// WhatsApp address (…@s.whatsapp.net, …@lid, …@g.us).
func ParseAddress(s string) (Address, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return Address{}, recipientInvalid("is required")
	case strings.HasPrefix(s, "con_"):
		return parseOurs[contactNoun](ToContact, s)
	case strings.HasPrefix(s, "chat_"):
		return parseOurs[chatNoun](ToChat, s)
	}
	user, server, isJID := strings.Cut(s, "@")
	if !isJID {
		p, err := ParsePhone(s)
		if err != nil {
			return Address{}, err
		}
		return Address{ToPhone, string(p)}, nil
	}
	return parseJID(user, server)
}

func parseOurs[N noun](kind AddressKind, s string) (Address, error) {
	id, err := ParseID[N](s)
	if err != nil {
		return Address{}, recipientInvalid("is not a valid id of ours")
	}
	return Address{kind, id.String()}, nil
}

// parseJID takes WhatsApp's own digits as they are: it knows its numbers better
// than any numbering plan.
func parseJID(user, server string) (Address, error) {
	switch {
	case (server == "s.whatsapp.net" || server == "c.us") && phoneUser.MatchString(user):
		return Address{ToPhone, "+" + user}, nil
	case server == "lid" && lidUser.MatchString(user):
		return Address{ToLID, user}, nil
	case server == "g.us" && groupUser.MatchString(user):
		return Address{ToGroup, user}, nil
	}
	return Address{}, recipientInvalid("is not an address that WhatsApp knows")
}
