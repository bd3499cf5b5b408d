package wa

import "errors"

// Limits is how fast one number may send. All are hard: never above them in
// any window of that length, whoever sends and whatever crashed.
type Limits struct {
	Enabled   bool `json:"enabled" doc:"false switches pacing off"`
	PerMinute int  `json:"per_minute"`
	PerHour   int  `json:"per_hour"`
	PerDay    int  `json:"per_day"`
	GapMinMS  int  `json:"gap_min_ms" doc:"Shortest pause between two messages, milliseconds"`
	GapMaxMS  int  `json:"gap_max_ms" doc:"Longest random pause between two messages, milliseconds"`
	Typing    bool `json:"typing" doc:"Show the typing indicator for a time in proportion to the text"`
}

// DefaultLimits is what a fresh number gets: a pace that a person could keep.
func DefaultLimits() Limits {
	return Limits{Enabled: true, PerMinute: 20, PerHour: 100, PerDay: 1000, GapMinMS: 2000, GapMaxMS: 5000, Typing: true}
}

// Beyond reports whether l lets more out than before did and than a fresh number
// may: nobody should do that to a number by the way. Numbers count while pacing is
// off, too, or they would be raised behind the back of who switches it on again.
func (l Limits) Beyond(before Limits) bool {
	usual := DefaultLimits()
	faster := func(l, before, usual int) bool { return l > max(before, usual) }
	return !l.Enabled && before.Enabled ||
		faster(l.PerMinute, before.PerMinute, usual.PerMinute) || faster(l.PerHour, before.PerHour, usual.PerHour) ||
		faster(l.PerDay, before.PerDay, usual.PerDay) || l.GapMinMS < min(before.GapMinMS, usual.GapMinMS) ||
		l.GapMaxMS < min(before.GapMaxMS, usual.GapMaxMS)
}

// Validate refuses limits that contradict themselves.
func (l Limits) Validate() error {
	var errs []error
	positive := func(field string, n, upTo int) {
		if n < 1 || n > upTo {
			errs = append(errs, InvalidField(field, "must be between 1 and %d", upTo))
		}
	}
	positive("per_minute", l.PerMinute, 6000)
	positive("per_hour", l.PerHour, 100_000)
	positive("per_day", l.PerDay, 1_000_000)
	if l.GapMinMS < 0 || l.GapMinMS > 600_000 {
		errs = append(errs, InvalidField("gap_min_ms", "must be between 0 and 600000"))
	}
	if l.GapMaxMS < l.GapMinMS || l.GapMaxMS > 600_000 {
		errs = append(errs, InvalidField("gap_max_ms", "must be between gap_min_ms and 600000"))
	}
	return errors.Join(errs...)
}
