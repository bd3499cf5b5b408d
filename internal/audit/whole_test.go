package audit_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"chasqui/internal/audit"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// someTime is enough for a round over what these tests write.
const someTime = time.Minute

func (w *world) round() {
	w.t.Helper()
	if err := w.audit.Whole(w.t.Context(), someTime); err != nil {
		w.t.Fatal(err)
	}
}

// night goes to the next night, when the next round is due.
func (w *world) night() { w.clock = w.clock.Add(25 * time.Hour) }

// findings are what is known to be wrong with the org's log.
func (w *world) findings() (all []int64) {
	w.t.Helper()
	rows, err := w.root.Query(w.t.Context(), `SELECT seq FROM audit_findings WHERE org_id = $1`, w.org)
	if err == nil {
		all, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// bulk writes n lines in one transaction.
func (w *world) bulk(n int) {
	w.t.Helper()
	err := w.db.InTx(w.t.Context(), func(tx *store.Tx) error {
		for range n {
			if err := tx.Audit(w.by, wa.AuditClientRenamed, "cli_x", nil, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// listening is a world with anchors whose alerts are collected.
func listening(t *testing.T) (*world, *[]told) {
	w := newWorld(t)
	all := &[]told{}
	w.heard(all)
	return w, all
}

// An old line is changed, of which the anchors' job sees nothing. The round
// finds it, tells the admins once, and forgets it when the log is whole again.
func TestTheRoundFindsAnOldLine(t *testing.T) {
	t.Parallel()
	w, all := listening(t)
	w.write(5)
	w.anchor()
	w.round()
	if len(w.findings()) != 0 || len(*all) != 0 {
		t.Fatalf("untouched, and found %v, told %v", w.findings(), *all)
	}
	w.tamper(`UPDATE audit_log SET target = 'cli_y' WHERE seq = 2`)
	w.write(1)
	w.anchor() // notices nothing
	w.round()
	if len(w.findings()) != 0 {
		t.Fatal("it was not due yet")
	}
	for range 2 {
		w.night()
		w.round()
	}
	events, lines := w.events(), w.logged(wa.AuditAlert)
	if f := w.findings(); len(f) != 1 || f[0] != 2 {
		t.Fatalf("found %v, want line 2", f)
	}
	if len(*all) != 1 || len(events) != 1 || len(lines) != 1 {
		t.Fatalf("told %+v, events %+v, lines %d: want one each", *all, events, len(lines))
	}
	if got := (*all)[0]; got.org != w.org || got.alert.Kind != wa.AlertBrokenLog || got.alert.Subject != w.org.String() || events[0] != got.alert {
		t.Errorf("told %+v, event %+v", got, events[0])
	}
	w.tamper(`UPDATE audit_log SET target = 'cli_x' WHERE seq = 2`)
	w.night()
	w.round()
	if f := w.findings(); len(f) != 0 {
		t.Errorf("the log is whole again, and still: %v", f)
	}
}

// A forged anchor is found too, and the logs are read all the same.
func TestTheRoundFindsAForgedAnchor(t *testing.T) {
	t.Parallel()
	w, all := listening(t)
	w.write(2)
	w.anchor()
	w.write(2)
	w.anchor()
	w.tamper(`UPDATE audit_anchors SET at = at + interval '1 hour' WHERE n = 2`)
	w.round()
	if len(*all) != 1 || len(w.findings()) != 1 {
		t.Errorf("told %+v, found %v", *all, w.findings())
	}
}

// A process that is killed between two steps loses one step at most: the next
// one goes on where the first was.
func TestTheRoundGoesOnElsewhere(t *testing.T) {
	t.Parallel()
	w, all := listening(t)
	w.bulk(4500)
	w.tamper(`UPDATE audit_log SET target = 'cli_y' WHERE seq = 4400`)
	steps := 0
	for len(w.findings()) == 0 {
		if steps++; steps > 20 {
			t.Fatal("it gets nowhere")
		}
		if err := w.audit.Whole(t.Context(), 0); err != nil { // one step each
			t.Fatal(err)
		}
		if steps < 5 {
			w.audit = w.service() // another process
		} else if steps == 5 {
			w.heard(all)
		}
	}
	if steps < 6 { // begin, anchors, the installation's log, three of 2000 lines
		t.Errorf("%d steps: nothing was left for the others", steps)
	}
	var seq int64
	if err := w.root.QueryRow(t.Context(), `SELECT seq FROM audit_findings WHERE org_id = $1`, w.org).Scan(&seq); err != nil || seq != 4400 || len(*all) != 1 {
		t.Errorf("found line %d (%v), told %v", seq, err, *all)
	}
}

// heard has another process collect the alerts.
func (w *world) heard(all *[]told) {
	w.audit = audit.New(w.db, audit.Options{
		Key: func(context.Context) ([]byte, error) { return key, nil }, Now: func() time.Time { return w.clock },
		Notify: func(_ context.Context, org wa.OrgID, a wa.EventAlert) error {
			*all = append(*all, told{org, a})
			return nil
		},
	})
}

// A step that is cut off in the middle is done again by whoever comes next, even
// if the first never gave the walk back.
func TestTheRoundSurvivesAKill(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(3)
	killed, cancel := context.WithCancel(t.Context())
	first := audit.New(w.db, audit.Options{Now: func() time.Time { return w.clock }, Key: func(context.Context) ([]byte, error) {
		defer cancel() // right after it was asked for the key, with the walk ahead
		return key, nil
	}})
	if err := first.Whole(killed, someTime); !errors.Is(err, context.Canceled) {
		t.Fatalf("it was killed, and says %v", err)
	}
	if _, err := w.root.Exec(t.Context(), `INSERT INTO leases (name, holder, epoch, expires_at) VALUES ('audit-round', gen_random_uuid(), 1, now() + interval '1 hour')
		ON CONFLICT (name) DO UPDATE SET holder = gen_random_uuid(), expires_at = now() + interval '1 hour'`); err != nil {
		t.Fatal(err)
	}
	w.tamper(`UPDATE audit_log SET target = 'cli_y' WHERE seq = 1`)
	w.round()
	if len(w.findings()) != 0 {
		t.Fatal("it walked while somebody else did")
	}
	if _, err := w.root.Exec(t.Context(), `UPDATE leases SET expires_at = now() - interval '1 second' WHERE name = 'audit-round'`); err != nil {
		t.Fatal(err)
	}
	w.round()
	if len(w.findings()) != 1 {
		t.Error("nobody took over")
	}
}

// Of many that are asked at once one walks; every step is done once.
func TestOneWalks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bulk(4500)
	services := make([]*audit.Service, 4)
	for i := range services {
		services[i] = w.service()
	}
	var wg sync.WaitGroup
	for _, s := range services {
		wg.Go(func() {
			if err := s.Whole(t.Context(), someTime); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var version int64
	if err := w.root.QueryRow(t.Context(), `SELECT version FROM audit_round`).Scan(&version); err != nil {
		t.Fatal(err)
	}
	if version != 6 { // begin, anchors, the installation's log, three of 2000 lines
		t.Errorf("%d steps were kept, want 6", version)
	}
}

// Who moves the place past what they changed has forged it, which is found, and
// the round begins at the first line.
func TestThePlaceCannotBeForged(t *testing.T) {
	t.Parallel()
	w, all := listening(t)
	w.write(3)
	w.round()
	if _, err := w.root.Exec(t.Context(), `UPDATE audit_round SET place = convert_to(replace(convert_from(place, 'UTF8'), '"round":1', '"round":9'), 'UTF8')`); err != nil {
		t.Fatal(err)
	}
	w.tamper(`UPDATE audit_log SET target = 'cli_y' WHERE seq = 1`)
	w.round() // not due, were it not for the forgery
	if len(w.findings()) != 1 || len(*all) != 2 {
		t.Errorf("found %v, told %+v: want the line, and the place as the installation's", w.findings(), *all)
	}
}

// What the metrics say outlives the process that found it: another one, that
// walks nothing, says the same.
func TestTheMetricIsKept(t *testing.T) { //nolint:paralleltest // the metric is the process'
	w := newWorld(t)
	w.write(2)
	w.tamper(`UPDATE audit_log SET target = 'cli_y' WHERE seq = 1`)
	w.round()
	w.audit.Forget()
	if measure(t, "chasqui_audit_whole_broken_logs") != 0 {
		t.Fatal("it does not forget")
	}
	w.audit = w.service()
	w.round()
	w.write(1)
	w.anchor() // resets what anchors know, and nothing else
	if n := measure(t, "chasqui_audit_whole_broken_logs"); n != 1 {
		t.Errorf("%v broken logs, want 1", n)
	}
	if at := measure(t, "chasqui_audit_last_whole_timestamp_seconds"); at != float64(w.clock.Unix()) {
		t.Errorf("the last round ended at %v", at)
	}
}

func measure(t *testing.T, name string) float64 {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("nobody measures %s", name)
	return 0
}
