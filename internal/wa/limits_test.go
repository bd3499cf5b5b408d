package wa_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/wa"
)

func TestLimitsValidate(t *testing.T) {
	t.Parallel()
	good := wa.DefaultLimits()
	if err := good.Validate(); err != nil || !good.Enabled {
		t.Errorf("the defaults are refused: %v", err)
	}
	for _, c := range []struct {
		name   string
		change func(*wa.Limits)
		want   []string
	}{
		{"least", func(l *wa.Limits) { *l = wa.Limits{PerMinute: 1, PerHour: 1, PerDay: 1} }, nil},
		{"most", func(l *wa.Limits) {
			*l = wa.Limits{PerMinute: 6000, PerHour: 100_000, PerDay: 1_000_000, GapMinMS: 600_000, GapMaxMS: 600_000}
		}, nil},
		{"equal gaps", func(l *wa.Limits) { l.GapMinMS, l.GapMaxMS = 3000, 3000 }, nil},
		{"no minute", func(l *wa.Limits) { l.PerMinute = 0 }, []string{"per_minute"}},
		{"negative hour", func(l *wa.Limits) { l.PerHour = -1 }, []string{"per_hour"}},
		{"too many a day", func(l *wa.Limits) { l.PerDay = 1_000_001 }, []string{"per_day"}},
		{"too many a minute", func(l *wa.Limits) { l.PerMinute = 6001 }, []string{"per_minute"}},
		{"gaps the wrong way round", func(l *wa.Limits) { l.GapMinMS, l.GapMaxMS = 5000, 2000 }, []string{"gap_max_ms"}},
		{"negative gap", func(l *wa.Limits) { l.GapMinMS = -1 }, []string{"gap_min_ms"}},
		{"endless gap", func(l *wa.Limits) { l.GapMaxMS = 600_001 }, []string{"gap_max_ms"}},
		{
			"all at once", func(l *wa.Limits) { *l = wa.Limits{GapMinMS: -1, GapMaxMS: -2} },
			[]string{"per_minute", "per_hour", "per_day", "gap_min_ms", "gap_max_ms"},
		},
	} {
		l := good
		c.change(&l)
		if diff := cmp.Diff(c.want, fields(l.Validate())); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// What lets more out than before and than usual is beyond, also while pacing is
// off: whoever switches it on again must find the numbers that they left.
func TestBeyond(t *testing.T) {
	t.Parallel()
	usual := wa.DefaultLimits()
	off, fast, slow := usual, usual, usual
	off.Enabled = false
	fast.PerMinute = 100
	slow.PerMinute = 1
	fastOff, slowOff := fast, slow
	fastOff.Enabled, slowOff.Enabled = false, false
	for name, c := range map[string]struct {
		before, after wa.Limits
		want          bool
	}{
		"the same":                        {usual, usual, false},
		"slower":                          {usual, slow, false},
		"up to the usual":                 {slow, usual, false},
		"faster":                          {usual, fast, true},
		"as fast as before":               {fast, fast, false},
		"off":                             {usual, off, true},
		"on again":                        {off, usual, false},
		"on again as fast as it was":      {fastOff, fast, false},
		"faster while it is off":          {off, fastOff, true},
		"on and faster at once":           {off, fast, true},
		"slower while it is off":          {off, slowOff, false},
		"off, though slower when it's on": {usual, slowOff, true},
	} {
		if got := c.after.Beyond(c.before); got != c.want {
			t.Errorf("%s: %t, want %t", name, got, c.want)
		}
	}
}
