package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"chasqui/internal/api"
	"chasqui/internal/wa"
)

const (
	sendPath  = "/api/v1/clients/{client}/messages"
	batchPath = "/api/v1/clients/{client}/messages/batch"
	shortPath = "/api/clients/{client}/send-message"
	good      = `{"to":"+5511987654321","text":{"body":"hello"}}`
)

// TestBadInput sends what must be refused: each time with a problem that names
// the field, and nothing stored.
func TestBadInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.stored(t)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	long := strings.Repeat("a", wa.MaxTextLength+1)
	soon := time.Now().Add(time.Hour).Format(time.RFC3339)
	tests := []struct {
		name   string
		person bool   // a key may not
		method string // POST if empty
		path   string // sendPath if empty
		body   string
		header map[string]string
		status int
		code   string // invalid if empty
		field  string
	}{
		{name: "unknown field", body: `{"to":"+5511987654321","text":{"body":"x"},"sendat":"2030-01-01T00:00:00Z"}`, status: 422, field: "body.sendat"},
		{name: "unknown field inside", body: `{"to":"+5511987654321","text":{"body":"x","html":"y"}}`, status: 422, field: "body.text.html"},
		{name: "field of a later version", body: `{"to":"+5511987654321","text":{"body":"x"},"fallback_url":"https://example.org"}`, status: 422, field: "body.fallback_url"},
		{name: "no recipient", body: `{"text":{"body":"x"}}`, status: 422, field: "body.to"},
		{name: "empty recipient", body: `{"to":"","text":{"body":"x"}}`, status: 422, code: "recipient_invalid", field: "body.to"},
		{name: "impossible number", body: `{"to":"+55119","text":{"body":"x"}}`, status: 422, code: "recipient_invalid", field: "body.to"},
		{name: "no number at all", body: `{"to":"my mother","text":{"body":"x"}}`, status: 422, code: "recipient_invalid", field: "body.to"},
		{name: "number as number", body: `{"to":5511987654321,"text":{"body":"x"}}`, status: 422, field: "body.to"},
		{name: "malformed contact", body: `{"to":"con_x","text":{"body":"x"}}`, status: 422, code: "recipient_invalid", field: "body.to"},
		{name: "unknown contact", body: `{"to":"` + wa.NewContactID().String() + `","text":{"body":"x"}}`, status: 422, code: "recipient_invalid", field: "body.to"},
		{name: "text as string", body: `{"to":"+5511987654321","text":"x"}`, status: 422, field: "body.text"},
		{name: "text body as number", body: `{"to":"+5511987654321","text":{"body":5}}`, status: 422, field: "body.text.body"},
		{name: "no text", body: `{"to":"+5511987654321"}`, status: 422, field: "body.text"},
		{name: "empty text", body: `{"to":"+5511987654321","text":{"body":""}}`, status: 422, field: "body.text.body"},
		{name: "blank text", body: `{"to":"+5511987654321","text":{"body":" \n\t"}}`, status: 422, field: "body.text.body"},
		{name: "over-long text", body: `{"to":"+5511987654321","text":{"body":"` + long + `"}}`, status: 422, field: "body.text.body"},
		{name: "NUL in text", body: `{"to":"+5511987654321","text":{"body":"a\u0000b"}}`, status: 422, field: "body.text.body"},
		{name: "NUL in metadata", body: `{"to":"+5511987654321","text":{"body":"x"},"metadata":{"a":"b\u0000"}}`, status: 422, field: "body.metadata"},
		{name: "NUL in reference", body: `{"to":"+5511987654321","text":{"body":"x"},"client_ref":"\u0000"}`, status: 422, field: "body.client_ref"},
		{name: "unknown type", body: `{"to":"+5511987654321","type":"smoke_signal"}`, status: 422, code: "unsupported", field: "body.type"},
		{name: "unknown lane", body: good[:len(good)-1] + `,"lane":"first class"}`, status: 422, field: "body.lane"},
		{name: "expired send_at", body: good[:len(good)-1] + `,"send_at":"2020-01-01T00:00:00Z"}`, status: 422, field: "body.send_at"},
		{name: "send_at too far", body: good[:len(good)-1] + `,"send_at":"2099-01-01T00:00:00Z"}`, status: 422, field: "body.send_at"},
		{name: "send_at without a zone", body: good[:len(good)-1] + `,"send_at":"2030-01-01 00:00"}`, status: 422, field: "body.send_at"},
		{name: "expires before it is due", body: good[:len(good)-1] + `,"send_at":"` + soon + `","expires_at":"` + soon + `"}`, status: 422, field: "body.expires_at"},
		{name: "reply to no id", body: good[:len(good)-1] + `,"reply_to":"3EB0"}`, status: 422, field: "body.reply_to"},
		{name: "reply to nothing", body: good[:len(good)-1] + `,"reply_to":"` + wa.NewMessageID().String() + `"}`, status: 422, field: "body.reply_to"},
		{name: "mention of nobody", body: good[:len(good)-1] + `,"mentions":["all"]}`, status: 422, field: "body.mentions"},
		{name: "metadata of numbers", body: good[:len(good)-1] + `,"metadata":{"a":1}}`, status: 422, field: "body.metadata.a"},
		{name: "reference too long", body: good[:len(good)-1] + `,"client_ref":"` + strings.Repeat("r", 256) + `"}`, status: 422, field: "body.client_ref"},
		{name: "two things at once", body: `{"to":"nobody","text":{"body":""}}`, status: 422, field: "body.text.body"},
		{name: "array", body: `[]`, status: 422, field: "body"},
		{name: "broken JSON", body: `{"to":"+5511987654321","text":{"body":"x"}`, status: 400, field: "body"},
		{name: "two documents", body: good + good, status: 400, field: "body"},
		{name: "empty body", header: map[string]string{"Content-Type": "application/json"}, status: 400},
		{name: "form", body: `to=1`, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, status: 415, code: "unsupported"},
		{name: "over the limit", body: `{"to":"` + strings.Repeat("9", api.MaxBody) + `"}`, status: 413},
		{name: "misspelt query", path: sendPath + "?dryrun=1", body: good, status: 422, field: "query.dryrun"},
		{name: "bad query", path: sendPath + "?dry_run=maybe", body: good, status: 422, field: "query.dry_run"},
		{name: "key too long", body: good, header: map[string]string{"Idempotency-Key": strings.Repeat("k", 256)}, status: 422, field: "header.Idempotency-Key"},
		{name: "key not UTF-8", body: good, header: map[string]string{"Idempotency-Key": "\xff"}, status: 422, field: "header.Idempotency-Key"},
		{name: "empty key", body: good, header: map[string]string{"Idempotency-Key": ""}, status: 422, field: "header.Idempotency-Key"},
		{name: "blank key", body: good, header: map[string]string{"Idempotency-Key": " "}, status: 422, field: "header.Idempotency-Key"},
		{name: "not UTF-8", body: `{"to":"+5511987654321","text":{"body":"` + "\xff" + `"}}`, status: 400, field: "body"},
		{name: "unknown client", path: "/api/v1/clients/" + wa.NewClientID().String() + "/messages", body: good, status: 404, code: "not_found"},
		{name: "foreign client", path: "/api/v1/clients/{stranger}/messages", body: good, status: 404, code: "not_found"},
		{name: "no client id", path: "/api/v1/clients/42/messages", body: good, status: 404, code: "not_found"},
		{name: "id of something else", path: "/api/v1/clients/" + wa.NewMessageID().String() + "/messages", body: good, status: 404, code: "not_found"},

		{name: "short: unknown field", path: shortPath, body: `{"to":"+5511987654321","message":"x","text":"y"}`, status: 422, field: "body.text"},
		{name: "short: no message", path: shortPath, body: `{"to":"+5511987654321"}`, status: 422, field: "body.message"},
		{name: "short: empty message", path: shortPath, body: `{"to":"+5511987654321","message":""}`, status: 422, field: "body.message"},
		{name: "short: foreign client", path: "/api/clients/{stranger}/send-message", body: `{"to":"+5511987654321","message":"x"}`, status: 404, code: "not_found"},

		{name: "batch: empty", path: batchPath, body: `{"messages":[]}`, status: 422, field: "body.messages"},
		{name: "batch: too many", path: batchPath, body: `{"messages":[` + strings.Repeat(good+",", 1000) + good + `]}`, status: 422, field: "body.messages"},
		{name: "batch: unknown field", path: batchPath, body: `{"messages":[` + good + `,{"to":"+5511987654321","txt":{}}]}`, status: 422, field: "body.messages[1].txt"},
		{name: "batch: bad reply", path: batchPath, body: `{"messages":[{"to":"+5511987654321","text":{"body":"x"},"reply_to":"?"}]}`, status: 422, field: "body.messages[0].reply_to"},
		{name: "batch: none good", path: batchPath, body: `{"messages":[{"to":"x","text":{"body":"x"}},{"to":"y","text":{"body":"x"}}]}`, status: 422, code: "recipient_invalid", field: "body.messages[1].to"},
		{name: "batch: over the limit", path: batchPath, body: `{"messages":["` + strings.Repeat("9", api.MaxBatchBody) + `"]}`, status: 413},

		{name: "client without a name", path: "/api/v1/clients", body: `{}`, status: 422, field: "body.name"},
		{name: "client with an empty name", path: "/api/v1/clients", body: `{"name":" "}`, status: 422, field: "body.name"},
		{name: "client of no provider", path: "/api/v1/clients", body: `{"name":"a","provider":"pigeon"}`, status: 422, field: "body.provider"},
		{name: "client set online", path: "/api/v1/clients", body: `{"name":"a","status":"connected"}`, status: 422, field: "body.status"},
		{name: "pair by smoke", path: "/api/v1/clients/{client}/pair", body: `{"method":"smoke"}`, status: 422, field: "body.method"},
		{name: "pair by code without a phone", path: "/api/v1/clients/{client}/pair", body: `{"method":"code"}`, status: 422, field: "body.phone"},
		{name: "pair by code with a bad phone", path: "/api/v1/clients/{client}/pair", body: `{"method":"code","phone":"12"}`, status: 422, code: "recipient_invalid", field: "body.phone"},
		{name: "limit of nothing", person: true, method: "PUT", path: "/api/v1/clients/{client}/limits", body: `{"per_minute":0}`, status: 422, field: "body.per_minute"},
		{name: "limit in parts", person: true, method: "PUT", path: "/api/v1/clients/{client}/limits", body: `{"per_minute":1.5}`, status: 422, field: "body.per_minute"},
		{name: "limit beyond all numbers", person: true, method: "PUT", path: "/api/v1/clients/{client}/limits", body: `{"per_minute":99999999999999999999}`, status: 422, field: "body.per_minute"},
		{name: "limit in words", person: true, method: "PUT", path: "/api/v1/clients/{client}/limits", body: `{"per_minute":"20"}`, status: 422, field: "body.per_minute"},
		{name: "gap upside down", person: true, method: "PUT", path: "/api/v1/clients/{client}/limits", body: `{"gap_min_ms":9000}`, status: 422, field: "body.gap_max_ms"},
		{name: "limit of a stranger", person: true, method: "PUT", path: "/api/v1/clients/{stranger}/limits", body: `{"enabled":false}`, status: 404, code: "not_found"},
		{name: "rename to nothing", method: "PATCH", path: "/api/v1/clients/{client}", body: `{"name":""}`, status: 422, field: "body.name"},
		{name: "passkey that nobody asked for", path: "/api/v1/clients/{client}/passkey", body: `{"response":{}}`, status: 409, code: "conflict"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := call{method: "POST", path: sendPath, body: tt.body, key: w.admin, header: tt.header}
			if tt.person {
				c.key = boss
			}
			if tt.method != "" {
				c.method = tt.method
			}
			if tt.path != "" {
				c.path = tt.path
			}
			r := w.do(t, c)
			p := checkProblem(t, r)
			want := tt.code
			if want == "" {
				want = "invalid"
			}
			if r.status != tt.status || p.Code != want {
				t.Errorf("status %d, code %s; want %d, %s: %s", r.status, p.Code, tt.status, want, r.body)
			}
			if tt.field != "" && !slices.ContainsFunc(p.Errors, func(f api.FieldError) bool { return f.Location == tt.field }) {
				t.Errorf("%s is not named: %s", tt.field, r.body)
			}
			if len(r.body) > 4000 {
				t.Errorf("the answer has %d bytes: values must be cut short", len(r.body))
			}
		})
	}
	if after := w.stored(t); after != before {
		t.Errorf("something was stored: before %s, after %s", before, after)
	}
}

func TestBadFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tests := []struct{ path, field string }{
		{"/api/v1/messages?status=sent,lost", "query.status"},
		{"/api/v1/messages?status=sent&status=lost", "query.status"},
		{"/api/v1/messages?limit=0", "query.limit"},
		{"/api/v1/messages?limit=201", "query.limit"},
		{"/api/v1/messages?cursor=nonsense", "query.cursor"},
		{"/api/v1/messages?client=nonsense", "query.client"},
		{"/api/v1/messages?since=yesterday", "query.since"},
		{"/api/v1/messages?direction=sideways", "query.direction"},
		{"/api/v1/messages?client_ref=%00", "query.client_ref"},
		{"/api/v1/messages?client_ref=%ff", "query.client_ref"},
		{"/api/v1/messages?stat=sent", "query.stat"},
		{"/api/v1/clients?cursor=e30", "query.cursor"},
		{"/api/v1/events?types=message.lost", "query.types"},
		{"/api/v1/events?types=messages.*", "query.types"},
		{"/api/v1/events?types=mess*", "query.types"},
		{"/api/v1/events?wait=31", "query.wait"},
		{"/api/v1/events?after=nonsense", "query.after"},
	}
	for _, tt := range tests {
		r := w.do(t, call{method: "GET", path: tt.path, key: w.admin})
		p := checkProblem(t, r)
		if r.status != http.StatusUnprocessableEntity || len(p.Errors) == 0 || p.Errors[0].Location != tt.field {
			t.Errorf("GET %s: %d, want 422 at %s: %s", tt.path, r.status, tt.field, r.body)
		}
		if strings.Contains(r.body, "invalid value") || strings.Count(p.Detail, "valid") > 1 {
			t.Errorf("GET %s: says it twice: %s", tt.path, p.Detail)
		}
	}
}
