package audit_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"chasqui/internal/audit"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// soon is enough to forget what these tests write.
const soon = time.Minute

// old makes what is in orgs' logs and not anchored yet older, as if it had been
// written and anchored so many days ago. It is for before anything is forgotten.
func (w *world) old(days int) {
	w.t.Helper()
	w.tamper(fmt.Sprintf(`UPDATE audit_log l SET at = at - interval '%d days'
		WHERE seq > (SELECT coalesce(max(a.seq), 0) FROM audit_anchors a WHERE a.org_id = l.org_id)`, days), rehash)
	now := w.clock
	w.clock = now.AddDate(0, 0, -days)
	w.anchor()
	w.clock = now
}

func (w *world) expire(days int) {
	w.t.Helper()
	if err := w.audit.Expire(w.t.Context(), days, soon); err != nil {
		w.t.Fatal(err)
	}
}

// wish has the org keep its own log for so many days.
func (w *world) wish(days string) {
	w.t.Helper()
	if _, err := w.root.Exec(w.t.Context(), `UPDATE orgs SET keep_audit = `+days+` WHERE id = $1`, w.org); err != nil {
		w.t.Fatal(err)
	}
}

// holds verifies the org's log in every way: from its first line, from its last
// anchor and in a round.
func (w *world) holds(lines, forgotten int64) {
	w.t.Helper()
	if r := w.verify(); r.Broken != nil || r.Lines != lines || r.Forgotten != forgotten {
		w.t.Fatalf("%+v, %v: want %d lines, %d forgotten", r, r.Broken, lines, forgotten)
	}
	w.anchor()
	w.night()
	w.round()
	if f := w.findings(); len(f) != 0 {
		w.t.Fatalf("the round found %v", f)
	}
	if r, err := w.audit.VerifyAnchors(w.t.Context()); err != nil || r.Broken != nil {
		w.t.Fatalf("anchors: %+v, %v", r.Broken, err)
	}
}

// What is older than it is kept goes from the front, up to an anchor, and what is
// left proves that nothing else went. The log says so itself.
func TestOldLinesAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(5)
	w.old(800)
	w.write(3)
	w.old(100)
	w.write(2)
	w.anchor()
	w.expire(0)
	w.holds(10, 0) // for ever
	w.expire(730)
	w.expire(730)
	w.holds(6, 5)
	if lines := w.logged(wa.AuditForgotten); len(lines) != 1 || !strings.Contains(string(lines[0].After), `"up_to":5`) {
		t.Errorf("the log says of it: %+v", lines)
	}
	w.wish("90")
	w.expire(730)
	w.holds(4, 8)
	w.wish("3650") // the installation keeps nothing longer than it does
	w.write(2)
	w.clock = w.clock.AddDate(0, 0, 731)
	if err := w.audit.Expire(t.Context(), 730, soon); err == nil {
		t.Error("the database let go of what was written a moment ago")
	}
}

// The log of an org that is no more goes whole; the installation's tells of it.
// Should something be written into it later, its chain goes on.
func TestLogsOfNoOrgAreForgottenWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	left := w.by
	left.Org = wa.NewOrgID()
	w.org = left.Org
	for range 3 {
		w.writeAs(left, wa.AuditSignedIn, "a", nil, nil)
	}
	w.old(100)
	w.expire(90)
	w.holds(0, 3)
	w.org = wa.OrgID{}
	if lines := w.logged(wa.AuditForgotten); len(lines) != 1 || lines[0].Target != left.Org.String() {
		t.Errorf("the installation says of it: %+v", lines)
	}
	w.org = left.Org
	w.writeAs(left, wa.AuditSignedIn, "a", nil, nil)
	w.holds(1, 3)
}

