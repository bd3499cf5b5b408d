package app

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

type orgDelete struct {
	Org  string `arg:"" help:"Id of the org (org_…)."`
	Name string `required:"" help:"Its name, exactly, so that no other is deleted by mistake."`
}

// Run begins the deletion.
func (o orgDelete) Run(ctx context.Context, con *console) error {
	var org wa.OrgID
	if err := org.UnmarshalText([]byte(o.Org)); err != nil {
		return plain(err)
	}
	return con.withAccounts(ctx, func(accounts *account.Service) error {
		d, err := accounts.DeleteOrgOf(ctx, org, o.Name)
		if err != nil {
			return plain(err)
		}
		_, err = fmt.Fprintf(con.out, "Nothing leaves any more, and keys and webhooks are closed. From %s on everything is erased; until then: chasqui org keep %s\n", stamp(d.DueAt), org)
		return err
	})
}

type orgKeep struct {
	Org string `arg:"" help:"Id of the org (org_…)."`
}

// Run takes the deletion back.
func (o orgKeep) Run(ctx context.Context, con *console) error {
	var org wa.OrgID
	if err := org.UnmarshalText([]byte(o.Org)); err != nil {
		return plain(err)
	}
	return con.withAccounts(ctx, func(accounts *account.Service) error {
		if err := accounts.KeepOrgOf(ctx, org); err != nil {
			return plain(err)
		}
		_, err := fmt.Fprintln(con.out, "The organisation stays, as it was.")
		return err
	})
}

type orgDeletions struct{}

// Run lists what is being deleted, and how far that is.
func (orgDeletions) Run(ctx context.Context, con *console) error {
	return con.withDB(ctx, func(db *store.DB) error {
		var all []store.Leaving
		if err := db.InTx(ctx, func(tx *store.Tx) (err error) {
			all, err = tx.LeavingOrgs(ctx)
			return err
		}); err != nil {
			return err
		}
		if len(all) == 0 {
			_, err := fmt.Fprintln(con.out, "Nothing is being deleted.")
			return err
		}
		w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
		for _, l := range all {
			if _, err := fmt.Fprintf(w, "%s\t%s\tasked for %s\t%s\n", l.Org, l.Name, stamp(l.AskedAt), progress(l)); err != nil {
				return err
			}
		}
		return w.Flush()
	})
}

// progress tells how far a deletion is.
func progress(l store.Leaving) string {
	var rows int64
	for _, n := range l.Counts {
		rows += n
	}
	switch {
	case l.GoneAt != nil:
		return fmt.Sprintf("erased, %d rows; a last look follows", rows)
	case l.Erasing != nil:
		return fmt.Sprintf("being erased, %d rows so far", rows)
	}
	return "erased from " + stamp(l.DueAt) + " on"
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }
