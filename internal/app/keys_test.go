package app_test

import (
	"errors"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/app"
	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// A process with another master key than the database's does nothing at all.
func TestWrongMasterKeyEndsTheProgram(t *testing.T) {
	t.Parallel()
	database := migrated(t)
	right, wrong := settings(t, database), settings(t, database)
	r := load(t, right)
	_, stop := serve(t, "scheduler", r, app.Scheduler)
	stop()
	before := masterKeys(t, database)
	if len(before) != 1 {
		t.Fatalf("the first start left %d master keys", len(before))
	}
	for name, program := range map[string]string{"api": "api", "worker": "worker"} {
		k, err := app.Open(t.Context(), program, load(t, wrong), quiet())
		if !errors.Is(err, seal.ErrWrongMaster) || !strings.Contains(err.Error(), before[0].ID) {
			t.Errorf("%s: %v", name, err)
		}
		if err == nil {
			_ = k.Close()
		}
	}
	for _, args := range [][]string{
		{"bootstrap", "--org", "Acme", "--email", "a@example.com"},
		{"rotate-keys", "--master"},
		{"rotate-keys", "--data", "--min-age", "0s"},
	} {
		if code, out, errs := command(wrong, args...); code != 1 || !strings.Contains(errs, "wrong master key") {
			t.Errorf("%v is %d: %s%s", args, code, out, errs)
		}
	}
	if _, out, _ := command(wrong, "doctor"); !strings.Contains(out, "FAIL  master key: wrong master key") {
		t.Errorf("the doctor says:\n%s", out)
	}
	if _, out, _ := command(right, "doctor"); !strings.Contains(out, "ok    master key") {
		t.Errorf("with the right one the doctor says:\n%s", out)
	}
	after := masterKeys(t, database)
	if len(after) != 1 || after[0].ID != before[0].ID || string(after[0].Canary) != string(before[0].Canary) {
		t.Error("what the master key is known by has changed")
	}
}

// The doctor only looks: it does not decide which master key is the right one.
func TestDoctorLeavesNoMasterKey(t *testing.T) {
	t.Parallel()
	database := migrated(t)
	if _, out, _ := command(settings(t, database), "doctor"); !strings.Contains(out, "ok    master key") {
		t.Errorf("the doctor says:\n%s", out)
	}
	if n := len(masterKeys(t, database)); n != 0 {
		t.Errorf("it left %d", n)
	}
}

func masterKeys(t *testing.T, database string) []wa.MasterKey {
	t.Helper()
	rows, err := testkit.OpenDB(t, database).MasterKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// An api that starts before the database is ready says so, and serves when it is.
func TestProgramsWaitForTheKeys(t *testing.T) {
	t.Parallel()
	database := emptyDatabase(t)
	k, _ := serve(t, "api", load(t, settings(t, database)), app.API)
	base := "http://" + k.Addr("http")
	var status int
	var body string
	testkit.Eventually(t, patience, "an answer", func() bool {
		status, body = get(t, base+"/api/v1/clients")
		return status != 0
	})
	if status != http.StatusServiceUnavailable || !strings.Contains(body, `"code":"unavailable"`) {
		t.Errorf("without a schema it answers %d: %s", status, body)
	}
	if err := app.Migrate(t.Context(), app.Config{DatabaseURL: wa.NewSecret(database)}); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, patience, "it serves", func() bool {
		status, _ := get(t, base+"/api/v1/clients")
		return status == http.StatusUnauthorized
	})
}

// TestRotateMasterKey does what docs/operations.md says, step by step, and asks
// with an API key after each.
func TestRotateMasterKey(t *testing.T) {
	t.Parallel()
	database, old, fresh := migrated(t), masterKey(), masterKey()
	with := func(keys string) []string { return settings(t, database, "CHASQUI_MASTER_KEY="+keys) }
	k, stop := serve(t, "api", load(t, with(old)), app.API)
	made, err := k.Accounts.Bootstrap(t.Context(), "Acme", "a@example.com")
	if err != nil {
		t.Fatal(err)
	}
	opens := func(k *app.Kit) {
		t.Helper()
		testkit.Eventually(t, patience, "the key opens", func() bool {
			status, _ := do(t, "GET", "http://"+k.Addr("http")+"/api/v1/clients", made.APIKey.Reveal(), "")
			return status == http.StatusOK
		})
	}
	opens(k)
	if code, _, errs := command(with(fresh+","+old), "rotate-keys"); code != 1 || !strings.Contains(errs, "--master") {
		t.Errorf("without saying what: %d %s", code, errs)
	}
	stop()
	k, stop = serve(t, "api", load(t, with(fresh+","+old)), app.API)
	opens(k)
	code, out, errs := command(with(fresh+","+old), "rotate-keys", "--master")
	if code != 0 || !strings.Contains(out, "Leave only that one") {
		t.Fatalf("rotate-keys is %d: %s%s", code, out, errs)
	}
	opens(k)
	stop()
	k, _ = serve(t, "api", load(t, with(fresh)), app.API)
	opens(k)
	if _, err := app.Open(t.Context(), "api", load(t, with(old)), quiet()); !errors.Is(err, seal.ErrWrongMaster) {
		t.Errorf("the old key alone: %v", err)
	}
	p, err := store.ParsePage("", 10)
	if err != nil {
		t.Fatal(err)
	}
	err = k.DB.InTx(t.Context(), func(tx *store.Tx) error {
		lines, err := tx.AuditEntries(t.Context(), wa.OrgID{}, store.AuditFilter{Action: wa.AuditKeysRotated}, p)
		if len(lines) != 1 || lines[0].Target != "master key" {
			t.Errorf("the installation's log has %+v", lines)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestLostMasterKey does what docs/operations.md says for the worst case: what
// was sealed is gone, and everything can be made anew.
func TestLostMasterKey(t *testing.T) {
	t.Parallel()
	database := migrated(t)
	k, stop := serve(t, "api", load(t, settings(t, database, "EGRESS_ALLOW_CIDRS=127.0.0.0/8")), app.API)
	made, err := k.Accounts.Bootstrap(t.Context(), "Acme", "a@example.com")
	if err != nil {
		t.Fatal(err)
	}
	by := testkit.Actor(made.OrgID)
	hook, err := k.Webhooks.Create(t.Context(), by, wa.Endpoint{URL: "http://127.0.0.1:9999/", Events: []string{"*"}, Headers: map[string]string{"X-Key": "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	stop()
	as, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	as.User = url.User("postgres")
	c, err := pgx.Connect(t.Context(), as.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(t.Context()) })
	for _, statement := range lostKeyStatements(t) {
		if _, err := c.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	k, _ = serve(t, "api", load(t, settings(t, database)), app.API)
	if _, _, err := k.Accounts.CreateKey(t.Context(), made.OrgID, "new", []wa.Permission{wa.SendMessages}); err != nil {
		t.Error("a new key:", err)
	}
	if e, err := k.Webhooks.Get(t.Context(), by, hook.ID); err != nil || len(e.Headers) != 0 {
		t.Errorf("the endpoint: %v %v", e.Headers, err)
	}
	if _, err := k.Webhooks.Rotate(t.Context(), by, hook.ID, nil); err != nil {
		t.Error("a new secret:", err)
	}
}

func lostKeyStatements(t *testing.T) (all []string) {
	t.Helper()
	raw, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(raw), "**The master key is lost.**")
	paragraph, _, _ := strings.Cut(after, "\n\n")
	for _, m := range regexp.MustCompile("`((?:TRUNCATE|UPDATE)[^`]*)`").FindAllStringSubmatch(paragraph, -1) {
		all = append(all, m[1])
	}
	if len(all) != 4 {
		t.Fatalf("the handbook names %q", all)
	}
	return all
}
