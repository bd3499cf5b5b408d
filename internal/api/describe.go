package api

import (
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"chasqui/internal/wa"
)

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
	c.Formats = map[string]huma.Format{"application/json": strictJSON, "json": strictJSON}
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

// describe documents who may do an operation and how it can be refused.
func (a *api) describe(o *huma.Operation, need wa.Permission, in reflect.Type, names []named) {
	o.Extensions = map[string]any{}
	if need != nobody {
		o.Security = security(need)
	}
	if need != nobody && need != anybody {
		o.Extensions["x-permission"] = string(need)
		o.Extensions["x-step-up"] = wa.NeedsStepUp(need)
	}
	for status, codes := range refusals(o, need, in, names) {
		a.refuses(o, status, codes...)
	}
}

// refusals are what an operation can be refused with, by status.
func refusals(o *huma.Operation, need wa.Permission, in reflect.Type, names []named) map[int][]string {
	out := map[int][]string{
		http.StatusUnprocessableEntity: {"invalid"}, http.StatusTooManyRequests: {"rate_limited"},
		http.StatusInternalServerError: {"internal"}, http.StatusServiceUnavailable: {"unavailable"},
	}
	if need != nobody {
		out[http.StatusUnauthorized] = []string{"unauthorized", "token_invalid", "signed_out", "address_not_allowed"}
		out[http.StatusForbidden] = []string{"forbidden"}
	}
	if wa.NeedsStepUp(need) {
		out[http.StatusForbidden] = append(out[http.StatusForbidden], "step_up_required")
	}
	if strings.Contains(o.Path, "{") || len(names) > 0 {
		out[http.StatusNotFound] = []string{"not_found"}
	}
	if o.Method != http.MethodGet {
		out[http.StatusConflict] = []string{"conflict"}
	}
	if o.Method != http.MethodGet && need != nobody && need != anybody && need != wa.DeleteOrg {
		out[http.StatusConflict] = append(out[http.StatusConflict], "org_deleting")
	}
	if _, has := in.FieldByName("Body"); has {
		out[http.StatusBadRequest] = []string{"invalid"}
		out[http.StatusRequestTimeout] = []string{"unavailable"}
		out[http.StatusRequestEntityTooLarge] = []string{"invalid"}
		out[http.StatusUnsupportedMediaType] = []string{"unsupported"}
	}
	if _, once := in.FieldByName("Once"); once {
		out[http.StatusConflict] = append(out[http.StatusConflict], "idempotency_key_busy")
		out[http.StatusUnprocessableEntity] = append(out[http.StatusUnprocessableEntity], "idempotency_key_reuse")
	}
	return out
}

// refuses adds codes to what an operation's answers of one status can say.
func (a *api) refuses(o *huma.Operation, status int, codes ...string) {
	key := strconv.Itoa(status)
	r := o.Responses[key]
	if r == nil {
		r = a.problemResponse()
		r.Description, r.Extensions = http.StatusText(status), map[string]any{}
		o.Responses[key] = r
	}
	known, _ := r.Extensions[codesKey].([]string)
	for _, c := range codes {
		if !slices.Contains(known, c) {
			known = append(known, c)
		}
	}
	r.Extensions[codesKey] = known
}

// codesKey is where the document lists the codes of a status.
const codesKey = "x-codes"

// fails documents codes of an operation's own.
func fails(a *api, status int, codes ...string) func(*huma.Operation) {
	return func(o *huma.Operation) { a.refuses(o, status, codes...) }
}

// security documents what must be sent. The permission is named where the scheme
// can carry it: some are for people only.
func security(need wa.Permission) []map[string][]string {
	scopes := []string{}
	if need != anybody {
		scopes = append(scopes, string(need))
	}
	bearer := map[string][]string{schemeBearer: scopes}
	if need != anybody && !wa.Grants()[need].Key {
		return []map[string][]string{bearer}
	}
	return []map[string][]string{{schemeKey: scopes}, bearer}
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
