package app_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/app"
)

const goodKey = "0b6fRUXyUJyhTjJPRNeSlFgoTuNbQAXXOOHSHDBWpn8="

func needed(more ...string) []string {
	return append([]string{"CHASQUI_MASTER_KEY=" + goodKey, "DATABASE_URL=postgres://u:hush-little-river@h/d", "REDIS_URL=redis://:hush-little-river@h"}, more...)
}

func TestDefaultsAreUsable(t *testing.T) {
	t.Parallel()
	c, err := app.Load(needed("LOG_LEVEL="), app.Required...) // an empty value counts as not set
	if err != nil {
		t.Fatal(err)
	}
	if c.Env != app.Prod || c.HTTPAddr != ":3002" || c.MetricsAddr != "127.0.0.1:9102" || c.WorkerCapacity != 1000 ||
		c.ConnectConcurrency != 10 || c.ConnectPerSecond != 5 || c.LogFormat != "json" || c.QueuesWritable || c.ShutdownTimeout != 20*time.Second {
		t.Errorf("defaults are %+v", c)
	}
}

// Whoever corrects settings one mistake at a time loses patience.
func TestEveryMistakeAtOnce(t *testing.T) {
	t.Parallel()
	_, err := app.Load([]string{
		"CHASQUI_ENV=staging", "CHASQUI_MASTER_KEY=short", "DATABASE_URL=mysql://h", "HTTP_ADDR=3002", "METRICS_ADDR=9102",
		"PUBLIC_URL=example.com", "TRUSTED_PROXIES=10.0.0.0/8,me", "QUEUES_WRITABLE=perhaps", "WORKER_CAPACITY=many", "CONNECT_CONCURRENCY=0",
		"CONNECT_PER_SECOND=-1", "LOG_LEVEL=LOUD", "LOG_FORMAT=xml", "SHUTDOWN_TIMEOUT=20", "WHATSAPP_ROOT_KEY=abc", "PACE_FACTOR=0",
		"OTEL_EXPORTER_OTLP_ENDPOINT=collector:4318", "OTEL_TRACES_SAMPLER_ARG=1.5", "RATE_ORG=100", "ORG_REQUESTS=0", "CORS_ORIGINS=https://a.example,*",
		"CALLBACK_HOST_DAYS=71",
		"AUDIT_RETENTION_DAYS=89",
	}, app.Required...)
	if err == nil {
		t.Fatal("accepted")
	}
	var names []string
	for line := range strings.Lines(err.Error()) {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{
		"AUDIT_RETENTION_DAYS", "CALLBACK_HOST_DAYS", "CHASQUI_ENV", "CHASQUI_MASTER_KEY", "CONNECT_CONCURRENCY", "CONNECT_PER_SECOND", "CORS_ORIGINS", "DATABASE_URL", "HTTP_ADDR", "LOG_FORMAT", "LOG_LEVEL",
		"METRICS_ADDR", "ORG_REQUESTS", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER_ARG", "PACE_FACTOR", "PUBLIC_URL", "QUEUES_WRITABLE", "RATE_ORG", "REDIS_URL", "SHUTDOWN_TIMEOUT", "TRUSTED_PROXIES", "WHATSAPP_ROOT_KEY",
		"WORKER_CAPACITY",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("named settings (-want +got):\n%s\n%v", diff, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	root := strings.Repeat("ab", 32)
	for name, tt := range map[string]struct {
		environ []string
		want    string // part of the error; "" means accepted
	}{
		"nothing set":                  {nil, "DATABASE_URL is not set"},
		"simulation in production":     {needed("WHATSAPP_ENDPOINT=h:1"), "WHATSAPP_ENDPOINT is only for"},
		"root key in production":       {needed("WHATSAPP_ROOT_KEY=" + root), "WHATSAPP_ROOT_KEY is only for"},
		"authority in production":      {needed("WHATSAPP_CA_FILE=/x"), "WHATSAPP_CA_FILE is only for"},
		"fast pace in production":      {needed("PACE_FACTOR=2"), "PACE_FACTOR is only for"},
		"simulation in development":    {needed("CHASQUI_ENV=dev", "WHATSAPP_ENDPOINT=h:1", "WHATSAPP_ROOT_KEY="+root), ""},
		"simulation in tests":          {needed("CHASQUI_ENV=test", "WHATSAPP_ENDPOINT=h:1", "PACE_FACTOR=9"), ""},
		"key of zeros":                 {needed("CHASQUI_MASTER_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), "is not random"},
		"key of zeros, for tests":      {needed("CHASQUI_ENV=test", "CHASQUI_MASTER_KEY=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), ""},
		"key of 31 bytes":              {needed("CHASQUI_MASTER_KEY=0b6fRUXyUJyhTjJPRNeSlFgoTuNbQAXXOOHSHDBWpg=="), "exactly 32 bytes"},
		"half of the requests traced":  {needed("OTEL_EXPORTER_OTLP_ENDPOINT=http://h:4318", "OTEL_TRACES_SAMPLER_ARG=0.5"), ""},
		"a share that is no number":    {needed("OTEL_TRACES_SAMPLER_ARG=all"), "OTEL_TRACES_SAMPLER_ARG cannot be read as a number"},
		"rates":                        {needed("RATE_CALLER=5/1s", "RATE_ORG=off"), ""},
		"a rate that is none":          {needed("RATE_CALLER=fast"), "RATE_CALLER cannot be read as a rate such as 100/15m, or off"},
		"origins":                      {needed("CORS_ORIGINS=https://a.example,http://localhost:5173"), ""},
		"an origin with a path":        {needed("CORS_ORIGINS=https://a.example/"), "CORS_ORIGINS holds"},
		"proxies as addresses":         {needed("TRUSTED_PROXIES=10.0.0.1,fd00::/8"), ""},
		"secret and its file together": {needed("DATABASE_URL_FILE=/x"), "DATABASE_URL and DATABASE_URL_FILE are both set"},
		"secret file that is missing":  {needed("REDIS_URL=", "REDIS_URL_FILE=/does/not/exist"), "REDIS_URL cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := app.Load(tt.environ, app.Required...)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error is %v, want %q", err, tt.want)
			}
		})
	}
}

func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	var environ []string
	for _, e := range needed() {
		name, value, _ := strings.Cut(e, "=")
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		environ = append(environ, name+"_FILE="+path)
	}
	c, err := app.Load(environ, app.Required...)
	if err != nil {
		t.Fatal(err)
	}
	if c.MasterKey.Reveal() != goodKey || c.DatabaseURL.Reveal() != "postgres://u:hush-little-river@h/d" || c.RedisURL.Reveal() != "redis://:hush-little-river@h" {
		t.Error("the files' contents are not what is in force")
	}
}

func TestMistakesDoNotShowSecrets(t *testing.T) {
	t.Parallel()
	_, err := app.Load([]string{"DATABASE_URL=mysql://u:hush@h/d", "CHASQUI_MASTER_KEY=hush", "REDIS_URL=http://:hush@h"})
	if err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("error is %v", err)
	}
}

func TestDumpShowsEverythingButSecrets(t *testing.T) {
	t.Parallel()
	c, err := app.Load(needed("TRUSTED_PROXIES=10.0.0.1,10.0.0.2"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.Dump(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"CHASQUI_ENV=prod\n", "CHASQUI_MASTER_KEY=***\n", "DATABASE_URL=***\n", "TRUSTED_PROXIES=10.0.0.1,10.0.0.2\n", "SHUTDOWN_TIMEOUT=20s\n",
	} {
		if !strings.Contains(b.String(), line) {
			t.Errorf("the dump lacks %q:\n%s", line, b.String())
		}
	}
	if strings.Contains(b.String(), "hush") || strings.Contains(b.String(), goodKey) {
		t.Errorf("the dump shows a secret:\n%s", b.String())
	}
}

// Production takes no password that somebody could guess; other places do.
func TestGuessablePasswordsAreRefused(t *testing.T) {
	t.Parallel()
	for password, good := range map[string]bool{
		"9f86d081884c7d659a2feaa0c55ad015": true, "correct-horse-battery": true,
		"short": false, "": false, "aaaaaaaaaaaaaaaa": false, "changeme-changeme": false, "Password12345": false, "postgres-postgres": false,
		"a-user-of-twelve": false,
	} {
		for env, says := range map[string]bool{app.Prod: good, app.Test: true} {
			_, err := app.Load(needed("CHASQUI_ENV="+env, "DATABASE_URL=postgres://a-user-of-twelve:"+password+"@h/d", "REDIS_URL=redis://a-user-of-twelve:"+password+"@h"), app.Required...)
			if (err == nil) != says {
				t.Errorf("%q in %s: %v", password, env, err)
			}
			if err != nil && (strings.Count(err.Error(), "guessed") != 2 || (password != "" && strings.Contains(err.Error(), password))) {
				t.Errorf("%q: %v", password, err)
			}
		}
	}
	if _, err := app.Load(needed("DATABASE_URL=postgres://u@/d?host=/run/postgresql", "REDIS_URL=unix:///run/redis.sock"), app.Required...); err != nil {
		t.Errorf("without any password: %v", err)
	}
}

// Two keys stand there while the master key is changed, in a line or a file.
func TestMasterKeys(t *testing.T) {
	t.Parallel()
	other := masterKey()
	for name, tt := range map[string]struct{ keys, says string }{
		"one":        {goodKey, ""},
		"two":        {goodKey + "," + other, ""},
		"by lines":   {goodKey + "\n" + other + "\n", ""},
		"twice":      {goodKey + ", " + goodKey, "twice"},
		"one is bad": {goodKey + ",c2hvcnQ=", "32 bytes"},
		"none":       {",", "is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := app.Load(needed("CHASQUI_MASTER_KEY=" + tt.keys))
			if (tt.says == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), tt.says)) {
				t.Errorf("load: %v, want %q", err, tt.says)
			}
		})
	}
}

var update = flag.Bool("update", false, "rewrite generated files")

// The settings are documented where they are declared, and nowhere else.
func TestGeneratedFiles(t *testing.T) {
	t.Parallel()
	var example, table bytes.Buffer
	if err := app.EnvExample(&example); err != nil {
		t.Fatal(err)
	}
	if err := app.SettingsTable(&table); err != nil {
		t.Fatal(err)
	}
	const operations = "../../docs/operations.md"
	compare(t, "../../.env.example", example.String())
	compare(t, operations, between(t, operations, table.String()))
	for _, s := range app.Settings() {
		if s.Help == "" || s.Name == "" || strings.Contains(s.Help, "|") {
			t.Errorf("setting %+v: it needs a name and a help that fits into a table", s)
		}
	}
}

// between gives a file with other text between its markers.
func between(t *testing.T, path, text string) string {
	t.Helper()
	const begin, end = "<!-- settings:start -->\n", "<!-- settings:end -->\n"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(raw), begin)
	_, tail, found := strings.Cut(rest, end)
	if !ok || !found {
		t.Fatalf("%s has no markers for the settings", path)
	}
	return head + begin + text + end + tail
}

func compare(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s is out of date: make generate (-want +got):\n%s", path, diff)
	}
}
