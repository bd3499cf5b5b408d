package devstack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"
)

// canApt tells whether we may install packages: Debian's tool, and root.
func canApt() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil && os.Geteuid() == 0
}

// aptInstall installs Debian packages without letting them start a server or
// make a cluster: port 5432 and the system's own data are not ours. Package
// mirrors fail now and then, so it tries three times.
func aptInstall(ctx context.Context, log *slog.Logger, packages []string) error {
	log.InfoContext(ctx, "installing packages", "packages", packages)
	restore, err := keepServicesDown()
	if err != nil {
		return err
	}
	defer restore()
	var tried error
	for wait := 2 * time.Second; ; wait *= 2 {
		err := errors.Join(apt(ctx, "update"), apt(ctx, append([]string{"install", "-y", "--no-install-recommends"}, packages...)...))
		if err == nil {
			return nil
		}
		tried = errors.Join(tried, err)
		if wait > 4*time.Second {
			return tried
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

func apt(ctx context.Context, args ...string) error {
	base := []string{"-q", "-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Options::=--force-confold"}
	cmd := exec.CommandContext(ctx, "apt-get", append(base, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("apt-get %s: %w: %s", args[0], err, lastLines(out))
	}
	return nil
}

func lastLines(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}

// servicesOff are the files Debian's packages read before they start services
// or make a Postgres cluster.
var servicesOff = []struct {
	dir, file, text string
	mode            os.FileMode
}{
	{"/usr/sbin", "/usr/sbin/policy-rc.d", "#!/bin/sh\nexit 101\n", 0o755},
	{"/etc/postgresql-common", "/etc/postgresql-common/createcluster.conf", "create_main_cluster = false\n", 0o644},
}

// keepServicesDown writes those of the files that are not there yet. The
// returned function takes them away again.
func keepServicesDown() (restore func(), err error) {
	var made []string
	restore = func() {
		for _, file := range made {
			_ = os.Remove(file) // what stays says so in its own text
		}
	}
	for _, f := range servicesOff {
		if _, err := os.Lstat(f.file); err == nil {
			continue
		}
		if err := os.MkdirAll(f.dir, 0o755); err != nil {
			return restore, err
		}
		if err := os.WriteFile(f.file, []byte(f.text), f.mode); err != nil {
			return restore, err
		}
		made = append(made, f.file)
	}
	return restore, nil
}
