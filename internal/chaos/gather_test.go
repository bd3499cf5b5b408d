//go:build chaos

package chaos_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"chasqui/internal/chaos"
	"chasqui/internal/store"
	"chasqui/internal/whatsim"
)

// judge waits until all is quiet, gathers the ledgers and reports every
// violation.
func (r *rig) judge(l *load) {
	r.t.Helper()
	l.stop()
	began := time.Now()
	r.quiet(150*time.Second, `SELECT count(*) FROM messages WHERE client_id = ANY($1) AND status IN ('scheduled', 'queued', 'sending', 'retry_wait')`, 0)
	r.quiet(*lateFlag, `SELECT count(*) FROM messages WHERE client_id = ANY($1) AND direction = 'inbound' AND type <> 'undecryptable'`, len(l.written))
	// An ack may be ahead of the phone, which may ask for a repeat.
	for deadline := time.Now().Add(30 * time.Second); r.sim.Stats().Messages < len(l.sent) && time.Now().Before(deadline); {
		time.Sleep(200 * time.Millisecond)
	}
	// Receipts follow the last message, and what they tell follows them.
	r.quiet(30*time.Second, `SELECT count(*) FROM events WHERE created_at > now() - interval '2 seconds' AND $1::uuid[] IS NOT NULL`, 0)
	r.gather() // first: of what these rows say, the endpoints must have heard by then
	r.heard()
	r.t.Logf("quiet after %s", time.Since(began).Round(100*time.Millisecond))
	for _, what := range r.recovered {
		r.t.Log(what)
	}
	r.summary(l)
	for _, look := range r.later {
		look()
	}
	for _, v := range append(r.evidence.Check(), r.probe()...) {
		r.t.Error(v)
	}
}

