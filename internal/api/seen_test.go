package api_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// brief is all that agents and viewers see of a client.
var brief = []string{"created_at", "id", "name", "paused", "send_read_receipts", "status", "status_at", "status_reason", "until", "updated_at"}

// TestWhatRolesSeeOfAClient gives a client everything that there may be to see,
// and looks at it as each role, and as keys.
func TestWhatRolesSeeOfAClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(t, `UPDATE clients SET phone = '+5511900000000', lid = '14661110001', push_name = 'Support', status = 'temp_banned',
		status_reason = 'WhatsApp says so.', until = now() + interval '1 hour' WHERE id = $1`, w.client.ID)
	w.exec(t, `UPDATE orgs SET own_chats = false WHERE id = $1`, w.org.ID)
	whole := slices.Sorted(slices.Values(append([]string{"provider", "desired", "device", "phone", "lid", "push_name"}, brief...)))
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	for _, c := range []struct {
		role wa.Role
		want []string
	}{{wa.Admin, whole}, {wa.Manager, whole}, {wa.Agent, brief}, {wa.Viewer, brief}} {
		who, u := w.person(t, w.org.ID, c.role)
		r := w.do(t, call{method: "PUT", path: "/api/v1/users/" + u.ID.String() + "/assignments", body: `{"clients":["{client}"]}`, key: boss})
		if r.status != http.StatusOK {
			t.Fatalf("assign: %d %s", r.status, r.body)
		}
		w.later.Add(int64(4 * time.Second)) // what is remembered of sessions has run out
		w.seesOf(t, string(c.role), who, c.want)
		further := http.StatusForbidden
		if len(c.want) == len(whole) {
			further = http.StatusOK
		}
		for _, path := range []string{"/clients/health", "/clients/{client}/health", "/clients/{client}/history", "/clients/{client}/limits"} {
			if r := w.do(t, call{method: "GET", path: "/api/v1" + path, key: who}); r.status != further {
				t.Errorf("%s: GET %s: %d, want %d", c.role, path, r.status, further)
			}
		}
	}
	w.seesOf(t, "a key that inspects", w.viewer, whole)
}

// seesOf compares the fields of the client by its own address and in the list.
func (w *world) seesOf(t *testing.T, name string, who wa.Secret, want []string) {
	t.Helper()
	alone := decode[map[string]any](t, w.do(t, call{method: "GET", path: "/api/v1/clients/{client}", key: who}).body)
	list := decode[struct{ Data []map[string]any }](t, w.do(t, call{method: "GET", path: "/api/v1/clients", key: who}).body).Data
	if len(list) != 1 {
		t.Fatalf("%s sees %d clients", name, len(list))
	}
	for where, c := range map[string]map[string]any{"alone": alone, "in the list": list[0]} {
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(c))); diff != "" {
			t.Errorf("%s, %s (-want +got):\n%s", name, where, diff)
		}
	}
}

// Events tell an agent no more: neither of the client nor of its limits.
func TestEventsTellAgentsNoMoreOfAClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	agent, u := w.person(t, w.org.ID, wa.Agent)
	for _, c := range []call{
		{method: "PUT", path: "/api/v1/users/" + u.ID.String() + "/assignments", body: `{"clients":["{client}"]}`, key: boss},
		{method: "PATCH", path: "/api/v1/clients/{client}", body: `{"name":"Other"}`, key: boss},
		{method: "PUT", path: "/api/v1/clients/{client}/limits", body: `{"per_minute":1}`, key: boss},
	} {
		if r := w.do(t, c); r.status != http.StatusOK {
			t.Fatalf("%s %s: %d %s", c.method, c.path, r.status, r.body)
		}
	}
	w.later.Add(int64(4 * time.Second))
	type feed struct {
		Data []struct {
			Type wa.EventType
			Data struct{ Client map[string]any }
		}
	}
	read := func(who wa.Secret, query string) (types []wa.EventType, client []string) {
		t.Helper()
		w.settle(t, 2)
		for _, e := range decode[feed](t, w.do(t, call{method: "GET", path: "/api/v1/events" + query, key: who}).body).Data {
			types = append(types, e.Type)
			if e.Type == wa.ClientChanged {
				client = slices.Sorted(maps.Keys(e.Data.Client))
			}
		}
		return types, client
	}
	for _, query := range []string{"", "?newest=true"} {
		types, client := read(agent, query)
		if len(types) != 1 || types[0] != wa.ClientChanged || strings.Contains(strings.Join(client, " "), "device") || len(client) == 0 {
			t.Errorf("an agent reads %v, of the client %v", types, client)
		}
	}
	if types, client := read(w.admin, ""); len(types) != 2 || !slices.Contains(client, "device") {
		t.Errorf("a key reads %v, of the client %v", types, client)
	}
}

