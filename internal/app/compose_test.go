package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"chasqui/internal/devstack"
	"chasqui/internal/testkit"
)

// compose is docker-compose.yml with everything filled in that people fill in.
// There is no engine here: its Postgres is a server of this machine on which the
// file's own script has run, and its programs are processes with the file's own
// commands and environments, in which only the addresses are other ones.
type compose struct {
	Services map[string]struct {
		Command     []string
		Environment map[string]string
		Healthcheck struct{ Test []string }
	}
	postgres string // the folder of its socket
	redis    string
	ports    map[string]string // those of the file, as they are here, by service and port
	bin      string
}

// given is how the file asks for a variable: ${NAME:?why} or ${NAME:-otherwise}.
var given = regexp.MustCompile(`\$\{([A-Z_]+)(?::([-?])([^}]*))?\}`)

func newCompose(t *testing.T) *compose {
	t.Helper()
	c := &compose{redis: redisURL(t), ports: map[string]string{}, bin: programs(t)}
	raw, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	filled := map[string]string{"PUBLIC_URL": "https://chasqui.example.com", "CHASQUI_MASTER_KEY": masterKey()}
	for _, name := range []string{"POSTGRES_PASSWORD", "CHASQUI_OWNER_PASSWORD", "CHASQUI_DB_PASSWORD", "REDIS_PASSWORD"} {
		filled[name] = testkit.Random(24)
	}
	text := given.ReplaceAllStringFunc(string(raw), func(asked string) string {
		m := given.FindStringSubmatch(asked)
		if m[2] == "?" && filled[m[1]] == "" {
			t.Fatalf("%s is asked for and not in the example", m[1])
		}
		if m[2] == "-" && filled[m[1]] == "" {
			return m[3]
		}
		return filled[m[1]]
	})
	path := filepath.Join(t.TempDir(), "docker-compose.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	readYAML(t, path, c)
	c.startPostgres(t)
	return c
}

// startPostgres starts a server of its own, because roles belong to a whole
// server, and runs the script that the image runs on an empty volume.
func (c *compose) startPostgres(t *testing.T) {
	t.Helper()
	stack, err := devstack.Up(t.Context(), devstack.Options{RedisURL: "none is needed"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Down(context.WithoutCancel(t.Context())) })
	u, err := url.Parse(stack.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	c.postgres = u.Query().Get("host")
	for _, own := range []string{"DROP DATABASE chasqui", "DROP ROLE chasqui"} { // what the tests' server comes with
		c.must(t, "postgres", "postgres", own)
	}
	const script = "../../deploy/postgres/10-chasqui.sh"
	psql := devstack.Program(t.Context(), "psql")
	if psql == "" { // a server without its tools: what the script says, without the shell
		c.readScript(t, script)
		return
	}
	cmd := exec.CommandContext(t.Context(), "sh", script)
	cmd.Env = []string{"PATH=" + filepath.Dir(psql) + ":" + os.Getenv("PATH"), "PGHOST=" + c.postgres}
	for name, value := range c.Services["postgres"].Environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
}

func (c *compose) readScript(t *testing.T, path string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(raw), "<<'SQL'\n")
	statements, _, _ := strings.Cut(after, "\nSQL")
	env := c.Services["postgres"].Environment
	statements = strings.NewReplacer(":'owner'", "'"+env["CHASQUI_OWNER_PASSWORD"]+"'", ":'password'", "'"+env["CHASQUI_DB_PASSWORD"]+"'").Replace(statements)
	for _, one := range strings.Split(statements, ";\n") {
		c.must(t, "postgres", "postgres", one)
	}
}

// must runs a statement as somebody.
func (c *compose) must(t *testing.T, login, database, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), fmt.Sprintf("postgres://%s@/%s?host=%s&sslmode=disable", login, database, c.postgres))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// here is a database's address with the host that it has here.
func (c *compose) here(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil || u.Host != "postgres:5432" {
		t.Fatalf("the database is at %q: %v", u.Host, err)
	}
	u.Host = ""
	q := u.Query()
	q.Set("host", c.postgres)
	u.RawQuery = q.Encode()
	return u.String()
}

// environ is a service's environment.
func (c *compose) environ(t *testing.T, service string) []string {
	t.Helper()
	env := maps.Clone(c.Services[service].Environment)
	for _, name := range []string{"DATABASE_URL", "MIGRATE_DATABASE_URL"} {
		if env[name] != "" {
			env[name] = c.here(t, env[name])
		}
	}
	env["REDIS_URL"] = c.redis
	for _, name := range []string{"HTTP_ADDR", "METRICS_ADDR"} {
		env[name] = "127.0.0.1" + c.port(t, service, env[name])
	}
	var all []string
	for name, value := range env {
		all = append(all, name+"="+value)
	}
	return all
}

