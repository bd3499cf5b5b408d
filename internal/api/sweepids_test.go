package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// placesOfIDs are the places, besides addresses, where requests name things,
// with what they name. A place is where it stands and what the document calls it.
var placesOfIDs = map[string][]string{
	"query.client": {"client"}, "query.contact": {"contact"}, "query.chat": {"chat"}, "query.around": {"message"}, "query.after": {"event"},
	"query.message": {"message"}, "query.event": {"event"}, "query.assigned_to": {"user"}, "query.actor": {"user", "key"},
	"query.target": {"client", "user", "key", "webhook"}, "header.Last-Event-ID": {"event"},
	"body.clients.[]": {"client"}, "body.user": {"user"}, "body.users.[]": {"user"}, "body.to": {"contact", "chat"}, "body.reply_to": {"message"},
	"body.messages.[].to": {"contact", "chat"}, "body.messages.[].reply_to": {"message"}, "body.sign_in.code_client": {"client"},
}

// placesWithout name nothing of ours: texts, times, numbers of phones, secrets,
// and what providers say.
var placesWithout = strings.Fields(`
	query.action query.authuser query.client_ref query.code query.name query.cursor query.error query.error_description query.error_uri query.from query.hd query.iss
	query.prompt query.q query.scope query.session_state query.since query.state query.status query.time_zone query.to query.type query.types query.until
	header.Accept header.Idempotency-Key header.Prefer header.X-Request-Id cookie.chasqui_oidc cookie.chasqui_refresh
	body.callback_url body.challenge body.chat_kinds.[] body.client_ref body.code body.description body.device.os body.device.version body.directions.[]
	body.email body.events.[] body.expires_at body.mentions.[] body.message body.name body.networks.[] body.old_password body.organisation body.password
	body.phone body.reason body.refresh_token body.scopes.[] body.send_at body.settings.time_zone body.settings.new_client_limits_reason body.sign_in.oidc_client_id body.sign_in.oidc_issuer
	body.sign_in.oidc_secret body.since body.text.body body.token body.type body.until body.url body.lane body.method body.payload body.provider
	body.refresh_in body.role body.status body.sign_in.second_factor_roles.[] body.device.platform body.priority body.headers
	body.messages.[].callback_url body.messages.[].client_ref body.messages.[].expires_at body.messages.[].lane body.messages.[].mentions.[]
	body.messages.[].send_at body.messages.[].text.body body.messages.[].type query.direction query.step query.role
`)

// TestForeignIDsWhereverTheyStand puts ids of another org wherever the document
// says that a request can name something, by an admin, an agent and a key: they
// are answered like ids that never were. A place that is in neither list fails.
func TestForeignIDsWhereverTheyStand(t *testing.T) {
	t.Parallel()
	a, s := newAttacker(t)
	theirs := newSweeperOf(t, a.world).ids
	bob := a.hire(t, a.token, "bob@example.com", wa.Agent)
	own := a.things(t, bob)
	who := map[string]string{"an admin": a.token, "an agent": bob.Access, "a key": testkit.Key(t, a.db, a.org.ID, wa.Everything).Reveal()}
	left, tried, reached := maps.Clone(placesOfIDs), 0, map[string]bool{}
	for _, shot := range a.shots(t, s, "x") {
		if strings.HasPrefix(shot.where, "path.") {
			continue
		}
		kinds, named := placesOfIDs[shot.where]
		if !named && !slices.Contains(placesWithout, shot.where) {
			t.Errorf("%s %s: does %s name something? Say so in this file", shot.target.method, shot.target.path, shot.where)
		}
		delete(left, shot.where)
		for _, kind := range kinds {
			for name, token := range who {
				tried++
				foreign, never := a.naming(t, s, shot, theirs[kind][0], token), a.naming(t, s, shot, theirs[kind][1], token)
				if foreign != never || strings.HasPrefix(foreign, "2") && !empty(foreign) {
					t.Errorf("%s %s by %s, another org's %s in %s:\n%s\none that never was:\n%s", shot.target.method, shot.target.path, name, kind, shot.where, foreign, never)
				}
				if mine := a.naming(t, s, shot, own[kind], token); mine != never && strings.HasPrefix(mine, "2") {
					reached[shot.where] = true
				}
			}
		}
	}
	for place := range left {
		t.Errorf("%s is listed and is no place", place)
	}
	for place := range placesOfIDs { // or the answers were alike for another reason
		if !reached[place] && !strings.Contains("query.actor query.target", place) {
			t.Errorf("an id of our own in %s is answered like one that never was", place)
		}
	}
	if tried < 60 {
		t.Errorf("only %d tried", tried)
	}
}

