package fleet_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// record lists the types of an org's events, and what its log says was done.
func (w *world) record(org wa.OrgID) string {
	w.t.Helper()
	c := w.connect()
	defer c.Close(context.Background())
	rows, err := c.Query(w.t.Context(), `
		SELECT type FROM (SELECT type, position AS n, 1 AS kind FROM events WHERE org_id = $1
		UNION ALL SELECT action, seq, 2 FROM audit_log WHERE org_id = $1) x ORDER BY kind, n`, org.UUID())
	w.must(err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	w.must(err)
	return strings.Join(found, " ")
}

func TestHaltAndRelease(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.unpaired()
	for range 2 { // twice is the same as once
		w.must(w.Halt(t.Context(), w.by, id, " a number misbehaves "))
		w.must(w.Halt(t.Context(), w.by, wa.ClientID{}, "a key leaked"))
	}
	all, err := w.Halts(t.Context(), w.by)
	w.must(err)
	if len(all) != 2 || all[0].Scope != wa.HaltOrg || all[1].ClientID != id || all[1].Reason != "a number misbehaves" || all[1].By != w.by.Name {
		t.Errorf("halts are %+v", all)
	}
	for range 2 {
		w.must(w.Release(t.Context(), w.by, wa.ClientID{}))
	}
	if c := w.row(id); c.Stopped != wa.HaltClient {
		t.Errorf("after the org's release the client is held by %q", c.Stopped)
	}
	w.must(w.Release(t.Context(), w.by, id))
	const want = "client.stopped org.stopped org.released client.released stop.set stop.set stop.released stop.released"
	if got := w.record(w.org); got != want {
		t.Errorf("told: %s\nwant: %s", got, want)
	}
}

func TestHaltAllTellsEverybody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other, _ := testkit.Org(t, w.db)
	operator := wa.Actor{Name: "operator"}
	w.must(w.HaltAll(t.Context(), operator, "something is very wrong"))
	id := w.unpaired()
	if c := w.row(id); c.Stopped != wa.HaltAll {
		t.Errorf("a new client is held by %q", c.Stopped)
	}
	w.must(w.ReleaseAll(t.Context(), operator))
	for _, org := range []wa.OrgID{w.org, other.ID} {
		if got := w.record(org); got != "org.stopped org.released" {
			t.Errorf("told: %s", got)
		}
	}
	if got := w.record(wa.OrgID{}); got != "stop.set stop.released" {
		t.Errorf("the installation's log says: %s", got)
	}
}

func TestHaltNeedsAReasonAndAClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, reason := range []string{"", "  ", "two\nlines", strings.Repeat("x", 501)} {
		if err := w.Halt(t.Context(), w.by, wa.ClientID{}, reason); wa.CodeOf(err) != wa.Invalid {
			t.Errorf("reason %.10q: %v", reason, err)
		}
	}
	other, _ := testkit.Org(t, w.db)
	foreign := testkit.Client(t, w.db, other.ID).ID
	for _, id := range []wa.ClientID{wa.NewClientID(), foreign} {
		if err := w.Halt(t.Context(), w.by, id, "why"); wa.CodeOf(err) != wa.NotFound {
			t.Errorf("halting a client that is not ours: %v", err)
		}
		if err := w.Release(t.Context(), w.by, id); wa.CodeOf(err) != wa.NotFound {
			t.Errorf("releasing a client that is not ours: %v", err)
		}
	}
	if all, err := w.Halts(t.Context(), w.by); err != nil || len(all) != 0 || slices.Contains(strings.Fields(w.record(w.org)), "stop.set") {
		t.Errorf("something was held: %v %v", all, err)
	}
}

// An org whose event cannot be written undoes nothing: everything is stopped,
// that is in the log, and every other org is told.
func TestHaltAllStandsWhenSomebodyCannotBeTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	deaf, _ := testkit.Org(t, w.db)
	last, _ := testkit.Org(t, w.db)
	w.sql(`CREATE FUNCTION deaf() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no event for you'; END $$`)
	w.sql(`CREATE TRIGGER deaf BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.org_id = '` + deaf.ID.UUID() + `') EXECUTE FUNCTION deaf()`)
	operator := wa.Actor{Name: "operator"}
	id := w.unpaired()
	if err := w.HaltAll(t.Context(), operator, "something is very wrong"); err == nil || !strings.Contains(err.Error(), "the switch has moved") {
		t.Errorf("not every org was told, and nobody says so: %v", err)
	}
	if c := w.row(id); c.Stopped != wa.HaltAll {
		t.Errorf("a client is held by %q", c.Stopped)
	}
	if err := w.ReleaseAll(t.Context(), operator); err == nil {
		t.Error("not every org was told of the release, and nobody says so")
	}
	if c := w.row(id); c.Stopped != wa.NotHalted {
		t.Errorf("after the release a client is held by %q", c.Stopped)
	}
	for org, want := range map[wa.OrgID]string{
		w.org: "org.stopped org.released", last.ID: "org.stopped org.released", deaf.ID: "", {}: "stop.set stop.released",
	} {
		if got := w.record(org); got != want {
			t.Errorf("%s was told %q, want %q", org, got, want)
		}
	}
}
