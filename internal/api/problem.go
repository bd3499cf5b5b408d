package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"chasqui/internal/wa"
)

// Problem is the body of every failure (RFC 9457).
type Problem struct {
	Type      string       `json:"type" format:"uri" doc:"Names the kind of problem; the last part is the code"`
	Title     string       `json:"title" doc:"The kind of problem in words"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail,omitempty" doc:"What happened this time"`
	Code      string       `json:"code" doc:"What programs branch on"`
	Retryable bool         `json:"retryable,omitempty" doc:"The same request may succeed later"`
	RetryAt   *time.Time   `json:"retry_at,omitempty"`
	RequestID string       `json:"request_id" doc:"Finds this request in the logs"`
	Errors    []FieldError `json:"errors,omitempty" nullable:"false"`

	cause      error
	retryAfter time.Duration
	challenge  string
}

// FieldError says what is wrong with one part of a request.
type FieldError struct {
	Location string `json:"location" doc:"Such as body.text.body, query.limit or header.Idempotency-Key"`
	Message  string `json:"message"`
	Value    any    `json:"value,omitempty" doc:"What was there, if it is short and no secret"`
}

// statusClientGone is what the log shows when nobody waits for the answer.
const statusClientGone = 499

// kinds maps every code to its status and title.
var kinds = map[wa.Code]struct {
	status int
	title  string
}{
	wa.Invalid:      {http.StatusUnprocessableEntity, "The request is not valid"},
	wa.Unauthorized: {http.StatusUnauthorized, "A valid API key or access token is needed"},
	wa.Forbidden:    {http.StatusForbidden, "You may not do that"},
	wa.NotFound:     {http.StatusNotFound, "There is no such thing"},
	wa.Conflict:     {http.StatusConflict, "This does not fit the present state"},
	wa.Unsupported:  {http.StatusUnprocessableEntity, "This is not supported"},
	wa.RateLimited:  {http.StatusTooManyRequests, "Too much at once"},
	wa.Unavailable:  {http.StatusServiceUnavailable, "Not available at the moment"},
	wa.Internal:     {http.StatusInternalServerError, "Something failed on our side"},
}

// codes maps the statuses that arise outside the verbs.
var codes = map[int]wa.Code{
	http.StatusBadRequest:            wa.Invalid,
	http.StatusUnauthorized:          wa.Unauthorized,
	http.StatusForbidden:             wa.Forbidden,
	http.StatusNotFound:              wa.NotFound,
	http.StatusMethodNotAllowed:      wa.Unsupported,
	http.StatusRequestTimeout:        wa.Unavailable,
	http.StatusConflict:              wa.Conflict,
	http.StatusRequestEntityTooLarge: wa.Invalid,
	http.StatusUnsupportedMediaType:  wa.Unsupported,
	http.StatusUnprocessableEntity:   wa.Invalid,
	http.StatusTooManyRequests:       wa.RateLimited,
	http.StatusServiceUnavailable:    wa.Unavailable,

	http.StatusRequestHeaderFieldsTooLarge: wa.Invalid,
}

const typeBase = "https://chasqui.dev/errors/"

// reasonTitles are kinds of problems that are called otherwise than their code:
// people read them who know of no keys and tokens.
var reasonTitles = map[string]string{
	"sign_in_failed": notLetIn,
	"code_wrong":     notLetIn,
	"signed_out":     "You are not signed in any more",
}

const notLetIn = "You could not be signed in"

// problemOf makes a problem from a status and a sentence.
func problemOf(status int, detail string, fields ...FieldError) *Problem {
	code, ok := codes[status]
	if !ok {
		code = wa.Internal
	}
	return &Problem{Type: typeBase + string(code), Title: kinds[code].title, Status: status, Detail: detail, Code: string(code), Errors: fields}
}

// badQuery makes the problem of one bad query parameter.
func badQuery(name, value, message string) *Problem {
	return problemOf(http.StatusUnprocessableEntity, name+" "+message, FieldError{Location: "query." + name, Message: message, Value: shortValue(value)})
}

// problemFrom makes the problem of an error that a verb or the store returned.
// Fields lie below in, which is "body" or "query".
func problemFrom(err error, in string) *Problem {
	var ready *Problem
	if errors.As(err, &ready) {
		return ready
	}
	if errors.Is(err, context.Canceled) {
		p := problemOf(http.StatusServiceUnavailable, "the request was given up")
		p.Status = statusClientGone
		return p
	}
	p := compose(flatten(err), in)
	p.cause = err
	return p
}

// compose makes one problem of the failures that were reported together. The
// first decides on the status.
func compose(known []*wa.Error, in string) *Problem {
	if len(known) == 0 {
		known = []*wa.Error{{Code: wa.Internal}}
	}
	first := known[0]
	kind, ok := kinds[first.Code]
	if !ok {
		kind = kinds[wa.Internal]
	}
	p := problemOf(kind.status, detailOf(known))
	p.Code, p.Title = string(first.Code), kind.title
	if first.Reason != "" && !slices.ContainsFunc(known, func(e *wa.Error) bool { return e.Reason != first.Reason }) {
		p.Code = first.Reason
	}
	if title, ok := reasonTitles[p.Code]; ok {
		p.Title = title
	}
	p.Type = typeBase + p.Code
	p.Errors = fieldErrors(known, in)
	p.retryAfter = first.RetryAfter
	if p.retryAfter == 0 && first.Code == wa.Unavailable {
		p.retryAfter = 2 * time.Second
	}
	p.Retryable = p.retryAfter > 0
	return p
}

