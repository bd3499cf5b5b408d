package wa_test

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/wa"
)

var now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// in is a moment ahead of now.
func in(d time.Duration) *time.Time {
	t := now.Add(d)
	return &t
}

func draft() wa.Draft {
	return wa.Draft{To: "+5511987654321", Type: "text", Text: &wa.Text{Body: "olá"}, Lane: wa.Normal}
}

// many makes n different keys.
func many(n int) map[string]string {
	m := map[string]string{}
	for i := range n {
		m[strconv.Itoa(i)] = "v"
	}
	return m
}

func TestDraftValidate(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, c := range []struct {
		name   string
		change func(*wa.Draft)
		want   []string
	}{
		{"plain", func(*wa.Draft) {}, nil},
		{"no recipient", func(d *wa.Draft) { d.To = "" }, []string{"to"}},
		{"bad recipient", func(d *wa.Draft) { d.To = "con_x" }, []string{"to"}},
		{"no type", func(d *wa.Draft) { d.Type = "" }, []string{"type"}},
		{"unknown type", func(d *wa.Draft) { d.Type = "hologram" }, []string{"type"}},
		{"no content", func(d *wa.Draft) { d.Text = nil }, []string{"text"}},
		{"empty text", func(d *wa.Draft) { d.Text = &wa.Text{Body: " \n"} }, []string{"text.body"}},
		{"endless text", func(d *wa.Draft) { d.Text = &wa.Text{Body: strings.Repeat("x", wa.MaxTextLength+1)} }, []string{"text.body"}},
		{"NUL in text", func(d *wa.Draft) { d.Text = &wa.Text{Body: "a\x00"} }, []string{"text.body"}},

		{"soonest", func(d *wa.Draft) { d.SendAt = in(time.Minute) }, nil},
		{"too soon", func(d *wa.Draft) { d.SendAt = in(time.Minute - 1) }, []string{"send_at"}},
		{"in the past", func(d *wa.Draft) { d.SendAt = in(-day) }, []string{"send_at"}},
		{"latest", func(d *wa.Draft) { d.SendAt = in(35 * day) }, nil},
		{"too late", func(d *wa.Draft) { d.SendAt = in(35*day + 1) }, []string{"send_at"}},
		{"the year 9999", func(d *wa.Draft) { d.SendAt = in(1<<63 - 1) }, []string{"send_at"}},
		{"just long enough", func(d *wa.Draft) { d.ExpiresAt = in(30 * time.Second) }, nil},
		{"expires at once", func(d *wa.Draft) { d.ExpiresAt = in(30*time.Second - 1) }, []string{"expires_at"}},
		{"already expired", func(d *wa.Draft) { d.ExpiresAt = in(-time.Hour) }, []string{"expires_at"}},
		{"expires before it is due", func(d *wa.Draft) { d.SendAt, d.ExpiresAt = in(2*time.Hour), in(time.Hour) }, []string{"expires_at"}},
		{"lives long", func(d *wa.Draft) { d.ExpiresAt = in(70 * day) }, nil},
		{"lives for ever", func(d *wa.Draft) { d.ExpiresAt = in(70*day + 1) }, []string{"expires_at"}},

		{"long reference", func(d *wa.Draft) { d.ClientRef = strings.Repeat("é", 255) }, nil},
		{"too long reference", func(d *wa.Draft) { d.ClientRef = strings.Repeat("é", 256) }, []string{"client_ref"}},
		{"NUL in reference", func(d *wa.Draft) { d.ClientRef = "a\x00b" }, []string{"client_ref"}},
		{"reference that is no text", func(d *wa.Draft) { d.ClientRef = "\xff" }, []string{"client_ref"}},
		{"much metadata", func(d *wa.Draft) { d.Metadata = many(50) }, nil},
		{"too much metadata", func(d *wa.Draft) { d.Metadata = many(51) }, []string{"metadata"}},
		{"empty key", func(d *wa.Draft) { d.Metadata = map[string]string{"": "v"} }, []string{"metadata"}},
		{"long key", func(d *wa.Draft) { d.Metadata = map[string]string{strings.Repeat("k", 256): "v"} }, []string{"metadata"}},
		{"long value", func(d *wa.Draft) { d.Metadata = map[string]string{"k": strings.Repeat("v", 1001)} }, []string{"metadata"}},
		{"NUL in metadata", func(d *wa.Draft) { d.Metadata = map[string]string{"k": "\x00"} }, []string{"metadata"}},
		{"NUL in a key", func(d *wa.Draft) { d.Metadata = map[string]string{"\x00": ""} }, []string{"metadata"}},
		{"mentions", func(d *wa.Draft) { d.Mentions = slices.Repeat([]string{"+5511987654321"}, 256) }, nil},
		{"too many mentions", func(d *wa.Draft) { d.Mentions = slices.Repeat([]string{"+5511987654321"}, 257) }, []string{"mentions"}},
		{"mention of nobody", func(d *wa.Draft) { d.Mentions = []string{"+5511987654321", "everybody"} }, []string{"mentions"}},

		{"everything at once", func(d *wa.Draft) {
			*d = wa.Draft{To: "x", Type: "text", Text: &wa.Text{}, SendAt: in(0), ClientRef: "\x00", Metadata: many(51), Mentions: []string{"x"}}
		}, []string{"to", "text.body", "send_at", "client_ref", "metadata", "mentions"}},
	} {
		d := draft()
		c.change(&d)
		err := d.Validate(now)
		if diff := cmp.Diff(c.want, fields(err)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		for _, e := range ours(err) {
			if e.Message == "" || e.Code != wa.Invalid && e.Code != wa.Unsupported {
				t.Errorf("%s: %#v helps nobody", c.name, e)
			}
		}
	}
}

// ours lists the errors joined in err.
func ours(err error) []*wa.Error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*wa.Error
		for _, one := range joined.Unwrap() {
			all = append(all, ours(one)...)
		}
		return all
	}
	var e *wa.Error
	if errors.As(err, &e) {
		return []*wa.Error{e}
	}
	return nil
}

func TestDraftExpiry(t *testing.T) {
	t.Parallel()
	for want, d := range map[time.Duration]wa.Draft{
		wa.DefaultValidity:                 {Lane: wa.Urgent},
		wa.DefaultBulkValidity:             {Lane: wa.Bulk},
		wa.DefaultValidity + time.Hour:     {Lane: wa.Normal, SendAt: in(time.Hour)},
		wa.DefaultBulkValidity + time.Hour: {Lane: wa.Bulk, SendAt: in(time.Hour)},
		time.Minute:                        {Lane: wa.Bulk, ExpiresAt: in(time.Minute)},
		2 * time.Hour:                      {SendAt: in(time.Hour), ExpiresAt: in(2 * time.Hour)},
	} {
		if got := d.Expiry(now); got.Sub(now) != want {
			t.Errorf("%+v expires in %v, want %v", d, got.Sub(now), want)
		}
	}
}

func TestJobsNameTheirKind(t *testing.T) {
	t.Parallel()
	kinds := map[string]wa.Job{
		"message:send": wa.SendTicket{}, "client:drain": wa.DrainTicket{}, "client:control": wa.ControlTicket{}, "client:assign": wa.AssignTicket{},
	}
	for _, want := range slices.Sorted(maps.Keys(kinds)) {
		if got := kinds[want].Kind(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
