package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"chasqui/internal/account"
)

// setUpRetry is how soon it is asked again whether there is an org, when the
// database was away.
const setUpRetry = 5 * time.Second

// setUpLink is the part that tells, once the keys are there, by which link the
// first org is made. Whoever reads this log may do that, and nobody else.
func (k *Kit) setUpLink() Part {
	return Part{Name: "set-up link", Run: func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return nil
		case <-k.unlocked:
		}
		for {
			needed, err := k.Accounts.SetUpNeeded(ctx)
			if err == nil && needed {
				err = k.tellSetUpLink(ctx)
			}
			if err == nil {
				<-ctx.Done()
				return nil
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(setUpRetry):
			}
		}
	}}
}

func (k *Kit) tellSetUpLink(ctx context.Context) error {
	link, err := k.Accounts.SetUpLink(ctx, k.Config.reachable())
	if err == nil {
		k.Log.WarnContext(ctx, "there is no organisation yet: open this link to make the first", "link", link.Reveal())
	}
	return err
}

// reachable is the address that links lead to: PUBLIC_URL, or else this machine
// at the port of the api.
func (c Config) reachable() string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	host, port, err := net.SplitHostPort(c.HTTPAddr)
	if ip := net.ParseIP(host); err != nil || host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

type setupLink struct{}

// Run prints the link; where there is an org already it says so.
func (setupLink) Run(ctx context.Context, con *console) error {
	cfg, err := Load(con.environ)
	if err != nil {
		return err
	}
	return con.withAccounts(ctx, func(accounts *account.Service) error {
		needed, err := accounts.SetUpNeeded(ctx)
		if err != nil {
			return err
		}
		if !needed {
			return errors.New("this installation is set up: sign in, or chasqui user reset-password gives a new way in")
		}
		link, err := accounts.SetUpLink(ctx, cfg.reachable())
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(con.out, link.Reveal())
		return err
	})
}
