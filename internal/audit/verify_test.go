package audit_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"chasqui/internal/audit"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// rehash lets a log fit together again from a line on, as somebody would who
// knows how it is made: everything but the anchors.
const rehash = `
	DO $$ DECLARE
		r record; last bytea; n bigint;
	BEGIN
		FOR r IN SELECT DISTINCT org_id FROM audit_log WHERE org_id <> '00000000-0000-0000-0000-000000000000' LOOP
			last := decode(repeat('00', 32), 'hex'); n := 0;
			DECLARE l record; BEGIN
				FOR l IN SELECT ctid AS at_row, * FROM audit_log WHERE org_id = r.org_id ORDER BY seq LOOP
					n := n + 1;
					UPDATE audit_log SET seq = n, prev = last,
						hash = sha256(last || int8send(n) || int8send((extract(epoch FROM l.at) * 1000000)::bigint) || digest)
					WHERE ctid = l.at_row RETURNING hash INTO last;
				END LOOP;
			END;
			UPDATE audit_heads SET seq = n, hash = last WHERE org_id = r.org_id;
		END LOOP;
	END $$`

// Whoever owns the database can change anything; what they did is found, and
// where. Ten lines, anchored at the fifth.
func TestTamperingIsFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		do   []string
		line int64
		what string
	}{
		"a text changed":          {[]string{`UPDATE audit_log SET target = 'cli_y' WHERE seq = 7`}, 7, audit.Altered},
		"who did it changed":      {[]string{`UPDATE audit_log SET actor_name = 'bob@example.com' WHERE seq = 2`}, 2, audit.Altered},
		"what it was changed":     {[]string{`UPDATE audit_log SET before = '{"name": "before"}' WHERE seq = 8`}, 8, audit.Altered},
		"the time changed":        {[]string{`UPDATE audit_log SET at = at - interval '1 microsecond' WHERE seq = 9`}, 9, audit.Altered},
		"the address changed":     {[]string{`UPDATE audit_log SET ip = '' WHERE seq = 10`}, 10, audit.Altered},
		"the hash changed":        {[]string{`UPDATE audit_log SET hash = sha256('x') WHERE seq = 8`}, 8, audit.Altered},
		"one deleted":             {[]string{`DELETE FROM audit_log WHERE seq = 6`}, 6, audit.Missing},
		"the first deleted":       {[]string{`DELETE FROM audit_log WHERE seq = 1`}, 1, audit.Missing},
		"one deleted, gap closed": {[]string{`DELETE FROM audit_log WHERE seq = 7`, `UPDATE audit_log SET seq = seq - 1 WHERE seq = 8`, `UPDATE audit_log SET seq = seq - 1 WHERE seq = 9`, `UPDATE audit_log SET seq = seq - 1 WHERE seq = 10`}, 7, audit.Moved},
		"two exchanged":           {[]string{`UPDATE audit_log SET seq = 99 WHERE seq = 7`, `UPDATE audit_log SET seq = 7 WHERE seq = 8`, `UPDATE audit_log SET seq = 8 WHERE seq = 99`}, 7, audit.Moved},
		"the end cut":             {[]string{`DELETE FROM audit_log WHERE seq > 8`}, 9, audit.Cut},
		"the end cut with the head": {[]string{
			`DELETE FROM audit_log WHERE seq > 3`,
			`UPDATE audit_heads SET seq = 3, hash = (SELECT hash FROM audit_log WHERE seq = 3)`,
		}, 4, audit.Cut},
		"everything deleted": {[]string{`DELETE FROM audit_log`, `DELETE FROM audit_heads`}, 1, audit.Cut},
		"one put in at the end": {[]string{`INSERT INTO audit_log SELECT org_id, 11, at, gen_random_uuid(), kind, actor_id, actor_name, role, action, target, before, after,
			ip, agent, request, digest, hash, sha256('x') FROM audit_log WHERE seq = 10`}, 11, audit.Altered},
		"one put in between": {[]string{
			`UPDATE audit_log SET seq = 11 WHERE seq = 10`, `UPDATE audit_log SET seq = 10 WHERE seq = 9`, `UPDATE audit_log SET seq = 9 WHERE seq = 8`,
			`INSERT INTO audit_log SELECT org_id, 8, at, id, kind, actor_id, actor_name, role, action, target, before, after, ip, agent, request, digest, hash,
				sha256(hash || int8send(8) || int8send((extract(epoch FROM at) * 1000000)::bigint) || digest) FROM audit_log WHERE seq = 7`,
		}, 8, audit.Inserted},
		"one changed with its hash": {[]string{`UPDATE audit_log SET at = at - interval '1 hour',
			hash = sha256(prev || int8send(seq) || int8send((extract(epoch FROM at - interval '1 hour') * 1000000)::bigint) || digest) WHERE seq = 8`}, 8, audit.Altered},
		"the head set back": {[]string{`UPDATE audit_heads SET seq = 9, hash = (SELECT hash FROM audit_log WHERE seq = 9)`}, 10, audit.Inserted},
		// What was anchored cannot be rewritten even by who makes everything fit.
		"rewritten from before the anchor": {[]string{`UPDATE audit_log SET at = at - interval '1 hour' WHERE seq = 4`, rehash}, 1, audit.Rewritten},
		"deleted before the anchor":        {[]string{`DELETE FROM audit_log WHERE seq = 2`, rehash}, 1, audit.Rewritten},
	} {
		t.Run(name, func(t *testing.T) {
			w.reset(t)
			w.write(5)
			w.anchor()
			w.write(5)
			if r := w.verify(); r.Broken != nil || r.Lines != 10 || r.Anchors != 1 || r.Unanchored != 5 {
				t.Fatalf("untouched: %+v, %v", r, r.Broken)
			}
			w.tamper(c.do...)
			r := w.verify()
			if r.Broken == nil || r.Broken.Sequence != c.line || r.Broken.What != c.what {
				t.Errorf("found %v, want line %d %s", r.Broken, c.line, c.what)
			}
		})
	}
}

