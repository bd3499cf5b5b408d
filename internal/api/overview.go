package api

import (
	"context"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// mostShown is how far things are counted that grow without bound: beyond it the
// exact number says nothing more.
const mostShown = 100_000

type overviewIn struct {
	Zone
	Client wa.ClientID `query:"client" doc:"Only this client's"`
}

// today are the figures of a day that is not over.
type today struct {
	wa.MessageCounts
	Since time.Time `json:"since" doc:"When the day began"`
}

type overviewOut struct {
	Body struct {
		Clients  wa.ClientCounts    `json:"clients" doc:"Each client counts once"`
		Lanes    []wa.LaneLoad      `json:"lanes" nullable:"false" doc:"What waits to be sent, urgent first; counted up to 100,000 in each"`
		Today    today              `json:"today"`
		Unread   int                `json:"unread_chats" doc:"Chats in which something is unread, counted up to 100,000"`
		Webhooks *wa.EndpointCounts `json:"webhooks" doc:"null for who sees only some of the clients: webhooks are the organisation's"`
	} `nameHint:"Overview"`
}

// overview is what is going on at this moment.
func (a *api) overview(ctx context.Context, by wa.Actor, in *overviewIn) (*overviewOut, error) {
	zone, err := a.zone(ctx, by, in.Zone)
	if err != nil {
		return nil, err
	}
	out := &overviewOut{}
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		return a.readOverview(ctx, tx, by.View(wa.ReadAnalytics), in.Client, zone, out)
	})
	return out, err
}

func (a *api) readOverview(ctx context.Context, tx *store.Tx, v wa.View, client wa.ClientID, zone *time.Location, out *overviewOut) (err error) {
	b := &out.Body
	if b.Clients, err = tx.CountStates(ctx, v, client); err != nil {
		return err
	}
	if b.Lanes, err = tx.CountLanes(ctx, v, client, mostShown); err != nil {
		return err
	}
	if b.Today, err = a.today(ctx, tx, v, client, zone); err != nil {
		return err
	}
	if b.Unread, err = tx.CountUnread(ctx, v, client, mostShown); err != nil || v.Limited {
		return err
	}
	hooks, err := tx.CountEndpointStates(ctx, v.Org, mostShown)
	b.Webhooks = &hooks
	return err
}

// today counts the messages of a zone's day.
func (a *api) today(ctx context.Context, tx *store.Tx, v wa.View, client wa.ClientID, zone *time.Location) (today, error) {
	now := a.now()
	bounds := wa.ByDay.Bounds(now, now.Add(1), zone, 1)
	counts, err := tx.Figures(ctx, v, client, bounds[:2])
	if err != nil {
		return today{}, err
	}
	return today{counts[0], bounds[0]}, nil
}