// A viewer hears how clients are, as the clients' own addresses tell it, and
// nothing of what is said, of whom it is said to, or of what goes on behind it.
func TestViewersHearHowClientsAre(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	viewer, _ := w.person(t, w.org.ID, wa.Viewer)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	w.exec(t, `UPDATE clients SET phone = '+5511900000000' WHERE id = $1`, w.client.ID)
	w.hear(t, "+5511987654321", "José", "a secret")
	w.send(t, "+4917612345678", "another secret")
	for _, c := range []call{
		{method: "PATCH", path: "/api/v1/clients/{client}", body: `{"name":"Other"}`},
		{method: "PUT", path: "/api/v1/clients/{client}/limits", body: `{"per_minute":1}`},
		{method: "POST", path: "/api/v1/clients/{client}/stop", body: `{"reason":"the manager is ill"}`},
		{method: "POST", path: "/api/v1/org/stop", body: `{"reason":"the manager is ill"}`},
	} {
		c.key = boss
		if r := w.do(t, c); r.status != http.StatusOK {
			t.Fatalf("%s %s: %d %s", c.method, c.path, r.status, r.body)
		}
	}
	type feed struct{ Data []wa.Event }
	for _, query := range []string{"", "?newest=true", "?types=client.changed,client.stopped,org.stopped,message.received,client.limits_changed"} {
		var r reply
		testkit.Eventually(t, time.Minute, "all three are told", func() bool {
			r = w.do(t, call{method: "GET", path: "/api/v1/events" + query, key: viewer})
			return len(decode[feed](t, r.body).Data) >= 3
		})
		var types []wa.EventType
		for _, e := range decode[feed](t, r.body).Data {
			types = append(types, e.Type)
		}
		if diff := cmp.Diff([]wa.EventType{wa.ClientChanged, wa.ClientIsHalted, wa.OrgIsHalted}, types); diff != "" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
		for _, secret := range []string{"secret", "José", "5511987654321", "5511900000000", "manager", "device"} {
			if strings.Contains(r.body, secret) {
				t.Errorf("a viewer hears %q: %s", secret, r.body)
			}
		}
	}
	if r := w.do(t, call{method: "GET", path: "/api/v1/events?types=message.received", key: viewer}); len(decode[feed](t, r.body).Data) != 0 {
		t.Errorf("a viewer who asks for messages: %s", r.body)
	}
}