// Anchors that were forged or taken away are found, unless they are the last of
// all; those leave a hole in time, and the process that made them remembers.
func TestAnchorsCannotBeForged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		do     []string
		number int64
	}{
		"made up":             {[]string{`INSERT INTO audit_anchors SELECT 4, org_id, seq, hash, at, key, mac FROM audit_anchors WHERE n = 3`}, 4},
		"fitted to a rewrite": {[]string{`UPDATE audit_log SET at = at - interval '1 hour' WHERE seq = 3`, rehash, `UPDATE audit_anchors a SET hash = (SELECT hash FROM audit_log l WHERE l.org_id = a.org_id AND l.seq = a.seq) WHERE n = 2`}, 2},
		"moved in time":       {[]string{`UPDATE audit_anchors SET at = at + interval '1 hour' WHERE n = 3`}, 3},
		"one taken away":      {[]string{`DELETE FROM audit_anchors WHERE n = 2`}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w.reset(t)
			for range 3 {
				w.write(2)
				w.anchor()
			}
			if r, err := w.audit.VerifyAnchors(t.Context()); err != nil || r.Broken != nil || r.Count != 3 {
				t.Fatalf("untouched: %+v, %v", r, err)
			}
			w.tamper(c.do...)
			r, err := w.audit.VerifyAnchors(t.Context())
			if err != nil || r.Broken == nil || r.Broken.Number != c.number {
				t.Errorf("found %+v, %v, want anchor %d", r.Broken, err, c.number)
			}
		})
	}
}

