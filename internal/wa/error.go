package wa

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Code says what kind of failure crossed a package border. The API maps each
// to one HTTP status; the queue maps each to "again" or "never again".
type Code string

// The closed set of codes.
const (
	Invalid      Code = "invalid"
	Unauthorized Code = "unauthorized"
	Forbidden    Code = "forbidden"
	NotFound     Code = "not_found"
	Conflict     Code = "conflict"
	Unsupported  Code = "unsupported"
	RateLimited  Code = "rate_limited"
	Unavailable  Code = "unavailable"
	Internal     Code = "internal"
)

// Error is the one error type with meaning outside its package. Message and
// Field may be shown to the caller; Err may not.
type Error struct {
	Code       Code
	Reason     string        // finer code for the caller, e.g. "queue_full"; "" means Code
	Message    string        // a sentence that helps the caller
	Field      string        // for Invalid: which input, e.g. "to" or "text.body"
	RetryAfter time.Duration // for RateLimited, Conflict and Unavailable
	Err        error         // cause: logged, never shown
}

// Error is for logs.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(string(e.Code))
	if e.Field != "" {
		b.WriteString(" " + e.Field)
	}
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error whose message the caller may see.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// InvalidField makes the error of one bad input.
func InvalidField(field, format string, args ...any) *Error {
	return &Error{Code: Invalid, Field: field, Message: fmt.Sprintf(format, args...)}
}

// CodeOf is the code of the first Error in err's chain, and Internal for
// anything foreign.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Internal
}

// Under puts every field of err below a parent, so that "body" becomes
// "text.body"; of errors joined with errors.Join, each one.
func Under(parent string, err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var moved []error
		for _, one := range joined.Unwrap() {
			moved = append(moved, Under(parent, one))
		}
		return errors.Join(moved...)
	}
	var e *Error
	if err == nil || !errors.As(err, &e) {
		return err
	}
	moved := *e
	moved.Field = strings.TrimSuffix(parent+"."+e.Field, ".")
	return &moved
}
