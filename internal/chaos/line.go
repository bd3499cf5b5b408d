package chaos

import (
	"fmt"
	"slices"
	"time"

	"chasqui/internal/guard"
	"chasqui/internal/whatsim"
)

// checkPace is I7: no window of any number ever held more than its limit, as
// the server saw it. What a recipient asked for again is not counted: the
// library answers it at once.
func checkPace(x *index) *Violation {
	times := map[string][]time.Time{}
	for _, f := range x.Frames {
		if !f.Resend {
			times[f.Number] = append(times[f.Number], f.Time)
		}
	}
	w, factor := guard.RealWindows(), time.Duration(max(1, x.Factor))
	for _, l := range x.Lines {
		if !l.Limits.Enabled {
			continue
		}
		for _, c := range []struct {
			name   string
			limit  int
			window time.Duration
		}{
			{"minute", l.Limits.PerMinute, w.Minute / factor}, {"hour", l.Limits.PerHour, w.Hour / factor}, {"day", l.Limits.PerDay, w.Day / factor},
		} {
			if v := x.crowded(l, c.name, c.limit, c.window, times[l.Number]); v != nil {
				return v
			}
		}
	}
	return nil
}

func (x *index) crowded(l Line, name string, limit int, window time.Duration, at []time.Time) *Violation {
	slices.SortFunc(at, time.Time.Compare)
	for i := limit; i < len(at); i++ {
		span := at[i].Sub(at[i-limit])
		if span >= window {
			continue
		}
		v := &Violation{Invariant: "I7", What: fmt.Sprintf("%s sent %d messages within %s; %d a scaled %s (%s) are allowed", l.Number, limit+1, span, limit, name, window)}
		for _, t := range at[i-limit : i+1] {
			v.History = append(v.History, t.Format("15:04:05.000")+" frame")
		}
		for _, p := range x.Phases {
			v.History = append(v.History, fmt.Sprintf("%s - %s from here to %s", p.From.Format("15:04:05.000"), p.Name, p.To.Format("15:04:05.000")))
		}
		return v
	}
	return nil
}

// Overlap is how long two connections of one device may both be logged in.
const Overlap = 5 * time.Second

// checkOwner is I9: one owner a number. Two connections of one device overlap
// for seconds at most, nothing leaves on the older one, and a fault that kills
// no worker moves no client.
func checkOwner(x *index) *Violation {
	for _, p := range x.Phases {
		for client, epoch := range p.Before {
			if after := p.After[client]; after != epoch {
				return &Violation{Invariant: "I9", What: fmt.Sprintf("%s moved client %s although its worker lived", p.Name, client), History: []string{
					fmt.Sprintf("epoch %d at %s", epoch, p.From.Format("15:04:05.000")), fmt.Sprintf("epoch %d at %s", after, p.To.Format("15:04:05.000")),
				}}
			}
		}
	}
	bySocket := map[int64][]whatsim.Frame{}
	for _, f := range x.Frames {
		bySocket[f.Socket] = append(bySocket[f.Socket], f)
	}
	type device struct {
		number string
		id     uint16
	}
	last := map[device]whatsim.Socket{}
	for _, s := range byLogin(x.Sockets) {
		d := device{s.Number, s.Device}
		older, ok := last[d]
		last[d] = s
		if !ok {
			continue
		}
		closed := older.Closed
		if closed.IsZero() {
			closed = x.Now
		}
		if closed.Sub(s.LoggedIn) > Overlap {
			return overlapping(older, s, fmt.Sprintf("were both logged in for %s", closed.Sub(s.LoggedIn)))
		}
		for _, f := range bySocket[older.ID] {
			if f.Time.After(s.LoggedIn) {
				return overlapping(older, s, fmt.Sprintf("%s left on the older one at %s", f.ID, f.Time.Format("15:04:05.000")))
			}
		}
	}
	return nil
}

func byLogin(all []whatsim.Socket) []whatsim.Socket {
	var in []whatsim.Socket
	for _, s := range all {
		if !s.LoggedIn.IsZero() {
			in = append(in, s)
		}
	}
	slices.SortFunc(in, func(a, b whatsim.Socket) int { return a.LoggedIn.Compare(b.LoggedIn) })
	return in
}

func overlapping(older, newer whatsim.Socket, what string) *Violation {
	v := &Violation{Invariant: "I9", What: fmt.Sprintf("sockets %d and %d of %s: %s", older.ID, newer.ID, newer.Number, what)}
	for _, s := range []whatsim.Socket{older, newer} {
		v.History = append(v.History, fmt.Sprintf("socket %d logged in %s, closed %s", s.ID, s.LoggedIn.Format("15:04:05.000"), s.Closed.Format("15:04:05.000")))
	}
	return v
}

// Gaps lists, shortest first, how long numbers were offline within a phase.
func (e *Evidence) Gaps(p Phase) []time.Duration {
	last := map[string]whatsim.Socket{}
	var gaps []time.Duration
	for _, s := range byLogin(e.Sockets) {
		older, ok := last[s.Number]
		last[s.Number] = s
		if ok && !older.Closed.IsZero() && older.Closed.After(p.From) && older.Closed.Before(p.To) {
			gaps = append(gaps, max(0, s.LoggedIn.Sub(older.Closed)))
		}
	}
	slices.Sort(gaps)
	return gaps
}
