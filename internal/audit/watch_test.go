package audit_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/audit"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// told is an alert that admins were told of.
type told struct {
	org   wa.OrgID
	alert wa.EventAlert
}

// watching is a world whose alerts are collected.
func watching(t *testing.T) (*world, *[]told) {
	w := newWorld(t)
	var all []told
	w.audit = audit.New(w.db, audit.Options{
		Now: func() time.Time { return w.clock },
		Notify: func(_ context.Context, org wa.OrgID, a wa.EventAlert) error {
			all = append(all, told{org, a})
			return nil
		},
	})
	return w, &all
}

func (w *world) watch() {
	w.t.Helper()
	if err := w.audit.Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	if err := w.audit.Watch(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// events are the org's alerts. They are read from the table, because the feed
// waits for transactions of other databases, too.
func (w *world) events() (alerts []wa.EventAlert) {
	w.t.Helper()
	rows, err := w.root.Query(w.t.Context(), `SELECT data FROM events WHERE org_id = $1 AND type = 'security.alert'`, w.org)
	if err != nil {
		w.t.Fatal(err)
	}
	alerts, err = pgx.CollectRows(rows, func(r pgx.CollectableRow) (a wa.EventAlert, err error) {
		var raw []byte
		if err = r.Scan(&raw); err == nil {
			err = json.Unmarshal(raw, &a)
		}
		return a, err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return alerts
}

func (w *world) logged(action wa.AuditAction) []wa.AuditEntry {
	w.t.Helper()
	p, err := store.ParsePage("", 200)
	if err != nil {
		w.t.Fatal(err)
	}
	by := wa.Actor{Org: w.org, Scopes: []wa.Permission{wa.Everything}}
	rows, err := w.audit.Search(w.t.Context(), by, store.AuditFilter{Action: action}, p)
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

// Each way to look suspicious raises one alert, right at its bound: an event, a
// line, a notice. Looking again raises none.
func TestAlerts(t *testing.T) {
	t.Parallel()
	user := wa.NewUserID()
	probe := wa.Actor{Key: wa.NewKeyID()}
	client := wa.NewClientID()
	failed := func(w *world, target, ip string) {
		w.writeAs(wa.Actor{Org: w.org, Name: "x", From: wa.Caller{IP: ip}}, wa.AuditSignInFailed, target, nil, nil)
	}
	for name, c := range map[string]struct {
		almost  func(w *world)
		last    func(w *world)
		kind    wa.AlertKind
		subject string
		count   int64
	}{
		"failed sign-ins of an account": {
			func(w *world) {
				for range 9 {
					failed(w, user.String(), "")
				}
			},
			func(w *world) { failed(w, user.String(), "") }, wa.AlertSignIns, user.String(), 10,
		},
		"failed sign-ins from an address": {
			func(w *world) {
				for range 29 {
					failed(w, wa.NewUserID().String(), "192.0.2.9")
				}
			},
			func(w *world) { failed(w, wa.NewUserID().String(), "192.0.2.9") }, wa.AlertAddress, "192.0.2.9", 30,
		},
		"a refresh token used twice": {
			func(*world) {},
			func(w *world) {
				w.writeAs(wa.Actor{Org: w.org, User: user}, wa.AuditRefreshReused, user.String(), nil, nil)
			},
			wa.AlertTokenReuse, user.String(), 1,
		},
		"a key that probes": {
			func(w *world) {
				probe.Org = w.org
				for range 99 {
					w.audit.Refused(probe)
				}
			},
			func(w *world) { w.audit.Refused(probe) }, wa.AlertProbing, probe.Key.String(), 100,
		},
		"more messages than usual": {
			func(w *world) {
				for h := range 5 {
					w.hour(client.String(), h+1, 50)
				}
				w.audit.Sent(wa.Actor{Org: w.org}, client, 250)
			},
			func(w *world) { w.audit.Sent(wa.Actor{Org: w.org}, client, 1) }, wa.AlertVolume, client.String(), 251,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, all := watching(t)
			c.almost(w)
			w.watch()
			if len(*all) != 0 {
				t.Fatalf("raised too early: %+v", *all)
			}
			c.last(w)
			w.watch()
			w.watch()
			events, lines := w.events(), w.logged(wa.AuditAlert)
			if len(*all) != 1 || len(events) != 1 || len(lines) != 1 {
				t.Fatalf("told %+v, events %+v, lines %d: want one each", *all, events, len(lines))
			}
			got := (*all)[0]
			if got.org != w.org || got.alert.Kind != c.kind || got.alert.Subject != c.subject || got.alert.Count != c.count || events[0] != got.alert {
				t.Errorf("told %+v, event %+v", got, events[0])
			}
			if lines[0].Target != c.subject || lines[0].Kind != wa.BySystem {
				t.Errorf("line: %+v", lines[0])
			}
		})
	}
}

// hour puts what a client sent some hours ago.
func (w *world) hour(subject string, ago, n int) {
	w.t.Helper()
	at := time.Now().UTC().Truncate(time.Hour).Add(-time.Duration(ago) * time.Hour)
	err := w.db.InTx(w.t.Context(), func(tx *store.Tx) error {
		return tx.AddSecurityCounts(w.t.Context(), []store.SecurityCount{{Org: w.org, Kind: "sent", Subject: subject, Bucket: at, Count: int64(n)}})
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// What has no history is not unusual, and what is little is not either.
func TestVolumeThatIsNotUnusual(t *testing.T) {
	t.Parallel()
	w, all := watching(t)
	w.audit.Sent(wa.Actor{Org: w.org}, wa.NewClientID(), 5000) // a first campaign
	small := wa.NewClientID()
	for h := range 5 {
		w.hour(small.String(), h+1, 1)
	}
	w.audit.Sent(wa.Actor{Org: w.org}, small, 199)
	steady := wa.NewClientID()
	for h := range 5 {
		w.hour(steady.String(), h+1, 1000)
	}
	w.audit.Sent(wa.Actor{Org: w.org}, steady, 5000)
	w.watch()
	if len(*all) != 0 {
		t.Errorf("raised: %+v", *all)
	}
}

// A burst over many orgs, or of accounts that do not exist, is told to each org
// and to the installation.
func TestABurstOverManyOrgs(t *testing.T) {
	t.Parallel()
	w, all := watching(t)
	for i := range 30 {
		org := w.org
		if i%2 == 0 {
			org = wa.OrgID{}
		}
		w.writeAs(wa.Actor{Org: org, From: wa.Caller{IP: "192.0.2.9"}}, wa.AuditSignInFailed, "", nil, nil)
	}
	w.watch()
	if len(*all) != 2 || len(w.events()) != 1 {
		t.Errorf("told %+v", *all)
	}
	if r, err := w.audit.Verify(t.Context(), wa.OrgID{}); err != nil || r.Broken != nil || r.Lines != 16 {
		t.Errorf("the installation's log: %+v, %v", r, err)
	}
}

// Sweep forgets the old and keeps the new.
func TestSweepForgets(t *testing.T) {
	t.Parallel()
	w, _ := watching(t)
	w.hour("cli_old", 9*24, 5)
	w.hour("cli_new", 7*24, 5)
	if err := w.audit.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := w.root.QueryRow(t.Context(), `SELECT count(*) FROM security_counts`).Scan(&left); err != nil || left != 1 {
		t.Errorf("%d counts are left (%v)", left, err)
	}
}

// Mails go to the active admins of the org, and to nobody else.
func TestAdminsAreMailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, u := range []wa.User{
		{ID: wa.NewUserID(), OrgID: w.org, Email: "ana@example.com", Role: wa.Admin},
		{ID: wa.NewUserID(), OrgID: w.org, Email: "off@example.com", Role: wa.Admin},
		{ID: wa.NewUserID(), OrgID: w.org, Email: "bob@example.com", Role: wa.Manager},
	} {
		if err := w.db.InTx(t.Context(), func(tx *store.Tx) error { return tx.InsertUser(t.Context(), u, "") }); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.root.Exec(t.Context(), `UPDATE users SET status = 'disabled' WHERE email = 'off@example.com'`); err != nil {
		t.Fatal(err)
	}
	var sent []wa.Letter
	tell := audit.ByMail(w.db, func(_ context.Context, _ wa.OrgID, l wa.Letter) error { sent = append(sent, l); return nil })
	alert := wa.EventAlert{Kind: wa.AlertTokenReuse, Subject: "usr_1", Message: "Something happened."}
	for _, org := range []wa.OrgID{w.org, {}} {
		if err := tell(t.Context(), org, alert); err != nil {
			t.Fatal(err)
		}
	}
	if len(sent) != 1 || sent[0].To != "ana@example.com" || !strings.Contains(sent[0].Body, alert.Message) {
		t.Errorf("%+v", sent)
	}
}
