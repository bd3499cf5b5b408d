package app_test

import (
	"encoding/json"
	"strings"
	"testing"

	"chasqui/internal/account"
	"chasqui/internal/app"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// The operator's way in: a user is made, listed, gets a link, and is let in.
func TestUserCommands(t *testing.T) {
	t.Parallel()
	database := testkit.DatabaseURL(t)
	environ := append(settings(t, database), "PUBLIC_URL=https://chasqui.example")
	run := func(args ...string) map[string]string {
		t.Helper()
		code, out, errs := command(environ, append(args, "--json")...)
		got := map[string]string{}
		if code != 0 || json.Unmarshal([]byte(out), &got) != nil {
			t.Fatalf("%v: %d: %s%s", args, code, out, errs)
		}
		return got
	}
	org := run("bootstrap", "--org", "Acme", "--email", "boss@example.com")["org_id"]
	made := run("user", "create", "--org", org, "--email", " Bob@example.com", "--role", "agent", "--name", "Bob")
	db := testkit.OpenDB(t, database)
	pepper, err := app.Pepper(t.Context(), load(t, environ), db)
	if err != nil {
		t.Fatal(err)
	}
	accounts := account.New(db, pepper)
	enter := func(password string) {
		t.Helper()
		e, err := accounts.SignIn(t.Context(), "bob@example.com", wa.NewSecret(password), wa.Caller{})
		if err != nil || e.Granted.User.Role != wa.Agent {
			t.Fatalf("%+v, %v", e, err)
		}
	}
	enter(made["password"])
	_, token, ok := strings.Cut(run("user", "reset-password", "bob@example.com")["link"], "https://chasqui.example/reset-password#token=")
	if !ok {
		t.Fatal("there is no link")
	}
	const fresh = "seven green kettles hum"
	if _, err := accounts.Reset(t.Context(), wa.NewSecret(token), wa.NewSecret(fresh), wa.Caller{}); err != nil {
		t.Fatal(err)
	}
	enter(fresh)
	if code, out, errs := command(environ, "user", "unlock", "bob@example.com"); code != 0 {
		t.Errorf("unlock: %d %s%s", code, out, errs)
	}
	if code, out, _ := command(environ, "user", "list", "--org", org); code != 0 || strings.Count(out, "\n") != 2 || !strings.Contains(out, "bob@example.com") {
		t.Errorf("list: %d %s", code, out)
	}
	for _, args := range [][]string{
		{"user", "create", "--org", org, "--email", "bob@example.com", "--role", "agent"},
		{"user", "create", "--org", org, "--email", "eve@example.com", "--role", "root"},
		{"user", "create", "--org", wa.NewOrgID().String(), "--email", "eve@example.com", "--role", "agent"},
		{"user", "reset-password", "nobody@example.com"},
		{"user", "unlock", "nobody"},
	} {
		if code, out, _ := command(environ, args...); code == 0 {
			t.Errorf("%v went through: %s", args, out)
		}
	}
}
