package devstack

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// database is the name of both the database and the role that owns it.
const database = "chasqui"

// startPostgres makes a cluster if there is none, starts it, and makes sure of
// its role and database.
func (s *Stack) startPostgres(ctx context.Context, o Options, bin binaries, at *place) error {
	data := filepath.Join(at.data, "postgres")
	if err := ensureCluster(ctx, o, bin, data, at.as); err != nil {
		return err
	}
	if err := endStray(ctx, data); err != nil {
		return err
	}
	stop := syscall.SIGQUIT // temporary data needs no checkpoint
	if o.Durable {
		stop = syscall.SIGINT
	}
	p, err := serve(ctx, spec{
		name: "postgres", argv: postgresCommand(bin, data, at.sockets, o.Durable), as: at.as,
		logPath: filepath.Join(at.data, "postgres.log"), stop: stop,
	}, postgresReady(at.sockets))
	if err != nil {
		return err
	}
	s.stops = append(s.stops, func(ctx context.Context) error { return p.end(ctx, stop) })
	go p.watch(s.exited)
	s.DatabaseURL = postgresURL(at.sockets, database, database)
	return ensureDatabase(ctx, at.sockets)
}

// postgresCommand holds the settings of docker-compose.yml where they matter
// for plans. Shared memory for parallel queries goes into files, because
// containers often have next to none of the other kind.
func postgresCommand(bin binaries, data, sockets string, durable bool) []string {
	argv := []string{
		filepath.Join(bin.postgres, "postgres"), "-D", data, "-k", sockets,
		"-c", "listen_addresses=", "-c", "max_connections=200",
		"-c", "jit=off", "-c", "dynamic_shared_memory_type=mmap",
		"-c", "timezone=UTC", "-c", "log_timezone=UTC", "-c", "log_checkpoints=off",
	}
	if !durable {
		argv = append(argv, "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	}
	return argv
}

// serve starts Postgres and waits for it. Right after a crash the orphans of
// the old server still hold its shared memory for a moment, so that end is
// tried again.
func serve(ctx context.Context, s spec, ready func(context.Context) error) (*process, error) {
	deadline := time.Now().Add(15 * time.Second)
	for {
		p, err := launch(s)
		if err != nil {
			return nil, err
		}
		err = p.await(ctx, ready)
		if err == nil {
			return p, nil
		}
		err = errors.Join(err, p.end(context.WithoutCancel(ctx), s.stop))
		if !strings.Contains(p.tail(), "shared memory block") || time.Now().After(deadline) {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// ensureCluster runs initdb beside the final place and renames, so that an
// interrupted initdb never looks like a cluster.
func ensureCluster(ctx context.Context, o Options, bin binaries, data string, as account) error {
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err == nil {
		return nil
	} else if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%s belongs to another user: remove it, or run as that user", data)
	}
	fresh := data + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := ensurePrivate(fresh, as); err != nil {
		return err
	}
	argv := []string{"-D", fresh, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=" + locale(), "--no-instructions"}
	if !o.Durable {
		argv = append(argv, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(bin.postgres, "initdb"), argv...)
	cmd.Dir, cmd.Env = "/", environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: as.credential()}
	tie(cmd.SysProcAttr, syscall.SIGTERM)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return os.Rename(fresh, data)
}

func locale() string {
	if runtime.GOOS == "linux" {
		return "C.UTF-8"
	}
	return "en_US.UTF-8"
}

func postgresURL(sockets, role, db string) string {
	u := url.URL{
		Scheme: "postgres", User: url.User(role), Path: "/" + db,
		RawQuery: url.Values{"host": {sockets}, "sslmode": {"disable"}}.Encode(),
	}
	return u.String()
}

func postgresReady(sockets string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := pgx.Connect(ctx, postgresURL(sockets, "postgres", "postgres"))
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	}
}

// ensureDatabase makes the role and its database. The role must not be a
// superuser: those walk through row-level security, and tests would not see it.
func ensureDatabase(ctx context.Context, sockets string) error {
	conn, err := pgx.Connect(ctx, postgresURL(sockets, "postgres", "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, step := range []struct{ missing, create string }{
		{`SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)`, `CREATE ROLE ` + database + ` LOGIN CREATEDB`},
		{`SELECT NOT EXISTS (SELECT FROM pg_database WHERE datname = $1)`, `CREATE DATABASE ` + database + ` OWNER ` + database},
	} {
		var missing bool
		if err := conn.QueryRow(ctx, step.missing, database).Scan(&missing); err != nil {
			return err
		}
		if !missing {
			continue
		}
		if _, err := conn.Exec(ctx, step.create); err != nil {
			return err
		}
	}
	return nil
}
