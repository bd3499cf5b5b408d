// Package bench_test measures the platform beside the bare parts it is made
// of. Every measurement runs ours and the bare part in the same run on the same
// machine, so that what counts is their ratio. It is a program in the shape of
// a test binary, because nothing of it belongs to the product:
//
//	make bench                            everything
//	make bench ARGS='-quick'              everything, tiny: does it work at all
//	make bench ARGS='-only accept,batch'  some
//	make bench ARGS='-write docs/bench.md'
//
// The programs that are measured run as processes of their own: this binary,
// started again under another name.
package bench_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"chasqui/internal/app"
	"chasqui/internal/devstack"
	"chasqui/internal/whatsim"
)

// programVariable names the program that this binary shall be.
const programVariable = "CHASQUI_BENCH_PROGRAM"

var (
	figures = flag.Bool("figures", false, "measure, instead of testing the tools")
	quick   = flag.Bool("quick", false, "tiny sizes: a check that the measurements work")
	large   = flag.Bool("large", false, "the full sizes of the goals, where the usual ones are smaller")
	only    = flag.String("only", "", "names of measurements, separated by commas")
	into    = flag.String("write", "", "the file to write the table to")
	built   = flag.String("commit", "", "the commit that this binary was built from; the checkout's if empty")
	keep    = flag.String("logs", "", "a folder for what the processes say; a temporary one if empty")
)

func TestMain(m *testing.M) {
	switch name := os.Getenv(programVariable); name {
	case "":
	case "api":
		app.Main(name, app.API)
	case "worker":
		app.Main(name, app.Worker)
	case "scheduler":
		app.Main(name, app.Scheduler)
	default:
		os.Exit(other(name))
	}
	flag.Parse()
	if !*figures {
		os.Exit(m.Run())
	}
	os.Exit(measureAll())
}

// other runs a program that is not one of the product's.
func other(name string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	var err error
	switch name {
	case "whatsim":
		err = whatsim.Main(ctx, strings.Fields(os.Getenv("WHATSIM_ARGS")), os.Stdout, os.Stderr)
	case "barehttp":
		err = serveBare(ctx)
	case "barewa":
		err = bareWhatsApp(ctx)
	case "abuse":
		err = abuse(ctx)
	default:
		err = fmt.Errorf("no program is called %q", name)
	}
	if err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// measurement is one part of the run.
type measurement struct {
	name string
	run  func(ctx context.Context, b *bench) error
}

func measurements() []measurement {
	return []measurement{
		{"accept", measureAccept},
		{"latency", measureLatency},
		{"batch", measureBatch},
		{"send", measureSend},
		{"store", measureStore},
		{"urgent", measureUrgent},
		{"backlog", measureBacklog},
		{"memory", measureMemory},
		{"talk", measureTalk},
		{"reconnect", measureReconnect},
		{"pacing", measurePacing},
		{"claim", measureClaim},
		{"doors", measureDoors},
		{"neighbour", measureNeighbour},
		{"unanswered", measureUnanswered},
		{"webhooks", measureWebhooks},
		{"outage", measureOutage},
		{"dead", measureDead},
	}
}

// bench is one run of measurements.
type bench struct {
	services *devstack.Stack
	logs     string
	figures  []figure
	how      string // circumstances of the measurement that runs
	failed   []string
}

// size picks what a measurement uses: the tiny one, the usual one, or the full one.
func size[T any](tiny, usual, full T) T {
	switch {
	case *quick:
		return tiny
	case *large:
		return full
	}
	return usual
}

func measureAll() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

func run(ctx context.Context) error {
	wanted := strings.FieldsFunc(*only, func(r rune) bool { return r == ',' })
	if *quick && *into != "" {
		return errors.New("tiny sizes give no figures to write down")
	}
	services, err := devstack.Up(ctx, devstack.Options{
		Durable: true, DatabaseURL: os.Getenv("DATABASE_URL"), RedisURL: os.Getenv("REDIS_URL"),
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	defer func() { _ = services.Down(context.WithoutCancel(ctx)) }()
	b := &bench{services: services, logs: *keep}
	if b.logs == "" {
		if b.logs, err = os.MkdirTemp("", "chasqui-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(b.logs)
	}
	if !*quick && os.Getenv("DATABASE_URL") == "" {
		if err := b.settle(ctx); err != nil {
			return err
		}
	}
	for _, m := range measurements() {
		if len(wanted) > 0 && !slices.Contains(wanted, m.name) {
			continue
		}
		if err := b.measure(ctx, m); err != nil {
			return err
		}
	}
	fmt.Printf("\n%s", table(b.figures))
	if len(b.failed) > 0 {
		return fmt.Errorf("these measurements failed: %s", strings.Join(b.failed, ", "))
	}
	return nil
}

// measure runs one part; a part that fails gives no figure and does not stop
// the others.
func (b *bench) measure(ctx context.Context, m measurement) error {
	began := time.Now()
	b.how = circumstances()
	err := m.run(ctx, b)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %s: %v\n", m.name, err)
		b.failed = append(b.failed, m.name)
	}
	fmt.Fprintf(os.Stderr, "bench: %s took %s\n", m.name, time.Since(began).Round(time.Second))
	if *into != "" { // at once: a run that is stopped keeps what it has
		return b.write(*into)
	}
	return nil
}
