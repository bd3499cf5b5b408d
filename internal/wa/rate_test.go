package wa_test

import (
	"testing"
	"time"

	"chasqui/internal/wa"
)

func TestRate(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]wa.Rate{
		"100/15m": {100, 15 * time.Minute}, "1/1s": {1, time.Second}, "60/1h": {60, time.Hour}, "5/1m30s": {5, 90 * time.Second}, "off": {},
	} {
		var got wa.Rate
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q is read as %+v (%v)", text, got, err)
		}
		if got.String() != text {
			t.Errorf("%q is written as %q", text, got)
		}
	}
	for _, text := range []string{"", "100", "100/", "/1m", "0/1m", "-1/1m", "1/0s", "1/1ms", "1/48h", "9999999999/1m", "1/1m/1m", "a/b"} {
		var got wa.Rate
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %s", text, got)
		}
	}
}

func TestShareOfARate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rate, want wa.Rate
	}{
		{wa.Rate{Count: 100, Per: time.Minute}, wa.Rate{Count: 25, Per: time.Minute}},
		{wa.Rate{Count: 3, Per: time.Minute}, wa.Rate{Count: 1, Per: time.Minute}},
		{wa.Rate{}, wa.Rate{}},
	} {
		if got := tt.rate.Share(4); got != tt.want {
			t.Errorf("a quarter of %s is %s", tt.rate, got)
		}
	}
}
