package bench_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/account"
	"chasqui/internal/app"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// upWithin is how long a process may take to be there.
const upWithin = 60 * time.Second

// platform is a fresh database, a simulated WhatsApp and the platform's
// processes.
type platform struct {
	b          *bench
	url        string // of the database
	env        []string
	api        string
	apiProcess *process
	sim        simulator
	org        wa.OrgID
	key        string
	master     wa.Secret
	all        []*process
}

// simulator is what whatsim says of itself.
type simulator struct {
	Endpoint string `json:"endpoint"`
	Control  string `json:"control"`
	RootKey  string `json:"root_key"`
	CAFile   string `json:"ca_file"`
	proc     *process
	args     string
}

// process is a program that runs beside us.
type process struct {
	name    string
	cmd     *exec.Cmd
	done    chan struct{}
	metrics string
	out     *bufio.Reader // with piped
	in      io.Writer
}

// newPlatform makes the database, starts the simulation and bootstraps an org.
// No program of the product runs yet.
func (b *bench) newPlatform(ctx context.Context, simArgs string) (_ *platform, err error) {
	p := &platform{b: b}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if p.url, err = b.database(ctx); err != nil {
		return nil, err
	}
	if err = store.Migrate(ctx, p.url); err != nil {
		return nil, err
	}
	if err = p.startSimulator(ctx, simArgs); err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	rand.Read(key) // never fails
	p.master = wa.NewSecret(base64.StdEncoding.EncodeToString(key))
	p.env = append(os.Environ(),
		"CHASQUI_ENV=test", "CHASQUI_MASTER_KEY="+p.master.Reveal(), "DATABASE_URL="+p.url, "REDIS_URL="+b.services.RedisURL,
		"WHATSAPP_ENDPOINT="+p.sim.Endpoint, "WHATSAPP_ROOT_KEY="+p.sim.RootKey, "WHATSAPP_CA_FILE="+p.sim.CAFile,
		"RATE_PAIRING=100000/1h") // hundreds of numbers are linked at once here
	p.org, p.key, err = p.bootstrap(ctx, "bench")
	return p, err
}

// database makes an empty database beside the others of the cluster.
func (b *bench) database(ctx context.Context) (string, error) {
	c, err := pgx.Connect(ctx, b.services.DatabaseURL)
	if err != nil {
		return "", err
	}
	defer c.Close(ctx)
	raw := make([]byte, 6)
	rand.Read(raw)
	name := "bench_" + hex.EncodeToString(raw)
	if _, err := c.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return "", err
	}
	u, err := url.Parse(b.services.DatabaseURL)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}

// bootstrap makes an org and a key that may do everything in it.
func (p *platform) bootstrap(ctx context.Context, name string) (wa.OrgID, string, error) {
	db, err := store.Open(ctx, store.Options{URL: p.url, MaxConns: 2, Name: "bench"})
	if err != nil {
		return wa.OrgID{}, "", err
	}
	defer db.Close()
	pepper, err := app.Pepper(ctx, app.Config{MasterKey: p.master}, db)
	if err != nil {
		return wa.OrgID{}, "", err
	}
	made, err := account.New(db, pepper).Bootstrap(ctx, name, name+"@example.com")
	return made.OrgID, made.APIKey.Reveal(), err
}

// close ends everything that was started, and drops the database.
func (p *platform) close() {
	for i := len(p.all) - 1; i >= 0; i-- {
		p.all[i].kill()
	}
	if p.url == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	u, _ := url.Parse(p.url) // it was made by us
	if c, err := pgx.Connect(ctx, p.b.services.DatabaseURL); err == nil {
		_, _ = c.Exec(ctx, "DROP DATABASE IF EXISTS "+u.Path[1:]+" WITH (FORCE)")
		_ = c.Close(ctx)
	}
}

