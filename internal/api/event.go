package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// EventFilter is what feeds can be narrowed by.
type EventFilter struct {
	Types  []string    `query:"types,explode" doc:"One or more, repeated or with commas; with wildcards: message.*"`
	Client wa.ClientID `query:"client"`
}

func (f EventFilter) filter() (store.EventFilter, error) {
	out := store.EventFilter{Client: f.Client}
	for _, t := range many(f.Types).values() {
		named := wa.EventsNamed(t)
		if named == nil {
			return out, badQuery("types", t, "is not an event type; GET "+v1+"/event-types lists them")
		}
		out.Types = append(out.Types, named...)
	}
	return out, nil
}

type eventsIn struct {
	EventFilter
	After  wa.EventID `query:"after" doc:"Only what came after this event; from the oldest that is kept if absent"`
	Newest bool       `query:"newest" doc:"Begin with the newest events instead of the oldest that are kept; not together with after"`
	Limit  int        `query:"limit" minimum:"1" maximum:"200" default:"50"`
	Wait   int        `query:"wait" minimum:"0" maximum:"30" doc:"Hold the answer up to so many seconds until there is something"`
}

type eventsOut struct {
	Body struct {
		Data []wa.Event  `json:"data" nullable:"false"`
		Next *wa.EventID `json:"next" doc:"What to ask for after; null only when there is no event at all"`
	} `nameHint:"EventList"`
}

// events reads the feed, oldest first, and waits for something to come if the
// caller wants that.
func (a *api) events(ctx context.Context, by wa.Actor, in *eventsIn) (*eventsOut, error) {
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	if in.Newest && !in.After.IsZero() {
		return nil, badQuery("newest", "true", "does not go together with after")
	}
	var mark store.Mark
	out := &eventsOut{}
	if !in.After.IsZero() {
		if mark, err = a.markOf(ctx, by, in.After, "query.after"); err != nil {
			return nil, err
		}
		out.Body.Next = &in.After
	}
	if in.Newest {
		out.Body.Data, err = a.newestEvents(ctx, by, f, in.Limit)
	} else {
		out.Body.Data, err = a.awaitEvents(ctx, by, mark, f, in.Limit, time.Duration(in.Wait)*time.Second)
	}
	if n := len(out.Body.Data); n > 0 {
		out.Body.Next = &out.Body.Data[n-1].ID
	} else {
		out.Body.Data = []wa.Event{}
	}
	return out, err
}

func (a *api) newestEvents(ctx context.Context, by wa.Actor, f store.EventFilter, limit int) (events []wa.Event, err error) {
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		events, err = tx.NewestEvents(ctx, by.View(wa.ReadEvents), within(by, f), limit)
		return err
	})
	return told(by, events), err
}

func (a *api) awaitEvents(ctx context.Context, by wa.Actor, mark store.Mark, f store.EventFilter, limit int, upTo time.Duration) ([]wa.Event, error) {
	events, mark, err := a.readEvents(ctx, by, mark, f, limit)
	if err != nil || len(events) > 0 || upTo == 0 {
		return events, err
	}
	if err := waits(ctx); err != nil {
		return nil, err
	}
	woken, leave := a.feed.listen(by.Org)
	defer leave()
	for deadline := time.After(upTo); ; {
		next := woken()
		if events, mark, err = a.moreEvents(ctx, by, mark, f, limit); err != nil || len(events) > 0 {
			return events, err
		}
		select {
		case <-next:
		case <-deadline:
			return nil, nil
		case <-a.Closing:
			return nil, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (a *api) readEvents(ctx context.Context, by wa.Actor, mark store.Mark, f store.EventFilter, limit int) (events []wa.Event, next store.Mark, err error) {
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		events, next, err = tx.Events(ctx, by.View(wa.ReadEvents), mark, within(by, f), limit)
		return err
	})
	return told(by, events), next, err
}

// moreEvents is readEvents for an answer that is held.
func (a *api) moreEvents(ctx context.Context, by wa.Actor, mark store.Mark, f store.EventFilter, limit int) (events []wa.Event, next store.Mark, err error) {
	next = mark
	err = a.inTurn(ctx, by.Org, func() (err error) {
		events, next, err = a.readEvents(ctx, by, mark, f, limit)
		return err
	})
	return events, next, err
}

// markOf finds the place of an event; one that is not kept any more is the
// caller's to know about, because what followed it may be gone too.
func (a *api) markOf(ctx context.Context, by wa.Actor, id wa.EventID, where string) (mark store.Mark, err error) {
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		if err := tx.Sees(ctx, by.View(wa.ReadEvents), store.AnEvent, id.UUID()); err != nil {
			return err
		}
		mark, err = tx.MarkOf(ctx, by.Org, id)
		return err
	})
	if wa.CodeOf(err) == wa.NotFound {
		const message = "is not an event that is kept"
		return mark, problemOf(http.StatusNotFound, where+" "+message, FieldError{Location: where, Message: message, Value: id.String()})
	}
	return mark, err
}

type eventStreamIn struct {
	EventFilter
	LastEventID wa.EventID `header:"Last-Event-ID" doc:"Go on after this event; only what comes from now on if absent"`
}

type streamOut struct{ Body func(huma.Context) }

// eventStream sends events as they come, for as long as the caller listens.
func (a *api) eventStream(ctx context.Context, by wa.Actor, in *eventStreamIn) (*streamOut, error) {
	f, err := in.filter()
	if err != nil {
		return nil, err
	}
	if err := holds(ctx); err != nil {
		return nil, err
	}
	var mark store.Mark
	err = a.inTurn(ctx, by.Org, func() (err error) { mark, err = a.startOf(ctx, by, in.LastEventID); return err })
	if err != nil {
		return nil, err
	}
	return &streamOut{func(c huma.Context) {
		woken, leave := a.feed.listen(by.Org)
		defer leave()
		out := a.open(c)
		if out.comment("listening") != nil {
			return
		}
		a.keep(ctx, out, wa.ReadEvents, woken, func(by wa.Actor) (bool, error) {
			mark, err = a.pour(ctx, out, by, mark, f)
			return false, err
		})
	}}, nil
}

func (a *api) startOf(ctx context.Context, by wa.Actor, last wa.EventID) (mark store.Mark, err error) {
	if !last.IsZero() {
		return a.markOf(ctx, by, last, "header.Last-Event-ID")
	}
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		mark, err = tx.MarkNow(ctx)
		return err
	})
	return mark, err
}

// pour sends everything after the mark. A database that is away ends no
// stream: the listeners' own reconnecting would only add to its trouble.
func (a *api) pour(ctx context.Context, out *stream, by wa.Actor, mark store.Mark, f store.EventFilter) (store.Mark, error) {
	for {
		events, next, err := a.moreEvents(ctx, by, mark, f, store.MaxPage)
		if err != nil {
			return mark, nil //nolint:nilerr // tried again at the next wake
		}
		for _, e := range events {
			if err := out.send(e.ID.String(), string(e.Type), e); err != nil {
				return mark, err
			}
		}
		mark = next
		if len(events) < store.MaxPage {
			return mark, nil
		}
	}
}
