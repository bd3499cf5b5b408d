package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

type migrateUp struct{}

// Run migrates, with WhatsApp's own tables under the same lock.
func (migrateUp) Run(ctx context.Context, con *console) error {
	cfg, err := Load(con.environ)
	if err == nil && cfg.MigrateURL.IsZero() {
		cfg, err = Load(con.environ, "DATABASE_URL")
	}
	if err != nil {
		return err
	}
	if err := Migrate(ctx, cfg); err != nil {
		return err
	}
	_, err = fmt.Fprintln(con.out, "The database is up to date.")
	return err
}

// Migrate brings the database to the schema that this code needs, by the login
// that is there for it, or else by the one of the programs.
func Migrate(ctx context.Context, cfg Config) error {
	as := cfg.MigrateURL
	if as.IsZero() {
		as = cfg.DatabaseURL
	}
	return store.Migrate(ctx, as.Reveal())
}

type migrateStatus struct{}

// Run tells how the schema stands; being behind is a failure.
func (migrateStatus) Run(ctx context.Context, con *console) error {
	return con.withDB(ctx, func(db *store.DB) error {
		if err := db.Current(ctx); err != nil {
			return err
		}
		_, err := fmt.Fprintln(con.out, "The database is up to date.")
		return err
	})
}

type bootstrap struct {
	Org   string `required:"" help:"Name of the org."`
	Email string `required:"" help:"E-mail address of its admin."`
	JSON  bool   `help:"Print one line of JSON."`
}

// Run makes the org.
func (b bootstrap) Run(ctx context.Context, con *console) error {
	return con.withAccounts(ctx, func(accounts *account.Service) error {
		made, err := accounts.Bootstrap(ctx, b.Org, b.Email)
		if err != nil {
			return plain(err)
		}
		// Here, and only here, the secrets are meant to be read.
		return con.show(b.JSON, []pair{
			{"org_id", made.OrgID.String()}, {"email", made.Email}, {"password", made.Password.Reveal()}, {"api_key", made.APIKey.Reveal()},
		})
	})
}

type keyCreate struct {
	Org   string   `required:"" help:"Id of the org (org_…)."`
	Name  string   `required:"" help:"What the key is for."`
	Scope []string `required:"" help:"What the key may do, for example messages:send; admin is everything. May be given several times."`
	JSON  bool     `help:"Print one line of JSON."`
}

// Run makes the key.
func (c keyCreate) Run(ctx context.Context, con *console) error {
	var org wa.OrgID
	if err := org.UnmarshalText([]byte(c.Org)); err != nil {
		return plain(err)
	}
	var scopes []wa.Permission
	for _, s := range c.Scope {
		scopes = append(scopes, wa.Permission(s))
	}
	return con.withAccounts(ctx, func(accounts *account.Service) error {
		key, text, err := accounts.CreateKey(ctx, org, c.Name, scopes)
		if err != nil {
			return plain(err)
		}
		return con.show(c.JSON, []pair{{"id", key.ID.String()}, {"org_id", org.String()}, {"name", key.Name}, {"api_key", text.Reveal()}})
	})
}

type health struct {
	URL string `arg:"" help:"For example http://127.0.0.1:3002/readyz."`
}

// Run asks once. Container engines call it, because the image has no curl.
func (h health) Run(ctx context.Context, con *console) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, 4096)) // what it says is a courtesy: the status decides
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", res.Status, strings.TrimSpace(string(body)))
	}
	_, err = fmt.Fprintln(con.out, strings.TrimSpace(string(body)))
	return err
}

type configShow struct{}

// Run shows what is in force, mistakes last.
func (configShow) Run(con *console) error {
	cfg, mistakes := Load(con.environ, Required...)
	return errors.Join(cfg.Dump(con.out), mistakes)
}

// withDB opens the database for a command.
func (con *console) withDB(ctx context.Context, fn func(*store.DB) error) error {
	return con.opened(ctx, func(_ Config, db *store.DB) error { return fn(db) }, "DATABASE_URL")
}

// withAccounts opens what it takes to make orgs and keys.
func (con *console) withAccounts(ctx context.Context, fn func(*account.Service) error) error {
	return con.opened(ctx, func(cfg Config, db *store.DB) error {
		accounts, err := openAccounts(ctx, cfg, db)
		if err != nil {
			return err
		}
		return fn(accounts)
	}, "DATABASE_URL", "CHASQUI_MASTER_KEY")
}

// opened opens the database for a command that needs these settings.
func (con *console) opened(ctx context.Context, fn func(Config, *store.DB) error, needs ...string) error {
	cfg, err := Load(con.environ, needs...)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, store.Options{URL: cfg.DatabaseURL.Reveal(), MaxConns: 2, Name: "admin"})
	if err != nil {
		return err
	}
	defer db.Close()
	return fn(cfg, db)
}

// openAccounts makes what makes orgs and keys. What it has to mail waits in the
// database until an api sends it.
func openAccounts(ctx context.Context, cfg Config, db *store.DB) (*account.Service, error) {
	keys, err := newKeyring(cfg, db)
	if err != nil {
		return nil, err
	}
	pepper, err := keys.Derive(ctx, pepperLabel)
	if err != nil {
		return nil, err
	}
	o, err := cfg.accountOptions(keys)
	if err != nil {
		return nil, err
	}
	return account.New(db, pepper, o), nil
}

// pair is one line of an answer.
type pair struct{ name, value string }

// show prints an answer for people, or as one JSON object.
func (con *console) show(asJSON bool, lines []pair) error {
	if asJSON {
		object := map[string]string{}
		for _, l := range lines {
			object[l.name] = l.value
		}
		return json.NewEncoder(con.out).Encode(object)
	}
	for _, l := range lines {
		if _, err := fmt.Fprintf(con.out, "%-10s %s\n", l.name, l.value); err != nil {
			return err
		}
	}
	return nil
}

// plain gives an error's own words, which are meant for the caller, instead of
// its whole history.
func plain(err error) error {
	var e *wa.Error
	if !errors.As(err, &e) || e.Code == wa.Internal || e.Code == wa.Unavailable {
		return err
	}
	if e.Field != "" {
		return fmt.Errorf("%s %s", e.Field, e.Message)
	}
	return errors.New(e.Message)
}
