package api_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// attacker is an admin of an org who puts what they like wherever the document
// says that there is a text. Next to their org is a stranger's.
type attacker struct {
	*team
	token string
	paths map[string]string // what stands for a path's parameter
	all   []target
}

// target is one operation, as the document describes it.
type target struct {
	method, path string
	open         bool
	params       []param
	body         schema
}

type param struct {
	Name, In string
	Schema   schema
	Required bool
}

// schema is a JSON schema with its references resolved on demand.
type schema map[string]any

// spec is the document, for following references.
type spec struct {
	Paths      map[string]map[string]json.RawMessage
	Components struct{ Schemas map[string]schema }
}

func newAttacker(t *testing.T) (*attacker, spec) {
	t.Helper()
	w := newTeam(t)
	a := &attacker{team: w, token: w.signIn(t, w.email, w.password).Access}
	w.client = testkit.Client(t, w.db, w.org.ID)
	w.admin = testkit.Key(t, w.db, w.org.ID, wa.Everything)
	message := w.send(t, "+5511987654321", "hello")
	hook := decode[wa.Endpoint](t, w.do(t, call{
		method: "POST", path: "/api/v1/webhooks", key: w.admin, body: `{"url":"https://example.com/hook","events":["message.*"]}`,
	}).body)
	a.paths = map[string]string{
		"client": w.client.ID.String(), "message": message.ID.String(), "webhook": hook.ID.String(), "chat": message.ChatID.String(),
		"contact": message.To.ContactID.String(), "user": wa.NewUserID().String(), "org": w.org.ID.String(), "key": wa.NewKeyID().String(),
	}
	var s spec
	if err := json.Unmarshal([]byte(w.do(t, call{method: "GET", path: "/api/openapi.json"}).body), &s); err != nil {
		t.Fatal(err)
	}
	a.all = s.targets(t)
	return a, s
}

func (s spec) targets(t *testing.T) (all []target) {
	t.Helper()
	for _, path := range slices.Sorted(maps.Keys(s.Paths)) {
		for _, method := range slices.Sorted(maps.Keys(s.Paths[path])) {
			var o struct {
				Security    []map[string][]string
				Parameters  []param
				RequestBody struct {
					Content map[string]struct{ Schema schema }
				} `json:"requestBody"`
			}
			if err := json.Unmarshal(s.Paths[path][method], &o); err != nil {
				t.Fatalf("%s %s: %v", method, path, err)
			}
			all = append(all, target{
				method: strings.ToUpper(method), path: path, open: len(o.Security) == 0, params: o.Parameters, body: o.RequestBody.Content["application/json"].Schema,
			})
		}
	}
	if len(all) < 50 {
		t.Fatalf("only %d operations: the document is not read", len(all))
	}
	return all
}

// plain follows a schema's reference.
func (s spec) plain(x schema) schema {
	for range 10 {
		ref, _ := x["$ref"].(string)
		if ref == "" {
			return x
		}
		x = s.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
	}
	return x
}

func (x schema) kind() string {
	switch k := x["type"].(type) {
	case string:
		return k
	case []any: // with null
		for _, one := range k {
			if text, _ := one.(string); text != "null" {
				return text
			}
		}
	}
	return ""
}

func (x schema) properties() map[string]schema {
	out := map[string]schema{}
	all, _ := x["properties"].(map[string]any)
	for name, p := range all {
		if m, ok := p.(map[string]any); ok && name != "$schema" {
			out[name] = m
		}
	}
	return out
}

func (x schema) required() (names []string) {
	all, _ := x["required"].([]any)
	for _, n := range all {
		if name, ok := n.(string); ok && name != "$schema" {
			names = append(names, name)
		}
	}
	return names
}

// samples are texts that fit fields of a name.
var samples = map[string]string{
	"to": "+5511987654321", "phone": "+5511987654321", "url": "https://example.com/hook", "email": "x@example.com", "body": "hello", "name": "Somebody",
	"message": "hello",
}

// harmless makes a value that fits a schema.
func (s spec) harmless(x schema) any {
	x = s.plain(x)
	if choices, _ := x["enum"].([]any); len(choices) > 0 {
		return choices[0]
	}
	switch x.kind() {
	case "object":
		out := map[string]any{}
		for _, name := range x.required() {
			out[name] = s.harmless(x.properties()[name])
			if sample := samples[name]; sample != "" {
				out[name] = sample
			}
		}
		return out
	case "array":
		item, _ := x["items"].(map[string]any)
		return []any{s.harmless(item)}
	case "boolean":
		return false
	case "integer", "number":
		if least, ok := x["minimum"].(float64); ok {
			return least
		}
		return 1
	case "string":
		return map[string]string{"date-time": "2026-11-22T00:00:00Z", "uri": "https://example.com", "email": "x@example.com"}[text(x["format"])] + ""
	}
	return map[string]any{}
}

