package api

import (
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/danielgtaylor/huma/v2/casing"

	"chasqui/internal/wa"
)

// What needs no particular permission.
const (
	nobody  wa.Permission = ""      // no key at all
	anybody wa.Permission = "a key" // any key
)

// handler does one operation for an actor.
type handler[I, O any] func(ctx context.Context, by wa.Actor, in *I) (*O, error)

// op mounts a handler. Whatever error it returns becomes a problem, and what
// is internal about it is logged and not shown.
func op[I, O any](a *api, method, path string, need wa.Permission, h handler[I, O], summary string, tune ...func(*huma.Operation)) {
	in := "body"
	if method == http.MethodGet {
		in = "query"
	}
	o := huma.Operation{
		Method: method, Path: path, Summary: summary, OperationID: casing.Kebab(strings.ReplaceAll(summary, "'s", "")), Tags: []string{tagOf(path)},
		RejectUnknownQueryParameters: true, Responses: map[string]*huma.Response{"default": a.problemResponse()},
	}
	if need != nobody {
		o.Security = security(need)
		o.Middlewares = huma.Middlewares{a.admit(need)}
	}
	for _, t := range tune {
		t(&o)
	}
	huma.Register(a.huma, o, func(ctx context.Context, input *I) (*O, error) {
		if p := readable(input); p != nil {
			return nil, p
		}
		out, err := h(ctx, actorOf(ctx), input)
		if err != nil {
			return nil, problemFrom(err, in)
		}
		return out, nil
	})
}

// security documents that a key is needed, and which scope it must have.
func security(need wa.Permission) []map[string][]string {
	scopes := []string{}
	if need != anybody {
		scopes = append(scopes, string(need))
	}
	return []map[string][]string{{schemeKey: scopes}, {schemeBearer: scopes}}
}

// answers sets the status of success.
func answers(status int) func(*huma.Operation) {
	return func(o *huma.Operation) { o.DefaultStatus = status }
}

// takes sets the longest body.
func takes(bytes int64) func(*huma.Operation) {
	return func(o *huma.Operation) { o.MaxBodyBytes = bytes }
}

// gives documents an answer beside the usual one, or one that the handler
// writes itself. A nil type stands for text or bytes.
func gives(a *api, status int, what string, body reflect.Type, mediaTypes ...string) func(*huma.Operation) {
	return func(o *huma.Operation) {
		content := map[string]*huma.MediaType{}
		for _, m := range mediaTypes {
			schema := &huma.Schema{Type: huma.TypeString}
			if m == mediaJSON && body != nil {
				schema = a.huma.OpenAPI().Components.Schemas.Schema(body, true, "")
			}
			content[m] = &huma.MediaType{Schema: schema}
		}
		o.Responses[strconv.Itoa(status)] = &huma.Response{Description: what, Content: content}
	}
}

// tagOf is the group an address belongs to: "messages" for
// /api/v1/clients/{client}/messages, "clients" for /api/v1/clients/{client}/pair.
func tagOf(path string) string {
	switch {
	case strings.Contains(path, "message"):
		return "messages"
	case !strings.HasPrefix(path, v1):
		return "service"
	}
	tag, _, _ := strings.Cut(strings.TrimPrefix(path, v1+"/"), "/")
	return tag
}

// Names of the security schemes.
const (
	schemeKey    = "X-API-Key"
	schemeBearer = "Bearer"
)

// document is huma's configuration: our own problems, nothing from other hosts,
// no links to schemas in answers.
func (a *api) document() huma.Config {
	version := a.Version
	if version == "" {
		version = "dev"
	}
	c := huma.DefaultConfig("chasqui", version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = "/api/openapi", "", "", nil
	c.Transformers = []huma.Transformer{a.transform}
	c.Info.Description = "Send and receive WhatsApp messages."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		schemeKey:    {Type: "apiKey", In: "header", Name: "X-API-Key"},
		schemeBearer: {Type: "http", Scheme: "bearer"},
	}
	if a.PublicURL != "" {
		c.Servers = []*huma.Server{{URL: a.PublicURL}}
	}
	return c
}

// transform puts every failure that huma found, and every one of ours, into the
// one shape.
func (a *api) transform(ctx huma.Context, _ string, v any) (any, error) {
	switch body := v.(type) {
	case *huma.ErrorModel:
		p := fromHuma(body)
		a.prepare(humagin.Unwrap(ctx), p)
		return p, nil
	case *Problem:
		a.prepare(humagin.Unwrap(ctx), body)
	}
	return v, nil
}

func (a *api) problemResponse() *huma.Response {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "")
	return &huma.Response{
		Description: "A problem",
		Content:     map[string]*huma.MediaType{"application/problem+json": {Schema: schema}},
	}
}

// finishDocument drops what huma would have answered failures with.
func (a *api) finishDocument() {
	schemas := a.huma.OpenAPI().Components.Schemas.Map()
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
}
