package app

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/fleet"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

type operatorCreate struct {
	Name  string `arg:"" help:"Who it is."`
	Renew bool   `help:"The operator is there already: give them another key, which ends the former one."`
	JSON  bool   `help:"Print one line of JSON."`
}

// Run makes the operator.
func (o operatorCreate) Run(ctx context.Context, con *console) error {
	return con.withAccounts(ctx, func(accounts *account.Service) error {
		var text wa.Secret
		var err error
		if o.Renew {
			text, err = accounts.RenewOperator(ctx, o.Name)
		} else {
			_, text, err = accounts.CreateOperator(ctx, o.Name)
		}
		if err != nil {
			return plain(err)
		}
		return con.show(o.JSON, []pair{{"name", o.Name}, {"operator_key", text.Reveal()}})
	})
}

type operatorList struct{}

// Run lists the operators, newest first.
func (operatorList) Run(ctx context.Context, con *console) error {
	return con.withAccounts(ctx, func(accounts *account.Service) error {
		all, err := accounts.Operators(ctx)
		if err != nil {
			return plain(err)
		}
		w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
		for _, o := range all {
			state, used := "may come in", "never used"
			if o.RevokedAt != nil {
				state = "revoked"
			}
			if o.LastUsedAt != nil {
				used = "last used " + o.LastUsedAt.UTC().Format(time.RFC3339)
			}
			if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", o.Name, state, used); err != nil {
				return err
			}
		}
		return w.Flush()
	})
}

type operatorRevoke struct {
	Name string `arg:"" help:"Who it is."`
}

// Run ends the operator's key.
func (o operatorRevoke) Run(ctx context.Context, con *console) error {
	return con.withAccounts(ctx, func(accounts *account.Service) error {
		if err := accounts.RevokeOperator(ctx, o.Name); err != nil {
			return plain(err)
		}
		_, err := fmt.Fprintln(con.out, "The key opens nothing any more.")
		return err
	})
}

type clientPacing struct {
	Client string `arg:"" help:"Id of the client (cli_…)."`
	Org    string `required:"" help:"Id of its org (org_…)."`
	State  string `arg:"" enum:"on,off" help:"on or off."`
}

// Run switches the pacing of one client, which the API leaves to admins.
func (c clientPacing) Run(ctx context.Context, con *console) error {
	var id wa.ClientID
	var org wa.OrgID
	if err := id.UnmarshalText([]byte(c.Client)); err != nil {
		return plain(err)
	}
	if err := org.UnmarshalText([]byte(c.Org)); err != nil {
		return plain(err)
	}
	return con.withDB(ctx, func(db *store.DB) error {
		var found wa.Client
		if err := db.InOrg(ctx, org, func(tx *store.Tx) (err error) {
			found, err = tx.Client(ctx, org, id)
			return err
		}); err != nil {
			return plain(err)
		}
		found.Limits.Enabled = c.State == "on"
		if _, err := fleet.New(db).SetLimits(ctx, wa.Actor{Org: org, Name: "command line"}, id, found.Limits, "switched off or on by who runs the installation"); err != nil {
			return plain(err)
		}
		_, err := fmt.Fprintf(con.out, "Pacing of %s is %s.\n", found.Name, c.State)
		return err
	})
}