// Everybody sees that something is stopped, of the numbers that are theirs; why
// it is, who works with it; who did it, who answers for numbers.
func TestEverybodySeesWhatIsStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	agent, u := w.person(t, w.org.ID, wa.Agent)
	idle, _ := w.person(t, w.org.ID, wa.Agent)
	viewer, _ := w.person(t, w.org.ID, wa.Viewer)
	const reason = `{"reason":"the manager is ill"}`
	for _, c := range []call{
		{method: "PUT", path: "/api/v1/users/" + u.ID.String() + "/assignments", body: `{"clients":["` + w.client.ID.String() + `"]}`},
		{method: "POST", path: "/api/v1/clients/{client}/stop", body: reason},
		{method: "POST", path: "/api/v1/org/stop", body: reason},
	} {
		c.key = boss
		if r := w.do(t, c); r.status != http.StatusOK {
			t.Fatalf("%s %s: %d %s", c.method, c.path, r.status, r.body)
		}
	}
	w.later.Add(int64(4 * time.Second)) // what is remembered of sessions has run out
	for _, c := range []struct {
		name    string
		key     wa.Secret
		want    []wa.HaltScope
		why, by bool
	}{
		{"an admin", boss, []wa.HaltScope{wa.HaltOrg, wa.HaltClient}, true, true},
		{"an agent", agent, []wa.HaltScope{wa.HaltOrg, wa.HaltClient}, true, false},
		{"an agent of no number", idle, []wa.HaltScope{wa.HaltOrg}, true, false},
		{"a viewer", viewer, []wa.HaltScope{wa.HaltOrg, wa.HaltClient}, false, false},
		{"a key for names", testkit.Key(t, w.db, w.org.ID, wa.ReadClients), []wa.HaltScope{wa.HaltOrg, wa.HaltClient}, false, false},
	} {
		var got []wa.HaltScope
		for _, h := range get[struct{ Data []wa.Halt }](t, w, c.key, "/api/v1/org/stop").Data {
			got = append(got, h.Scope)
			if (h.Reason != "") != c.why || (h.By != "") != c.by {
				t.Errorf("%s reads %+v", c.name, h)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	told := get[struct{ Data []wa.Event }](t, w, idle, "/api/v1/events?types=org.stopped&wait=20").Data
	if len(told) != 1 || !strings.Contains(string(told[0].Data), "ill") {
		t.Errorf("an agent of no number is told %+v", told)
	}
}

// Every scope opens a door; what opens none must not be offered.
func TestEveryScopeOpensSomething(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, _ := w.document(t)
	opened := map[wa.Permission]bool{wa.Everything: true}
	for _, r := range d.routes() {
		opened[wa.Permission(r.scope)] = true
	}
	for _, p := range wa.Scopes() {
		if !opened[p] {
			t.Errorf("the scope %s opens nothing", p)
		}
	}
}

// A key that reads events but no messages is told what happened, as by a thin
// webhook: neither what was said nor whose number it is.
func TestEventsForKeysThatReadNoMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.exec(t, `UPDATE clients SET phone = '+5511900000000' WHERE id = $1`, w.client.ID)
	blind := testkit.Key(t, w.db, w.org.ID, wa.ReadEvents)
	stream := w.stream(t, call{method: "GET", path: "/api/v1/events/stream", key: blind})
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	if r := w.do(t, call{method: "PATCH", path: "/api/v1/clients/{client}", body: `{"name":"Other"}`, key: boss}); r.status != http.StatusOK {
		t.Fatalf("rename: %d %s", r.status, r.body)
	}
	w.hear(t, "+5511987654321", "José", "a secret")
	m := w.send(t, "+4917612345678", "another secret")
	secrets := []string{`"a secret"`, "another secret", "José", "5511987654321", "4917612345678", "5511900000000", "Other"}
	feed := func(key wa.Secret) (body string) {
		testkit.Eventually(t, time.Minute, "everything is told", func() bool {
			body = w.do(t, call{method: "GET", path: "/api/v1/events", key: key}).body
			return strings.Contains(body, m.ID.String())
		})
		return body
	}
	if body := feed(testkit.Key(t, w.db, w.org.ID, wa.ReadEvents, wa.ReadMessages)); slices.ContainsFunc(secrets, func(s string) bool { return !strings.Contains(body, s) }) {
		t.Errorf("with messages:read: %s", body)
	}
	heard := ""
	for !strings.Contains(heard, m.ID.String()) {
		heard += stream.next(t).data
	}
	for where, said := range map[string]string{"the feed": feed(blind), "the stream": heard} {
		for _, secret := range secrets {
			if strings.Contains(said, secret) {
				t.Errorf("%s tells %q: %s", where, secret, said)
			}
		}
		for _, known := range []string{w.client.ID.String(), `"status":"queued"`, `"direction":"inbound"`} {
			if !strings.Contains(said, known) {
				t.Errorf("%s does not tell %s: %s", where, known, said)
			}
		}
	}
}
