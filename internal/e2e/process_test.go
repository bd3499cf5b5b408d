package e2e_test

import (
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"chasqui/internal/app"
	"chasqui/internal/chaos"
	"chasqui/internal/devstack"
	"chasqui/internal/whatsim"
)

// programVariable names the program that this test binary shall be: the
// failure tests run real processes, and kill them.
const programVariable = "CHASQUI_E2E_PROGRAM"

var programs = map[string]app.Program{"api": app.API, "worker": app.Worker, "scheduler": app.Scheduler}

func TestMain(m *testing.M) {
	if name := os.Getenv(programVariable); name != "" {
		app.Main(name, programs[name])
	}
	os.Exit(m.Run())
}

// process is a program of the platform that runs as a process of its own.
type process struct {
	t *testing.T
	*chaos.Process
}

// stack is what the processes of one test share.
type stack struct {
	*platform
	redis string
	key   string
	ca    string
}

func newStack(t *testing.T, opts whatsim.Options) *stack {
	t.Helper()
	p := newPlatform(t, opts)
	services, err := devstack.Up(t.Context(), devstack.Options{DatabaseURL: p.url})
	p.must(err)
	t.Cleanup(func() { _ = services.Down(t.Context()) })
	s := &stack{platform: p, redis: services.RedisURL, key: masterKey(), ca: filepath.Join(t.TempDir(), "ca.pem")}
	p.must(os.WriteFile(s.ca, p.sim.CAPEM(), 0o600))
	return s
}

func masterKey() string {
	raw := make([]byte, 32)
	rand.Read(raw)
	return base64.StdEncoding.EncodeToString(raw)
}

// start runs a program; settings are NAME=value.
func (s *stack) start(name string, settings ...string) *process {
	s.t.Helper()
	env := []string{
		programVariable + "=" + name, "CHASQUI_ENV=test", "CHASQUI_MASTER_KEY=" + s.key, "DATABASE_URL=" + s.url, "REDIS_URL=" + s.redis,
		"WHATSAPP_ENDPOINT=" + s.sim.Endpoint(), "WHATSAPP_ROOT_KEY=" + s.sim.RootKeyHex(), "WHATSAPP_CA_FILE=" + s.ca,
		"METRICS_ADDR=127.0.0.1:0", "HTTP_ADDR=127.0.0.1:0", "CONNECT_CONCURRENCY=50", "CONNECT_PER_SECOND=500", "LOG_FORMAT=text",
	}
	p := &process{s.t, chaos.NewProcess(name, os.Args[:1], append(env, settings...))}
	s.must(p.Start())
	s.t.Cleanup(func() {
		p.Kill()
		said := p.Said()
		for _, report := range races(said) {
			s.t.Errorf("%s: %s", name, report)
		}
		if s.t.Failed() {
			s.t.Logf("%s said:\n%s", name, said[max(0, len(said)-4000):])
		}
	})
	return p
}

// races finds the race detector's reports in what a process said, but for the
// library's own: whatsmeow logs out without a lock (Device.Delete, FrameSocket.Close).
func races(said string) (ours []string) {
	for report := range strings.SplitSeq(said, "==================") {
		if strings.Contains(report, "WARNING: DATA RACE") && !strings.Contains(report, "go.mau.fi/whatsmeow") {
			ours = append(ours, report)
		}
	}
	return ours
}

// stop asks the process to stop and waits for it.
func (p *process) stop(within time.Duration) {
	p.t.Helper()
	if err := p.Stop(within); err != nil {
		p.t.Fatal(err)
	}
}

// kill ends the process without a word, and waits until it is gone.
func (p *process) kill() { p.Kill() }
