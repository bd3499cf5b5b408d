package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/wa"
)

const anAddress = "https://203.0.113.7.example/hook" // a name that nobody has

// TestEveryBadNumberOfAWebhookIsNamed asks for what cannot be, in making an
// endpoint and in changing one.
func TestEveryBadNumberOfAWebhookIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.do(t, call{method: "POST", path: "/api/v1/webhooks", key: w.admin, body: `{"url":"` + anAddress + `"}`})
	at := "/api/v1/webhooks/" + decode[wa.Endpoint](t, made.body).ID.String()
	for fields, want := range map[string][]string{
		`"events":[]`: {"body.events"},
		`"max_in_flight":0,"timeout_ms":0,"rate":0`:                {"body.max_in_flight", "body.rate", "body.timeout_ms"},
		`"max_in_flight":65,"timeout_ms":30001,"rate":10001`:       {"body.max_in_flight", "body.rate", "body.timeout_ms"},
		`"events":["nothing.known"],"directions":["up"]`:           {"body.directions", "body.events"},
		`"events":[],"max_in_flight":-1,"timeout_ms":1,"rate":-10`: {"body.events", "body.max_in_flight", "body.rate", "body.timeout_ms"},
	} {
		for _, c := range []call{
			{method: "POST", path: "/api/v1/webhooks", key: w.admin, body: `{"url":"` + anAddress + `",` + fields + `}`},
			{method: "PATCH", path: at, key: w.admin, body: `{` + fields + `}`},
		} {
			r := w.do(t, c)
			var named []string
			for _, e := range checkProblem(t, r).Errors {
				named = append(named, e.Location)
			}
			slices.Sort(named)
			if diff := cmp.Diff(want, named); r.status != http.StatusUnprocessableEntity || diff != "" {
				t.Errorf("%s %s: %d %s", c.method, fields, r.status, diff)
			}
		}
	}
}

// TestNullTakesAWebhooksFilterAway holds null against an empty value: both
// leave what a new endpoint has.
func TestNullTakesAWebhooksFilterAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const all = `{"url":"` + anAddress + `","clients":["{client}"],"directions":["inbound"],"chat_kinds":["direct"],"headers":{"X-A":"b"},"rate":5,"schedule":[0,1]}`
	for _, change := range []string{
		`{"clients":null,"directions":null,"chat_kinds":null,"headers":null,"rate":null,"schedule":null}`,
		`{"clients":[],"directions":[],"chat_kinds":[],"headers":{},"rate":null,"schedule":[]}`,
	} {
		made := decode[wa.Endpoint](t, w.do(t, call{method: "POST", path: "/api/v1/webhooks", key: w.admin, body: all}).body)
		at := "/api/v1/webhooks/" + made.ID.String()
		kept := decode[wa.Endpoint](t, w.do(t, call{method: "PATCH", path: at, key: w.admin, body: `{"description":"mine"}`}).body)
		if len(kept.Clients) != 1 || len(kept.ChatKinds) != 1 || kept.Rate == nil || len(kept.Headers) != 1 || len(kept.Schedule) != 2 {
			t.Errorf("what was not named changed: %+v", kept)
		}
		r := w.do(t, call{method: "PATCH", path: at, key: w.admin, body: change})
		e := decode[wa.Endpoint](t, r.body)
		if r.status != http.StatusOK || len(e.Clients)+len(e.Directions)+len(e.ChatKinds)+len(e.Headers)+len(e.Schedule) != 0 || e.Rate != nil {
			t.Errorf("%s: %d %s", change, r.status, r.body)
		}
	}
}

// TestWhatAWebhookLacksIsNamed asks for what there is not.
func TestWhatAWebhookLacksIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.do(t, call{method: "POST", path: "/api/v1/webhooks", key: w.admin, body: `{"url":"` + anAddress + `"}`})
	no, at := "/api/v1/webhooks/"+wa.NewEndpointID().String(), "/api/v1/webhooks/"+decode[wa.Endpoint](t, made.body).ID.String()
	delivery := "/deliveries/" + wa.DeliveryOf(wa.NewEndpointID(), wa.NewEventID()).String()
	for _, tt := range []struct{ method, path, body, want string }{
		{"GET", no, "", "webhook"},
		{"PATCH", no, `{}`, "webhook"},
		{"DELETE", no, "", "webhook"},
		{"POST", no + "/enable", "", "webhook"},
		{"GET", no + "/deliveries", "", "webhook"},
		{"GET", at + delivery + "/attempts", "", "delivery"},
		{"GET", at + delivery + "/request", "", "delivery"},
		{"POST", at + delivery + "/resend", "", "delivery"},
		{"GET", at + "/recoveries/" + wa.NewRecoveryID().String(), "", "recovery"},
	} {
		r := w.do(t, call{method: tt.method, path: tt.path, key: w.admin, body: tt.body})
		if p := checkProblem(t, r); r.status != http.StatusNotFound || !strings.Contains(p.Detail, "no such "+tt.want) {
			t.Errorf("%s %s: %d %s", tt.method, tt.path, r.status, r.body)
		}
	}
}
