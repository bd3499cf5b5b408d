package app

import (
	"context"
	"errors"
	"fmt"

	"chasqui/internal/fleet"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// commandLine is who acts by the operator's commands.
const commandLine = "command line"

// whom says what the kill switch is thrown for.
type whom struct {
	All    bool   `xor:"whom" required:"" help:"The whole installation."`
	Org    string `xor:"whom" required:"" help:"One org (org_…)."`
	Client string `xor:"whom" required:"" help:"One client (cli_…)."`
}

type stopSending struct {
	whom
	Reason string `required:"" help:"Why; it is shown to the customers concerned."`
}

// Run throws the kill switch.
func (s stopSending) Run(ctx context.Context, con *console) error {
	return con.withSwitch(ctx, s.whom, func(f *fleet.Service, by wa.Actor, client wa.ClientID) error {
		err := f.HaltAll
		if !s.All {
			err = func(ctx context.Context, by wa.Actor, reason string) error { return f.Halt(ctx, by, client, reason) }
		}
		if err := err(ctx, by, s.Reason); err != nil {
			return plain(err)
		}
		_, failed := fmt.Fprintln(con.out, "Stopped: from two seconds from now nothing leaves. Everything that waits is kept; chasqui release lets it go.")
		return failed
	})
}

type releaseSending struct{ whom }

// Run takes the kill switch back.
func (r releaseSending) Run(ctx context.Context, con *console) error {
	return con.withSwitch(ctx, r.whom, func(f *fleet.Service, by wa.Actor, client wa.ClientID) error {
		var err error
		if r.All {
			err = f.ReleaseAll(ctx, by)
		} else {
			err = f.Release(ctx, by, client)
		}
		if err != nil {
			return plain(err)
		}
		_, err = fmt.Fprintln(con.out, "Released. What another stop holds stays held: chasqui stops lists them.")
		return err
	})
}

type listStops struct{}

// Run lists what is held.
func (listStops) Run(ctx context.Context, con *console) error {
	return con.withDB(ctx, func(db *store.DB) error {
		var all []wa.Halt
		if err := db.InTx(ctx, func(tx *store.Tx) (err error) {
			all, err = tx.Halts(ctx)
			return err
		}); err != nil {
			return err
		}
		for _, h := range all {
			if _, err := fmt.Fprintf(con.out, "%s  %-12s %s %s  %s (%s)\n", h.Since.UTC().Format("2006-01-02 15:04:05"), h.Scope, h.OrgID, h.ClientID, h.Reason, h.By); err != nil {
				return err
			}
		}
		if len(all) > 0 {
			return nil
		}
		_, err := fmt.Fprintln(con.out, "Nothing is stopped.")
		return err
	})
}

// withSwitch opens what it takes to reach the kill switch, and finds out whom it
// is about.
func (con *console) withSwitch(ctx context.Context, w whom, fn func(*fleet.Service, wa.Actor, wa.ClientID) error) error {
	return con.withDB(ctx, func(db *store.DB) error {
		by, client, err := w.read(ctx, db)
		if err != nil {
			return plain(err)
		}
		return fn(fleet.New(db), by, client)
	})
}

// read gives the actor, of the org concerned, and the client.
func (w whom) read(ctx context.Context, db *store.DB) (by wa.Actor, client wa.ClientID, err error) {
	by.Name = commandLine
	switch {
	case w.All:
		return by, client, nil
	case w.Org != "":
		if err := by.Org.UnmarshalText([]byte(w.Org)); err != nil {
			return by, client, err
		}
		return by, client, db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
			_, err := tx.Org(ctx, by.Org)
			return err
		})
	case w.Client != "":
		if err := client.UnmarshalText([]byte(w.Client)); err != nil {
			return by, client, err
		}
		return by, client, db.InTx(ctx, func(tx *store.Tx) (err error) {
			by.Org, err = tx.OrgOfClient(ctx, client)
			return err
		})
	}
	return by, client, errors.New("say whom: --all, --org or --client")
}
