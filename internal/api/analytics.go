package api

import (
	"context"
	"fmt"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Zone is where the days of a question begin.
type Zone struct {
	Name string `query:"time_zone" maxLength:"64" doc:"Name of the time zone that days begin in, such as America/Lima; the organisation's if absent"`
}

// zone is where the days of an actor's question begin.
func (a *api) zone(ctx context.Context, by wa.Actor, asked Zone) (zone *time.Location, err error) {
	if asked.Name == "" {
		err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) error {
			o, err := tx.Org(ctx, by.Org)
			asked.Name = o.TimeZone
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	return asked.location()
}

// location reads the name. "Local" would be the server's own zone, which is
// nobody's business.
func (z Zone) location() (*time.Location, error) {
	zone, err := time.LoadLocation(z.Name)
	if err != nil || z.Name == "" || z.Name == "Local" {
		return nil, badQuery("time_zone", z.Name, "is not the name of a time zone")
	}
	return zone, nil
}

type analyticsIn struct {
	Zone
	From   time.Time   `query:"from" doc:"From the hour or day that this lies in; a day, or 30 days, before to if absent"`
	To     time.Time   `query:"to" doc:"To the hour or day that ends with or after this; now if absent"`
	Step   string      `query:"step" enum:"hour,day" default:"day"`
	Client wa.ClientID `query:"client" doc:"Only this client's"`
}

// figures is one bar of a chart.
type figures struct {
	At time.Time `json:"at" doc:"When the hour or day begins"`
	wa.MessageCounts
}

type analyticsOut struct {
	Body struct {
		Data []figures `json:"data" nullable:"false" doc:"Oldest first, without gaps; at most 1,000"`
	} `nameHint:"MessageFigures"`
}

// analytics counts messages by when they were accepted or received.
func (a *api) analytics(ctx context.Context, by wa.Actor, in *analyticsIn) (*analyticsOut, error) {
	zone, err := a.zone(ctx, by, in.Zone)
	if err != nil {
		return nil, err
	}
	bounds, err := in.bounds(a.now(), zone)
	if err != nil {
		return nil, err
	}
	var counts []wa.MessageCounts
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		counts, err = tx.Figures(ctx, by.View(wa.ReadAnalytics), in.Client, bounds)
		return err
	})
	out := &analyticsOut{}
	out.Body.Data = make([]figures, len(counts))
	for i, c := range counts {
		out.Body.Data[i] = figures{bounds[i], c}
	}
	return out, err
}

// usualSpan is what is shown to whoever says nothing.
var usualSpan = map[wa.FigureStep]time.Duration{wa.ByHour: 23 * time.Hour, wa.ByDay: 29 * 24 * time.Hour} //nolint:gochecknoglobals // a table

func (in *analyticsIn) bounds(now time.Time, zone *time.Location) ([]time.Time, error) {
	from, to, step := in.From, in.To, wa.FigureStep(in.Step)
	if to.IsZero() {
		to = now
	}
	if from.IsZero() {
		from = to.Add(-usualSpan[step])
	}
	if !from.Before(to) {
		return nil, badQuery("from", from.Format(time.RFC3339), "must be before to")
	}
	bounds := step.Bounds(from, to, zone, wa.MostFigures)
	if len(bounds)-1 > wa.MostFigures {
		return nil, badQuery("from", from.Format(time.RFC3339), fmt.Sprintf("is more than %d times a %s before to", wa.MostFigures, step))
	}
	return bounds, nil
}
