//go:build chaos

package chaos_test

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strconv"
	"time"

	"chasqui/internal/chaos"
	"chasqui/internal/testkit"
)

// number asks the database past everything; -1 when it is away.
func (r *rig) number(sql string, args ...any) int {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	var n int
	if err := r.admin.QueryRow(ctx, sql, args...).Scan(&n); err != nil {
		slog.Debug("rig", "error", err)
		return -1
	}
	return n
}

func (r *rig) ids() []string {
	var ids []string
	for _, c := range r.clients {
		ids = append(ids, c.Client)
	}
	return ids
}

// settled reports whether every client is online, by the simulation's word, with
// a worker that lives.
func (r *rig) settled() bool {
	for _, c := range r.clients {
		p, err := r.sim.Phone(c.Number)
		if err != nil || len(p.Devices) != 1 || !p.Devices[0].Online {
			return false
		}
	}
	return r.number(`SELECT count(*) FROM clients c JOIN workers w ON w.slot = c.slot AND w.epoch = c.worker_epoch AND w.expires_at > now()
		WHERE c.id = ANY($1) AND c.status = 'connected'`, r.ids()) == len(r.clients)
}

// heal waits until every client is online, within a fault's bound.
func (r *rig) heal(name string, from time.Time, within time.Duration) {
	r.t.Helper()
	testkit.Eventually(r.t, within, name+": all clients online", r.settled)
	r.recovered = append(r.recovered, fmt.Sprintf("%s healed in %s", name, time.Since(from).Round(100*time.Millisecond)))
}

var slotTaken = regexp.MustCompile(`worker slot taken.*? slot=(\d+)`)

// after has something looked at when all is quiet and gathered.
func (r *rig) after(look func()) { r.later = append(r.later, look) }

// owner finds the worker process that holds a client.
func (r *rig) owner(c *client) *chaos.Process {
	r.t.Helper()
	var found *chaos.Process
	testkit.Eventually(r.t, 30*time.Second, "a worker holds the client", func() bool {
		slot := strconv.Itoa(r.number(`SELECT coalesce(max(slot), 0) FROM clients WHERE id = $1`, c.Client))
		for _, w := range r.workers {
			if w.Running() && w.Last(slotTaken) == slot {
				found = w
			}
		}
		return found != nil
	})
	return found
}

func (r *rig) epochs() map[string]int64 {
	rows, err := r.admin.Query(r.t.Context(), `SELECT id::text, epoch FROM clients WHERE id = ANY($1)`, r.ids())
	r.must(err)
	defer rows.Close()
	out := map[string]int64{}
	for rows.Next() {
		var id string
		var epoch int64
		r.must(rows.Scan(&id, &epoch))
		out[id] = epoch
	}
	r.must(rows.Err())
	return out
}

// phase runs a fault and notes its time. With still, the fault must not change
// any client's owner.
func (r *rig) phase(name string, still bool, fault func()) {
	r.t.Helper()
	p := chaos.Phase{Name: name, From: time.Now()}
	if still {
		p.Before = r.epochs()
	}
	fault()
	if still {
		p.After = r.epochs()
	}
	p.To = time.Now()
	r.t.Logf("%-28s %s", name, p.To.Sub(p.From).Round(100*time.Millisecond))
	r.evidence.Phases = append(r.evidence.Phases, p)
}

func (r *rig) restart(p *chaos.Process) {
	r.t.Helper()
	p.Kill()
	r.toPG[p].Pass()
	r.must(p.Start())
}

func (r *rig) allPG(do func(*chaos.Proxy)) {
	for _, p := range r.toPG {
		do(p)
	}
}
