package devstack_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"chasqui/internal/devstack"
)

func TestUpTemporary(t *testing.T) {
	t.Parallel()
	s := up(t, devstack.Options{})
	got := map[string]string{}
	conn := connect(t, s)
	for _, name := range []string{"fsync", "listen_addresses", "max_connections", "is_superuser", "server_encoding"} {
		got[name] = ask(t, conn, "SELECT current_setting('"+name+"')")
	}
	got["creates databases"] = ask(t, conn, "SELECT rolcreatedb::text FROM pg_roles WHERE rolname = current_user")
	want := map[string]string{
		"fsync": "off", "listen_addresses": "", "max_connections": "200", "is_superuser": "off", "server_encoding": "UTF8",
		"creates databases": "true",
	}
	if onServer(s) {
		for name, value := range map[string]string{"appendonly": "yes", "maxmemory-policy": "noeviction", "port": "0"} {
			want[name], got[name] = value, redisSetting(t, s, name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	dir := socketsOf(t, s.DatabaseURL)
	down(t, s)
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("%s outlived Down: %v", dir, err)
	}
}

func TestUpKeepsData(t *testing.T) {
	t.Parallel()
	o := devstack.Options{Dir: openDir(t), Durable: true}
	s := up(t, o)
	remember(t, s)
	conn := connect(t, s)
	if got := ask(t, conn, "SELECT current_setting('fsync')"); got != "on" {
		t.Errorf("fsync of durable data is %s", got)
	}
	if _, err := devstack.Up(t.Context(), o); err == nil || !strings.Contains(err.Error(), "another chasqui runs") {
		t.Errorf("a second stack on the same directory: %v", err)
	}
	down(t, s)
	remembers(t, up(t, o))
}

func TestUpAfterServicesWereKilled(t *testing.T) {
	t.Parallel()
	o := devstack.Options{Dir: openDir(t), Durable: true}
	s := up(t, o)
	remember(t, s)
	if err := syscall.Kill(postmaster(t, o.Dir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-s.Exited():
		if !strings.Contains(err.Error(), "postgres ended") {
			t.Errorf("Exited says %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("Exited says nothing")
	}
	down(t, s)
	remembers(t, up(t, o))
}

// A process number that another program has now must not keep Postgres down.
func TestUpAfterProcessNumberWasReused(t *testing.T) {
	t.Parallel()
	o := devstack.Options{Dir: openDir(t)}
	down(t, up(t, o))
	stale := filepath.Join(o.Dir, "postgres", "postmaster.pid")
	text := strconv.Itoa(os.Getpid()) + "\n" + filepath.Join(o.Dir, "postgres") + "\n1\n5432\n\n\n  1 1\nready\n"
	if err := os.WriteFile(stale, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	own(t, stale)
	connect(t, up(t, o))
}

func TestUpFromAClosedDirectory(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	if err := os.Chmod(home, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(home, ".run")
	t.Cleanup(func() { _ = os.RemoveAll(devstack.ElsewhereFor(dir)) })
	o := devstack.Options{Dir: dir, Durable: true}
	s := up(t, o)
	remember(t, s)
	down(t, s)
	remembers(t, up(t, o))
}

// Socket paths end at 107 bytes; temporary directories need not.
func TestUpWithALongTemporaryDirectory(t *testing.T) {
	long := filepath.Join(openDir(t), strings.Repeat("d", 120))
	if err := os.Mkdir(long, 0o777); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", long)
	connect(t, up(t, devstack.Options{}))
}

func TestUpUsesWhatIsGiven(t *testing.T) {
	t.Parallel()
	s := up(t, devstack.Options{DatabaseURL: "postgres://there", RedisURL: "redis://there"})
	if s.DatabaseURL != "postgres://there" || s.RedisURL != "redis://there" {
		t.Errorf("got %q and %q", s.DatabaseURL, s.RedisURL)
	}
}

func TestInMemoryRedis(t *testing.T) {
	t.Parallel()
	s, err := devstack.UpInMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer down(t, s)
	c := client(t, s)
	if err := c.Set(t.Context(), "k", "v", 20*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the key expires", func() bool { return c.Exists(t.Context(), "k").Val() == 0 })
}

func up(t *testing.T, o devstack.Options) *devstack.Stack {
	t.Helper()
	s, err := devstack.Up(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Down(context.Background()) })
	return s
}

func down(t *testing.T, s *devstack.Stack) {
	t.Helper()
	if err := s.Down(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func connect(t *testing.T, s *devstack.Stack) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func ask(t *testing.T, conn *pgx.Conn, query string) (answer string) {
	t.Helper()
	if err := conn.QueryRow(t.Context(), query).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

func client(t *testing.T, s *devstack.Stack) *redis.Client {
	t.Helper()
	o, err := redis.ParseURL(s.RedisURL)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func redisSetting(t *testing.T, s *devstack.Stack, name string) string {
	t.Helper()
	got, err := client(t, s).ConfigGet(t.Context(), name).Result()
	if err != nil {
		t.Fatal(err)
	}
	return got[name]
}

// onServer tells a real Redis from the one in memory, which an ordinary user
// without redis-server gets.
func onServer(s *devstack.Stack) bool { return strings.HasPrefix(s.RedisURL, "unix://") }

func socketsOf(t *testing.T, databaseURL string) string {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("host")
}

// remember leaves a mark in both services; remembers looks for it.
func remember(t *testing.T, s *devstack.Stack) {
	t.Helper()
	if _, err := connect(t, s).Exec(t.Context(), "CREATE TABLE mark AS SELECT 'here' AS text"); err != nil {
		t.Fatal(err)
	}
	if err := client(t, s).Set(t.Context(), "mark", "here", 0).Err(); err != nil {
		t.Fatal(err)
	}
}

func remembers(t *testing.T, s *devstack.Stack) {
	t.Helper()
	if got := ask(t, connect(t, s), "SELECT text FROM mark"); got != "here" {
		t.Errorf("Postgres has %q", got)
	}
	if got := client(t, s).Get(t.Context(), "mark").Val(); got != "here" && onServer(s) {
		t.Errorf("Redis has %q", got)
	}
}

func postmaster(t *testing.T, dir string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "postgres", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// openDir is a directory that the services' user can enter, as root too.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// own gives a file to whoever owns its directory.
func own(t *testing.T, file string) {
	t.Helper()
	info, err := os.Stat(filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		t.Fatal("no owner")
	}
	if err := os.Chown(file, int(st.Uid), int(st.Gid)); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(15 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("never: %s", what)
		}
	}
}
