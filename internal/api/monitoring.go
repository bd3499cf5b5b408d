package api

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Watched tells how the platform does. What it does not know it leaves out.
type Watched interface {
	// All lists the processes that are there.
	All(ctx context.Context) ([]wa.Pulse, error)
	// Database tells how Postgres does.
	Database() wa.DatabaseFigures
}

type monitoringOut struct {
	Body struct {
		Processes []wa.Process       `json:"processes" nullable:"false" doc:"Our programs at work, as they said within the last 30 seconds"`
		WhatsApp  whatsAppFigures    `json:"whatsapp" doc:"Of your organisation"`
		Database  wa.DatabaseFigures `json:"database"`
		API       apiFigures         `json:"api" doc:"Over all api processes, in the last minute"`
		QueuesURL string             `json:"queues_url" doc:"Where operators look at the queues; empty where that page is not served"`
	} `nameHint:"Monitoring"`
}

// whatsAppFigures are an org's own.
type whatsAppFigures struct {
	ActiveClients int      `json:"active_clients" doc:"Numbers that are online"`
	MessagesToday int64    `json:"messages_today" doc:"Accepted and received since midnight"`
	DeliveryRate  *float64 `json:"delivery_rate" doc:"Share of today's sent messages that arrived, 0 to 1; null while none was sent"`
	ReadRate      *float64 `json:"read_rate" doc:"Share of today's sent messages that were opened, 0 to 1; null while none was sent"`
	SendP95       *int64   `json:"send_p95_ms" doc:"95 of 100 messages of the last hour went within this time, from their turn to WhatsApp's confirmation; null when none went"`
}

// apiFigures are over all api processes.
type apiFigures struct {
	Requests     *float64 `json:"requests_per_minute"`
	P95          *float64 `json:"p95_ms" doc:"95 of 100 answers took at most so long; streams and long polls do not count"`
	ErrorRate    *float64 `json:"error_rate" doc:"Share that was answered with an error of ours, 0 to 1"`
	Limited      *float64 `json:"rate_limited_per_minute" doc:"Refused because somebody sent too many"`
	AuthFailures *float64 `json:"auth_failures_per_minute" doc:"Refused for want of a good credential"`
}

// monitoring is how the platform does.
func (a *api) monitoring(ctx context.Context, by wa.Actor, in *struct{ Zone }) (*monitoringOut, error) {
	zone, err := a.zone(ctx, by, in.Zone)
	if err != nil {
		return nil, err
	}
	out := &monitoringOut{}
	b := &out.Body
	b.Processes, b.API = a.processes(ctx)
	b.Database.Counted = "transactions"
	if a.Watched != nil {
		b.Database = a.Watched.Database()
	}
	if a.Queues != nil {
		b.QueuesURL = QueuesPath
	}
	err = a.DB.InOrg(ctx, by.Org, func(tx *store.Tx) (err error) {
		b.WhatsApp, err = a.whatsApp(ctx, tx, by.View(wa.ReadMonitoring), zone)
		return err
	})
	return out, err
}

// processes lists the programs in the order of their kinds and starts. Who
// cannot tell of them fails nothing else.
func (a *api) processes(ctx context.Context) ([]wa.Process, apiFigures) {
	list, traffic := []wa.Process{}, []wa.Traffic{}
	if a.Watched == nil {
		return list, apiFigures{}
	}
	all, err := a.Watched.All(ctx)
	if err != nil {
		a.Log.WarnContext(ctx, "nobody can tell which processes are there", "error", err)
	}
	for _, p := range all {
		list = append(list, p.Process)
		if p.Traffic != nil {
			traffic = append(traffic, *p.Traffic)
		}
	}
	slices.SortFunc(list, func(x, y wa.Process) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), x.StartedAt.Compare(y.StartedAt), cmp.Compare(x.ID, y.ID))
	})
	return list, apiFiguresOf(traffic)
}

// sendingsLooked bounds, of each client, how many sendings are measured.
const sendingsLooked = 1000

func (a *api) whatsApp(ctx context.Context, tx *store.Tx, v wa.View, zone *time.Location) (f whatsAppFigures, err error) {
	states, err := tx.CountStates(ctx, v, wa.ClientID{})
	if err != nil {
		return f, err
	}
	f.ActiveClients = states.Online
	day, err := a.today(ctx, tx, v, wa.ClientID{}, zone)
	if err != nil {
		return f, err
	}
	f.MessagesToday = day.Accepted + day.Received
	if day.Sent > 0 {
		f.DeliveryRate, f.ReadRate = share(day.Delivered, day.Sent), share(day.Read, day.Sent)
	}
	took, err := tx.SendTime(ctx, v.Org, time.Hour, sendingsLooked)
	if err == nil && took != nil {
		ms := took.Milliseconds()
		f.SendP95 = &ms
	}
	return f, err
}

func share[N int64 | float64](part, whole N) *float64 {
	s := float64(part) / float64(whole)
	return &s
}

// apiFiguresOf adds up what the api processes answered.
func apiFiguresOf(all []wa.Traffic) (f apiFigures) {
	var requests, errors, limited, failures, timed, answered float64
	known := false
	within := map[float64]float64{}
	for _, t := range all {
		if t.Seconds <= 0 {
			continue
		}
		minutes := t.Seconds / 60
		requests, limited, failures = requests+t.Requests/minutes, limited+t.Limited/minutes, failures+t.AuthFailures/minutes
		errors, answered, timed = errors+t.Errors, answered+t.Requests, timed+t.Timed
		for _, w := range t.Within {
			within[w.Seconds] += w.Count
		}
		known = true
	}
	if !known {
		return f
	}
	f.Requests, f.Limited, f.AuthFailures = &requests, &limited, &failures
	if answered > 0 {
		f.ErrorRate = share(errors, answered)
	}
	f.P95 = quantile(0.95, timed, within)
	return f
}

// quantile is the time, in ms, within which a share of the answers were given:
// within its step of the distribution it is reckoned as if they were spread
// evenly. Beyond the last step all that is known is that it was longer.
func quantile(q, total float64, within map[float64]float64) *float64 {
	if total <= 0 || len(within) == 0 {
		return nil
	}
	want, from, before := q*total, 0.0, 0.0
	for _, to := range slices.Sorted(maps.Keys(within)) {
		if n := within[to]; n >= want {
			ms := 1000 * to
			if n > before {
				ms = 1000 * (from + (to-from)*(want-before)/(n-before))
			}
			return tenths(ms)
		}
		from, before = to, within[to]
	}
	return tenths(1000 * from)
}

func tenths(v float64) *float64 {
	v = math.Round(10*v) / 10
	return &v
}
