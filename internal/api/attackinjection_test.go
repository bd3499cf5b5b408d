package api_test

import (
	"strings"
	"testing"
	"time"
)

// Nothing that is put into a text becomes part of a statement: nothing breaks,
// nothing waits, nobody else's rows change, and no answer tells of the database.
func TestSQLInjection(t *testing.T) {
	t.Parallel()
	a, s := newAttacker(t)
	theirs := func() (state string) {
		t.Helper()
		err := a.sql.QueryRowContext(t.Context(), `
			SELECT format('%s %s %s %s %s', (SELECT string_agg(c::text, '' ORDER BY id) FROM clients c WHERE org_id = $1),
				(SELECT count(*) FROM api_keys WHERE org_id = $1), (SELECT count(*) FROM messages WHERE org_id = $1),
				(SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace), (SELECT count(*) FROM orgs))`, a.stranger.org.ID).Scan(&state)
		if err != nil {
			t.Fatal(err)
		}
		return state
	}
	before := theirs()
	answers := map[int]int{}
	for _, payload := range []string{
		`'; DROP TABLE messages; --`, `' OR '1'='1`, `1' AND (SELECT 1 FROM pg_sleep(4)) IS NULL --`, `\'); SELECT pg_sleep(4); --`, `$1) OR (true`, `%' OR name LIKE '%`,
	} {
		for _, shot := range a.shots(t, s, payload) {
			began := time.Now()
			r := a.fire(t, shot)
			took := time.Since(began)
			if !shot.target.open {
				answers[r.status]++
			}
			if r.status >= 500 {
				t.Errorf("%s %s with %q in %s: %d %s", shot.method, shot.target.path, payload, shot.where, r.status, r.body)
			}
			if took > 3500*time.Millisecond && strings.Contains(payload, "pg_sleep") && !strings.HasSuffix(shot.target.path, "/qr") {
				t.Errorf("%s %s with %q in %s waits for %s", shot.method, shot.target.path, payload, shot.where, took)
			}
			for _, word := range []string{"SQLSTATE", "syntax error", "jackc", "pgconn", "SELECT ", "goroutine"} {
				if r.status >= 400 && strings.Contains(r.body, word) && !strings.Contains(payload, word) {
					t.Errorf("%s %s with %q in %s tells %q: %s", shot.method, shot.target.path, payload, shot.where, word, r.body)
				}
			}
		}
	}
	if answers[200]+answers[201]+answers[202] < 100 || answers[401] > 0 || answers[429] > 50 {
		t.Errorf("the shots do not reach what they aim at: %v", answers)
	}
	if after := theirs(); after != before {
		t.Errorf("before %s\nafter  %s", before, after)
	}
	if log := a.log.String(); strings.Contains(log, "SQLSTATE") {
		t.Errorf("the database complained: %s", log[max(0, strings.Index(log, "SQLSTATE")-300):])
	}
}