// startSimulator starts whatsim, on the same ports again when it ran before.
func (p *platform) startSimulator(ctx context.Context, args string) error {
	if p.sim.args == "" {
		dir, err := os.MkdirTemp(p.b.logs, "whatsim-")
		if err != nil {
			return err
		}
		listen, control, err := twoPorts()
		if err != nil {
			return err
		}
		p.sim.args = fmt.Sprintf("-data %s -listen %s -control %s %s", dir, listen, control, args)
	}
	proc, err := p.launch("whatsim", true, "WHATSIM_ARGS="+p.sim.args)
	if err != nil {
		return err
	}
	p.sim.proc = proc
	line, err := proc.out.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("whatsim did not start: %w", err)
	}
	go func() { _, _ = io.Copy(io.Discard, proc.out) }()
	return json.Unmarshal(line, &p.sim)
}

func twoPorts() (string, string, error) {
	a, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer a.Close()
	b, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", "", err
	}
	defer b.Close()
	return a.Addr().String(), b.Addr().String(), nil
}

// start runs a program of the product until it is ready; settings are
// NAME=value.
func (p *platform) start(ctx context.Context, name string, settings ...string) (*process, error) {
	metrics, addr, err := twoPorts()
	if err != nil {
		return nil, err
	}
	proc, err := p.launch(name, false, append(append(p.env, "METRICS_ADDR="+metrics, "HTTP_ADDR="+addr), settings...)...)
	if err != nil {
		return nil, err
	}
	proc.metrics = "http://" + metrics
	if name == "api" {
		p.api, p.apiProcess = "http://"+addr, proc
	}
	return proc, p.await(ctx, proc)
}

// startAll runs what serves requests and what sends, once each.
func (p *platform) startAll(ctx context.Context, settings ...string) error {
	for _, name := range []string{"api", "worker", "scheduler"} {
		if _, err := p.start(ctx, name, settings...); err != nil {
			return err
		}
	}
	return nil
}

func (p *platform) await(ctx context.Context, proc *process) error {
	return eventually(ctx, upWithin, proc.name+" is ready", func() (bool, error) {
		select {
		case <-proc.done:
			return false, fmt.Errorf("%s ended while it started", proc.name)
		default:
		}
		res, err := http.Get(proc.metrics + "/readyz") //nolint:noctx // our own process, a moment
		if err != nil {
			return false, nil //nolint:nilerr // it does not listen yet
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK, nil
	})
}

// launch starts this binary as another program. What it says goes to a file,
// or with piped to us.
func (p *platform) launch(name string, piped bool, env ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(p.b.logs, fmt.Sprintf("%s-%d-%d.log", name, os.Getpid(), time.Now().UnixNano())))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(self)
	if name == "abuse" { // somebody else's machine: here it takes what the others leave
		cmd = exec.Command("nice", "-n", "19", self)
	}
	cmd.Env = append(append(os.Environ(), env...), programVariable+"="+name)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	proc := &process{name: name, cmd: cmd, done: make(chan struct{})}
	if piped {
		cmd.Stdout = nil
		r, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		proc.out = bufio.NewReader(r)
		if proc.in, err = cmd.StdinPipe(); err != nil {
			return nil, err
		}
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p.all = append(p.all, proc)
	go func() {
		_, _ = cmd.Process.Wait()
		close(proc.done)
	}()
	return proc, nil
}

// kill ends a process without a word.
func (proc *process) kill() {
	_ = proc.cmd.Process.Kill() // it may be gone
	<-proc.done
}

// stop asks a process to end.
func (proc *process) stop() error {
	_ = proc.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	select {
	case <-proc.done:
		return nil
	case <-time.After(30 * time.Second):
		proc.kill()
		return fmt.Errorf("%s did not stop in time", proc.name)
	}
}

var errTime = errors.New("time is up")

// eventually asks until the answer is yes.
func eventually(ctx context.Context, within time.Duration, what string, ok func() (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, within, errTime)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond) // it shares the processors with what is measured
	defer tick.Stop()
	for {
		if done, err := ok(); done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("after %s still not: %s: %w", within, what, context.Cause(ctx))
		}
	}
}
