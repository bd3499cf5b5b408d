package deploy_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var digestNames = []string{"NODE_DIGEST", "GO_DIGEST", "BASE_DIGEST", "POSTGRES_DIGEST", "REDIS_DIGEST"}

// digests are digests of the right form, for all images but those named.
func digests(but ...string) (environ []string) {
	for i, name := range digestNames {
		if !strings.Contains(strings.Join(but, " "), name) {
			environ = append(environ, fmt.Sprintf("%s=sha256:%064x", name, i+1))
		}
	}
	return environ
}

// checkout is a repository with what deploy/image reads, all of it committed.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for from, to := range map[string]string{"image": "deploy/image", "../internal/app/app.go": "internal/app/app.go"} {
		to = filepath.Join(dir, to)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, []byte(read(t, from)), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-q", "-m", "x"}} {
		if out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %s", args, out)
		}
	}
	return dir
}

// build runs deploy/image with an engine that only tells what it was asked.
func build(t *testing.T, dir string, environ []string, args ...string) (said string, built bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "deploy/image"), args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "ENGINE=echo"}, environ...)
	raw, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(raw), err == nil
}

// A release rests on nothing that somebody else can move.
func TestReleasesAreOfDigests(t *testing.T) {
	t.Parallel()
	dir := checkout(t)
	for _, missing := range digestNames {
		said, built := build(t, dir, digests(missing), "--release")
		if built || !strings.Contains(said, missing+" is missing") {
			t.Errorf("a release without %s: %s", missing, said)
		}
	}
	for _, bad := range []string{"sha256:abc", "latest", "sha256:" + strings.Repeat("g", 64)} {
		if said, built := build(t, dir, append(digests("GO_DIGEST"), "GO_DIGEST="+bad), "--release"); built || !strings.Contains(said, "GO_DIGEST is no digest") {
			t.Errorf("a release of %s: %s", bad, said)
		}
	}
	said, built := build(t, dir, digests(), "--release")
	if !built {
		t.Fatalf("a release of digests: %s", said)
	}
	for _, want := range []string{
		"-t chasqui:0", "NODE_DIGEST=sha256:" + fmt.Sprintf("%064x", 1), "GO_DIGEST=sha256:", "BASE_DIGEST=sha256:",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in: %s", want, said)
		}
	}
	if !regexp.MustCompile(`REVISION=[0-9a-f]{40} `).MatchString(said) {
		t.Errorf("no revision in: %s", said)
	}
}

// Digests may stand in .env, where compose finds those of its own images too.
func TestDigestsFromTheFile(t *testing.T) {
	t.Parallel()
	dir := checkout(t)
	text := "POSTGRES_PASSWORD=x\n" + strings.ReplaceAll(strings.Join(digests(), "\n"), "POSTGRES_DIGEST=", "POSTGRES_DIGEST=@")
	for name, text := range map[string]string{".gitignore": ".env\n", ".env": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	said, built := build(t, dir, nil, "--release")
	if built || !strings.Contains(said, "not committed") { // .gitignore is new
		t.Errorf("a release of what is not committed: %s", said)
	}
	if err := os.Remove(filepath.Join(dir, ".gitignore")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, ".git/info/exclude"), []byte(".env\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if said, built := build(t, dir, nil, "--release"); !built || !strings.Contains(said, "BASE_DIGEST=sha256:") {
		t.Errorf("digests in .env are not found: %s", said)
	}
}

// Whoever only tries it needs none.
func TestOtherImagesNeedNoDigests(t *testing.T) {
	t.Parallel()
	if said, built := build(t, checkout(t), nil); !built {
		t.Errorf("%s", said)
	}
}

// Every image of the compose file can be held to a digest by .env.
func TestComposeTakesDigests(t *testing.T) {
	t.Parallel()
	for name, s := range readCompose(t).Services {
		own := strings.HasPrefix(s.Image, "chasqui:")
		if !own && !regexp.MustCompile(`:[^$]+\$\{[A-Z_]+_DIGEST:-\}$`).MatchString(s.Image) {
			t.Errorf("%s runs %s: there is no way to give a digest", name, s.Image)
		}
		if own {
			for _, arg := range digestNames[:3] {
				if s.Build.Args[arg] != "${"+arg+":-}" {
					t.Errorf("the build of %s does not take %s", name, arg)
				}
			}
		}
	}
}
