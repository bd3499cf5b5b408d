package app_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/app"
	"chasqui/internal/seal"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// logging runs an api whose log is kept.
func logging(t *testing.T, cfg app.Config) (base string, log *output) {
	t.Helper()
	log = &output{}
	k, err := app.Open(t.Context(), "api", cfg, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	parts, err := app.API(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = app.Run(ctx, parts...) }()
	t.Cleanup(func() { cancel(); <-ended; _ = k.Close() })
	testkit.Eventually(t, patience, "ready", func() bool { return k.Ready(t.Context()) == nil })
	return "http://" + k.Addr("http"), log
}

var setUpLine = regexp.MustCompile(`link="?(http://localhost:[0-9]+/set-up#token=([A-Za-z0-9_-]+))`)

// The api tells the link while there is no org, the command line shows the same,
// it opens, and then there is none any more.
func TestSetUpLink(t *testing.T) {
	t.Parallel()
	environ := settings(t, migrated(t), "HTTP_ADDR=:0")
	base, log := logging(t, load(t, environ))
	testkit.Eventually(t, patience, "a link in the log", func() bool { return setUpLine.MatchString(log.String()) })
	found := setUpLine.FindStringSubmatch(log.String())
	code, out, errs := command(environ, "setup-link")
	if code != 0 || strings.TrimSpace(out) != found[1] {
		t.Errorf("chasqui setup-link is %d: %s%s, in the log is %s", code, out, errs, found[1])
	}
	code, out, errs = command(append(environ, "PUBLIC_URL=https://chasqui.example/"), "setup-link")
	if code != 0 || strings.TrimSpace(out) != "https://chasqui.example/set-up#token="+found[2] {
		t.Errorf("with an address of ours: %d: %s%s", code, out, errs)
	}
	base = strings.Replace(base, "[::]", "localhost", 1)
	body := `{"token":"` + found[2] + `","organisation":"Acme","name":"Ana","email":"ana@example.com","password":"seven green kettles hum"}`
	if status, answer := do(t, http.MethodPost, base+"/api/v1/setup", "", body); status != http.StatusOK || !strings.Contains(answer, "access_token") {
		t.Fatalf("%d %s", status, answer)
	}
	if code, out, errs = command(environ, "setup-link"); code != 1 || !strings.Contains(errs, "is set up") {
		t.Errorf("afterwards: %d: %s%s", code, out, errs)
	}
	if _, again := logging(t, load(t, environ)); setUpLine.MatchString(again.String()) {
		t.Errorf("an api that starts afterwards tells a link:\n%s", again.String())
	}
}

// An installation whose root secret is gone does not start, and says why.
func TestLostSecretEndsTheProgram(t *testing.T) {
	t.Parallel()
	database := migrated(t)
	environ := settings(t, database)
	if code, out, errs := command(environ, "bootstrap", "--org", "Acme", "--email", "a@example.com"); code != 0 {
		t.Fatalf("%d: %s%s", code, out, errs)
	}
	db, err := testkit.OpenSQL(database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, statement := range []string{
		`SET app.system = 'on'`, `UPDATE data_keys SET made_at = made_at - interval '1 minute'`, `DELETE FROM installation_secrets`,
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"api", "worker", "scheduler"} {
		k, err := app.Open(t.Context(), name, load(t, environ), quiet())
		if !errors.Is(err, seal.ErrLostSecret) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			_ = k.Close()
		}
	}
	if code, out, errs := command(environ, "bootstrap", "--org", "Second", "--email", "b@example.com"); code != 1 || !strings.Contains(errs, "installation_secrets") {
		t.Errorf("the command line: %d: %s%s", code, out, errs)
	}
	var left int
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM installation_secrets`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d secrets were drawn, %v", left, err)
	}
}

// A password of the operator's list is refused from the first one on; an api that
// cannot read the list does not start, and programs that do not need it do.
func TestBreachedPasswordsOfTheProgram(t *testing.T) {
	t.Parallel()
	list := filepath.Join(t.TempDir(), "list")
	if err := os.WriteFile(list, []byte("twelve good monkeys\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	environ := settings(t, migrated(t), "BREACHED_PASSWORDS="+list)
	k, _ := serve(t, "api", load(t, environ), app.API)
	link, err := k.Accounts.SetUpLink(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(link.Reveal(), "#token=")
	for _, c := range []struct {
		password string
		want     int
	}{{"twelve good monkeys", http.StatusUnprocessableEntity}, {"seven green kettles hum", http.StatusOK}} {
		body := `{"token":"` + token + `","organisation":"Acme","name":"Ana","email":"ana@example.com","password":"` + c.password + `"}`
		var status int
		var answer string
		testkit.Eventually(t, patience, "an answer", func() bool {
			status, answer = do(t, http.MethodPost, "http://"+k.Addr("http")+"/api/v1/setup", "", body)
			return status != http.StatusServiceUnavailable && status != 0
		})
		if status != c.want || strings.Contains(answer, c.password) {
			t.Errorf("%d, want %d: %s", status, c.want, answer)
		}
	}
	if err := os.Remove(list); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"api", "worker"} {
		k, err := app.Open(t.Context(), name, load(t, environ), quiet())
		if failed := err != nil && strings.Contains(err.Error(), "BREACHED_PASSWORDS"); failed != (name == "api") {
			t.Errorf("%s without the list: %v", name, err)
		}
		if err == nil {
			_ = k.Close()
		}
	}
}

// One login migrates, another one runs the programs, as docs/operations.md says.
func TestTwoLogins(t *testing.T) {
	t.Parallel()
	database := emptyDatabase(t)
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	super, runtime := *u, *u
	super.User, runtime.User = url.User("postgres"), url.User("runtime_"+testkit.Random(4))
	ctx := context.WithoutCancel(t.Context())
	c, err := pgx.Connect(ctx, super.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// What closes at this moment would keep the database from being dropped.
		_, _ = c.Exec(ctx, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1`, runtime.User.Username())
		_, _ = c.Exec(ctx, `DROP ROLE IF EXISTS `+runtime.User.Username())
		_ = c.Close(ctx)
	})
	for _, statement := range []string{
		`DO $$ BEGIN CREATE ROLE chasqui_app NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`,
		`CREATE ROLE ` + runtime.User.Username() + ` LOGIN IN ROLE chasqui_app`,
	} {
		if _, err := c.Exec(ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	environ := settings(t, runtime.String())
	if code, out, errs := command(environ, "migrate", "up"); code != 1 {
		t.Fatalf("a login that works with rows migrates: %d: %s%s", code, out, errs)
	}
	if code, out, errs := command(append(environ, "MIGRATE_DATABASE_URL="+database), "migrate", "up"); code != 0 {
		t.Fatalf("%d: %s%s", code, out, errs)
	}
	if code, out, errs := command(environ, "doctor"); !strings.Contains(out, "ok    schema") || !strings.Contains(out, "ok    master key") {
		t.Errorf("the doctor: %d: %s%s", code, out, errs)
	}
	api, _ := serve(t, "api", load(t, environ), app.API)
	serve(t, "scheduler", load(t, environ), app.Scheduler)
	made, err := api.Accounts.Bootstrap(t.Context(), "Acme", "a@example.com")
	if err != nil {
		t.Fatal(err)
	}
	hook := wa.Endpoint{URL: "https://example.com/h", Events: []string{"*"}}
	if _, err := api.Webhooks.Create(t.Context(), testkit.Actor(made.OrgID), hook); err != nil {
		t.Error(err)
	}
	if code, out, errs := command(environ, "verify-audit"); code != 0 {
		t.Errorf("verify-audit: %d: %s%s", code, out, errs)
	}
	if code, out, errs := command(environ, "operator", "create", "olga"); code != 0 {
		t.Errorf("operator create: %d: %s%s", code, out, errs)
	}
}
