package app

import (
	"context"
	"fmt"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

type userCreate struct {
	Org   string `required:"" help:"Id of the org (org_…)."`
	Email string `required:"" help:"E-mail address."`
	Role  string `required:"" enum:"admin,manager,agent,viewer" help:"admin, manager, agent or viewer."`
	Name  string `help:"What they are called."`
	JSON  bool   `help:"Print one line of JSON."`
}

// Run makes the user.
func (c userCreate) Run(ctx context.Context, con *console) error {
	var org wa.OrgID
	if err := org.UnmarshalText([]byte(c.Org)); err != nil {
		return plain(err)
	}
	return con.withAccounts(ctx, func(accounts *account.Service) error {
		u, password, err := accounts.AddUser(ctx, org, c.Email, c.Name, wa.Role(c.Role))
		if err != nil {
			return plain(err)
		}
		return con.show(c.JSON, []pair{{"id", u.ID.String()}, {"email", u.Email}, {"role", string(u.Role)}, {"password", password.Reveal()}})
	})
}

type userList struct {
	Org string `required:"" help:"Id of the org (org_…)."`
}

// Run lists them, newest first.
func (c userList) Run(ctx context.Context, con *console) error {
	var org wa.OrgID
	if err := org.UnmarshalText([]byte(c.Org)); err != nil {
		return plain(err)
	}
	return con.withAccounts(ctx, func(accounts *account.Service) error {
		for cursor := ""; ; {
			p, err := store.ParsePage(cursor, store.MaxPage)
			if err != nil {
				return err
			}
			users, err := accounts.Users(ctx, wa.Actor{Org: org, Name: "command line"}, store.UserFilter{}, p)
			if err != nil {
				return plain(err)
			}
			for _, u := range users {
				locked := ""
				if u.LockedUntil != nil {
					locked = "locked"
				}
				if _, err := fmt.Fprintf(con.out, "%-30s %-40s %-8s %-8s %s\n", u.ID, u.Email, u.Role, u.Status, locked); err != nil {
					return err
				}
			}
			if len(users) < store.MaxPage {
				return nil
			}
			last := users[len(users)-1]
			cursor = p.Next(len(users), last.CreatedAt, last.ID.UUID())
		}
	})
}

type userReset struct {
	Email string `arg:"" help:"E-mail address of the user."`
	JSON  bool   `help:"Print one line of JSON."`
}

// Run makes the link; without PUBLIC_URL it is the token alone.
func (c userReset) Run(ctx context.Context, con *console) error {
	return con.withAccounts(ctx, func(accounts *account.Service) error {
		link, err := accounts.ResetLink(ctx, c.Email)
		if err != nil {
			return plain(err)
		}
		return con.show(c.JSON, []pair{{"link", link.Reveal()}})
	})
}

type userUnlock struct {
	Email string `arg:"" help:"E-mail address of the user."`
}

// Run unlocks them.
func (c userUnlock) Run(ctx context.Context, con *console) error {
	return con.withAccounts(ctx, func(accounts *account.Service) error {
		if err := accounts.UnlockAddress(ctx, c.Email); err != nil {
			return plain(err)
		}
		_, err := fmt.Fprintf(con.out, "%s may sign in again.\n", c.Email)
		return err
	})
}

type userDelete struct {
	Email string `arg:"" help:"E-mail address of the user."`
}

// Run deletes them; the last admin of an org stays.
func (c userDelete) Run(ctx context.Context, con *console) error {
	return con.withAccounts(ctx, func(accounts *account.Service) error {
		if err := accounts.DeleteAddress(ctx, c.Email); err != nil {
			return plain(err)
		}
		_, err := fmt.Fprintln(con.out, "The account is gone.")
		return err
	})
}
