package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"chasqui/internal/devstack"
)

// devStopLimit is how long stopping everything may take, services included.
const devStopLimit = 60 * time.Second

// dev runs the whole platform on one machine.
type dev struct {
	WhatsApp     string `name:"whatsapp" enum:"sim,real" default:"sim" help:"sim: a simulated WhatsApp, no phone needed. real: WhatsApp itself."`
	ServicesOnly bool   `help:"Only Postgres and Redis, with their addresses."`
	Empty        bool   `help:"Make no organisation: the dashboard begins with its set-up."`
	Dir          string `default:".run" help:"Where data is kept between runs."`
}

// Run brings everything up, waits until it is told to stop or something ends,
// and takes everything down in reverse.
func (d dev) Run(ctx context.Context, con *console) error {
	r := &devRun{dev: d, con: con, place: place{dir: d.Dir}, colour: coloured(con.out)}
	r.log = NewLog(&lines{prefix: r.prefix("chasqui"), to: con.out, mu: &r.writing}, Config{LogFormat: "text"})
	defer r.ports.close()
	err := r.start(ctx)
	if err != nil {
		downErr := r.takeDown(ctx)
		if ctx.Err() != nil {
			return downErr // it was stopped while it started
		}
		return errors.Join(err, downErr)
	}
	if err := Run(ctx, r.parts...); err != nil {
		return err
	}
	r.log.InfoContext(ctx, "stopped; the data stays", "in", d.Dir)
	return nil
}

// takeDown stops what runs already when the start has failed.
func (r *devRun) takeDown(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	var err error
	for i := len(r.parts) - 1; i >= 0; i-- {
		err = errors.Join(err, r.parts[i].Run(ctx))
	}
	return err
}

// devRun is one run of everything.
type devRun struct {
	dev
	place
	con     *console
	log     *slog.Logger
	colour  bool
	writing sync.Mutex // of con.out

	parts   []Part            // what runs already, in start order
	running []*child          // the programs among them
	environ map[string]string // of our programs
	info    devInfo
	ports   ports
}

func (r *devRun) start(ctx context.Context) error {
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return err
	}
	r.environ = environment(r.con.environ)
	if err := r.startServices(ctx); err != nil {
		return err
	}
	if r.ServicesOnly {
		return r.sayServices()
	}
	if err := r.prepare(ctx); err != nil {
		return err
	}
	if err := r.startWhatsApp(ctx); err != nil {
		return err
	}
	if err := r.startPrograms(ctx); err != nil {
		return err
	}
	if err := errors.Join(r.writeInfo(r.info), r.writeEnvironment(r.environ)); err != nil {
		return err
	}
	if err := r.giveCamera(); err != nil {
		return err
	}
	r.writing.Lock()
	defer r.writing.Unlock()
	return tour(r.con.out, r.info)
}

// startServices brings up Postgres and Redis, unless the settings name them.
func (r *devRun) startServices(ctx context.Context) error {
	given, err := Load(r.con.environ)
	if err != nil {
		return err
	}
	stack, err := devstack.Up(ctx, devstack.Options{
		Dir: r.dir, Durable: true, Log: r.log, DatabaseURL: given.DatabaseURL.Reveal(), RedisURL: given.RedisURL.Reveal(),
	})
	if err != nil {
		return err
	}
	r.parts = append(r.parts, Part{Name: "services", Run: func(ctx context.Context) error {
		var early error
		select {
		case early = <-stack.Exited():
		case <-ctx.Done():
		}
		within, cancel := context.WithTimeout(context.WithoutCancel(ctx), devStopLimit/2)
		defer cancel()
		return errors.Join(early, stack.Down(within))
	}})
	r.environ["DATABASE_URL"], r.environ["REDIS_URL"] = stack.DatabaseURL, stack.RedisURL
	for _, name := range []string{"DATABASE_URL_FILE", "REDIS_URL_FILE"} {
		delete(r.environ, name)
	}
	return nil
}

func (r *devRun) sayServices() error {
	r.writing.Lock()
	defer r.writing.Unlock()
	_, err := fmt.Fprintf(r.con.out, "\nexport DATABASE_URL='%s'\nexport REDIS_URL='%s'\n\nCtrl-C stops them.\n",
		r.environ["DATABASE_URL"], r.environ["REDIS_URL"])
	return err
}

