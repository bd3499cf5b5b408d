package api_test

import (
	"net/http"
	"strings"
	"testing"

	"chasqui/internal/wa"
)

// An org may have its agents write only to whom the client has a chat with,
// whatever way they are named. Others are not held to it.
func TestAgentsWriteToNobodyNew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	agent, u := w.person(t, w.org.ID, wa.Agent)
	manager, _ := w.person(t, w.org.ID, wa.Manager)
	known := w.send(t, "+5511987654321", "hello")
	w.hear(t, "+5511900000007", "José", "good morning")
	other := decode[wa.Client](t, w.do(t, call{method: "POST", path: "/api/v1/clients", key: boss, body: `{"name":"another"}`}).body)
	if r := w.do(t, call{
		method: "PUT", path: "/api/v1/users/" + u.ID.String() + "/assignments", key: boss, body: `{"clients":["{client}","` + other.ID.String() + `"]}`,
	}); r.status != http.StatusOK {
		t.Fatalf("assign: %d %s", r.status, r.body)
	}
	send := func(key wa.Secret, client, to string) reply {
		return w.do(t, call{method: "POST", path: "/api/v1/clients/" + client + "/messages", key: key, body: `{"to":"` + to + `","text":{"body":"x"}}`})
	}
	if r := send(agent, "{client}", "+5511900000001"); r.status != http.StatusAccepted {
		t.Errorf("usually: %d %s", r.status, r.body)
	}
	if r := w.do(t, call{method: "PATCH", path: "/api/v1/org", key: boss, body: `{"settings":{"agents_new_contacts":false}}`}); r.status != http.StatusOK ||
		!strings.Contains(r.body, `"agents_new_contacts":false`) {
		t.Fatalf("set: %d %s", r.status, r.body)
	}
	for name, c := range map[string]struct {
		key        wa.Secret
		client, to string
		want       int
	}{
		"who was written to":                {agent, "{client}", "+5511987654321", 202},
		"who wrote":                         {agent, "{client}", "+5511900000007", 202},
		"their contact":                     {agent, "{client}", known.To.ContactID.String(), 202},
		"their chat":                        {agent, "{client}", known.ChatID.String(), 202},
		"a number":                          {agent, "{client}", "+5511900000002", 403},
		"a hidden address":                  {agent, "{client}", "12345678901234@lid", 403},
		"a group":                           {agent, "{client}", "120363000000000009@g.us", 403},
		"known to another client":           {agent, other.ID.String(), "+5511987654321", 403},
		"a contact known to another client": {agent, other.ID.String(), known.To.ContactID.String(), 403},
		"a number, by a manager":            {manager, "{client}", "+5511900000003", 202},
		"a number, by a key":                {w.sender, "{client}", "+5511900000004", 202},
	} {
		r := send(c.key, c.client, c.to)
		if r.status != c.want {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
		if c.want != 403 {
			continue
		}
		if p := checkProblem(t, r); p.Code != "new_contact" || len(p.Errors) != 1 || p.Errors[0].Location != "body.to" {
			t.Errorf("%s: %s", name, r.body)
		}
	}
	if r := w.do(t, call{method: "POST", path: "/api/clients/{client}/send-message", key: agent, body: `{"to":"+5511900000005","message":"x"}`}); r.status != http.StatusForbidden {
		t.Errorf("by the old address: %d %s", r.status, r.body)
	}
	if r := w.do(t, call{method: "PATCH", path: "/api/v1/org", key: boss, body: `{"settings":{"agents_new_contacts":true}}`}); r.status != http.StatusOK {
		t.Fatalf("set: %d %s", r.status, r.body)
	}
	if r := send(agent, "{client}", "+5511900000002"); r.status != http.StatusAccepted {
		t.Errorf("allowed again: %d %s", r.status, r.body)
	}
}
