package message

import (
	"context"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// chats are the conversations with phone numbers that messages go to: nearly all
// of them, so they are found together.
type chats map[store.ChatKey]store.DirectChat

// findChats finds or makes the conversations of messages to phone numbers.
func findChats(ctx context.Context, tx *store.Tx, org wa.OrgID, messages []*wa.Message) (chats, error) {
	seen := make(map[store.ChatKey]bool, len(messages))
	keys := make([]store.ChatKey, 0, len(messages))
	for _, m := range messages {
		k := store.ChatKey{Client: m.ClientID, Phone: m.To.Phone}
		if m.To.Phone != "" && !seen[k] {
			seen[k] = true
			keys = append(keys, k)
		}
	}
	return tx.PhoneChats(ctx, org, keys)
}

// address finds the conversation that a message's "to" means.
func (in *intake) address(ctx context.Context, m *wa.Message, known chats) error {
	if m.To.Phone != "" {
		found := known[store.ChatKey{Client: in.client.ID, Phone: m.To.Phone}]
		m.ChatID, m.To.ContactID, m.To.LID = found.ChatID, found.Contact.ID, found.Contact.LID
		return nil
	}
	a, err := wa.ParseAddress(m.To.Input)
	if err != nil {
		return err
	}
	var contact wa.Contact
	switch a.Kind {
	case wa.ToLID:
		if contact, _, err = in.tx.Person(ctx, in.org, "", a.Value); err == nil {
			m.ChatID, err = in.tx.DirectChat(ctx, in.org, in.client.ID, contact.ID)
		}
	case wa.ToContact:
		if contact, err = in.contact(ctx, a.Value); err == nil {
			m.ChatID, err = in.tx.DirectChat(ctx, in.org, in.client.ID, contact.ID)
		}
	case wa.ToGroup:
		m.ChatID, err = in.tx.GroupChat(ctx, in.org, in.client.ID, a.Value)
	case wa.ToChat:
		contact, err = in.chat(ctx, m, a.Value)
	}
	if wa.CodeOf(err) == wa.NotFound {
		return &wa.Error{Code: wa.Invalid, Reason: string(wa.FailRecipientInvalid), Field: "to", Message: "names nobody we know", Err: err}
	}
	m.To.ContactID, m.To.Phone, m.To.LID = contact.ID, contact.Phone, contact.LID
	return err
}

func (in *intake) contact(ctx context.Context, text string) (wa.Contact, error) {
	var id wa.ContactID
	if err := id.UnmarshalText([]byte(text)); err != nil {
		return wa.Contact{}, err
	}
	return in.tx.Contact(ctx, in.org, id)
}

func (in *intake) chat(ctx context.Context, m *wa.Message, text string) (wa.Contact, error) {
	var id wa.ChatID
	if err := id.UnmarshalText([]byte(text)); err != nil {
		return wa.Contact{}, err
	}
	h, err := in.tx.Chat(ctx, in.org, id)
	if err != nil {
		return wa.Contact{}, err
	}
	if h.ClientID != in.client.ID {
		return wa.Contact{}, wa.InvalidField("to", "is a conversation of another client")
	}
	m.ChatID = h.ID
	if h.ContactID.IsZero() {
		return wa.Contact{}, nil
	}
	return in.tx.Contact(ctx, in.org, h.ContactID)
}
