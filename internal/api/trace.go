package api

import (
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"chasqui/internal/telemetry"
)

// unwatched is what supervisors ask every few seconds.
var unwatched = []string{"/health", "/livez", "/readyz"}

// trace begins the span of a request, in which everything that it causes
// stands.
func (a *api) trace(c *gin.Context) *telemetry.Span {
	if slices.Contains(unwatched, c.FullPath()) {
		return nil
	}
	ctx, span := a.Trace.Serve(c.Request.Context(), c.Request.Header, c.Request.Method)
	if span != nil {
		c.Request = c.Request.WithContext(ctx)
	}
	return span
}

// ended names a request's span by its route: the path holds ids, and the
// caller's address is a person's.
func ended(span *telemetry.Span, method, route string, status int) {
	span.Name(method + " " + route)
	telemetry.Note(span, "http.request.method", method)
	telemetry.Note(span, "http.route", route)
	telemetry.Note(span, "http.response.status_code", status)
	if status >= http.StatusInternalServerError {
		span.Fail("answered with an error of ours")
	}
	span.End()
}
