package wa_test

import (
	"testing"
	"time"

	"chasqui/internal/wa"
)

// Bars begin where a day or an hour begins in the viewer's zone, follow each
// other without gaps, and lie on quarters of an hour.
func TestFigureBounds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		zone, from, to string
		step           wa.FigureStep
		n              int    // bars
		first, last    string // where the first begins and the last ends
	}{
		{"UTC", "2026-03-01T10:20:00Z", "2026-03-01T12:00:00Z", wa.ByHour, 2, "2026-03-01T10:00:00Z", "2026-03-01T12:00:00Z"},
		{"UTC", "2026-03-01T10:20:00Z", "2026-03-01T12:00:01Z", wa.ByHour, 3, "2026-03-01T10:00:00Z", "2026-03-01T13:00:00Z"},
		{"America/Lima", "2026-03-01T02:00:00Z", "2026-03-01T06:00:00Z", wa.ByDay, 2, "2026-02-28T05:00:00Z", "2026-03-02T05:00:00Z"},
		{"Asia/Kolkata", "2026-03-01T00:00:00Z", "2026-03-01T01:00:00Z", wa.ByHour, 2, "2026-02-28T23:30:00Z", "2026-03-01T01:30:00Z"},
		{"Asia/Kathmandu", "2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z", wa.ByDay, 2, "2026-02-28T18:15:00Z", "2026-03-02T18:15:00Z"},
		// A day of 23 hours and one of 25.
		{"Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T12:00:00Z", wa.ByDay, 1, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T23:00:00Z", wa.ByDay, 1, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		{"Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", wa.ByHour, 25, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		// Clocks are set forward at midnight: the day begins at one.
		{"Africa/Cairo", "2026-04-23T23:00:00Z", "2026-04-24T12:00:00Z", wa.ByDay, 1, "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"},
		{"America/Sao_Paulo", "2018-11-03T12:00:00Z", "2018-11-05T12:00:00Z", wa.ByDay, 3, "2018-11-03T03:00:00Z", "2018-11-06T02:00:00Z"},
		// By half an hour.
		{"Australia/Lord_Howe", "2026-04-04T00:00:00Z", "2026-04-05T13:00:00Z", wa.ByDay, 2, "2026-04-03T13:00:00Z", "2026-04-05T13:30:00Z"},
	} {
		t.Run(tt.zone+" "+tt.from, func(t *testing.T) {
			t.Parallel()
			zone, err := time.LoadLocation(tt.zone)
			if err != nil {
				t.Fatal(err)
			}
			all := tt.step.Bounds(at(t, tt.from), at(t, tt.to), zone, wa.MostFigures)
			if len(all) != tt.n+1 || !all[0].Equal(at(t, tt.first)) || !all[len(all)-1].Equal(at(t, tt.last)) {
				t.Errorf("%v", all)
			}
			for i, b := range all {
				if b.Location() != time.UTC || !b.Truncate(15*time.Minute).Equal(b) || i > 0 && !b.After(all[i-1]) {
					t.Errorf("%v is no bound", b)
				}
			}
		})
	}
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	v, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestFigureBoundsStop(t *testing.T) {
	t.Parallel()
	all := wa.ByHour.Bounds(time.Unix(0, 0), time.Now(), time.UTC, 1000)
	if len(all) != 1002 {
		t.Errorf("%d bounds", len(all))
	}
}

// Every status has a place, whoever holds the client, and each client one only.
func TestClientCounts(t *testing.T) {
	t.Parallel()
	var c wa.ClientCounts
	n := 0
	for _, s := range wa.ClientStatuses() {
		for _, paused := range []bool{false, true} {
			for _, held := range []bool{false, true} {
				c.Add(s, paused, held, 1)
				n++
			}
		}
	}
	want := wa.ClientCounts{Connected: 2, Connecting: 1, Offline: 2, Paused: 6, Unpaired: 12, Restricted: 1, Banned: 8, Stopped: 20, Total: n, Online: 12}
	if sum := c.Connected + c.Connecting + c.Offline + c.Paused + c.Unpaired + c.Restricted + c.Banned + c.Stopped; sum != c.Total || c.Total != n {
		t.Errorf("%d of %d have a place: %+v", sum, n, c)
	}
	if c != want {
		t.Errorf("got %+v, want %+v", c, want)
	}
}