// quiet waits until a count over the load's clients reaches what it should; the
// checks say what is wrong where it does not.
func (r *rig) quiet(within time.Duration, sql string, want int) {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); {
		if n := r.number(sql, r.ids()); n == want {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	r.t.Logf("not quiet within %s: %s is %d, not %d", within, sql, r.number(sql, r.ids()), want)
}

// gather fills the evidence from the simulation and from the database.
func (r *rig) gather() {
	r.t.Helper()
	e := &r.evidence
	e.Phones = r.sim.Messages(whatsim.Query{All: true})
	e.Frames, e.Sockets, e.Now = r.sim.Frames("", 0), r.sim.Sockets(""), time.Now()
	rows, err := r.admin.Query(r.t.Context(), `
		SELECT id::text, org_id::text, client_id::text, direction, status, wire_id, coalesce(content->>'body', ''), coalesce(error_code, '') FROM messages`)
	r.must(err)
	at := map[string]int{}
	for rows.Next() {
		var m chaos.Row
		r.must(rows.Scan(&m.ID, &m.Org, &m.Client, &m.Direction, &m.Status, &m.WireID, &m.Text, &m.ErrorCode))
		at[m.ID] = len(e.Rows)
		e.Rows = append(e.Rows, m)
	}
	r.must(rows.Err())
	steps, err := r.admin.Query(r.t.Context(), `SELECT message_id::text, at, status, note FROM message_events ORDER BY id`)
	r.must(err)
	for steps.Next() {
		var id string
		var s chaos.Step
		r.must(steps.Scan(&id, &s.At, &s.Status, &s.Note))
		if i, ok := at[id]; ok {
			e.Rows[i].Steps = append(e.Rows[i].Steps, s)
		}
	}
	r.must(steps.Err())
}

func (r *rig) summary(l *load) {
	states, resent := map[string]int{}, 0
	r.unreadable(l)
	for _, m := range r.evidence.Rows {
		state := m.Direction + " " + m.Status
		if m.ErrorCode != "" {
			state += " " + m.ErrorCode
		}
		states[state]++
		for _, s := range m.Steps {
			if strings.HasPrefix(s.Note, "sent again") {
				resent++
			}
		}
	}
	s := r.sim.Stats()
	r.t.Logf("%d accepted (%d posts repeated), %d written, %d frames, %d visible, %d sent again under the same id, states %v",
		len(l.sent), l.retries.Load(), len(l.written), s.Frames, s.Messages, resent, states)
	for _, p := range r.evidence.Phases {
		if gaps := r.evidence.Gaps(p); len(gaps) > 0 {
			r.t.Logf("%-28s %d reconnects, offline p50 %s p95 %s max %s", p.Name, len(gaps), ms(gaps[len(gaps)/2]), ms(gaps[len(gaps)*95/100]), ms(gaps[len(gaps)-1]))
		}
	}
}

// unreadable tells what came and could not be read, by phase.
func (r *rig) unreadable(l *load) {
	text := map[string]string{}
	for _, m := range r.evidence.Rows {
		if m.Direction == "inbound" {
			text[m.WireID] = m.Text
		}
	}
	in, all := map[string]int{}, 0
	for _, w := range l.written {
		if text[w.WireID] == w.Text {
			continue
		}
		all++
		name := "between"
		for _, p := range r.evidence.Phases {
			if w.At.After(p.From) && w.At.Before(p.To) {
				name = p.Name
			}
		}
		in[name]++
		if all < 6 {
			r.t.Logf("not readable: %+v, stored as %q", w, text[w.WireID])
		}
	}
	if all > 0 {
		r.t.Logf("%d of %d not readable, written in %v", all, len(l.written), in)
	}
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// probe is I6 from outside (and I5 as far as the feed alone tells): no org's key opens another org's things, and behind
// the statements row-level security shows no other org's rows, whatever the
// same connection did before.
func (r *rig) probe() (found []chaos.Violation) {
	r.t.Helper()
	violated := func(format string, args ...any) {
		found = append(found, chaos.Violation{Invariant: "I6", What: fmt.Sprintf(format, args...)})
	}
	for _, c := range r.clients[:orgs] {
		for _, o := range r.orgs {
			got := r.seen(o, c)
			if (got > 0) != (o == c.org) {
				violated("org %s sees %d messages of client %s of org %s below its statements", o.id, got, c.Client, c.Org)
			}
			status := r.call(o, http.MethodGet, "/api/v1/clients/"+c.id.String(), nil, nil)
			if want := map[bool]int{true: 200, false: 404}[o == c.org]; status != want {
				violated("the key of org %s gets %d for client %s of org %s", o.id, status, c.Client, c.Org)
			}
		}
	}
	if n := r.number(`SELECT count(*) FROM (SELECT client_id FROM events WHERE sequence IS NOT NULL GROUP BY client_id
		HAVING count(*) <> max(sequence) - min(sequence) + 1) AS gaps`); n != 0 {
		found = append(found, chaos.Violation{Invariant: "I5", What: fmt.Sprintf("the sequences of %d clients have gaps", n)})
	}
	return found[:min(len(found), 1)]
}

// seen counts what an org finds of a client by a statement that leaves the org
// to row-level security, on a connection that has served the system and the
// client's own org before.
func (r *rig) seen(o *org, c *client) (n int) {
	r.t.Helper()
	ctx := r.t.Context()
	db, err := store.Open(ctx, store.Options{URL: r.dbURL, MaxConns: 1, Name: "probe"})
	r.must(err)
	defer db.Close()
	r.must(db.InTx(ctx, func(tx *store.Tx) error { _, err := tx.LiveWorkers(ctx); return err }))
	r.must(db.InOrg(ctx, c.org.id, func(tx *store.Tx) error { _, _, err := tx.Backlog(ctx, c.id, 1, 1); return err }))
	r.must(db.InOrg(ctx, o.id, func(tx *store.Tx) (err error) {
		_, _, n, err = tx.Used(ctx, c.id)
		return err
	}))
	return n
}
