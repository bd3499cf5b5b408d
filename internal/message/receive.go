package message

import (
	"context"
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// typeUndecryptable marks a message that came and cannot be read yet.
const typeUndecryptable = "undecryptable"

// Receive takes what a number was told about messages and people. A nil return
// means that it is durable, or that it concerns nothing we keep, and may be
// acknowledged to WhatsApp. Taking the same twice is the same as once.
func (s *Service) Receive(ctx context.Context, c wa.Client, u provider.Update) error {
	switch u := u.(type) {
	case provider.Received:
		if u.FromMe {
			return s.receiveOwn(ctx, c, u)
		}
		return s.receive(ctx, c, u)
	case provider.Undecryptable:
		return s.receiveUnreadable(ctx, c, u)
	case provider.Receipt:
		return s.receipt(ctx, c, u)
	case provider.ContactSeen:
		return s.seen(ctx, c, u)
	case provider.IdentityChanged:
		return s.identityChanged(ctx, c, u)
	}
	return nil
}

// Recall gives what was sent under a wire id, for a recipient who could not
// read it; nil when it is not ours.
func (s *Service) Recall(ctx context.Context, c wa.Client, wireID string) (payload []byte, err error) {
	err = s.db.InOrg(ctx, c.OrgID, func(tx *store.Tx) error {
		payload, err = tx.Payload(ctx, c.OrgID, c.ID, wireID)
		return err
	})
	return payload, err
}

func (s *Service) receive(ctx context.Context, c wa.Client, u provider.Received) error {
	fresh := false
	err := s.db.InOrg(ctx, c.OrgID, func(tx *store.Tx) error {
		m, err := s.inbound(ctx, tx, c, u.From, u.Group, u.PushName)
		if err != nil {
			return err
		}
		m.Type, m.WireID, m.CreatedAt = u.Type, u.WireID, notAfter(u.At, s.opt.Now())
		m.UpdatedAt = m.CreatedAt
		for _, p := range u.Mentions {
			m.Mentions = append(m.Mentions, string(p))
		}
		if u.Content != nil {
			m.SetContent(u.Content)
		}
		if fresh, err = tx.InsertInbound(ctx, m, m.CreatedAt, u.QuotedID); err != nil {
			return err
		}
		if !fresh {
			// It may be one that could not be read when it first came.
			if m, fresh, err = tx.FillInbound(ctx, m, u.QuotedID); err != nil || !fresh {
				return err
			}
		}
		return s.announce(ctx, tx, m, wa.MessageReceived, true)
	})
	if err == nil && fresh {
		receivedTotal.WithLabelValues(u.Type).Inc()
	}
	return err
}

// inbound finds or makes the people and the conversation of a message.
func (s *Service) inbound(ctx context.Context, tx *store.Tx, c wa.Client, from provider.Peer, group, pushName string) (wa.Message, error) {
	m := wa.Message{
		ID: wa.NewMessageID(), OrgID: c.OrgID, ClientID: c.ID, Direction: wa.Inbound, Origin: wa.FromContact,
		Status: wa.Received, Lane: wa.Normal, Provider: c.Provider,
	}
	person, err := s.person(ctx, tx, c, from, pushName)
	if err != nil {
		return m, err
	}
	m.From = wa.Recipient{ContactID: person.ID, Phone: person.Phone, LID: person.LID}
	if group != "" {
		m.ChatID, err = tx.GroupChat(ctx, c.OrgID, c.ID, group)
		return m, err
	}
	m.ChatID, err = tx.DirectChat(ctx, c.OrgID, c.ID, person.ID)
	return m, err
}

// person finds or makes a contact and tells when something new is known of it.
func (s *Service) person(ctx context.Context, tx *store.Tx, c wa.Client, p provider.Peer, pushName string) (wa.Contact, error) {
	person, learned, err := tx.Person(ctx, c.OrgID, p.Phone, p.LID)
	if err != nil {
		return person, err
	}
	if pushName != "" && pushName != person.PushName {
		named, err := tx.NameContact(ctx, c.OrgID, person.ID, "", pushName)
		if err != nil {
			return person, err
		}
		person.PushName, learned = pushName, learned || named
	}
	if learned {
		return person, tx.Emit(c.OrgID, c.ID, wa.ContactUpdated, wa.EventContact{Contact: person})
	}
	return person, nil
}

func (s *Service) announce(ctx context.Context, tx *store.Tx, m wa.Message, kind wa.EventType, inbound bool) error {
	if err := tx.TouchChat(ctx, m.OrgID, m.ChatID, m.CreatedAt, inbound); err != nil {
		return err
	}
	return tx.Emit(m.OrgID, m.ClientID, kind, wa.EventMessage{Message: m})
}

// receiveOwn keeps what the client's own phone wrote. Copies of what we sent
// ourselves are known by their id.
func (s *Service) receiveOwn(ctx context.Context, c wa.Client, u provider.Received) error {
	return s.db.InOrg(ctx, c.OrgID, func(tx *store.Tx) error {
		known, err := tx.KnowsWireID(ctx, c.OrgID, c.ID, u.WireID)
		if err != nil || known {
			return err
		}
		m, err := s.inbound(ctx, tx, c, u.From, u.Group, "")
		if err != nil {
			return err
		}
		m.Direction, m.Origin, m.Status, m.To, m.From = wa.Outbound, wa.FromPhone, wa.Sent, m.From, wa.Recipient{}
		m.Type, m.WireID, m.CreatedAt = u.Type, u.WireID, notAfter(u.At, s.opt.Now())
		m.UpdatedAt, m.SentAt = m.CreatedAt, &m.CreatedAt
		if u.Content != nil {
			m.SetContent(u.Content)
		}
		fresh, err := tx.InsertFromPhone(ctx, m, m.CreatedAt)
		if err != nil || !fresh {
			return err
		}
		return s.announce(ctx, tx, m, wa.MessageSent, false)
	})
}

func (s *Service) receiveUnreadable(ctx context.Context, c wa.Client, u provider.Undecryptable) error {
	return s.db.InOrg(ctx, c.OrgID, func(tx *store.Tx) error {
		m, err := s.inbound(ctx, tx, c, u.From, u.Group, "")
		if err != nil {
			return err
		}
		m.Type, m.WireID, m.CreatedAt = typeUndecryptable, u.WireID, notAfter(u.At, s.opt.Now())
		m.UpdatedAt = m.CreatedAt
		fresh, err := tx.InsertInbound(ctx, m, m.CreatedAt, "")
		if err != nil || !fresh {
			return err
		}
		return tx.Emit(m.OrgID, m.ClientID, wa.MessageUndecryptable, wa.EventMessage{Message: m})
	})
}

var receiptSignals = map[provider.ReceiptKind]struct {
	signal wa.Signal
	event  wa.EventType
	note   string
}{
	provider.ReceiptDelivered: {wa.Deliver, wa.MessageDelivered, "on the recipient's phone"},
	provider.ReceiptRead:      {wa.See, wa.MessageRead, "opened by the recipient"},
	provider.ReceiptPlayed:    {wa.Play, wa.MessagePlayed, "played by the recipient"},
}

func (s *Service) receipt(ctx context.Context, c wa.Client, u provider.Receipt) error {
	r, ok := receiptSignals[u.Kind]
	if !ok || len(u.WireIDs) == 0 {
		return nil
	}
	var moved []wa.Message
	err := s.db.InOrg(ctx, c.OrgID, func(tx *store.Tx) (err error) {
		moved, err = tx.Receipt(ctx, c.OrgID, c.ID, u.WireIDs, r.signal, notAfter(u.At, s.opt.Now()))
		if err != nil {
			return err
		}
		for _, m := range moved {
			_, span := s.traced(ctx, &m, "receipt "+string(u.Kind))
			defer span.End()
			if err := tx.Step(m.OrgID, m.ID, m.Status, r.note, nil); err != nil {
				return err
			}
			if err := tx.Emit(m.OrgID, m.ClientID, r.event, wa.EventMessage{Message: m}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	receiptsTotal.WithLabelValues(string(u.Kind)).Add(float64(len(moved)))
	if n := shared(moved); n > 0 {
		duplicateReceipts.Add(float64(n))
		s.opt.Log.ErrorContext(ctx, "a receipt fits several messages: an id was given twice", "client", c.ID, "message", moved[0].ID, "messages", n)
	}
	return nil
}

// shared counts the messages of ours whose wire id another of them has. What
// the phone sent does not count: to a list it sends one id to many.
func shared(moved []wa.Message) (n int) {
	seen := make(map[string]bool, len(moved))
	for _, m := range moved {
		if m.Origin == wa.FromPhone {
			continue
		}
		if seen[m.WireID] {
			n++
		}
		seen[m.WireID] = true
	}
	return n
}

func (s *Service) seen(ctx context.Context, c wa.Client, u provider.ContactSeen) error {
	if u.Peer.Phone == "" && u.Peer.LID == "" {
		return nil
	}
	return s.db.InOrg(ctx, c.OrgID, func(tx *store.Tx) error {
		person, err := s.person(ctx, tx, c, u.Peer, u.PushName)
		if err != nil || u.Name == "" {
			return err
		}
		_, err = tx.NameContact(ctx, c.OrgID, person.ID, u.Name, "")
		return err
	})
}

func (s *Service) identityChanged(ctx context.Context, c wa.Client, u provider.IdentityChanged) error {
	if u.Peer.Phone == "" && u.Peer.LID == "" {
		return nil
	}
	return s.db.InOrg(ctx, c.OrgID, func(tx *store.Tx) error {
		person, err := s.person(ctx, tx, c, u.Peer, "")
		if err != nil {
			return err
		}
		return tx.Emit(c.OrgID, c.ID, wa.ContactIdentity, wa.EventContact{Contact: person})
	})
}

// firstMessage is when WhatsApp began: nothing is older.
var firstMessage = time.Date(2009, 1, 1, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant in all but kind

// notAfter keeps a foreign clock from writing the future, or a past that cannot
// be.
func notAfter(at, now time.Time) time.Time {
	if at.Before(firstMessage) || at.After(now) {
		return now.UTC()
	}
	return at.UTC()
}