// prepare makes the settings, the schema and the first org.
func (r *devRun) prepare(ctx context.Context) error {
	if r.environ["CHASQUI_ENV"] != Test {
		r.environ["CHASQUI_ENV"] = Dev
	}
	if r.environ["CHASQUI_MASTER_KEY"] == "" && r.environ["CHASQUI_MASTER_KEY_FILE"] == "" {
		path, err := r.masterKey()
		if err != nil {
			return err
		}
		r.environ["CHASQUI_MASTER_KEY_FILE"] = path
	}
	if r.environ["EGRESS_ALLOW_CIDRS"] == "" {
		r.environ["EGRESS_ALLOW_CIDRS"] = "127.0.0.0/8,::1/128" // receivers under development run here too
	}
	if r.environ["LOG_FORMAT"] == "" {
		r.environ["LOG_FORMAT"] = "text"
	}
	if r.colour {
		r.environ["CLICOLOR_FORCE"] = "1"
	}
	cfg, err := Load(r.settings(), Required...)
	if err != nil {
		return err
	}
	if err := Migrate(ctx, cfg); err != nil {
		return err
	}
	r.info, err = r.seed(ctx, cfg)
	return err
}

// settings are the environment of our programs; later ones win.
func (r *devRun) settings(more ...string) []string {
	var all []string
	for name, value := range r.environ {
		all = append(all, name+"="+value)
	}
	slices.Sort(all)
	return append(all, more...)
}

// startPrograms starts api, worker and scheduler, and waits until they can do
// their work.
func (r *devRun) startPrograms(ctx context.Context) error {
	addr := r.environ["HTTP_ADDR"]
	if addr == "" {
		port, err := r.ports.free(3002)
		if err != nil {
			return err
		}
		if port != 3002 {
			r.log.WarnContext(ctx, "port 3002 is in use; taking the next free one", "port", port)
		}
		addr = fmt.Sprintf("127.0.0.1:%d", port)
	}
	r.info.APIURL = urlOf(addr)
	if r.environ["PUBLIC_URL"] == "" {
		r.environ["PUBLIC_URL"] = r.info.APIURL
	}
	r.info.DashboardURL = r.environ["PUBLIC_URL"]
	if r.info.SetUpURL != "" {
		r.info.SetUpURL = r.info.DashboardURL + r.info.SetUpURL
	}
	r.environ["HTTP_ADDR"] = addr
	next := 9102
	var ready []string
	for _, name := range []string{"api", "worker", "scheduler"} {
		port, err := r.ports.free(next)
		if err != nil {
			return err
		}
		next = port + 1
		metrics := fmt.Sprintf("127.0.0.1:%d", port)
		if err := r.startProgram(name, r.settings("METRICS_ADDR="+metrics), nil); err != nil {
			return err
		}
		ready = append(ready, urlOf(metrics)+"/readyz")
	}
	return r.awaitReady(ctx, append(ready, r.info.APIURL+"/readyz"))
}

// startProgram runs a program that lies beside this one.
func (r *devRun) startProgram(name string, environ []string, stdout io.Writer, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	path := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("%s is not beside chasqui: make build: %w", name, err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = environ
	c, err := startChild(name, cmd, &lines{prefix: r.prefix(name), to: r.con.out, mu: &r.writing}, stdout)
	if err != nil {
		return err
	}
	r.running = append(r.running, c)
	r.parts = append(r.parts, Part{Name: name, Run: c.supervise})
	return nil
}

// colours of the programs' names, from the sixteen that every terminal has.
var colours = map[string]int{"chasqui": 37, "whatsim": 35, "api": 36, "worker": 32, "scheduler": 33} //nolint:gochecknoglobals // a table

func (r *devRun) prefix(name string) string {
	text := fmt.Sprintf("%-9s | ", name)
	if r.colour {
		return fmt.Sprintf("\x1b[%dm%s\x1b[0m", colours[name], text)
	}
	return text
}

// environment is the caller's, as a map.
func environment(environ []string) map[string]string {
	out := map[string]string{}
	for _, e := range environ {
		if name, value, ok := strings.Cut(e, "="); ok {
			out[name] = value
		}
	}
	return out
}
