package whatsmeow_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	waBinary "go.mau.fi/whatsmeow/binary"

	"chasqui/internal/provider/whatsmeow"
)

func TestCleanName(t *testing.T) {
	t.Parallel()
	tests := []struct{ give, want string }{
		{"Ana", "Ana"},
		{"  Ana\n", "Ana"},
		{"A\x00n\u202ea\u2066", "Ana"},
		{"A\xffna", "A\uFFFDna"},
		{"\u2028", ""},
		{strings.Repeat("é", 500), strings.Repeat("é", 200)},
	}
	for _, tt := range tests {
		if got := whatsmeow.CleanName(tt.give); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.give, got, tt.want)
		}
	}
}

func TestCleanBodyIsStorable(t *testing.T) {
	t.Parallel()
	got := whatsmeow.CleanBody("a\x00\xff\u202eb", 100)
	if got != "a\uFFFD\u202eb" || !utf8.ValidString(got) {
		t.Errorf("got %q", got)
	}
}

func TestCleanID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{"3EB0AB": true, "": false, "a b": false, "a\x00": false, "é": false, strings.Repeat("A", 129): false} {
		if got := whatsmeow.CleanID(id); got != want {
			t.Errorf("%q: got %t", id, got)
		}
	}
}

func TestCleanTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for give, want := range map[time.Time]time.Time{
		{}: now, now.Add(-time.Hour): now.Add(-time.Hour), now.AddDate(1, 0, 0): now, time.Unix(0, 0): now,
	} {
		if got := whatsmeow.CleanTime(give, now); !got.Equal(want) {
			t.Errorf("%v: got %v, want %v", give, got, want)
		}
	}
}

func TestLogHidesPeopleAndStanzas(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := whatsmeow.NewLog(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})), true)
	node := &waBinary.Node{Tag: "message", Attrs: waBinary.Attrs{"notify": "Ana Secret"}, Content: []byte("body")}
	log.Sub("Recv").Debugf("%s", node)
	log.Warnf("Failed to encrypt for %s: %v", "5511987654321:3@s.whatsapp.net", node)
	got := out.String()
	for _, secret := range []string{"Ana", "body", "5511987654321"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q shows in %s", secret, got)
		}
	}
	if !strings.Contains(got, "<message>") || !strings.Contains(got, "…4321") {
		t.Errorf("got %s", got)
	}
}

func TestLogIsSilentBelowItsLevel(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := whatsmeow.NewLog(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})), false)
	log.Debugf("%s", "x")
	if out.Len() != 0 {
		t.Errorf("got %s", out.String())
	}
}

func TestRegistryForgets(t *testing.T) {
	t.Parallel()
	r := whatsmeow.NewRegistry()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	check := func(at time.Time, wantPresent, wantKnown bool) {
		t.Helper()
		if present, known := r.Get("+15550000001", at); present != wantPresent || known != wantKnown {
			t.Errorf("at %v: got %t, %t", at, present, known)
		}
	}
	check(now, false, false)
	r.Put("+15550000001", false, now)
	check(now.Add(23*time.Hour), false, true)
	check(now.Add(25*time.Hour), false, false)
	r.Put("+15550000001", true, now)
	check(now.Add(6*24*time.Hour), true, true)
	check(now.Add(8*24*time.Hour), false, false)
}
