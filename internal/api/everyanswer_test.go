package api_test

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"chasqui/internal/api"
	"chasqui/internal/audit"
	"chasqui/internal/wa"
)

// Every operation's answer, to strangers and to a key that may everything, has
// the headers that secure it and says how much of the tightest limit is left.
// Supervisors are not counted.
func TestEveryAnswerHasItsHeaders(t *testing.T) {
	t.Parallel()
	many := wa.Rate{Count: 1_000_000, Per: slow}
	w := limited(t, api.Limits{
		Stranger: many, Caller: many, Org: many, SignIn: many, Refresh: many, Reset: many, Invitations: many, Pairing: many, Batches: many,
	})
	d, _ := w.document(t)
	supervised := []string{"/health", "/livez", "/readyz"}
	tried := 0
	for _, r := range d.routes() {
		for name, key := range map[string]wa.Secret{"a stranger": {}, "a key": w.admin} {
			if strings.HasSuffix(r.path, "/stream") && !key.IsZero() {
				continue // has no end; its head is that of the list beside it
			}
			tried++
			body := ""
			if r.method != http.MethodGet {
				body = `{"none":1}`
			}
			got := w.do(t, call{method: r.method, path: parameter.ReplaceAllString(r.path, wa.NewClientID().String()), key: key, body: body})
			for header, want := range secured {
				if !strings.Contains(got.header.Get(header), want) {
					t.Errorf("%s %s to %s (%d): %s is %q", r.method, r.path, name, got.status, header, got.header.Get(header))
				}
			}
			left, err := strconv.Atoi(got.header.Get("RateLimit-Remaining"))
			if counted := err == nil && left > 0; counted == slices.Contains(supervised, r.path) {
				t.Errorf("%s %s to %s (%d): limits are told: %t", r.method, r.path, name, got.status, counted)
			}
		}
	}
	if tried < 200 {
		t.Errorf("only %d answers", tried)
	}
}

// Two exports of an org may be under way at once, of whatever; one that ends
// makes room.
func TestExportsOfAnOrgAreFew(t *testing.T) {
	t.Parallel()
	var log *audit.Service
	w := newWorld(t, func(d *api.Deps) {
		log = audit.New(d.DB, audit.Options{})
		d.Audit = log
	})
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	var ends []func()
	for range 2 {
		end, err := log.Exporting(w.org.ID)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
	}
	for _, path := range []string{"/api/v1/messages/export", "/api/v1/audit/export", "/api/v1/contacts/export"} {
		checkTooMany(t, w.do(t, call{method: "GET", path: path, key: boss}))
	}
	ends[0]()
	ends[0]() // only once
	for _, path := range []string{"/api/v1/messages/export", "/api/v1/audit/export", "/api/v1/contacts/export", "/api/v1/messages/export"} {
		if r := w.do(t, call{method: "GET", path: path, key: boss}); r.status != http.StatusOK {
			t.Errorf("%s, after one has ended: %d %s", path, r.status, r.body)
		}
	}
	if _, err := log.Exporting(w.org.ID); err != nil {
		t.Errorf("those that ended still count: %v", err)
	}
}
