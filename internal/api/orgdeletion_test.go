package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// leaving is what GET /org and GET /me tell of a deletion.
type leaving struct {
	Deletion *wa.OrgDeletion
	Org      struct{ Deletion *wa.OrgDeletion }
}

// An admin with a fresh proof deletes the org by its name; then everybody reads
// on and nobody changes anything but that, and their own account.
func TestDeletingTheOrganisation(t *testing.T) {
	t.Parallel()
	w := newTeam(t, func(o *account.Options) { o.Grace = 24 * time.Hour })
	boss := w.signIn(t, w.email, w.password).Access
	bob := w.hire(t, boss, "bob@example.com", wa.Manager).Access
	key := testkit.Key(t, w.db, w.org.ID, wa.Everything)
	const org = "/api/v1/org"

	r := w.do(t, call{method: "DELETE", path: org + "?name=Team", key: key})
	if p := checkProblem(t, r); r.status != http.StatusForbidden || !strings.Contains(p.Detail, "no API key") {
		t.Errorf("by a key: %d %s", r.status, r.body)
	}
	if r := w.as(t, bob, "DELETE", org+"?name=Team", ""); r.status != http.StatusForbidden {
		t.Errorf("by a manager: %d %s", r.status, r.body)
	}
	for _, query := range []string{"", "?name=", "?name=team", "?name=" + url.QueryEscape("Team 2")} {
		r := w.as(t, boss, "DELETE", org+query, "")
		if p := checkProblem(t, r); r.status != http.StatusUnprocessableEntity || len(p.Errors) != 1 || p.Errors[0].Location != "query.name" {
			t.Errorf("%q: %d %s", query, r.status, r.body)
		}
	}
	w.clock.move(11 * time.Minute)
	if r := w.as(t, boss, "DELETE", org+"?name=Team", ""); r.status != http.StatusForbidden || checkProblem(t, r).Code != "step_up_required" {
		t.Errorf("without a fresh proof: %d %s", r.status, r.body)
	}
	boss = w.signIn(t, w.email, w.password).Access
	r = w.as(t, boss, "DELETE", org+"?name=Team", "")
	d := decode[wa.OrgDeletion](t, r.body)
	if r.status != http.StatusOK || time.Until(d.DueAt) < 23*time.Hour {
		t.Fatalf("%d %s", r.status, r.body)
	}
	w.clock.move(6 * time.Second)

	if r := w.do(t, call{method: "GET", path: "/api/v1/clients", key: key}); r.status != http.StatusUnauthorized {
		t.Errorf("a key still opens: %d %s", r.status, r.body)
	}
	bob = w.signIn(t, "bob@example.com", teamPassword).Access // people come in
	for _, at := range []string{"/api/v1/me", org} {
		var got leaving
		if err := json.Unmarshal([]byte(w.as(t, bob, "GET", at, "").body), &got); err != nil || got.Deletion == nil && got.Org.Deletion == nil {
			t.Errorf("%s tells of no deletion: %+v, %v", at, got, err)
		}
	}
	for _, c := range [][3]string{
		{"POST", "/api/v1/clients", `{"name":"New"}`},
		{"POST", "/api/v1/webhooks", `{"url":"https://example.com/h"}`},
		{"POST", "/api/v1/org/stop", `{"reason":"because"}`},
		{"POST", "/api/v1/clients/" + w.client.ID.String() + "/messages", good},
	} {
		r := w.as(t, bob, c[0], c[1], c[2])
		if p := checkProblem(t, r); r.status != http.StatusConflict || p.Code != "org_deleting" {
			t.Errorf("%s %s: %d %s", c[0], c[1], r.status, r.body)
		}
	}
	if r := w.as(t, bob, "PATCH", "/api/v1/me", `{"name":"Bob B."}`); r.status != http.StatusOK {
		t.Errorf("an own account: %d %s", r.status, r.body)
	}
	if r := w.as(t, bob, "POST", org+"/keep", ""); r.status != http.StatusForbidden {
		t.Errorf("kept by a manager: %d %s", r.status, r.body)
	}
	if r := w.as(t, boss, "POST", org+"/keep", ""); r.status != http.StatusNoContent {
		t.Fatalf("keep: %d %s", r.status, r.body)
	}
	w.clock.move(6 * time.Second)
	if r := w.as(t, bob, "POST", "/api/v1/clients", `{"name":"New"}`); r.status != http.StatusCreated {
		t.Errorf("after all: %d %s", r.status, r.body)
	}
	if r := w.do(t, call{method: "GET", path: "/api/v1/clients", key: key}); r.status != http.StatusOK {
		t.Errorf("the key after all: %d %s", r.status, r.body)
	}
}