// Whoever owns the database can take lines away and say that they were forgotten;
// that they lie is found. Five lines are forgotten, 6 to 11 are there.
func TestForgettingCannotBeForged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		do   []string
		line int64
		what string
	}{
		"the front cut further":        {[]string{`DELETE FROM audit_log WHERE seq = 6`}, 6, audit.Missing},
		"the record taken away":        {[]string{`DELETE FROM audit_forgotten`}, 1, audit.Missing},
		"cut further, record moved":    {[]string{`UPDATE audit_forgotten SET seq = 7, hash = (SELECT hash FROM audit_log WHERE seq = 7)`, `DELETE FROM audit_log WHERE seq <= 7`}, 7, audit.Forged},
		"cut further, record put in":   {[]string{`INSERT INTO audit_forgotten SELECT org_id, 8, (SELECT hash FROM audit_log WHERE seq = 8), anchored_at, days, at, key, mac FROM audit_forgotten`, `DELETE FROM audit_log WHERE seq <= 8`}, 8, audit.Forged},
		"a record of what is there":    {[]string{`INSERT INTO audit_forgotten SELECT org_id, 8, (SELECT hash FROM audit_log WHERE seq = 8), anchored_at, days, at, key, mac FROM audit_forgotten`}, 8, audit.Forged},
		"another log's record":         {[]string{`UPDATE audit_forgotten SET org_id = gen_random_uuid()`, `INSERT INTO audit_forgotten SELECT (SELECT org_id FROM audit_log WHERE seq = 6), seq, hash, anchored_at, days, at, key, mac FROM audit_forgotten`, `UPDATE audit_forgotten SET hash = sha256('x')`}, 5, audit.Forged},
		"the record's time":            {[]string{`UPDATE audit_forgotten SET at = at - interval '1 day'`}, 5, audit.Forged},
		"the record's days":            {[]string{`UPDATE audit_forgotten SET days = 95`}, 5, audit.Forged},
		"how old it says that it was":  {[]string{`UPDATE audit_forgotten SET anchored_at = anchored_at - interval '1 day'`}, 5, audit.Forged},
		"the first line left":          {[]string{`UPDATE audit_log SET target = 'cli_y' WHERE seq = 6`}, 6, audit.Altered},
		"the first line left, rehash":  {[]string{`UPDATE audit_log SET prev = sha256('x'), hash = sha256(sha256('x') || int8send(6) || int8send((extract(epoch FROM at) * 1000000)::bigint) || digest) WHERE seq = 6`}, 6, audit.Inserted},
		"a line put in front again":    {[]string{`INSERT INTO audit_log SELECT org_id, 5, at, gen_random_uuid(), kind, actor_id, actor_name, role, action, target, before, after, ip, agent, request, digest, prev, hash FROM audit_log WHERE seq = 6`}, 5, audit.Altered},
		"one of the others":            {[]string{`DELETE FROM audit_log WHERE seq = 8`}, 8, audit.Missing},
		"everything, and no record":    {[]string{`DELETE FROM audit_log`, `DELETE FROM audit_forgotten`}, 1, audit.Cut},
		"everything behind the record": {[]string{`DELETE FROM audit_log`}, 6, audit.Cut},
		"the end, with the head":       {[]string{`DELETE FROM audit_log`, `UPDATE audit_heads SET seq = 5, hash = (SELECT hash FROM audit_forgotten)`}, 6, audit.Cut},
	} {
		t.Run(name, func(t *testing.T) {
			w.reset(t)
			w.write(5)
			w.old(100)
			w.write(5)
			w.expire(90)
			w.anchor()
			if r := w.verify(); r.Broken != nil || r.Lines != 6 || r.Forgotten != 5 {
				t.Fatalf("untouched: %+v, %v", r, r.Broken)
			}
			w.tamper(c.do...)
			if r := w.verify(); r.Broken == nil || r.Broken.Sequence != c.line || r.Broken.What != c.what {
				t.Errorf("found %v, want line %d %s", r.Broken, c.line, c.what)
			}
		})
	}
}

// Who has the keys as well, or a clock that is wrong, makes a record that is
// signed. The database refuses it; if it were not for that, it would be found.
func TestNothingIsForgottenTooSoon(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(5)
	w.anchor()
	w.write(1)
	ahead := audit.New(w.db, audit.Options{
		Key: func(context.Context) ([]byte, error) { return key, nil }, Now: func() time.Time { return w.clock.AddDate(0, 0, 100) },
	})
	if err := ahead.Expire(t.Context(), 90, soon); wa.CodeOf(err) == wa.NotFound || err == nil {
		t.Errorf("the database let go of young lines: %v", err)
	}
	if err := ahead.Expire(t.Context(), 30, soon); err == nil {
		t.Error("the database takes 30 days for enough")
	}
	w.holds(6, 0)
	for _, statement := range []string{
		`INSERT INTO audit_forgotten SELECT org_id, seq, hash, at, 90, at, '', hash FROM audit_log WHERE seq = 3; SET app.forgetting = 'on'; DELETE FROM audit_log WHERE seq <= 3`,
		`INSERT INTO audit_forgotten SELECT org_id, seq, hash, at, 90, at, '', hash FROM audit_log WHERE seq = 3; SET app.system = 'on'; SELECT audit_forget(org_id, 10) FROM audit_heads`,
		`UPDATE audit_forgotten SET seq = 1`, `DELETE FROM audit_forgotten`, `TRUNCATE audit_forgotten`,
		`SET session_replication_role = replica; DELETE FROM audit_log`, `SET app.forgetting = 'on'; UPDATE audit_log SET target = 'x'`, `DELETE FROM audit_log WHERE false`,
	} {
		if _, err := w.root.Exec(t.Context(), statement); err == nil {
			t.Errorf("even a superuser may %s", statement)
		}
	}
	w.holds(6, 0)
	if _, err := w.root.Exec(t.Context(), `ALTER TABLE audit_log DISABLE TRIGGER audit_keep`); err != nil {
		t.Fatal(err)
	}
	// w.holds went to the next nights: what is ahead is so of the clock of now.
	if err := ahead.Expire(t.Context(), 90, soon); err != nil {
		t.Fatal(err)
	}
	if r := w.verify(); r.Broken == nil || r.Broken.What != audit.TooSoon || r.Broken.Sequence < 5 {
		t.Errorf("found %v, want that it was too soon", r.Broken)
	}
}

