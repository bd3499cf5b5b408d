package wa_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"chasqui/internal/wa"
)

func TestMaskJSON(t *testing.T) {
	t.Parallel()
	key, _ := wa.NewKeyText()
	for name, c := range map[string]struct {
		in   any
		want string
	}{
		"nothing":               {nil, ``},
		"a secret by its type":  {map[string]any{"x": wa.NewSecret("hush")}, `{"x":"***"}`},
		"by its name":           {map[string]any{"password": "hush", "refresh_token": "hush", "totp_seed": "hush", "Api-Key": "hush", "hash": []byte("hush")}, `{"Api-Key":"***","hash":"***","password":"***","refresh_token":"***","totp_seed":"***"}`},
		"whether there is one":  {map[string]any{"secret_set": true, "password": "", "token": nil}, `{"password":"","secret_set":true,"token":null}`},
		"by what it looks like": {map[string]any{"note": "use " + key.Reveal() + " now"}, `{"note":"use *** now"}`},
		"a webhook secret":      {[]string{"whsec_c2VjcmV0c2VjcmV0"}, `["***"]`},
		"a JWT":                 {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_1", `"***"`},
		"a bearer":              {"Authorization: Bearer abcdefghijkl", `"Authorization: ***"`},
		"an address":            {"https://ana:pw@example.com/a?token=1#x", `"https://***@example.com/a?***"`},
		"a plain address":       {"https://example.com/a", `"https://example.com/a"`},
		"a number":              {map[string]any{"phone": wa.Phone("+5511987654321")}, `{"phone":"***4321"}`},
		"a number in a text":    {"call +5511987654321", `"call ***4321"`},
		"an address of people":  {"5511987654321:7@s.whatsapp.net", `"***4321"`},
		"roles are no numbers":  {map[string]any{"from": "agent", "to": "manager"}, `{"from":"agent","to":"manager"}`},
		"own headers":           {map[string]any{"headers": map[string]string{"X-T": "hush"}}, `{"headers":{"X-T":"***"}}`},
		"lines":                 {"a\nb\u2028c\x1b[31m", `"a b c [31m"`},
		"nested":                {map[string]any{"a": []any{map[string]any{"otp": "123456"}}}, `{"a":[{"otp":"***"}]}`},
		"limits are plain":      {wa.Limits{PerMinute: 3}, `{"enabled":false,"gap_max_ms":0,"gap_min_ms":0,"per_day":0,"per_hour":0,"per_minute":3,"typing":false}`},
	} {
		got, err := wa.MaskJSON(c.in)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v, want %s", name, got, err, c.want)
		}
	}
}

func TestMaskedValuesAreBounded(t *testing.T) {
	t.Parallel()
	long, err := wa.MaskJSON(strings.Repeat("ü", 5000))
	if err != nil || utf8.RuneCount(long) > 600 {
		t.Errorf("%d characters are kept (%v)", utf8.RuneCount(long), err)
	}
	many := map[string]string{}
	for range 5000 {
		many[wa.NewEventID().String()] = "x"
	}
	if got, err := wa.MaskJSON(many); err != nil || !strings.HasPrefix(string(got), `{"left_out_bytes":`) {
		t.Errorf("%.80s, %v", got, err)
	}
	if got, err := wa.MaskJSON(make([]int, 5000)); err != nil || len(got) > 1000 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	var deep any = "x"
	for range 100 {
		deep = []any{deep}
	}
	if got, err := wa.MaskJSON(deep); err != nil || strings.Count(string(got), "[") > 10 {
		t.Errorf("%s, %v", got, err)
	}
}

// Whatever is masked is JSON on one line without our secrets.
func FuzzMaskJSON(f *testing.F) {
	key, _ := wa.NewKeyText()
	f.Add("name", "x")
	f.Add("password", "hush")
	f.Add("url", "https://a:b@c/?d")
	f.Add("x", key.Reveal())
	f.Add("\xff", "\x00\n")
	f.Fuzz(func(t *testing.T, name, value string) {
		got, err := wa.MaskJSON(map[string]string{name: value, "note": key.Reveal() + value})
		if err != nil || !json.Valid(got) || strings.ContainsAny(string(got), "\n\r\x00") {
			t.Errorf("%q: %q is %s, %v", name, value, got, err)
		}
		if strings.Contains(string(got), strings.Split(key.Reveal(), "_")[3]) {
			t.Errorf("the key is there: %s", got)
		}
	})
}

// Two lines that differ in any part differ in their digest, however the parts
// are cut.
func TestDigestsDiffer(t *testing.T) {
	t.Parallel()
	base := wa.AuditEntry{ID: wa.NewAuditID(), Kind: wa.ByUser, ActorID: "a", ActorName: "b", Action: "c", Target: "d", From: wa.Caller{IP: "e"}}
	seen := map[[32]byte]string{base.Digest(): "the line"}
	for name, change := range map[string]func(*wa.AuditEntry){
		"org":    func(e *wa.AuditEntry) { e.OrgID = wa.NewOrgID() },
		"id":     func(e *wa.AuditEntry) { e.ID = wa.NewAuditID() },
		"kind":   func(e *wa.AuditEntry) { e.Kind = wa.ByKey },
		"name":   func(e *wa.AuditEntry) { e.ActorID, e.ActorName = "ab", "" },
		"role":   func(e *wa.AuditEntry) { e.Role = wa.Admin },
		"action": func(e *wa.AuditEntry) { e.Action, e.Target = "cd", "" },
		"before": func(e *wa.AuditEntry) { e.Before = []byte("{}") },
		"after":  func(e *wa.AuditEntry) { e.After = []byte("{}") },
		"ip":     func(e *wa.AuditEntry) { e.From = wa.Caller{Agent: "e"} },
		"id2":    func(e *wa.AuditEntry) { e.From = wa.Caller{IP: "e", Request: "f"} },
	} {
		e := base
		change(&e)
		if other, twice := seen[e.Digest()]; twice {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[e.Digest()] = name
	}
}