// things are our own ids by what they name.
func (a *attacker) things(t *testing.T, bob tokens) map[string]string {
	t.Helper()
	own := maps.Clone(a.paths)
	own["user"] = bob.User.ID.String()
	a.paths["user"] = own["user"]
	events := decode[struct{ Data []struct{ ID string } }](t, a.as(t, a.token, "GET", "/api/v1/events?limit=1&wait=20", "").body)
	own["event"] = events.Data[0].ID
	key := decode[struct{ ID string }](t, a.as(t, a.token, "POST", "/api/v1/api-keys", `{"name":"x","scopes":["clients:read"]}`).body)
	own["key"] = key.ID
	for _, given := range [][2]string{
		{"/api/v1/users/" + own["user"] + "/assignments", `{"clients":["{client}"]}`}, {"/api/v1/chats/" + own["chat"] + "/assign", `{"user":"` + own["user"] + `"}`},
	} {
		if r := a.as(t, a.token, "PUT", given[0], given[1]); r.status != http.StatusOK {
			t.Fatalf("%s: %d %s", given[0], r.status, r.body)
		}
	}
	return own
}

// empty reports whether an answer lists nothing, as JSON or as a table.
func empty(answer string) bool {
	return strings.Contains(answer, `"data":[]`) || !strings.Contains(answer, "{") && strings.Count(answer, "\n") == 1
}

// naming is the answer to a shot that names a thing, without what differs
// between any two answers: its status and what it says.
func (a *attacker) naming(t *testing.T, s spec, shot shot, id, token string) string {
	t.Helper()
	c := shot.call
	c.header = map[string]string{}
	if strings.HasPrefix(token, "sk_") {
		c.key = wa.NewSecret(token)
	} else if !shot.target.open {
		c.header["Authorization"] = "Bearer " + token
	}
	in, name, _ := strings.Cut(shot.where, ".")
	switch in {
	case "query":
		at, query, _ := strings.Cut(c.path, "?")
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		values.Set(name, id)
		c.path = at + "?" + values.Encode()
	case "header":
		c.header[name] = id
	case "body":
		raw, err := json.Marshal(put(a.goodBody(t, s, shot.target), strings.Split(name, "."), id))
		if err != nil {
			t.Fatal(err)
		}
		c.body = string(raw)
	}
	if strings.HasSuffix(shot.target.path, "/stream") {
		return a.streamed(t, c)
	}
	r := a.do(t, c)
	body := strings.ReplaceAll(strings.ReplaceAll(r.body, id, "ID"), r.header.Get("X-Request-Id"), "REQUEST")
	return strconv.Itoa(r.status) + " " + body
}

// streamed is how a stream begins.
func (a *attacker) streamed(t *testing.T, c call) string {
	t.Helper()
	r := a.open(t, t.Context(), c)
	defer r.Body.Close()
	return strconv.Itoa(r.StatusCode)
}

// goodBody is a body that nothing is wrong with.
func (a *attacker) goodBody(t *testing.T, s spec, o target) any {
	t.Helper()
	raw := bodyOf(o.method, o.path)
	if raw == "" {
		return s.harmless(o.body)
	}
	return decode[any](t, a.expand(raw))
}

// put sets a text at a place of a body, and makes what lies on the way.
func put(body any, at []string, text string) any {
	if len(at) == 0 {
		return text
	}
	if at[0] == "[]" {
		list, _ := body.([]any)
		if len(list) == 0 {
			list = []any{nil}
		}
		list[0] = put(list[0], at[1:], text)
		return list
	}
	object, ok := body.(map[string]any)
	if !ok {
		object = map[string]any{}
	}
	object[at[0]] = put(object[at[0]], at[1:], text)
	return object
}

// TestRolesAtEveryDoor walks every role along every route that names nothing:
// who lacks its permission is refused before anything is read of the request,
// and nobody else is. (Those that name something: TestNobodySeesAnotherOrgsThings.)
func TestRolesAtEveryDoor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, _ := w.document(t)
	tried := 0
	for _, role := range wa.Roles() {
		token, u := w.person(t, w.org.ID, role)
		by := wa.Actor{User: u.ID, Role: role}
		for _, r := range d.routes() {
			if r.open || parameter.MatchString(r.path) || strings.HasSuffix(r.path, "/stream") || strings.HasPrefix(r.path, "/api/v1/me") {
				continue
			}
			tried++
			got := w.do(t, call{method: r.method, path: r.path, key: token, body: map[bool]string{true: "", false: `{"none":1}`}[r.method == http.MethodGet]})
			refused := got.status == http.StatusForbidden && strings.Contains(got.body, `"forbidden"`)
			if may := r.scope == "" || by.May(wa.Permission(r.scope)); refused == may || got.status == http.StatusUnauthorized || got.status >= 500 {
				t.Errorf("%s %s by the role %s, who may: %t: %d %s", r.method, r.path, role, may, got.status, got.body)
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d tried", tried)
	}
}
