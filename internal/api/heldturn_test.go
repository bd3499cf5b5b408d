package api

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"chasqui/internal/audit"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// crowdedOut is an API without a database, in which an org has all of its turns
// already.
func crowdedOut(t *testing.T) (*api, wa.Actor) {
	t.Helper()
	by := wa.Actor{Org: wa.NewOrgID(), Key: wa.NewKeyID(), Scopes: []wa.Permission{wa.Everything}}
	a := &api{now: time.Now, under: underWay{of: map[wa.OrgID]*orgWay{}, turns: turns{atOnce: 4, of: map[wa.OrgID]*queue{}}}}
	a.Audit = audit.New(nil, audit.Options{})
	for _, org := range []wa.OrgID{wa.NewOrgID(), by.Org} {
		if err := a.under.turns.take(t.Context(), org, usualWork); err != nil {
			t.Fatal(err)
		}
	}
	return a, by
}

// at tells how many of an org wait, and how much it has begun.
func (t *turns) at(org wa.OrgID) (waiting, working int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if q := t.of[org]; q != nil {
		return len(q.waiting), q.working
	}
	return 0, 0
}

// What is held asks the database only when it is its org's turn: here that never
// comes, and there is no database to ask.
func TestHeldAnswersTakeTurns(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]func(ctx context.Context, a *api, by wa.Actor) error{
		"waiting for a message": func(ctx context.Context, a *api, by wa.Actor) error {
			_, err := a.waitFor(ctx, by, "wait=30", &sendOut{})
			return err
		},
		"waiting for events": func(ctx context.Context, a *api, by wa.Actor) error {
			_, _, err := a.moreEvents(ctx, by, store.Mark{}, store.EventFilter{}, 1)
			return err
		},
		"a stream's beginning": func(ctx context.Context, a *api, by wa.Actor) error {
			_, err := a.eventStream(ctx, by, &eventStreamIn{})
			return err
		},
		"a stream's pages": func(ctx context.Context, a *api, by wa.Actor) error {
			_, err := a.pour(ctx, nil, by, store.Mark{}, store.EventFilter{})
			return err
		},
		"a stream's listener": func(ctx context.Context, a *api, by wa.Actor) error {
			a.keep(context.WithValue(ctx, callerKey{}, caller{actor: by}), nil, wa.ReadEvents, func() <-chan struct{} { return nil },
				func(wa.Actor) (bool, error) { return false, nil })
			return nil
		},
		"the first code": func(ctx context.Context, a *api, by wa.Actor) error {
			_, err := a.firstCode(ctx, by, wa.NewClientID())
			return err
		},
		"an export of messages": func(ctx context.Context, a *api, by wa.Actor) error {
			_, err := a.exportMessages(ctx, by, &struct{ MessageNarrow }{})
			return err
		},
		"an export of contacts": func(ctx context.Context, a *api, by wa.Actor) error {
			_, err := a.exportContacts(ctx, by, &nothing{})
			return err
		},
		"an export of the log": func(ctx context.Context, a *api, by wa.Actor) error {
			_, err := a.exportAudit(ctx, by, &struct{ AuditNarrow }{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a, by := crowdedOut(t)
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				over := make(chan error, 1)
				go func() { over <- ask(ctx, a, by) }()
				time.Sleep(9 * time.Second)
				synctest.Wait()
				if n, _ := a.under.turns.at(by.Org); n != 1 {
					t.Errorf("%d wait for a turn", n)
				}
				err := <-over
				if n, work := a.under.turns.at(by.Org); n != 0 || work != usualWork {
					t.Errorf("afterwards %d wait and %d is worked on, %v", n, work, err)
				}
			})
		})
	}
}

// idle is a listener that looks whether there is a turn while it is written to.
type idle struct {
	http.ResponseWriter
	*api
	org  wa.OrgID
	most int
	sent int
}

func (w *idle) Write(b []byte) (int, error) {
	w.sent++
	_, working := w.under.turns.at(w.org)
	w.most = max(w.most, working)
	return len(b), nil
}

func (w *idle) SetWriteDeadline(time.Time) error { return nil }
func (w *idle) Flush()                           {}

// No turn is held while somebody is written to, who may be slow.
func TestSlowListenersTakeNoTurn(t *testing.T) {
	t.Parallel()
	db := testkit.DB(t)
	org, _ := testkit.Org(t, db)
	by := testkit.Actor(org.ID)
	a := &api{Deps: Deps{DB: db}, under: underWay{turns: turns{atOnce: 4, of: map[wa.OrgID]*queue{}}}}
	w := &idle{ResponseWriter: httptest.NewRecorder(), api: a, org: org.ID}
	out := &stream{w: w, deadline: http.NewResponseController(w)}
	var mark store.Mark
	err := db.InOrg(t.Context(), org.ID, func(tx *store.Tx) (err error) {
		if mark, err = tx.MarkNow(t.Context()); err != nil {
			return err
		}
		return tx.Emit(org.ID, wa.ClientID{}, wa.OrgIsHalted, wa.EventHalt{Scope: wa.HaltOrg})
	})
	if err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, 30*time.Second, "the event is sent", func() bool {
		if mark, err = a.pour(t.Context(), out, by, mark, store.EventFilter{}); err != nil {
			t.Error(err)
		}
		return w.sent > 0
	})
	if w.most != 0 {
		t.Errorf("%d was worked on meanwhile", w.most)
	}
	if a.under.turns.of[org.ID] == nil {
		t.Error("no turn was ever taken")
	}
}