// port is a free one of this machine that stands for one of a container's.
func (c *compose) port(t *testing.T, service, port string) string {
	t.Helper()
	if known := c.ports[service+port]; known != "" {
		return known
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, number, _ := net.SplitHostPort(l.Addr().String())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c.ports[service+port] = ":" + number
	return ":" + number
}

// run is one of the image's programs with a service's environment.
func (c *compose) run(t *testing.T, service string, command ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.bin+command[0], command[1:]...)
	cmd.Env = c.environ(t, service)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %v\n%s", service, command, err, out)
	}
	return string(out)
}

// start starts a service and waits for its own health check.
func (c *compose) start(t *testing.T, service string) {
	t.Helper()
	s := c.Services[service]
	process(t, c.bin+s.Command[0], c.environ(t, service), s.Command[1:]...)
	check := s.Healthcheck.Test
	if len(check) != 4 || check[0] != "CMD" {
		t.Fatalf("%s is looked after by %v", service, check)
	}
	address := regexp.MustCompile(`:\d+/`).ReplaceAllStringFunc(check[3], func(port string) string {
		return c.port(t, service, strings.TrimSuffix(port, "/")) + "/"
	})
	testkit.Eventually(t, patience, service+" is healthy", func() bool {
		cmd := exec.CommandContext(t.Context(), c.bin+check[1], check[2], address)
		cmd.Env = []string{}
		return cmd.Run() == nil
	})
}

// TestComposeFile brings up what docker-compose.yml describes, in its order:
// one login migrates, the other one runs the programs and can do no more.
func TestComposeFile(t *testing.T) {
	t.Parallel()
	c := newCompose(t)
	c.run(t, "migrate", c.Services["migrate"].Command...)
	c.run(t, "migrate", c.Services["migrate"].Command...) // whenever it is brought up
	for _, service := range []string{"api", "worker", "scheduler"} {
		c.start(t, service)
	}
	// As the head of the file says.
	out := c.run(t, "migrate", "/chasqui", "bootstrap", "--org", "Acme", "--email", "ana@example.com", "--json")
	var made struct {
		Key string `json:"api_key"`
	}
	if err := json.Unmarshal([]byte(out), &made); err != nil {
		t.Fatalf("bootstrap said %q: %v", out, err)
	}
	base := "http://127.0.0.1" + c.port(t, "api", ":3002")
	if status, body := do(t, http.MethodPost, base+"/api/v1/clients", made.Key, `{"name":"Sales"}`); status != http.StatusCreated {
		t.Errorf("a number is made: %d %s", status, body)
	}
	c.checkLogin(t)
}

// checkLogin tries what the programs' login must not be able to.
func (c *compose) checkLogin(t *testing.T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.here(t, c.Services["api"].Environment["DATABASE_URL"]))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	var login string
	var mighty bool
	var owned, seen int
	err = conn.QueryRow(t.Context(), `
		SELECT current_user, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR pg_has_role('chasqui_owner', 'MEMBER'),
			(SELECT count(*) FROM pg_class WHERE relowner = r.oid), (SELECT count(*) FROM clients)
		FROM pg_roles r WHERE rolname = current_user`).Scan(&login, &mighty, &owned, &seen)
	if err != nil || login != "chasqui" || mighty || owned != 0 || seen != 0 {
		t.Errorf("%s: more than it needs %t, owns %d, sees %d clients of nobody's, %v", login, mighty, owned, seen, err)
	}
	for _, statement := range []string{
		"SET row_security = off; SELECT * FROM clients", "ALTER TABLE clients DISABLE ROW LEVEL SECURITY", "ALTER TABLE clients NO FORCE ROW LEVEL SECURITY",
		"DROP POLICY tenant ON clients", "ALTER TABLE clients ADD COLUMN evil text", "CREATE TABLE evil (x text)", "DELETE FROM audit_log",
		"UPDATE audit_log SET action = 'x'", "SET ROLE chasqui_owner", "ALTER ROLE chasqui BYPASSRLS",
	} {
		_, err := conn.Exec(t.Context(), statement)
		if pg := (*pgconn.PgError)(nil); !errors.As(err, &pg) || pg.Code != "42501" {
			t.Errorf("%s: %v, want it refused for lack of rights", statement, err)
		}
	}
}
