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
	if _, has := reflect.TypeFor[I]().FieldByName("Body"); !has {
		in = "query"
	}
	o := huma.Operation{
		Method: method, Path: path, Summary: summary, OperationID: casing.Kebab(strings.ReplaceAll(summary, "'s", "")), Tags: []string{tagOf(path)},
		RejectUnknownQueryParameters: true, Responses: map[string]*huma.Response{"default": a.problemResponse()},
	}
	own := flows[method+" "+path]
	if need != nobody {
		o.Middlewares = huma.Middlewares{a.admit(need), a.metered(own, workOf(method+" "+path)), a.lasts(method, need)}
	} else if own.name != supervised.name {
		o.Middlewares = huma.Middlewares{a.counted(own)}
	}
	names := namesIn(reflect.TypeFor[I]())
	a.describe(&o, need, reflect.TypeFor[I](), names)
	for _, t := range tune {
		t(&o)
	}
	if o.MaxBodyBytes == 0 {
		o.MaxBodyBytes = MaxSmallBody
	}
	huma.Register(a.huma, o, func(ctx context.Context, input *I) (*O, error) {
		if p := readable(input); p != nil {
			return nil, p
		}
		by := actorOf(ctx)
		if err := a.withinReach(ctx, by, need, names, input); err != nil {
			return nil, problemFrom(err, in)
		}
		out, err := h(ctx, by, input)
		if err != nil {
			return nil, problemFrom(err, in)
		}
		return out, nil
	})
}

// answers sets the status of success.
func answers(status int) func(*huma.Operation) {
	return func(o *huma.Operation) { o.DefaultStatus = status }
}

// takes sets the longest body.
func takes(bytes int64) func(*huma.Operation) {
	return func(o *huma.Operation) { o.MaxBodyBytes = bytes }
}

// gives documents a 200 beside the usual answer, or one that the handler
// writes itself. A nil type stands for text or bytes.
func gives(a *api, what string, body reflect.Type, mediaTypes ...string) func(*huma.Operation) {
	return func(o *huma.Operation) {
		content := map[string]*huma.MediaType{}
		for _, m := range mediaTypes {
			schema := &huma.Schema{Type: huma.TypeString}
			if m == mediaJSON && body != nil {
				schema = a.huma.OpenAPI().Components.Schemas.Schema(body, true, "")
			}
			content[m] = &huma.MediaType{Schema: schema}
		}
		o.Responses[strconv.Itoa(http.StatusOK)] = &huma.Response{Description: what, Content: content}
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
