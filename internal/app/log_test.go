package app_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"chasqui/internal/app"
	"chasqui/internal/telemetry"
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

// Whoever reads a trace finds its lines, and the other way round.
func TestLogNamesTheTrace(t *testing.T) {
	t.Parallel()
	tracer, err := telemetry.Open(t.Context(), telemetry.Options{Endpoint: "http://127.0.0.1:1", Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tracer.Close() }) // nobody is there to take the spans
	ctx, span := tracer.Follow(t.Context(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "send")
	defer span.End()
	var b bytes.Buffer
	log := app.NewLog(&b, app.Config{})
	log.InfoContext(ctx, "traced")
	log.InfoContext(t.Context(), "not traced")
	if got := b.String(); strings.Count(got, `"trace_id":"0af7651916cd43dd8448eb211c80319c"`) != 1 {
		t.Errorf("lines are %s", got)
	}
}