func detailOf(known []*wa.Error) string {
	first := known[0]
	switch {
	case first.Code == wa.Internal:
		return "the request id finds the cause in the server's log"
	case len(known) > 1:
		return fmt.Sprintf("%d things are wrong; see errors", len(known))
	case first.Field != "":
		return first.Field + " " + first.Message
	}
	return first.Message
}

func fieldErrors(known []*wa.Error, in string) []FieldError {
	var fields []FieldError
	for _, e := range known {
		if e.Field != "" {
			fields = append(fields, FieldError{Location: locate(in, e.Field), Message: e.Message})
		}
	}
	return fields
}

// locate puts a verb's field where the caller wrote it.
func locate(in, field string) string {
	if field == headerIdempotencyKey {
		return "header." + field
	}
	return in + "." + field
}

// flatten lists the Errors that err is made of.
func flatten(err error) []*wa.Error {
	switch e := err.(type) { //nolint:errorlint // this walks the tree itself
	case nil:
		return nil
	case *wa.Error:
		return []*wa.Error{e}
	case interface{ Unwrap() []error }:
		var all []*wa.Error
		for _, part := range e.Unwrap() {
			all = append(all, flatten(part)...)
		}
		return all
	}
	return flatten(errors.Unwrap(err))
}

// Error is for logs.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus tells huma the status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType tells huma the media type.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders tells huma the headers that go with the problem.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((p.retryAfter+time.Second-1)/time.Second)))
	}
	if p.challenge != "" {
		h.Set("WWW-Authenticate", p.challenge)
	}
	return h
}

// finish fills in what only the request knows.
func (p *Problem) finish(requestID string, now time.Time) {
	p.RequestID = requestID
	if p.retryAfter > 0 {
		at := now.Add(p.retryAfter).UTC().Truncate(time.Second)
		p.RetryAt = &at
	}
}

func (p *Problem) encode() []byte {
	raw, err := json.Marshal(p)
	if err != nil { // a value that cannot be encoded cannot have been decoded
		return []byte(`{"code":"internal"}`)
	}
	return raw
}

// fromHuma makes our problem of what huma found wrong with a request.
func fromHuma(m *huma.ErrorModel) *Problem {
	fields := make([]FieldError, 0, len(m.Errors))
	for _, e := range m.Errors {
		if e != nil {
			fields = append(fields, fieldFromHuma(e))
		}
	}
	status, detail := m.Status, m.Detail
	switch {
	case status == http.StatusUnsupportedMediaType:
		return problemOf(status, "send the body as application/json")
	case status == http.StatusRequestTimeout:
		return problemOf(status, "the request's body did not arrive completely")
	case status == http.StatusBadRequest && len(fields) > 0:
		detail = "the body is not JSON: " + fields[0].Message
	case len(fields) == 1:
		detail = fields[0].Location + ": " + fields[0].Message
	case len(fields) > 1:
		detail = fmt.Sprintf("%d things are wrong; see errors", len(fields))
	}
	return problemOf(status, detail, fields...)
}

const (
	maxValue = 100
	// Where huma names a missing property in words only.
	missingBefore, missingAfter = "expected required property ", " to be present"
)

// outOfRange is what is said of a number that is one, but of no size that fits.
var outOfRange = regexp.MustCompile(`^json: cannot unmarshal number \S+ into Go struct field [^. ]*\.([\w.]+) of type `)

func fieldFromHuma(e *huma.ErrorDetail) FieldError {
	f := FieldError{Location: e.Location, Message: e.Message}
	if name, ok := strings.CutPrefix(e.Message, missingBefore); ok {
		if name, ok = strings.CutSuffix(name, missingAfter); ok {
			return FieldError{Location: e.Location + "." + name, Message: "is required"}
		}
	}
	if m := outOfRange.FindStringSubmatch(e.Message); m != nil {
		return FieldError{Location: e.Location + "." + m[1], Message: "is too large or too small a number"}
	}
	f.Message = strings.TrimPrefix(f.Message, "invalid value: "+string(wa.Invalid)+": ") // our own words, with huma's before them
	if e.Message == "unexpected property" {
		return FieldError{Location: e.Location, Message: "is not a field of this request"}
	}
	if e.Location != "body" && !strings.HasPrefix(e.Location, "body.response") {
		f.Value = shortValue(e.Value)
	}
	return f
}

// shortValue is v if it can be shown: a scalar, and not too much of it.
func shortValue(v any) any {
	switch v := v.(type) {
	case string:
		if utf8.RuneCountInString(v) > maxValue {
			return string([]rune(v)[:maxValue]) + "…"
		}
		return v
	case bool, float64, int64, int:
		return v
	}
	return nil
}
