package wa_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"chasqui/internal/wa"
)

const hidden = "correct-horse"

func TestASecretNeverShows(t *testing.T) {
	t.Parallel()
	s := wa.NewSecret(hidden)
	type config struct {
		Name string
		Key  wa.Secret
		Ref  *wa.Secret
		key  wa.Secret // fmt cannot ask an unexported field's methods
	}
	c := config{Name: "x", Key: s, Ref: &s, key: s}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10s", "%T"} {
		for _, v := range []any{s, &s, c, &c, []wa.Secret{s}, map[string]wa.Secret{"k": s}, map[wa.Secret]int{s: 1}, any(c.key)} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
	}
	fmt.Fprintln(&out, fmt.Errorf("with %v", s), s, c)
	raw, err := json.Marshal(map[string]any{"s": s, "c": c})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(raw)
	var logs bytes.Buffer
	for _, h := range []slog.Handler{slog.NewJSONHandler(&logs, nil), slog.NewTextHandler(&logs, nil)} {
		slog.New(h).Info("m", "s", s, "p", &s, "c", c, slog.Group("g", "s", s), "any", []any{s})
	}
	out.Write(logs.Bytes())
	for _, leak := range []string{hidden, fmt.Sprintf("%x", hidden), fmt.Sprintf("%X", hidden), "orrect"} {
		if i := strings.Index(out.String(), leak); i >= 0 {
			t.Fatalf("the secret shows as %q: …%s…", leak, out.String()[max(0, i-80):i+len(leak)])
		}
	}
}

func TestASecretCanBeRead(t *testing.T) {
	t.Parallel()
	if got := wa.NewSecret(hidden).Reveal(); got != hidden {
		t.Errorf("revealed %q", got)
	}
	var s wa.Secret
	if !s.IsZero() || s.Reveal() != "" || !wa.NewSecret("").IsZero() || wa.NewSecret("x").IsZero() {
		t.Error("the zero secret is not empty")
	}
	for in, want := range map[string]string{"a": "a", "a\n": "a", "a\r\n": "a", " a b \n": " a b ", "\n": "", "": ""} {
		if err := s.UnmarshalText([]byte(in)); err != nil || s.Reveal() != want {
			t.Errorf("%q was read as %q, %v", in, s.Reveal(), err)
		}
	}
}
