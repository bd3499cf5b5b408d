package app_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"chasqui/internal/app"
	"chasqui/internal/devstack"
	"chasqui/internal/queue"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// TestMain is every program of the platform: the tests run this binary under
// their names, as processes of their own.
func TestMain(m *testing.M) {
	switch filepath.Base(os.Args[0]) {
	case "chasqui":
		app.CLI()
	case "api":
		app.Main("api", app.API)
	case "worker":
		app.Main("worker", app.Worker)
	case "scheduler":
		app.Main("scheduler", app.Scheduler)
	case "whatsim":
		os.Exit(simulate(os.Args[1:]))
	}
	queue.LogRedis(quiet())
	code := m.Run()
	if services != nil {
		_ = services.Down(context.Background())
	}
	os.Exit(code)
}

// simulate is cmd/whatsim, which cannot be imported.
func simulate(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	o := whatsim.Options{DeliveredAfter: 10 * time.Millisecond, ReadAfter: 20 * time.Millisecond}
	fs := flag.NewFlagSet("whatsim", flag.ExitOnError)
	fs.StringVar(&o.Listen, "listen", "", "")
	fs.StringVar(&o.Control, "control", "", "")
	fs.StringVar(&o.DataDir, "data", "", "")
	fs.StringVar(&o.Camera, "camera", "", "")
	_ = fs.Parse(args)
	sim, err := whatsim.Start(o)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_ = json.NewEncoder(os.Stdout).Encode(map[string]string{
		"endpoint": sim.Endpoint(), "control": sim.ControlURL(), "root_key": sim.RootKeyHex(), "ca_file": sim.CAFile(),
	})
	<-ctx.Done()
	_ = sim.Close()
	return 0
}

// programs puts this binary into a folder under the programs' names.
func programs(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"chasqui", "api", "worker", "scheduler", "whatsim"} {
		path := filepath.Join(dir, name)
		if os.Link(self, path) == nil {
			continue
		}
		raw, err := os.ReadFile(self) // another file system
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, raw, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

var (
	startServices sync.Once
	services      *devstack.Stack
)

// redisURL gives a Redis that only this package uses, because asynq's keys have
// no prefix.
func redisURL(t *testing.T) string {
	t.Helper()
	startServices.Do(func() {
		s, err := devstack.Up(t.Context(), devstack.Options{DatabaseURL: "none is needed"})
		if err != nil {
			t.Fatal(err)
		}
		services = s
	})
	if services == nil {
		t.Fatal("Redis did not start")
	}
	return services.RedisURL
}

// settings of a program that runs in a test; later ones win.
func settings(t *testing.T, database string, more ...string) []string {
	t.Helper()
	return append([]string{
		"CHASQUI_ENV=test", "CHASQUI_MASTER_KEY=" + masterKey(), "DATABASE_URL=" + database, "REDIS_URL=" + redisURL(t),
		"HTTP_ADDR=127.0.0.1:0", "METRICS_ADDR=127.0.0.1:0",
	}, more...)
}

func masterKey() string {
	raw := make([]byte, 32)
	rand.Read(raw)
	return base64.StdEncoding.EncodeToString(raw)
}

func load(t *testing.T, environ []string) app.Config {
	t.Helper()
	cfg, err := app.Load(environ, app.Required...)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// serve runs a program's parts in this process until the test ends, or until
// stop is called.
func serve(t *testing.T, name string, cfg app.Config, program app.Program) (k *app.Kit, stop func()) {
	t.Helper()
	k, err := app.Open(t.Context(), name, cfg, quiet())
	if err != nil {
		t.Fatal(err)
	}
	parts, err := program(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := app.Run(ctx, parts...); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := k.Close(); err != nil {
			t.Errorf("close %s: %v", name, err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return k, stop
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// get asks an address and gives what it answers.
func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	return do(t, http.MethodGet, url, "", "")
}

// do asks an address of the API.
func do(t *testing.T, method, url, key, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("X-API-Key", key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

// command runs one command line in this process.
func command(environ []string, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = app.Command(args, environ, &o, &e)
	return code, o.String(), e.String()
}

// process starts a program as a process of its own and kills it with the test.
func process(t *testing.T, path string, environ []string, args ...string) (*exec.Cmd, *output) {
	t.Helper()
	out := &output{}
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), environ...), out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(path), out)
		}
	})
	return cmd, out
}

// output is what a process wrote.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// migrated gives the URL of a database with everything in it.
func migrated(t *testing.T) string {
	t.Helper()
	url := testkit.DatabaseURL(t)
	if err := app.Migrate(t.Context(), app.Config{DatabaseURL: wa.NewSecret(url)}); err != nil {
		t.Fatal(err)
	}
	return url
}

const patience = 20 * time.Second

// emptyDatabase gives the URL of a database that nobody migrated.
func emptyDatabase(t *testing.T) string {
	t.Helper()
	url := testkit.DatabaseURL(t)
	db, err := testkit.OpenSQL(url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range []string{"DROP SCHEMA public CASCADE", "CREATE SCHEMA public"} {
		if _, err := db.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	return url
}
