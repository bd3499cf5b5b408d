package message

import (
	"context"
	"fmt"
	"time"

	"chasqui/internal/guard"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Bounds of a line in time: a message that could not leave before these is not
// accepted, because nobody would know what to think of it.
const (
	longestLine     = 10 * time.Hour
	longestBulkLine = 14 * 24 * time.Hour
)

// intake is one request's look at a client and its line, and the messages it
// takes in.
type intake struct {
	tx      *store.Tx
	org     wa.OrgID
	client  wa.Client
	now     time.Time
	used    guard.Usage
	waiting int // urgent and normal
	bulk    int
	known   map[wa.Phone]store.DirectChat
	taken   []wa.Message
}

// open reads what is needed to judge drafts for a client.
func (s *Service) open(ctx context.Context, tx *store.Tx, org wa.OrgID, client wa.ClientID, drafts []wa.Draft) (*intake, error) {
	c, err := tx.Client(ctx, org, client)
	if err != nil {
		return nil, err
	}
	in := &intake{tx: tx, org: org, client: c, now: s.opt.Now().UTC().Truncate(time.Microsecond)}
	if in.waiting, in.bulk, err = tx.Backlog(ctx, client, MaxWaiting+1, MaxWaitingBulk+1); err != nil {
		return nil, err
	}
	if c.Limits.Enabled {
		if in.used.Minute, in.used.Hour, in.used.Day, err = tx.Used(ctx, client); err != nil {
			return nil, err
		}
	}
	in.known, err = tx.PhoneChats(ctx, org, client, phones(drafts))
	return in, err
}

// phones lists the distinct numbers that valid drafts are for.
func phones(drafts []wa.Draft) []wa.Phone {
	seen := make(map[wa.Phone]bool, len(drafts))
	list := make([]wa.Phone, 0, len(drafts))
	for _, d := range drafts {
		a, err := wa.ParseAddress(d.To)
		if err == nil && a.Kind == wa.ToPhone && !seen[wa.Phone(a.Value)] {
			seen[wa.Phone(a.Value)] = true
			list = append(list, wa.Phone(a.Value))
		}
	}
	return list
}

// take judges one valid draft and makes a message of it. index keeps the order
// of a batch in the rows' times.
func (in *intake) take(ctx context.Context, d wa.Draft, index int) (Accepted, error) {
	m, err := in.compose(d, index)
	if err != nil {
		return Accepted{}, err
	}
	if err := in.address(ctx, &m, d.To); err != nil {
		return Accepted{}, err
	}
	if err := in.checkReply(ctx, d); err != nil {
		return Accepted{}, err
	}
	place, err := in.admit(d)
	if err != nil {
		return Accepted{}, err
	}
	in.taken = append(in.taken, m)
	if m.Status == wa.Queued && m.Lane == wa.Bulk {
		in.bulk++
	} else if m.Status == wa.Queued {
		in.waiting++
	}
	return Accepted{Message: m, Queue: place}, nil
}

func (in *intake) compose(d wa.Draft, index int) (wa.Message, error) {
	content, err := d.Content()
	if err != nil {
		return wa.Message{}, err
	}
	at := in.now.Add(time.Duration(index) * time.Microsecond)
	expires := d.Expiry(in.now).UTC()
	origin := d.Origin
	if origin == "" {
		origin = wa.FromAPI
	}
	m := wa.Message{
		ID: wa.NewMessageID(), OrgID: in.org, ClientID: in.client.ID, Direction: wa.Outbound, Origin: origin,
		Status: wa.Queued, Lane: d.Lane, Provider: in.client.Provider, ReplyTo: d.ReplyTo, Mentions: d.Mentions, Typing: d.Typing,
		ClientRef: d.ClientRef, Metadata: d.Metadata, SendAt: d.SendAt, ExpiresAt: &expires, CreatedAt: at, UpdatedAt: at,
		CallbackURL: d.Callback.URL, CallbackID: d.Callback.ID,
	}
	m.SetContent(content)
	m.WireID = wa.WireID(in.client.ID, m.ID)
	if d.SendAt != nil {
		m.Status = wa.Scheduled
	}
	return m, nil
}

// address finds the conversation that "to" means.
func (in *intake) address(ctx context.Context, m *wa.Message, to string) error {
	a, err := wa.ParseAddress(to)
	if err != nil {
		return err
	}
	m.To.Input = to
	var contact wa.Contact
	switch a.Kind {
	case wa.ToPhone:
		known := in.known[wa.Phone(a.Value)]
		m.ChatID, contact = known.ChatID, known.Contact
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

func (in *intake) checkReply(ctx context.Context, d wa.Draft) error {
	if d.ReplyTo == nil {
		return nil
	}
	q, err := in.tx.Message(ctx, in.org, *d.ReplyTo)
	if wa.CodeOf(err) == wa.NotFound || (err == nil && q.ClientID != in.client.ID) {
		return wa.InvalidField("reply_to", "is not a message of this client")
	}
	return err
}

// admit finds the message's place in line and refuses what would not leave in
// time.
func (in *intake) admit(d wa.Draft) (wa.QueuePlace, error) {
	place := in.place(d.Lane)
	if d.SendAt != nil {
		why := wa.WaitScheduled
		return wa.QueuePlace{Position: 0, BlockedBy: &why, EstimatedSendAt: d.SendAt}, nil
	}
	eta := place.EstimatedSendAt.Sub(in.now)
	full := in.waiting >= MaxWaiting || eta > longestLine
	if d.Lane == wa.Bulk {
		full = in.bulk >= MaxWaitingBulk || eta > longestBulkLine
	}
	if full {
		return place, &wa.Error{
			Code: wa.RateLimited, Reason: "queue_full", RetryAfter: min(max(eta/10, time.Second), time.Hour),
			Message: fmt.Sprintf("%d messages wait for this client; the last one leaves about %s", in.waiting+in.bulk, place.EstimatedSendAt.Format(time.RFC3339)),
		}
	}
	if d.ExpiresAt != nil && place.EstimatedSendAt.After(*d.ExpiresAt) {
		return place, wa.InvalidField("expires_at", "is before the message's turn, about %s", place.EstimatedSendAt.Format(time.RFC3339))
	}
	return place, nil
}

func (in *intake) place(lane wa.Lane) wa.QueuePlace {
	ahead := in.waiting
	if lane == wa.Bulk {
		ahead += in.bulk
	}
	return place(in.client, in.used, ahead+1, lane, in.now)
}

func (in *intake) write() error { return in.tx.InsertOutbound(in.org, in.taken) }

// ring announces the messages to the client's owner.
func (in *intake) ring() {
	if in.client.Slot == nil {
		if in.client.Desire != wa.WantNothing {
			in.tx.Ring(wa.AssignTicket{Version: 1, Client: in.client.ID})
		}
		return
	}
	backlog := in.waiting + in.bulk
	drain := false
	for _, m := range in.taken {
		if m.Status != wa.Queued {
			continue
		}
		if m.Lane == wa.Bulk || (backlog >= RingUpTo && m.Lane != wa.Urgent) {
			drain = true
			continue
		}
		in.tx.Ring(wa.SendTicket{Version: 1, Message: m.ID, Client: m.ClientID, Lane: m.Lane, Slot: *in.client.Slot})
	}
	if drain {
		in.tx.Ring(wa.DrainTicket{Version: 1, Client: in.client.ID, Slot: *in.client.Slot})
	}
}