func TestCutAnchorsLeaveAHole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(2)
	w.anchor()
	w.clock = w.clock.Add(30 * time.Minute)
	w.write(2)
	w.anchor()
	w.tamper(`DELETE FROM audit_log WHERE seq > 2`, `DELETE FROM audit_anchors WHERE n = 2`,
		`UPDATE audit_heads SET seq = 2, hash = (SELECT hash FROM audit_log WHERE seq = 2)`)
	if r := w.verify(); r.Broken != nil {
		t.Fatalf("nothing in the database tells of it, but: %v", r.Broken)
	}
	// The scheduler that made the anchor knows better, and does not go on.
	if err := w.audit.Anchor(t.Context()); err == nil || !strings.Contains(err.Error(), "taken away") {
		t.Errorf("the process that made the anchor says %v", err)
	}
	// Another one goes on; the hole stays to be seen.
	w.clock = w.clock.Add(5 * time.Hour)
	w.write(1)
	if err := w.service().Anchor(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := w.audit.VerifyAnchors(t.Context()); err != nil || r.Gap < 5*time.Hour {
		t.Errorf("the longest time without an anchor is %s (%v)", r.Gap, err)
	}
}

// A log that is broken is not anchored, and those beside it are.
func TestABrokenLogIsNotAnchored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(3)
	w.anchor()
	w.write(3)
	other := w.by
	other.Org = wa.NewOrgID()
	w.writeAs(other, wa.AuditSignedIn, "", nil, nil)
	w.tamper(`UPDATE audit_log SET target = 'x' WHERE seq = 5`)
	w.anchor()
	r, err := w.audit.VerifyAnchors(t.Context())
	if err != nil || r.Broken != nil || r.Count != 2 {
		t.Errorf("anchors: %+v, %v", r, err)
	}
	if r := w.verify(); r.Broken == nil || r.Broken.Sequence != 5 || r.Anchors != 1 {
		t.Errorf("%+v", r)
	}
}

// Nothing happens for hours, and there are anchors all the same.
func TestAnchorsBeat(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 5 {
		w.anchor()
		w.clock = w.clock.Add(30 * time.Minute)
	}
	r, err := w.audit.VerifyAnchors(t.Context())
	if err != nil || r.Broken != nil || r.Count != 3 {
		t.Errorf("%+v, %v", r, err)
	}
}

// Lines of many writers stand one after the other without gaps, and nobody waits
// for anybody who waits.
func TestManyWriters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.by
	other.Org = wa.NewOrgID()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 25 {
				first, second := w.by, other
				if i%2 == 0 {
					first, second = second, first
				}
				err := w.db.InTx(t.Context(), func(tx *store.Tx) error {
					if err := tx.Audit(first, wa.AuditSignedIn, "a", nil, nil); err != nil {
						return err
					}
					return tx.Audit(second, wa.AuditSignedOut, "b", nil, nil)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, org := range []wa.OrgID{w.org, other.Org} {
		r, err := w.audit.Verify(t.Context(), org)
		if err != nil || r.Broken != nil || r.Lines != 200 {
			t.Errorf("%+v, %v, %v", r, r.Broken, err)
		}
	}
}

// Nobody may change a line: not the role that the programs work as, not the
// owner of the tables.
func TestTheLogOnlyGrows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(2)
	w.anchor()
	for _, statement := range []string{
		`UPDATE audit_log SET target = 'x'`, `DELETE FROM audit_log`, `TRUNCATE audit_log`, `UPDATE audit_log SET target = 'x' WHERE false`,
		`UPDATE audit_anchors SET seq = 1`, `DELETE FROM audit_anchors`, `TRUNCATE audit_anchors`, `DELETE FROM audit_heads`, `TRUNCATE audit_heads`,
		`SET session_replication_role = replica; DELETE FROM audit_log`,
	} {
		if _, err := w.root.Exec(t.Context(), statement); err == nil {
			t.Errorf("even a superuser may %s", statement)
		}
	}
	if r := w.verify(); r.Broken != nil || r.Lines != 2 {
		t.Errorf("%+v", r)
	}
}
