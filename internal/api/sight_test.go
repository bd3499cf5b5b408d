package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// An agent's open stream says that they see other numbers now, once for each
// change, and nothing while an admin's own assignments change: an admin sees all.
func TestAStreamTellsThatSightChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, self := w.person(t, w.org.ID, wa.Admin)
	agent, u := w.person(t, w.org.ID, wa.Agent)
	assign := func(who wa.UserID, clients string) {
		t.Helper()
		r := w.do(t, call{method: "PUT", path: "/api/v1/users/" + who.String() + "/assignments", body: `{"clients":[` + clients + `]}`, key: boss})
		if r.status != http.StatusOK {
			t.Fatalf("assign: %d %s", r.status, r.body)
		}
		w.later.Add(int64(4 * time.Second)) // what is remembered of sessions has run out
	}
	mine := `"` + w.client.ID.String() + `"`
	theirs := w.stream(t, call{method: "GET", path: "/api/v1/events/stream", key: agent})
	all := w.stream(t, call{method: "GET", path: "/api/v1/events/stream", key: boss})
	assign(self.ID, mine)
	assign(u.ID, mine)
	if e := theirs.expect(t, "sight.changed", "{}"); e.id != "" {
		t.Errorf("it has the id %s", e.id)
	}
	assign(u.ID, "")
	theirs.expect(t, "sight.changed", "{}")
	m := w.send(t, "+5511900004009", "seen by the admin")
	if e := all.next(t); e.id == "" {
		t.Errorf("the admin is told %+v before %s", e, m.ID)
	}
}

// Whatever somebody may see, they hear when a person is erased whom they may be
// looking at, and everybody when their org is being deleted or stays.
func TestEverybodyHearsWhatEndsThings(t *testing.T) {
	t.Parallel()
	w := newTeam(t, func(o *account.Options) { o.Grace = time.Hour })
	boss := w.signIn(t, w.email, w.password).Access
	erased := w.erased(t, w.org.ID)
	told := decode[struct{ Data []wa.Event }](t, w.as(t, boss, "GET", "/api/v1/events?types=contact.erased&wait=20", "").body).Data
	if len(told) != 1 {
		t.Fatalf("the feed says %+v", told) // and streams that open from here on begin behind it
	}
	for name, role := range map[string]wa.Role{"an agent": wa.Agent, "a viewer": wa.Viewer} {
		who := w.hire(t, boss, string(role)+"@example.com", role).Access
		before := decode[struct{ Data []wa.Event }](t, w.as(t, who, "GET", "/api/v1/events?newest=true", "").body).Data
		heard := slices.ContainsFunc(before, func(e wa.Event) bool {
			return e.Type == wa.ContactErased && strings.Contains(string(e.Data), erased.ID.String())
		})
		if heard != (role == wa.Agent) { // viewers see no people
			t.Errorf("%s reads %+v", name, before)
		}
		stream := w.stream(t, call{method: "GET", path: "/api/v1/events/stream", header: map[string]string{"Authorization": "Bearer " + who}})
		if _, err := w.accounts.DeleteOrgOf(t.Context(), w.org.ID, "Team"); err != nil {
			t.Fatal(err)
		}
		stream.expect(t, string(wa.OrgIsLeaving), "due_at")
		if err := w.accounts.KeepOrgOf(t.Context(), w.org.ID); err != nil {
			t.Fatal(err)
		}
		stream.expect(t, string(wa.OrgIsKept), "{}")
	}
}

// What was said last is for who may read messages.
func TestChatsWithoutTheirWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hear(t, "+5511987654321", "Ana", "a secret")
	for _, c := range []struct {
		key   wa.Secret
		reads bool
	}{
		{testkit.Key(t, w.db, w.org.ID, wa.ReadContacts, wa.ReadMessages), true},
		{testkit.Key(t, w.db, w.org.ID, wa.ReadContacts), false},
	} {
		r := w.do(t, call{method: "GET", path: "/api/v1/chats", key: c.key})
		if r.status != http.StatusOK || strings.Contains(r.body, "a secret") != c.reads || !strings.Contains(r.body, `"type":"text"`) {
			t.Errorf("the list, reads messages: %v: %d %s", c.reads, r.status, r.body)
		}
		chat := decode[struct{ Data []wa.Chat }](t, r.body).Data[0].ID
		if r := w.do(t, call{method: "GET", path: "/api/v1/chats/" + chat.String(), key: c.key}); r.status != http.StatusOK || strings.Contains(r.body, "a secret") != c.reads {
			t.Errorf("the chat, reads messages: %v: %d %s", c.reads, r.status, r.body)
		}
	}
}

// Who reads the list of people sees how many clients each agent looks after, and
// so who sees nothing yet; of the others that says nothing.
func TestPeopleAreListedWithHowManyClientsTheyLookAfter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	_, busy := w.person(t, w.org.ID, wa.Agent)
	_, idle := w.person(t, w.org.ID, wa.Agent)
	one := "/api/v1/users/" + busy.ID.String()
	if r := w.do(t, call{method: "PUT", path: one + "/assignments", body: `{"clients":["{client}"]}`, key: boss}); r.status != http.StatusOK {
		t.Fatalf("assign: %d %s", r.status, r.body)
	}
	for _, u := range decode[struct{ Data []wa.User }](t, w.do(t, call{method: "GET", path: "/api/v1/users", key: boss}).body).Data {
		n := u.ClientCount
		switch {
		case u.ID == busy.ID && (n == nil || *n != 1), u.ID == idle.ID && (n == nil || *n != 0), u.Role != wa.Agent && n != nil:
			t.Errorf("%s: %+v", u.Role, n)
		}
	}
	r := w.do(t, call{method: "PATCH", path: one, body: `{"role":"viewer"}`, key: boss})
	if u := decode[wa.User](t, r.body); r.status != http.StatusOK || u.ClientCount != nil {
		t.Errorf("as a viewer: %d %s", r.status, r.body)
	}
}
