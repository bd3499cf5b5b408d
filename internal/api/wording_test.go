package api_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"chasqui/internal/api"
)

var inOthers = []string{"es", "pt", "id"}

// Every sentence has words in each language, and loses nothing that it holds.
func TestPhrasesAreSaidInEveryLanguage(t *testing.T) {
	t.Parallel()
	verbs := regexp.MustCompile(`%[dsv]`)
	for _, english := range api.Phrases() {
		n := 0
		message := verbs.ReplaceAllStringFunc(english, func(string) string { n++; return []string{"4711", "0815"}[n-1] })
		seen := map[string]bool{message: true}
		for _, tag := range inOthers {
			p, got := api.Translated("", message, tag)
			text := p.Errors[0].Message
			if p.Detail != "body.x: "+text {
				t.Errorf("%s: %q is told as %q", tag, text, p.Detail)
			}
			if got != tag || text == "" || text == message || strings.ContainsAny(text, "{}%") {
				t.Errorf("%s (%s): %q is %q", tag, got, message, text)
			}
			seen[text] = true
		}
		if len(seen) < 3 { // two languages may share a word, three do not
			t.Errorf("%q is said in %d ways: %v", message, len(seen), seen)
		}
	}
}

func TestEveryTitleIsSaidInEveryLanguage(t *testing.T) {
	t.Parallel()
	for _, title := range api.Titles() {
		for _, tag := range inOthers {
			if p, _ := api.Translated(title, "x", tag); p.Title == title {
				t.Errorf("%q is not said in %s", title, tag)
			}
		}
	}
}

func TestTheCallersLanguage(t *testing.T) {
	t.Parallel()
	const english, es, pt, id = "expected integer", "debe ser un número entero", "deve ser um número inteiro", "harus berupa bilangan bulat"
	for accept, want := range map[string]string{
		"": english, "en": english, "en-GB,es;q=0.9": english, "de": english, "*": english, "es;q=x": english, "\x00": english,
		"es": es, "es-MX,es;q=0.9,en;q=0.8": es, "de, es;q=0.5": es, "pt-BR": pt, "pt-PT": pt, "id": id, "in": id, "id-ID, en;q=0.1": id,
		strings.Repeat("es,", 100): english,
	} {
		if p, tag := api.Translated("", english, accept); p.Errors[0].Message != want || (tag == "") != (want == english) {
			t.Errorf("%.40q: %q, %q", accept, p.Errors[0].Message, tag)
		}
	}
	const own = "is nobody of the team" // what we say ourselves stays as it is
	if p, _ := api.Translated("", own, "es"); p.Errors[0].Message != own {
		t.Errorf("%q", p.Errors[0].Message)
	}
}

// What the library really says of requests is recognised: with a version of it
// that says it otherwise this fails.
func TestRefusalsAreInTheCallersLanguage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const hooks, hook = "/api/v1/webhooks", `{"url":"https://example.com/x"`
	for name, tt := range map[string]struct {
		method, path, body string
		location, want     string
	}{
		"a property that is missing": {"POST", hooks, `{}`, "body.url", "es obligatorio"},
		"an unknown property":        {"POST", hooks, hook + `,"colour":1}`, "body.colour", "no es un campo de esta petición"},
		"no text":                    {"POST", hooks, `{"url":1}`, "body.url", "debe ser un texto"},
		"no list":                    {"POST", hooks, hook + `,"events":"x"}`, "body.events", "debe ser una lista"},
		"no boolean":                 {"POST", hooks, hook + `,"ordered":1}`, "body.ordered", "debe ser true o false"},
		"none of those":              {"POST", hooks, hook + `,"payload":"huge"}`, "body.payload", "debe ser uno de estos: full"},
		"too large a number":         {"GET", "/api/v1/messages?limit=999999", ``, "query.limit", "debe ser 200 o menos"},
		"no number":                  {"GET", "/api/v1/messages?limit=many", ``, "query.limit", "debe ser un número entero"},
		"no time":                    {"GET", "/api/v1/messages?since=yesterday", ``, "query.since", "debe ser fecha y hora"},
		"too many":                   {"POST", "/api/v1/clients/{client}/messages/batch", `{"messages":[]}`, "body.messages", "debe tener 1 elementos o más"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := call{method: tt.method, path: tt.path, body: tt.body, key: w.admin, header: map[string]string{"Accept-Language": "es-PE,es;q=0.9"}}
			r := w.do(t, c)
			p := decode[api.Problem](t, r.body)
			if r.header.Get("Content-Language") != "es" || p.Title != "La petición no es válida" || p.Code != "invalid" {
				t.Errorf("%d %s %q: %s", r.status, r.header.Get("Content-Language"), p.Title, r.body)
			}
			if len(p.Errors) != 1 || p.Errors[0].Location != tt.location || !strings.HasPrefix(p.Errors[0].Message, tt.want) || !strings.Contains(p.Detail, tt.want) {
				t.Errorf("errors %+v, detail %q", p.Errors, p.Detail)
			}
			c.header = nil
			if r := w.do(t, c); r.header.Get("Content-Language") != "" || decode[api.Problem](t, r.body).Title != "The request is not valid" {
				t.Errorf("without a wish: %s", r.body)
			}
		})
	}
	r := w.do(t, call{method: "POST", path: hooks, body: `{"url":1,"ordered":1}`, key: w.admin, header: map[string]string{"Accept-Language": "id"}})
	if p := decode[api.Problem](t, r.body); r.status != http.StatusUnprocessableEntity || p.Detail != "ada 2 kesalahan; lihat errors" {
		t.Errorf("several: %q", p.Detail)
	}
}