func text(v any) string { s, _ := v.(string); return s }

// texts lists where a body takes texts: names, and "[]" for what is in a list.
func (s spec) texts(x schema, at []string) (all [][]string) {
	x = s.plain(x)
	if len(at) > 6 {
		return nil
	}
	switch x.kind() {
	case "string":
		return [][]string{slices.Clone(at)}
	case "array":
		item, _ := x["items"].(map[string]any)
		return s.texts(item, append(at, "[]"))
	case "object":
		properties := x.properties()
		for _, name := range slices.Sorted(maps.Keys(properties)) {
			all = append(all, s.texts(properties[name], append(slices.Clone(at), name))...)
		}
	}
	return all
}

// with makes a harmless body that has a text at one place.
func (s spec) with(x schema, at []string, text string) any {
	x = s.plain(x)
	if len(at) == 0 {
		return text
	}
	if at[0] == "[]" {
		item, _ := x["items"].(map[string]any)
		return []any{s.with(item, at[1:], text)}
	}
	out, ok := s.harmless(x).(map[string]any)
	if !ok {
		out = map[string]any{}
	}
	out[at[0]] = s.with(x.properties()[at[0]], at[1:], text)
	return out
}

// shot is one request of an attack.
type shot struct {
	target target
	where  string // "path.client", "query.cursor", "body.text.body", …
	call
}

// shots puts a text, one place after the other, everywhere that the document
// has one.
func (a *attacker) shots(t *testing.T, s spec, payload string) (all []shot) {
	t.Helper()
	for _, o := range a.all {
		for _, p := range o.params {
			if s.plain(p.Schema).kind() == "string" || p.In == "path" || s.plain(p.Schema).kind() == "array" {
				all = append(all, a.shot(t, s, o, p.In+"."+p.Name, p, nil, payload))
			}
		}
		if o.body == nil {
			continue
		}
		for _, at := range s.texts(o.body, nil) {
			all = append(all, a.shot(t, s, o, "body."+strings.Join(at, "."), param{}, at, payload))
		}
	}
	if len(all) < 150 {
		t.Fatalf("only %d texts found in the document", len(all))
	}
	return all
}

func (a *attacker) shot(t *testing.T, s spec, o target, where string, p param, at []string, payload string) shot {
	t.Helper()
	c := call{method: o.method, path: o.path, header: map[string]string{}}
	if !o.open {
		c.header["Authorization"] = "Bearer " + a.token
	}
	query := url.Values{}
	for _, other := range o.params {
		value := a.paths[other.Name]
		if other.In == "query" && other.Required {
			value = "x"
		}
		if other.Name == p.Name && other.In == p.In {
			value = payload
		}
		switch {
		case other.In == "path":
			c.path = strings.Replace(c.path, "{"+other.Name+"}", url.PathEscape(or(value, "none")), 1)
		case other.In == "query" && value != "":
			query.Set(other.Name, value)
		case other.In == "header" && other.Name == p.Name && other.In == p.In:
			c.header[other.Name] = strings.Map(printable, payload)
		}
	}
	if len(query) > 0 {
		c.path += "?" + query.Encode()
	}
	if o.body != nil {
		body := s.harmless(o.body)
		if at != nil {
			body = s.with(o.body, at, payload)
		}
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		c.body = string(raw)
	}
	return shot{o, where, c}
}

// printable drops what a header cannot carry.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return -1
	}
	return r
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// fire sends a shot, and signs in again where it ended the session.
func (a *attacker) fire(t *testing.T, s shot) reply {
	t.Helper()
	if s.method == http.MethodGet && strings.HasSuffix(s.target.path, "/stream") {
		return reply{status: http.StatusOK} // has no end; its texts are those of the list beside it
	}
	r := a.do(t, s.call)
	if r.status == http.StatusUnauthorized && !s.target.open {
		a.token = a.signIn(t, a.email, a.password).Access
		s.header["Authorization"] = "Bearer " + a.token
		r = a.do(t, s.call)
	}
	return r
}
