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

// intake is a look at one client and its line, for messages that are handed in
// together.
type intake struct {
	tx     *store.Tx
	org    wa.OrgID
	client wa.Client
	now    time.Time
	count  store.LineCount
	grown  store.LineCount // what was taken here, of count
	taken  int
}

// open reads what is needed to judge so many drafts for clients. A client that is
// not there has no intake.
func (s *Service) open(ctx context.Context, tx *store.Tx, org wa.OrgID, drafts int, clients ...wa.ClientID) (map[wa.ClientID]*intake, error) {
	hosts, err := tx.Hosts(ctx, org, clients)
	if err != nil {
		return nil, err
	}
	now := s.opt.Now().UTC().Truncate(time.Microsecond)
	counts, err := s.tallies.counts(ctx, tx, org, clients, drafts, now)
	if err != nil {
		return nil, err
	}
	all := make(map[wa.ClientID]*intake, len(hosts))
	for id, host := range hosts {
		all[id] = &intake{tx: tx, org: org, client: host, now: now, count: counts[id]}
	}
	return all, nil
}

// openOne is open for one client; NotFound when it is not there.
func (s *Service) openOne(ctx context.Context, tx *store.Tx, org wa.OrgID, drafts int, client wa.ClientID) (*intake, error) {
	all, err := s.open(ctx, tx, org, drafts, client)
	if err == nil && all[client] == nil {
		err = errNoClient()
	}
	return all[client], err
}

func errNoClient() error { return wa.Errorf(wa.NotFound, "there is no such client") }

// judge makes a message of a valid draft, or refuses it. The message has no
// conversation yet: finding one may make one, which a refusal must not leave
// behind.
func (in *intake) judge(ctx context.Context, d wa.Draft, to wa.Address) (Accepted, error) {
	m, err := in.compose(d, to)
	if err != nil {
		return Accepted{}, err
	}
	if err := in.checkReply(ctx, d); err != nil {
		return Accepted{}, err
	}
	place, err := in.admit(d)
	if err != nil {
		return Accepted{}, err
	}
	in.taken++
	if m.Status == wa.Queued && m.Lane == wa.Bulk {
		in.count.Bulk++
		in.grown.Bulk++
	} else if m.Status == wa.Queued {
		in.count.Waiting++
		in.grown.Waiting++
	}
	return Accepted{Message: m, Queue: place}, nil
}

// compose writes the message. What is taken together differs in time, so that
// lists have it in its order.
func (in *intake) compose(d wa.Draft, to wa.Address) (wa.Message, error) {
	content, err := d.Content()
	if err != nil {
		return wa.Message{}, err
	}
	at := in.now.Add(time.Duration(in.taken) * time.Microsecond)
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
	if m.To.Input = d.To; to.Kind == wa.ToPhone {
		m.To.Phone = wa.Phone(to.Value)
	}
	m.WireID = wa.WireID(in.client.ID, m.ID)
	if d.SendAt != nil {
		m.Status = wa.Scheduled
	}
	return m, nil
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
	place, turn := in.place(d.Lane)
	if d.SendAt != nil {
		why := wa.WaitScheduled
		return wa.QueuePlace{Position: 0, BlockedBy: &why, EstimatedSendAt: d.SendAt}, nil
	}
	eta := turn.Sub(in.now)
	full := in.count.Waiting >= MaxWaiting || eta > longestLine
	if d.Lane == wa.Bulk {
		full = in.count.Bulk >= MaxWaitingBulk || eta > longestBulkLine
	}
	if full {
		again, leaves := time.Second, "the last one leaves about "+turn.Format(time.RFC3339)
		if place.EstimatedSendAt == nil {
			again, leaves = time.Minute, "none leaves while it is "+string(*place.BlockedBy)
		}
		return place, &wa.Error{
			Code: wa.RateLimited, Reason: "queue_full", RetryAfter: min(max(eta/10, again), time.Hour),
			Message: fmt.Sprintf("%d messages wait for this client; %s", in.count.Waiting+in.count.Bulk, leaves),
		}
	}
	if d.ExpiresAt != nil && turn.After(*d.ExpiresAt) {
		return place, wa.InvalidField("expires_at", "is before the message's turn, about %s", turn.Format(time.RFC3339))
	}
	return place, nil
}

func (in *intake) place(lane wa.Lane) (wa.QueuePlace, time.Time) {
	ahead := in.count.Waiting
	if lane == wa.Bulk {
		ahead += in.count.Bulk
	}
	return place(in.client, in.usage(), ahead+1, lane, in.now)
}

func (in *intake) usage() guard.Usage {
	return guard.Usage{Minute: in.count.Minute, Hour: in.count.Hour, Day: in.count.Day}
}

// ring announces messages to the client's owner. Who has more to do than a few
// does not sleep, so those need no bell each.
func (s *Service) ring(in *intake, messages []wa.Message) {
	if in.client.Slot == nil {
		if in.client.Desire != wa.WantNothing {
			in.tx.Ring(wa.AssignTicket{Version: 1, Client: in.client.ID})
		}
		return
	}
	ahead := in.count.Waiting + in.count.Bulk - in.taken
	drain := false
	for _, m := range messages {
		switch {
		case m.Status != wa.Queued:
		case m.Lane == wa.Urgent || (m.Lane != wa.Bulk && ahead < RingUpTo):
			in.tx.Ring(wa.SendTicket{Version: 1, Message: m.ID, Client: m.ClientID, Lane: m.Lane, Slot: *in.client.Slot})
		default:
			drain = true
		}
		ahead++
	}
	if drain && s.tallies.drain(in.client.ID, in.now) {
		in.tx.Ring(wa.DrainTicket{Version: 1, Client: in.client.ID, Slot: *in.client.Slot})
	}
}
