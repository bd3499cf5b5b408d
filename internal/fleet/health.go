package fleet

import (
	"context"
	"time"

	"chasqui/internal/guard"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// maxLoad is as far as what waits in a lane is counted: more is not admitted.
const maxLoad = 20_000

// Health tells the condition of clients of one org, in their order.
func Health(ctx context.Context, tx *store.Tx, org wa.OrgID, clients []wa.Client) ([]wa.ClientHealth, error) {
	if len(clients) == 0 {
		return nil, nil
	}
	f, err := measure(ctx, tx, org, clients)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	all := make([]wa.ClientHealth, len(clients))
	for i, c := range clients {
		all[i] = f.health(c, now)
	}
	return all, nil
}

// facts are what is measured of clients.
type facts struct {
	loads     map[wa.ClientID][]wa.LaneLoad
	spendings map[wa.ClientID]store.Spending
	contacts  map[wa.ClientID]store.Spent
	conducts  map[wa.ClientID]wa.Conduct
	owners    map[wa.ClientID]wa.ClientOwner
}

func measure(ctx context.Context, tx *store.Tx, org wa.OrgID, clients []wa.Client) (f facts, err error) {
	ids := make([]wa.ClientID, len(clients))
	for i, c := range clients {
		ids[i] = c.ID
	}
	if f.loads, err = tx.Loads(ctx, org, ids, maxLoad); err != nil {
		return f, err
	}
	caps := make([]store.Caps, len(clients))
	for i, c := range clients {
		minute, hour, day := guard.Caps(c.Limits, headLane(f.loads[c.ID]))
		caps[i] = store.Caps{Client: c.ID, Minute: minute, Hour: hour, Day: day}
	}
	if f.spendings, err = tx.Spendings(ctx, org, caps); err != nil {
		return f, err
	}
	if f.contacts, err = tx.NewContacts(ctx, org, ids); err != nil {
		return f, err
	}
	if f.conducts, err = tx.Conducts(ctx, org, ids); err != nil {
		return f, err
	}
	f.owners, err = tx.Owners(ctx, org, ids)
	return f, err
}

// headLane is the lane whose turn it is: the most urgent one in which something
// waits, normal when nothing does.
func headLane(loads []wa.LaneLoad) wa.Lane {
	for _, l := range loads {
		if l.Queued > 0 {
			return l.Lane
		}
	}
	return wa.Normal
}

func (f facts) health(c wa.Client, now time.Time) wa.ClientHealth {
	spent := f.spendings[c.ID]
	h := wa.ClientHealth{ClientID: c.ID, Use: use(c.Limits, spent, f.contacts[c.ID]), Lanes: f.loads[c.ID]}
	h.Score, h.Inputs = guard.Health(c.Status, f.conducts[c.ID])
	why, next := nextSend(c, spent, now)
	if h.NextSendAt = next; why != wa.NoWait {
		h.BlockedBy = &why
	}
	if o, held := f.owners[c.ID]; held {
		h.Worker = &o
	}
	return h
}

// use holds what was sent against the limits.
func use(l wa.Limits, s store.Spending, contacts store.Spent) []wa.WindowUse {
	window := func(w wa.Window, spent store.Spent, length time.Duration, limit int) wa.WindowUse {
		u := wa.WindowUse{Window: w, Used: spent.Used}
		if l.Enabled && limit > 0 {
			u.Limit = &limit
		}
		if spent.First != nil {
			end := spent.First.Add(length).UTC()
			u.ResetsAt = &end
		}
		return u
	}
	w := guard.RealWindows()
	return []wa.WindowUse{
		window(wa.PerMinute, s.Minute, w.Minute, l.PerMinute), window(wa.PerHour, s.Hour, w.Hour, l.PerHour),
		window(wa.PerDay, s.Day, w.Day, l.PerDay), window(wa.NewContactsPerDay, contacts, w.Day, 0),
	}
}

// nextSend tells what holds a client and the earliest that its next message may
// leave; nil when that depends on somebody or something without a known end.
func nextSend(c wa.Client, s store.Spending, now time.Time) (wa.Wait, *time.Time) {
	why := c.Status.Wait()
	switch {
	case c.Stopped != wa.NotHalted:
		return wa.WaitStopped, nil
	case c.Paused:
		return wa.WaitPaused, nil
	case why == wa.WaitRestricted:
		return why, c.Until
	case why != wa.NoWait:
		return why, nil
	case !c.Limits.Enabled:
		return wa.NoWait, &now
	}
	at := now
	if s.Last != nil {
		if gap := s.Last.Add(time.Duration(c.Limits.GapMinMS) * time.Millisecond).UTC(); gap.After(at) {
			at = gap
		}
	}
	w := guard.RealWindows()
	for _, bar := range []struct {
		at     *time.Time
		window time.Duration
		why    wa.Wait
	}{{s.Minute.Bar, w.Minute, wa.WaitMinuteCap}, {s.Hour.Bar, w.Hour, wa.WaitHourCap}, {s.Day.Bar, w.Day, wa.WaitDayCap}} {
		if bar.at == nil {
			continue
		}
		if free := bar.at.Add(bar.window).UTC(); !free.Before(at) {
			at, why = free, bar.why
		}
	}
	return why, &at
}
