package api

import (
	"context"
	"net/http"
	"reflect"
	"strings"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// nouns are the ids that a person's reach is about.
var nouns = map[reflect.Type]store.Noun{
	reflect.TypeFor[ref[wa.ClientID]]():  store.AClient,
	reflect.TypeFor[ref[wa.MessageID]](): store.AMessage,
	reflect.TypeFor[ref[wa.ChatID]]():    store.AChat,
	reflect.TypeFor[ref[wa.ContactID]](): store.AContact,
	reflect.TypeFor[wa.ClientID]():       store.AClient,
	reflect.TypeFor[wa.MessageID]():      store.AMessage,
	reflect.TypeFor[wa.ChatID]():         store.AChat,
	reflect.TypeFor[wa.ContactID]():      store.AContact,
	reflect.TypeFor[wa.EventID]():        store.AnEvent,
}

// named is where an operation's input names a thing of ours: in its address or
// in a query parameter.
type named struct {
	field []int
	at    string // "path.client"
	noun  store.Noun
}

// namesIn finds all of them.
func namesIn(t reflect.Type) []named {
	var all []named
	for _, f := range reflect.VisibleFields(t) {
		noun, known := nouns[f.Type]
		path := f.Tag.Get("path")
		query, _, _ := strings.Cut(f.Tag.Get("query"), ",")
		switch {
		case !known:
		case path != "":
			all = append(all, named{f.Index, "path." + path, noun})
		case query != "":
			all = append(all, named{f.Index, "query." + query, noun})
		}
	}
	return all
}

// anID is any of our ids, whatever its noun.
type anID interface {
	UUID() string
	IsZero() bool
}

// idIn reads what an input names at a place; nil when it names nothing.
func (n named) idIn(input reflect.Value) anID {
	v := input.FieldByIndex(n.field)
	if v.Kind() == reflect.Struct && v.NumField() == 1 && v.Type().Field(0).Name == "ID" {
		v = v.Field(0)
	}
	id, ok := v.Interface().(anID)
	if !ok || id.IsZero() && strings.HasPrefix(n.at, "query.") {
		return nil
	}
	return id
}

// withinReach refuses requests that name what the actor cannot see, as if it
// were not there. Things in addresses are looked up by the handler anyway, so
// they are asked about only where the actor sees less than all of the org.
func (a *api) withinReach(ctx context.Context, by wa.Actor, need wa.Permission, names []named, input any) error {
	v := by.View(need)
	var ask []named
	for _, n := range names {
		if n.idIn(reflect.ValueOf(input).Elem()) != nil && (v.Limited || strings.HasPrefix(n.at, "query.")) {
			ask = append(ask, n)
		}
	}
	if len(ask) == 0 {
		return nil
	}
	return a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		for _, n := range ask {
			err := tx.Sees(ctx, v, n.noun, n.idIn(reflect.ValueOf(input).Elem()).UUID())
			if wa.CodeOf(err) == wa.NotFound && strings.HasPrefix(n.at, "query.") {
				return namesNothing(n.at, n.noun)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func namesNothing(at string, noun store.Noun) *Problem {
	message := "names no " + string(noun) + " that is there"
	return problemOf(http.StatusNotFound, at+" "+message, FieldError{Location: at, Message: message})
}

// mayWrite holds what a message names against what the actor sees, and gives
// the same answers as for what is not there.
func (a *api) mayWrite(ctx context.Context, by wa.Actor, client wa.ClientID, d wa.Draft) error {
	v := by.View(wa.SendMessages)
	to, err := wa.ParseAddress(d.To)
	if !v.Limited || err != nil { // what cannot be read is refused with everything else that is wrong
		return nil
	}
	return a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if d.ReplyTo != nil {
			if err := tx.Sees(ctx, v, store.AMessage, d.ReplyTo.UUID()); err != nil {
				return insteadOfMissing(err, wa.InvalidField("reply_to", "is not a message of this client"))
			}
		}
		if err := mayWriteTo(ctx, tx, v, client, to); err != nil || !by.KnownOnly {
			return err
		}
		return mayBeNew(ctx, tx, by.Org, client, to)
	})
}

func mayWriteTo(ctx context.Context, tx *store.Tx, v wa.View, client wa.ClientID, to wa.Address) error {
	nobody := &wa.Error{Code: wa.Invalid, Reason: string(wa.FailRecipientInvalid), Field: "to", Message: "names nobody we know"}
	var err error
	switch to.Kind {
	case wa.ToContact:
		var id wa.ContactID
		if err = id.UnmarshalText([]byte(to.Value)); err == nil {
			err = tx.Sees(ctx, v, store.AContact, id.UUID())
		}
	case wa.ToChat:
		var id wa.ChatID
		if err = id.UnmarshalText([]byte(to.Value)); err == nil {
			err = tx.Sees(ctx, v, store.AChat, id.UUID())
		}
	default:
		return mayBegin(ctx, tx, v, client, to)
	}
	return insteadOfMissing(err, nobody)
}

// mayBegin is for numbers and groups: who sees only their own chats may not
// write to others, known or not.
func mayBegin(ctx context.Context, tx *store.Tx, v wa.View, client wa.ClientID, to wa.Address) error {
	if v.Chats.IsZero() {
		return nil
	}
	holder, err := tx.ChatHolder(ctx, v.Org, client, to)
	if wa.CodeOf(err) == wa.NotFound || err == nil && holder != v.Chats {
		return &wa.Error{Code: wa.Forbidden, Reason: "chat_not_yours", Field: "to", Message: "is nobody whose chat is assigned to you"}
	}
	return err
}

// mayBeNew is for agents whose org lets them write only to whom the client has a
// chat with. Somebody the org knows by another client is new to this one, too.
func mayBeNew(ctx context.Context, tx *store.Tx, org wa.OrgID, client wa.ClientID, to wa.Address) error {
	if to.Kind == wa.ToChat { // there is one; whether it is this client's is asked later
		return nil
	}
	_, err := tx.ChatHolder(ctx, org, client, to)
	return insteadOfMissing(err, &wa.Error{
		Code: wa.Forbidden, Reason: "new_contact", Field: "to", Message: "is nobody this client has a chat with: your organisation lets agents write to these only",
	})
}

func insteadOfMissing(err error, other *wa.Error) error {
	if wa.CodeOf(err) == wa.NotFound {
		return other
	}
	return err
}
