package app_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"chasqui/internal/account"
	"chasqui/internal/app"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func TestMigrateUpAndStatus(t *testing.T) {
	t.Parallel()
	environ := []string{"DATABASE_URL=" + emptyDatabase(t)}
	if code, _, errs := command(environ, "migrate", "status"); code != 1 || !strings.Contains(errs, "migration 0 of") {
		t.Errorf("status before is %d: %s", code, errs)
	}
	for range 2 { // again is as good as once
		if code, out, errs := command(environ, "migrate", "up"); code != 0 || !strings.Contains(out, "up to date") {
			t.Fatalf("up is %d: %s%s", code, out, errs)
		}
	}
	if code, out, errs := command(environ, "migrate", "status"); code != 0 || !strings.Contains(out, "up to date") {
		t.Errorf("status after is %d: %s%s", code, out, errs)
	}
}

func TestBootstrapAndKeys(t *testing.T) {
	t.Parallel()
	database := testkit.DatabaseURL(t)
	environ := settings(t, database)
	code, out, errs := command(environ, "bootstrap", "--org", "Acme", "--email", "Boss@Example.com", "--json")
	if code != 0 {
		t.Fatal(errs)
	}
	var made struct {
		OrgID    string `json:"org_id"`
		Email    string `json:"email"`
		Password string `json:"password"`
		APIKey   string `json:"api_key"`
	}
	if err := json.Unmarshal([]byte(out), &made); err != nil || made.Email != "boss@example.com" || len(made.Password) < 20 {
		t.Fatalf("bootstrap printed %q: %v", out, err)
	}
	db := testkit.OpenDB(t, database)
	pepper, err := app.Pepper(t.Context(), load(t, environ), db)
	if err != nil {
		t.Fatal(err)
	}
	accounts := account.New(db, pepper)
	by, err := accounts.Authenticate(t.Context(), wa.NewSecret(made.APIKey))
	if err != nil || by.Org.String() != made.OrgID || !by.May(wa.SendMessages) {
		t.Errorf("the key opens %+v: %v", by, err)
	}

	code, _, errs = command(environ, "bootstrap", "--org", "Again", "--email", "boss@example.com")
	if code != 1 || !strings.Contains(errs, "email this e-mail address is in use") {
		t.Errorf("a second bootstrap is %d: %s", code, errs)
	}
	code, out, errs = command(environ, "key", "create", "--org", made.OrgID, "--name", "CRM", "--scope", "messages:send", "--scope", "messages:read", "--json")
	var key map[string]string
	if code != 0 || json.Unmarshal([]byte(out), &key) != nil {
		t.Fatalf("key create is %d: %s%s", code, out, errs)
	}
	by, err = accounts.Authenticate(t.Context(), wa.NewSecret(key["api_key"]))
	if err != nil || by.Org.String() != made.OrgID || !by.May(wa.SendMessages) || by.May(wa.WriteClients) {
		t.Errorf("the new key opens %+v: %v", by, err)
	}
}

func TestCommandsThatFail(t *testing.T) {
	t.Parallel()
	environ := settings(t, testkit.DatabaseURL(t))
	for name, tt := range map[string]struct {
		environ []string
		args    []string
		code    int
		says    string
	}{
		"unknown command":       {environ, []string{"fly"}, 2, "unexpected argument fly"},
		"missing flag":          {environ, []string{"bootstrap", "--org", "x"}, 2, "--email"},
		"no settings":           {nil, []string{"bootstrap", "--org", "x", "--email", "a@b.co"}, 1, "CHASQUI_MASTER_KEY is not set"},
		"bad e-mail":            {environ, []string{"bootstrap", "--org", "x", "--email", "nobody"}, 1, "email is not an e-mail address"},
		"empty org":             {environ, []string{"bootstrap", "--org", " ", "--email", "a@b.co"}, 1, "org must not be empty"},
		"key for no org":        {environ, []string{"key", "create", "--org", wa.NewOrgID().String(), "--name", "x", "--scope", "admin"}, 1, "there is no such thing"},
		"key for a strange id":  {environ, []string{"key", "create", "--org", "cli_1", "--name", "x", "--scope", "admin"}, 1, "not a valid org_… id"},
		"key of unknown scope":  {environ, []string{"key", "create", "--org", wa.NewOrgID().String(), "--name", "x", "--scope", "fly"}, 1, `"fly" is not a scope`},
		"health of nobody":      {environ, []string{"health", "http://127.0.0.1:1/readyz"}, 1, "refused"},
		"migrate away database": {[]string{"DATABASE_URL=postgres://u@127.0.0.1:1/d"}, []string{"migrate", "up"}, 1, "refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, _, errs := command(tt.environ, tt.args...)
			if code != tt.code || !strings.Contains(errs, tt.says) {
				t.Errorf("status %d: %s", code, errs)
			}
		})
	}
}

func TestHealthCommand(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write([]byte(`{"status":"said"}`))
	}))
	t.Cleanup(srv.Close)
	if code, out, errs := command(nil, "health", srv.URL+"/readyz"); code != 0 || !strings.Contains(out, "said") {
		t.Errorf("status %d: %s%s", code, out, errs)
	}
	if code, _, errs := command(nil, "health", srv.URL+"/other"); code != 1 || !strings.Contains(errs, "503 Service Unavailable") {
		t.Errorf("status %d: %s", code, errs)
	}
}

func TestConfigCommand(t *testing.T) {
	t.Parallel()
	code, out, errs := command(needed("HTTP_ADDR=nowhere"), "config")
	if code != 1 || !strings.Contains(out, "LOG_FORMAT=json\n") || !strings.Contains(errs, "HTTP_ADDR") || strings.Contains(out+errs, "hush") {
		t.Errorf("status %d: %s%s", code, out, errs)
	}
	if code, _, errs := command(needed(), "config"); code != 0 {
		t.Errorf("good settings: %s", errs)
	}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	good := settings(t, migrated(t), "WHATSAPP_ENDPOINT="+srv.Listener.Addr().String())
	code, out, errs := command(good, "doctor")
	if code != 0 || strings.Contains(out, "FAIL") || strings.Count(out, "ok ") != 7 {
		t.Errorf("status %d:\n%s%s", code, out, errs)
	}
	bad := []string{
		"CHASQUI_ENV=test", "CHASQUI_MASTER_KEY=short", "DATABASE_URL=" + emptyDatabase(t), "REDIS_URL=redis://127.0.0.1:1", "WHATSAPP_ENDPOINT=127.0.0.1:1",
	}
	code, out, errs = command(bad, "doctor")
	for _, line := range []string{
		"FAIL  settings: CHASQUI_MASTER_KEY", "ok    Postgres", "-> chasqui migrate up", "FAIL  master key", "ok    clock", "FAIL  Redis: Redis does not answer", "FAIL  WhatsApp (127.0.0.1:1)",
	} {
		if !strings.Contains(out, line) {
			t.Errorf("the doctor does not say %q:\n%s", line, out)
		}
	}
	if code != 1 || !strings.Contains(errs, "5 of 7 checks failed") {
		t.Errorf("status %d: %s", code, errs)
	}
}