// Of a log that is broken nothing is forgotten: what shows it would go.
func TestABrokenLogIsNotForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(5)
	w.old(100)
	w.tamper(`UPDATE audit_log SET target = 'cli_y' WHERE seq = 2`)
	if err := w.audit.Expire(t.Context(), 90, soon); err == nil || !strings.Contains(err.Error(), "line 2: altered") {
		t.Errorf("it says %v", err)
	}
	w.round()
	if f := w.findings(); len(f) != 1 || f[0] != 2 {
		t.Fatalf("the round found %v", f)
	}
	w.expire(90) // it is known
	if r := w.verify(); r.Forgotten != 0 || r.Broken == nil || r.Broken.Sequence != 2 {
		t.Errorf("%+v", r)
	}
	w.tamper(`UPDATE audit_log SET target = 'cli_x' WHERE seq = 2`, `UPDATE audit_anchors SET at = at - interval '1 day' WHERE n = 1`)
	w.night()
	w.round()
	w.tamper(`DELETE FROM audit_findings`)
	if err := w.audit.Expire(t.Context(), 90, soon); err == nil || !strings.Contains(err.Error(), "anchor 1 is not signed by us") {
		t.Errorf("of a forged anchor it says %v", err)
	}
}

// A process that dies between two batches leaves a log that is whole, and that is
// still watched; the next one goes on.
func TestForgettingIsInterrupted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bulk(2500)
	w.old(100)
	if _, err := w.root.Exec(t.Context(), `CREATE TEMP TABLE kept AS SELECT * FROM audit_log WHERE seq > 1000`); err != nil {
		t.Fatal(err)
	}
	w.expire(90)
	w.tamper(`INSERT INTO audit_log SELECT * FROM kept`) // as it is after the first batch
	w.holds(1501, 1000)
	w.tamper(`UPDATE audit_log SET target = 'cli_y' WHERE seq = 1700`)
	if r := w.verify(); r.Broken == nil || r.Broken.Sequence != 1700 {
		t.Errorf("found %v, want line 1700", r.Broken)
	}
	w.tamper(`UPDATE audit_log SET target = 'cli_x' WHERE seq = 1700`)
	w.expire(90)
	w.holds(1, 2500)
}

// The round over all logs stands in the middle of lines that are forgotten when it
// goes on.
func TestTheRoundGoesOnBehindWhatIsForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bulk(4500)
	w.old(100)
	w.bulk(2500)
	w.anchor()
	for range 4 { // begin, anchors, the installation's log, 2000 lines
		if err := w.audit.Whole(t.Context(), 0); err != nil {
			t.Fatal(err)
		}
	}
	w.expire(90)
	w.tamper(`UPDATE audit_log SET target = 'cli_y' WHERE seq = 6800`)
	w.audit = w.service()
	w.round()
	if f := w.findings(); len(f) != 1 || f[0] != 6800 {
		t.Errorf("the round found %v, want line 6800", f)
	}
}

// It goes on from log to log, and one that fails keeps no other.
func TestManyLogsAreForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	orgs := make([]wa.OrgID, 150) // more than are looked for at a time
	err := w.db.InTx(t.Context(), func(tx *store.Tx) error {
		for i := range orgs {
			orgs[i] = wa.NewOrgID()
			if err := tx.Audit(wa.Actor{Org: orgs[i], Name: "test"}, wa.AuditSignedIn, "a", nil, nil); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.old(100)
	w.clock = w.clock.AddDate(0, 0, -100)
	w.anchor() // a hundred at a time
	w.clock = w.clock.AddDate(0, 0, 100)
	w.tamper(`UPDATE audit_log SET target = 'b' WHERE org_id = '` + orgs[3].UUID() + `'`)
	if err := w.audit.Expire(t.Context(), 90, soon); err == nil || !strings.Contains(err.Error(), orgs[3].String()) {
		t.Errorf("it says %v", err)
	}
	var left int
	if err := w.root.QueryRow(t.Context(), `SELECT count(*) FROM audit_log WHERE org_id = ANY ($1::uuid[])`, uuidsOf(orgs)).Scan(&left); err != nil || left != 1 {
		t.Errorf("%d lines are left (%v), want the broken one", left, err)
	}
}

func uuidsOf(orgs []wa.OrgID) (all []string) {
	for _, o := range orgs {
		all = append(all, o.UUID())
	}
	return all
}
