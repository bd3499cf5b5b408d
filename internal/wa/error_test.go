package wa_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/wa"
)

// fields lists the fields that err names, through joins and wraps.
func fields(err error) []string {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []string
		for _, one := range joined.Unwrap() {
			all = append(all, fields(one)...)
		}
		return all
	}
	var e *wa.Error
	if errors.As(err, &e) {
		return []string{e.Field}
	}
	return []string{"not ours: " + err.Error()}
}

func TestUnderPutsFieldsBelowTheirParent(t *testing.T) {
	t.Parallel()
	body := wa.InvalidField("body", "must not be empty")
	for _, c := range []struct {
		name string
		err  error
		want []string
	}{
		{"nothing", nil, nil},
		{"one field", body, []string{"text.body"}},
		{"no field", &wa.Error{Code: wa.Invalid}, []string{"text"}},
		{"wrapped", fmt.Errorf("reading: %w", body), []string{"text.body"}},
		{"joined", errors.Join(body, wa.InvalidField("preview_url", "no")), []string{"text.body", "text.preview_url"}},
		{"foreign", io.EOF, []string{"not ours: EOF"}},
	} {
		if diff := cmp.Diff(c.want, fields(wa.Under("text", c.err))); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	if body.Field != "body" {
		t.Error("Under changed the error it was given")
	}
	if got := wa.Under("text", wa.Under("inner", body)); fields(got)[0] != "text.inner.body" {
		t.Errorf("twice: %v", got)
	}
}

func TestCodeOf(t *testing.T) {
	t.Parallel()
	busy := &wa.Error{Code: wa.RateLimited, Reason: "queue_full", Err: io.EOF}
	for want, err := range map[wa.Code]error{
		wa.RateLimited: fmt.Errorf("accepting: %w", busy),
		wa.Internal:    io.EOF,
		wa.Conflict:    errors.Join(io.EOF, wa.Errorf(wa.Conflict, "already sending")),
	} {
		if got := wa.CodeOf(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
	if !errors.Is(busy, io.EOF) {
		t.Error("the cause is lost")
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"internal":                     &wa.Error{Code: wa.Internal},
		"invalid to: is required":      wa.InvalidField("to", "is required"),
		"not_found: no client cli_x":   wa.Errorf(wa.NotFound, "no client %s", "cli_x"),
		"unavailable: try later: EOF":  &wa.Error{Code: wa.Unavailable, Message: "try later", Err: io.EOF},
		"invalid to: is required: EOF": &wa.Error{Code: wa.Invalid, Field: "to", Message: "is required", Err: io.EOF},
	} {
		if got := err.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
