package chaos

import (
	"fmt"
	"slices"

	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// landed are the states in which WhatsApp's server has a message.
var landed = []string{string(wa.Sent), string(wa.Delivered), string(wa.Read), string(wa.Played)} //nolint:gochecknoglobals // a table

var ended = []string{string(wa.Failed), string(wa.Expired), string(wa.Cancelled)} //nolint:gochecknoglobals // a table

// checkLost is I1: no accepted message is lost, and what left was read.
func checkLost(x *index) *Violation {
	for _, a := range x.Accepted {
		r := x.row[a.ID]
		switch {
		case r == nil:
			return x.violated("I1", a, "%q was accepted and is not in the database", a.Text)
		case slices.Contains(landed, r.Status):
			if len(x.frames[a.Number+"/"+r.WireID]) == 0 {
				return x.violated("I1", a, "%q is %s and was never on the wire", a.Text, r.Status)
			}
			if !slices.ContainsFunc(x.phones[a.Text], func(m whatsim.Message) bool { return m.Visible() }) {
				return x.violated("I1", a, "%q is %s and nobody could read it", a.Text, r.Status)
			}
		case !slices.Contains(ended, r.Status) && !x.lines[a.Client].Idle:
			return x.violated("I1", a, "%q is still %s at the end", a.Text, r.Status)
		}
	}
	return nil
}

// checkTwice is I2: nobody sees a message twice.
func checkTwice(x *index) *Violation {
	for _, a := range x.Accepted {
		wires, visible := map[string]bool{}, 0
		for _, m := range x.phones[a.Text] {
			wires[m.ID] = true
			if m.Visible() {
				visible++
			}
		}
		if len(wires) > 1 || visible > 1 {
			return x.violated("I2", a, "%q went out under %d ids and was seen %d times", a.Text, len(wires), visible)
		}
	}
	return nil
}

// checkOrder is I3: within a client, recipient and lane, messages are on the
// wire in the order of acceptance.
func checkOrder(x *index) *Violation {
	type place struct {
		client, to string
		lane       wa.Lane
	}
	byID, last, seen := map[string]Accepted{}, map[place]Accepted{}, map[string]bool{}
	for _, a := range x.Accepted {
		byID[a.ID] = a
	}
	for _, f := range x.Frames {
		r := x.byWire[f.Number+"/"+f.ID]
		if r == nil || seen[r.ID] {
			continue
		}
		seen[r.ID] = true
		a, ours := byID[r.ID]
		if !ours {
			continue
		}
		p := place{a.Client, a.To, a.Lane}
		if before, ok := last[p]; ok && before.N > a.N {
			v := x.violated("I3", a, "%q was on the wire after %q", a.Text, before.Text)
			v.History = append(append(v.History, "the other one:"), x.history(before)...)
			return v
		}
		last[p] = a
	}
	return nil
}

// rank orders the states of which none may follow a higher one. Those without a
// rank may come and go until the first with one.
var rank = map[string]int{ //nolint:gochecknoglobals // a table
	string(wa.Sent): 1, string(wa.Delivered): 2, string(wa.Read): 3, string(wa.Played): 4,
	string(wa.Failed): 9, string(wa.Expired): 9, string(wa.Cancelled): 9,
}

// checkStatus is I4: the status never goes back. A late receipt may lift what
// failed for want of a confirmation.
func checkStatus(x *index) *Violation {
	for i := range x.Rows {
		r := &x.Rows[i]
		highest := 0
		for _, s := range r.Steps {
			lifted := highest == 9 && rank[s.Status] >= rank[string(wa.Delivered)] && rank[s.Status] < 9
			if now := rank[s.Status]; now > highest || lifted || (highest == 0 && now == 0) {
				highest = now
				continue
			}
			return x.violated("I4", x.acceptedAs(r), "%q became %s after a higher state", r.Text, s.Status)
		}
	}
	return nil
}

// acceptedAs gives the entry of ledger A, or what the row tells where nobody
// was answered.
func (x *index) acceptedAs(r *Row) Accepted {
	if a, ok := x.byText[r.Text]; ok {
		return a
	}
	return Accepted{ID: r.ID, Text: r.Text, Org: r.Org, Client: r.Client, Number: x.lines[r.Client].Number}
}

// checkTenant is I6 as far as the ledgers tell: what a number sent was given to
// it, rows lie with their client's org, and endpoints hear of their own.
func checkTenant(x *index) *Violation {
	for _, m := range x.Phones {
		a, ours := x.byText[m.Text]
		if ours && !m.Written && !m.Copy && m.From != a.Number {
			return x.violated("I6", a, "%q left by %s", a.Text, m.From)
		}
	}
	for i := range x.Rows {
		r := &x.Rows[i]
		if l, ok := x.lines[r.Client]; ok && l.Org != r.Org {
			return x.violated("I6", x.acceptedAs(r), "a row of client %s lies with org %s", r.Client, r.Org)
		}
	}
	return x.foreign()
}

// checkInbound is I10: what people wrote is stored exactly once, and readable.
func checkInbound(x *index) *Violation {
	stored := map[string][]string{}
	for _, r := range x.Rows {
		if r.Direction == string(wa.Inbound) {
			key := x.lines[r.Client].Number + "/" + r.WireID
			stored[key] = append(stored[key], r.Text)
		}
	}
	for _, w := range x.Written {
		if got := stored[w.To+"/"+w.WireID]; (len(got) != 1 || got[0] != w.Text) && !x.byNumber[w.To].Idle {
			v := &Violation{Invariant: "I10", What: fmt.Sprintf("%q of %s to %s is stored as %q", w.Text, w.From, w.To, got)}
			v.History = append(v.History, w.At.Format("15:04:05.000 ")+"written as "+w.WireID)
			for _, p := range x.Phases {
				v.History = append(v.History, fmt.Sprintf("%s - %s from here to %s", p.From.Format("15:04:05.000"), p.Name, p.To.Format("15:04:05.000")))
			}
			return v
		}
	}
	return nil
}
