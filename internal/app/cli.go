package app

import (
	"context"
	"errors"
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
	SetupLink setupLink `cmd:"" name:"setup-link" help:"Show the link by which the first org is made in a browser, while there is none."`
	Key       struct {
		Create keyCreate `cmd:"" help:"Make an API key. It is shown once."`
	} `cmd:"" help:"Manage API keys."`
	Operator struct {
		Create operatorCreate `cmd:"" help:"Make somebody who runs this installation. Their key is shown once; it opens the queues page and no org."`
		List   operatorList   `cmd:"" help:"List the operators."`
		Revoke operatorRevoke `cmd:"" help:"End an operator's key."`
	} `cmd:"" help:"Manage who runs this installation."`
	Client struct {
		Pacing clientPacing `cmd:"" help:"Switch a client's pacing on or off. Without it a number is soon taken for a machine."`
	} `cmd:"" help:"Manage clients."`
	Org struct {
		AllowHTTP orgAllowHTTP `cmd:"" name:"allow-http" help:"Say whether an org's webhooks may have plain http addresses."`
		Delete    orgDelete    `cmd:"" help:"Delete an org: nothing leaves any more, and after the time in which it can be kept everything of it is erased."`
		Keep      orgKeep      `cmd:"" help:"Take the deletion of an org back."`
		Deletions orgDeletions `cmd:"" help:"List the orgs that are being deleted."`
	} `cmd:"" help:"Manage orgs."`
	User struct {
		Create        userCreate `cmd:"" help:"Make a user. The password is shown once."`
		List          userList   `cmd:"" help:"List an org's users."`
		ResetPassword userReset  `cmd:"" name:"reset-password" help:"Make a link for a new password. It is shown once and works for an hour."`
		Delete        userDelete `cmd:"" help:"Delete a user for good: the account, and the address wherever it stood. The audit log keeps the id."`
		Unlock        userUnlock `cmd:"" help:"Let somebody sign in again who failed too often."`
	} `cmd:"" help:"Manage users: the operator's way in."`
	Stop        stopSending    `cmd:"" help:"The kill switch: let nothing leave any more, at once and on all workers. What waits is kept."`
	Release     releaseSending `cmd:"" help:"Take one throw of the kill switch back."`
	Stops       listStops      `cmd:"" help:"List what the kill switch holds."`
	RotateKeys  rotateKeys     `cmd:"" name:"rotate-keys" help:"Turn the keys of sealed secrets over, while everybody goes on working."`
	VerifyAudit verifyAudit    `cmd:"" help:"Read the audit logs from their first line to their last, and find the first that was altered, put in, moved or taken away."`
	Health      health         `cmd:"" help:"Ask an address for its health; the exit status tells."`
	Config      configShow     `cmd:"" help:"Show the settings in force, without secrets, and every mistake in them."`
	Doctor      doctor         `cmd:"" help:"Check what the platform stands on, and say what to do about what fails."`
	OpenAPI     openAPI        `cmd:"" name:"openapi" help:"Print the description of the HTTP API, from which clients are generated."`
	SBOM        sbom           `cmd:"" name:"sbom" help:"Print what this program is made of: a software bill of materials (CycloneDX)."`
	Dev         dev            `cmd:"" help:"Run everything on this machine, for development."`
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
// failed, 2 for what was not understood, 3 for a log that was tampered with.
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
	err = chosen.Run(&console{environ: environ, out: out, errs: errs})
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errTampered):
		return complain(errs, err, 3)
	}
	return complain(errs, err, 1)
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
