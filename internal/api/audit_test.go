package api_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// Whatever is changed over the API leaves a line that says who, what, and what
// it was before, without secrets.
func TestChangesLeaveLines(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var hook wa.Endpoint
	var secrets []string
	hooked := func(r reply) {
		made := decode[struct {
			wa.Endpoint
			Secret string
		}](t, r.body)
		if !made.ID.IsZero() {
			hook = made.Endpoint
		}
		secrets = append(secrets, strings.TrimPrefix(made.Secret, "whsec_"))
	}
	for _, c := range []struct {
		method, path, body string
		action             wa.AuditAction
		after              string // that must be in the line
		then               func(reply)
	}{
		{"POST", "/api/v1/clients", `{"name":"Second"}`, wa.AuditClientCreated, "Second", nil},
		{"PATCH", "/api/v1/clients/{client}", `{"name":"New name"}`, wa.AuditClientRenamed, "New name", nil},
		{"PATCH", "/api/v1/clients/{client}", `{"send_read_receipts":false}`, wa.AuditClientReceipts, "false", nil},
		{"POST", "/api/v1/clients/{client}/pair", `{"method":"code","phone":"+5511987654321"}`, wa.AuditClientPairing, "***4321", nil},
		{"POST", "/api/v1/clients/{client}/disconnect", ``, wa.AuditClientDisconnected, "", nil},
		{"POST", "/api/v1/clients/{client}/pause", ``, wa.AuditClientPaused, "", nil},
		{"POST", "/api/v1/clients/{client}/resume", ``, wa.AuditClientResumed, "", nil},
		{"POST", "/api/v1/webhooks", `{"url":"https://example.com/h?t=hunter3","events":["*"],"headers":{"X-T":"hunter4"}}`, wa.AuditWebhookCreated, "example.com/h", hooked},
		{"PATCH", "/api/v1/webhooks/{webhook}", `{"description":"Ours"}`, wa.AuditWebhookChanged, "Ours", nil},
		{"POST", "/api/v1/webhooks/{webhook}/test", ``, wa.AuditWebhookTested, "", nil},
		{"POST", "/api/v1/webhooks/{webhook}/disable", ``, wa.AuditWebhookDisabled, "", nil},
		{"POST", "/api/v1/webhooks/{webhook}/enable", ``, wa.AuditWebhookEnabled, "", nil},
		{"POST", "/api/v1/webhooks/{webhook}/rotate", `{}`, wa.AuditWebhookRotated, "86400", hooked},
		{"POST", "/api/v1/webhooks/{webhook}/revoke", ``, wa.AuditWebhookRevoked, "", nil},
		{"DELETE", "/api/v1/webhooks/{webhook}", ``, wa.AuditWebhookDeleted, "", nil},
		{"DELETE", "/api/v1/clients/{client}", ``, wa.AuditClientDeleted, "", nil},
	} {
		path := strings.ReplaceAll(c.path, "{webhook}", hook.ID.String())
		r := w.do(t, call{method: c.method, path: path, key: w.admin, body: c.body})
		if r.status == http.StatusForbidden || r.status == http.StatusUnauthorized {
			continue // for people only: people_test.go
		}
		if r.status >= 300 {
			t.Fatalf("%s %s: %d %s", c.method, path, r.status, r.body)
		}
		if c.then != nil {
			c.then(r)
		}
		line := w.lastLine(t, c.action)
		if all := fmt.Sprint(line.Before, line.After); line.Kind != "key" || line.ActorName != "test" || line.IP == "" || line.Request == "" || !strings.Contains(all, c.after) {
			t.Errorf("%s %s: %+v", c.method, c.path, line)
		}
	}
	log := w.do(t, call{method: "GET", path: "/api/v1/audit?limit=200", key: w.admin}).body
	for _, secret := range append(secrets, "hunter3", "hunter4", "11987654321") {
		if secret != "" && strings.Contains(log, secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// Pages, filters and the export of the log, as an admin, a manager, an agent, and
// keys see it.
func TestReadingTheAuditLog(t *testing.T) {
	t.Parallel()
	w := newTeam(t)
	ana := w.signIn(t, w.email, w.password)
	bob := w.hire(t, ana.Access, "bob@example.com", wa.Manager)
	eve := w.hire(t, ana.Access, "eve@example.com", wa.Agent)
	reader, other := testkit.Key(t, w.db, w.org.ID, wa.ReadAudit), testkit.Key(t, w.db, w.org.ID, wa.ReadClients)
	read := func(c call, query string) (reply, []auditLine) {
		t.Helper()
		c.method, c.path = "GET", "/api/v1/audit?"+query
		r := w.do(t, c)
		if r.status != http.StatusOK {
			return r, nil
		}
		return r, decode[struct{ Data []auditLine }](t, r.body).Data
	}
	bearer := func(token string) call { return call{header: map[string]string{"Authorization": "Bearer " + token}} }
	if r, _ := read(bearer(eve.Access), ""); r.status != http.StatusForbidden {
		t.Errorf("an agent reads: %d", r.status)
	}
	if r, _ := read(call{key: other}, ""); r.status != http.StatusForbidden {
		t.Errorf("a key without the scope reads: %d", r.status)
	}
	_, all := read(bearer(ana.Access), "limit=200")
	_, some := read(bearer(bob.Access), "limit=200")
	_, keyed := read(call{key: reader}, "limit=200")
	if len(keyed) < len(all) || len(some) == 0 || len(some) >= len(all) {
		t.Errorf("admin %d, manager %d, key %d", len(all), len(some), len(keyed))
	}
	for _, l := range some {
		if l.Role == string(wa.Admin) {
			t.Errorf("a manager sees %+v", l)
		}
	}
	if _, found := read(call{key: reader}, "action="+string(wa.AuditInvited)); len(found) != 2 || found[0].Role != "admin" || found[0].ActorID != ana.User.ID.String() {
		t.Errorf("invitations: %+v", found)
	}
	if _, found := read(call{key: reader}, "since=2999-01-01T00:00:00Z"); len(found) != 0 {
		t.Errorf("of the future: %+v", found)
	}
	pages := w.pages(t, reader)
	if len(pages) != len(keyed) || !slices.IsSortedFunc(pages, func(a, b auditLine) int { return int(b.Sequence - a.Sequence) }) {
		t.Errorf("%d lines in pages, %d at once", len(pages), len(keyed))
	}
	for name, c := range map[string]call{"a manager": bearer(bob.Access), "a key that may read": {key: reader}} {
		c.method, c.path = "GET", "/api/v1/audit/export"
		if r := w.do(t, c); r.status != http.StatusForbidden {
			t.Errorf("%s exports: %d", name, r.status)
		}
	}
	exporter := testkit.Key(t, w.db, w.org.ID, wa.ExportAudit)
	r := w.do(t, call{method: "GET", path: "/api/v1/audit/export?action=" + string(wa.AuditInvited), key: exporter})
	rows, err := csv.NewReader(strings.NewReader(r.body)).ReadAll()
	if err != nil || len(rows) != 3 || r.header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(r.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("export: %d %v %v\n%s", r.status, err, r.header, r.body)
	}
	if _, found := read(call{key: reader}, "action="+string(wa.AuditExported)); len(found) != 1 {
		t.Errorf("the export's own line: %+v", found)
	}
}

// pages reads the whole log, three lines at a time.
func (w *team) pages(t *testing.T, key wa.Secret) (all []auditLine) {
	t.Helper()
	for cursor := ""; ; {
		r := w.do(t, call{method: "GET", path: "/api/v1/audit?limit=3&cursor=" + url.QueryEscape(cursor), key: key})
		page := decode[struct {
			Data []auditLine
			Next *string
		}](t, r.body)
		all = append(all, page.Data...)
		if page.Next == nil {
			return all
		}
		cursor = *page.Next
	}
}
