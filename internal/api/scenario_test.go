package api_test

import (
	"fmt"
	"strings"
	"testing"

	"chasqui/internal/wa"
)

// TestScenarios walks through what callers do, in one world and in order.
func TestScenarios(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.send(t, "+5511900000001", "first")
	message := "/api/v1/messages/" + m.ID.String()
	chat := "/api/v1/chats/" + m.ChatID.String()
	contact := "/api/v1/contacts/" + m.To.ContactID.String()
	client := "/api/v1/clients/{client}"
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	as := map[string]wa.Secret{"boss": boss, "admin": w.admin, "viewer": w.viewer, "sender": w.sender, "stranger": w.stranger.key, "nobody": {}}
	tests := []struct {
		name, as, method, path, body string
		status                       int
		contains, lacks              []string
	}{
		{"who am I", "sender", "GET", "/api/v1/me", "", 200, []string{w.org.Name, `"scopes":["messages:send"]`, w.org.ID.String()}, []string{"hash", "sk_chq"}},
		{"event types", "viewer", "GET", "/api/v1/event-types", "", 200, []string{`"message.received"`, `"client.paired"`}, nil},
		{"list clients", "viewer", "GET", "/api/v1/clients", "", 200, []string{`"data":[{"id":"{client}"`, `"next":null`}, []string{"{stranger}"}},
		{"get a client", "viewer", "GET", client, "", 200, []string{`"status":"new"`, `"desired":"idle"`, `"paused":false`}, []string{"org_id", "jid", "epoch", "$schema"}},
		{"get a foreign client", "admin", "GET", "/api/v1/clients/{stranger}", "", 404, []string{`"not_found"`}, nil},
		{"get ours as a stranger", "stranger", "GET", client, "", 404, []string{`"not_found"`}, nil},
		{"rename", "admin", "PATCH", client, `{"name":" Support "}`, 200, []string{`"name":"Support"`}, nil},
		{"pause", "admin", "POST", client + "/pause", "", 200, []string{`"paused":true`}, nil},
		{"resume", "admin", "POST", client + "/resume", "", 200, []string{`"paused":false`}, nil},
		{"connect what is not paired", "admin", "POST", client + "/connect", "", 409, []string{`"conflict"`, "pair it"}, nil},
		{"disconnect what is offline", "admin", "POST", client + "/disconnect", "", 202, []string{`"desired":"idle"`}, nil},
		{"log out with a key", "admin", "POST", client + "/logout", "", 403, []string{`"forbidden"`, "clients:unlink", "sign in"}, nil},
		{"log out what is not paired", "boss", "POST", client + "/logout", "", 202, []string{`"status":"new"`}, nil},
		{"limits", "viewer", "GET", client + "/limits", "", 200, []string{`"enabled":true`, `"per_minute":20`, `"per_day":1000`}, nil},
		{"limits with a key", "admin", "PUT", client + "/limits", `{"per_minute":1}`, 403, []string{"no API key can have the permission limits:write: sign in"}, nil},
		{"limits off for no reason", "boss", "PUT", client + "/limits", `{"enabled":false}`, 422, []string{`"body.reason"`, "say why"}, nil},
		{"limits beyond the usual for no reason", "boss", "PUT", client + "/limits", `{"per_minute":21,"reason":"  "}`, 422, []string{`"body.reason"`, "say why"}, nil},
		{"limits off", "boss", "PUT", client + "/limits", `{"enabled":false,"reason":"a fair, until Friday"}`, 200, []string{`"enabled":false`, `"per_minute":20`, `"gap_max_ms":5000`}, nil},
		{"limits changed", "boss", "PUT", client + "/limits", `{"enabled":true,"per_hour":50}`, 200, []string{`"enabled":true`, `"per_hour":50`}, nil},
		{"limits stay", "viewer", "GET", client + "/limits", "", 200, []string{`"per_hour":50`, `"per_minute":20`}, nil},
		{"capabilities", "viewer", "GET", client + "/capabilities", "", 200, []string{`"kinds":["text"]`, `"pairing":["qr","code"]`, `"typing":true`}, nil},
		{"no pairing yet", "admin", "GET", client + "/qr", "", 404, []string{"no pairing is under way"}, nil},
		{"no pairing to give up", "admin", "DELETE", client + "/pair", "", 409, []string{"no pairing is under way"}, nil},
		{"pair", "admin", "POST", client + "/pair", `{"method":"qr"}`, 202, []string{`"desired":"pairing"`}, nil},
		{"give up pairing", "admin", "DELETE", client + "/pair", "", 204, nil, nil},
		{"it was given up", "viewer", "GET", client, "", 200, []string{`"desired":"idle"`, `"status":"new"`}, nil},
		{"health", "viewer", "GET", client + "/health", "", 200, []string{
			`"client_id":"{client}"`, `"score":0`, `"name":"state"`, `"window":"minute","used":0,"limit":20`, `"lane":"urgent","queued":0,"oldest_at":null`,
			`"blocked_by":"client_unpaired"`, `"next_send_at":null`, `"worker":null`,
		}, nil},
		{"health as a stranger", "stranger", "GET", client + "/health", "", 404, []string{`"not_found"`}, nil},
		{"health of all", "viewer", "GET", "/api/v1/clients/health", "", 200, []string{`"data":[{"client_id":"{client}"`, `"next":null`}, []string{"{stranger}"}},
		{"history", "viewer", "GET", client + "/history", "", 200, []string{`"status":"new","reason":""}`, `"next":null`}, []string{"until", "org"}},
		{"history as a stranger", "stranger", "GET", client + "/history", "", 404, []string{`"not_found"`}, nil},
		{"pair again", "admin", "POST", client + "/pair", `{"method":"qr"}`, 202, []string{`"desired":"pairing"`}, nil},

		{"get a message", "admin", "GET", message, "", 200, []string{`"status":"queued"`, `"queue":{"position":1,"blocked_by":"client_unpaired"`, `"body":"first"`}, []string{"org_id"}},
		{"get it as a stranger", "stranger", "GET", message, "", 404, []string{`"not_found"`}, nil},
		{"timeline", "admin", "GET", message + "/timeline", "", 200, []string{`"note":"accepted"`, `"status":"queued"`}, nil},
		{"timeline as a stranger", "stranger", "GET", message + "/timeline", "", 404, nil, nil},
		{"retry what did not fail", "admin", "POST", message + "/retry", "", 409, []string{"queued"}, nil},
		{"cancel as a stranger", "stranger", "DELETE", message, "", 404, nil, nil},
		{"cancel", "admin", "DELETE", message, "", 200, []string{`"status":"cancelled"`}, nil},
		{"cancel twice", "admin", "DELETE", message, "", 409, []string{`"conflict"`, "cancelled"}, nil},
		{"no place any more", "admin", "GET", message, "", 200, []string{`"status":"cancelled"`}, []string{`"queue"`}},

		{"chats", "admin", "GET", "/api/v1/chats?client={client}", "", 200, []string{m.ChatID.String(), `"kind":"direct"`}, nil},
		{"chat", "admin", "GET", chat, "", 200, []string{m.To.ContactID.String()}, nil},
		{"chat as a stranger", "stranger", "GET", chat, "", 404, nil, nil},
		{"chats of a stranger's client", "admin", "GET", "/api/v1/chats?client={stranger}", "", 404, []string{"query.client"}, nil},
		{"contacts", "admin", "GET", "/api/v1/contacts", "", 200, []string{`"phone":"+5511900000001"`}, nil},
		{"contact", "admin", "GET", contact, "", 200, []string{`"phone":"+5511900000001"`}, nil},
		{"contact as a stranger", "stranger", "GET", contact, "", 404, nil, nil},

		{"bulk without the scope", "sender", "POST", sendPath, `{"to":"+5511900000001","lane":"bulk","text":{"body":"x"}}`, 403, []string{"messages:bulk"}, nil},
		{"bulk in a batch without the scope", "sender", "POST", batchPath, `{"messages":[{"to":"+5511900000001","lane":"bulk","text":{"body":"x"}}]}`, 403, []string{"messages:bulk"}, nil},
		{"read without the scope", "sender", "GET", "/api/v1/messages", "", 403, []string{"messages:read"}, nil},
		{"short form", "sender", "POST", shortPath, `{"to":"+55 11 90000-0002","message":"hi"}`, 202, []string{`"messageId":"msg_`, `"status":"queued"`}, nil},
		{"list by status", "admin", "GET", "/api/v1/messages?status=cancelled,failed&status=sent", "", 200, []string{m.ID.String()}, []string{`"status":"queued"`}},

		{"delete a client with a key", "admin", "DELETE", client, "", 403, []string{"clients:unlink"}, nil},
		{"delete a client", "boss", "DELETE", client, "", 204, nil, nil},
		{"it is gone", "viewer", "GET", client, "", 404, nil, nil},
		{"and takes no messages", "admin", "POST", sendPath, good, 404, nil, nil},
	}
	for _, tt := range tests {
		r := w.do(t, call{method: tt.method, path: tt.path, body: tt.body, key: as[tt.as]})
		if r.status != tt.status {
			t.Errorf("%s: %s %s = %d, want %d: %s", tt.name, tt.method, tt.path, r.status, tt.status, r.body)
			continue
		}
		if r.status >= 400 {
			checkProblem(t, r)
		}
		for _, s := range tt.contains {
			if !strings.Contains(r.body, w.expand(s)) {
				t.Errorf("%s: %q is missing in %s", tt.name, w.expand(s), r.body)
			}
		}
		for _, s := range tt.lacks {
			if strings.Contains(r.body, w.expand(s)) {
				t.Errorf("%s: %q should not be in %s", tt.name, w.expand(s), r.body)
			}
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var sent []string
	for i := range 7 {
		sent = append(sent, w.send(t, fmt.Sprintf("+551190000100%d", i), "x").ID.String())
	}
	type page struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
		Next *string `json:"next"`
	}
	for _, path := range []string{"/api/v1/messages?client={client}", "/api/v1/chats?client={client}", "/api/v1/contacts?limit=3"} {
		seen := map[string]bool{}
		cursor, pages := "", 0
		for {
			p := decode[page](t, w.do(t, call{method: "GET", path: path + "&limit=3&cursor=" + cursor, key: w.admin}).body)
			for _, row := range p.Data {
				if seen[row.ID] {
					t.Errorf("%s: %s came twice", path, row.ID)
				}
				seen[row.ID] = true
			}
			if pages++; p.Next == nil || pages > 5 {
				break
			}
			cursor = *p.Next
		}
		if len(seen) != 7 || pages != 3 {
			t.Errorf("%s: %d rows on %d pages, want 7 on 3", path, len(seen), pages)
		}
	}
	first := decode[page](t, w.do(t, call{method: "GET", path: "/api/v1/messages?limit=1", key: w.admin}).body)
	if len(first.Data) != 1 || first.Data[0].ID != sent[6] {
		t.Errorf("the newest message is not first: %v, want %s", first.Data, sent[6])
	}
}
