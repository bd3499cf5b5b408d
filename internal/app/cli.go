package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/alecthomas/kong"

	"chasqui/internal/queue"
)

// commands is the operator's command line. Settings come from the environment
// only; flags say what to do.
type commands struct {
	Migrate struct {
		Up     migrateUp     `cmd:"" help:"Bring the database to the newest schema. Safe to run at any time and from many places at once."`
		Status migrateStatus `cmd:"" help:"Tell whether the database has the schema that this program needs."`
	} `cmd:"" help:"Manage the database's schema."`
	Bootstrap bootstrap `cmd:"" help:"Make an org with an admin and a first API key. The secrets are shown once."`
	Key       struct {
		Create keyCreate `cmd:"" help:"Make an API key. It is shown once."`
	} `cmd:"" help:"Manage API keys."`
	Org struct {
		AllowHTTP orgAllowHTTP `cmd:"" name:"allow-http" help:"Say whether an org's webhooks may have plain http addresses."`
	} `cmd:"" help:"Manage orgs."`
	Health health     `cmd:"" help:"Ask an address for its health; the exit status tells."`
	Config configShow `cmd:"" help:"Show the settings in force, without secrets, and every mistake in them."`
	Doctor doctor     `cmd:"" help:"Check what the platform stands on, and say what to do about what fails."`
	Dev    dev        `cmd:"" help:"Run everything on this machine, for development."`
}

// console is where a command reads its settings and writes.
type console struct {
	environ []string
	out     io.Writer
	errs    io.Writer
}

// CLI runs chasqui and ends the process.
func CLI() {
	queue.LogRedis(slog.New(slog.DiscardHandler)) // what matters comes back as an error
	os.Exit(Command(os.Args[1:], os.Environ(), os.Stdout, os.Stderr))
}

// Command runs one command line and gives the exit status: 0, 1 for what
// failed, 2 for what was not understood.
func Command(args, environ []string, out, errs io.Writer) int {
	var c commands
	parser, err := kong.New(&c, kong.Name("chasqui"), kong.Description("The operator's command line of chasqui."),
		kong.Writers(out, errs), kong.UsageOnError(), kong.Exit(func(int) {}))
	if err != nil {
		return complain(errs, err, 2)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	chosen, err := parser.Parse(args)
	if helpWanted(args) {
		return 0
	}
	if err != nil {
		return complain(errs, err, 2)
	}
	ctx, stop := stopSignals(slog.New(slog.NewTextHandler(errs, nil)), devStopLimit, os.Exit)
	defer stop()
	chosen.BindTo(ctx, (*context.Context)(nil))
	if err := chosen.Run(&console{environ: environ, out: out, errs: errs}); err != nil {
		return complain(errs, err, 1)
	}
	return 0
}

func complain(w io.Writer, err error, code int) int {
	_, _ = fmt.Fprintln(w, "chasqui:", err) // the exit status tells, when nothing can be written
	return code
}

func helpWanted(args []string) bool {
	for _, a := range args {
		if a == "--help" || a == "-h" {
			return true
		}
	}
	return false
}
