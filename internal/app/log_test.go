package app_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"chasqui/internal/app"
	"chasqui/internal/wa"
)

func TestLogCarriesWhatTheContextKnows(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := app.NewLog(&b, app.Config{LogFormat: "json"}).With("program", "test").WithGroup("g")
	ctx := wa.WithLog(t.Context(), slog.String("org", "org_1"))
	ctx = wa.WithLog(ctx, slog.String("client", "cli_1"))
	log.InfoContext(ctx, "said", "key", wa.NewSecret("hush"))
	log.DebugContext(ctx, "not said")
	var line map[string]any
	if err := json.Unmarshal(b.Bytes(), &line); err != nil {
		t.Fatalf("%v: %s", err, b.String())
	}
	group, _ := line["g"].(map[string]any)
	if line["msg"] != "said" || line["program"] != "test" || group["org"] != "org_1" || group["client"] != "cli_1" || group["key"] != "***" {
		t.Errorf("line is %s", b.String())
	}
}

func TestTextLog(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	app.NewLog(&b, app.Config{LogFormat: "text"}).WarnContext(wa.WithLog(t.Context(), slog.String("job", "x")), "said")
	if got := b.String(); !strings.Contains(got, "WRN said job=x") || strings.Contains(got, "\x1b") {
		t.Errorf("line is %q", got)
	}
}
