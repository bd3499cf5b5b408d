package app_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"chasqui/internal/wa"
)

// giveaways are what secrets of others look like. Ours are told by their
// checksum.
var giveaways = regexp.MustCompile(strings.Join([]string{
	`-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{20}`, `\bAKIA[0-9A-Z]{16}\b`, `\bgh[pousr]_[0-9A-Za-z]{36}\b`, `\bxox[abprs]-[0-9A-Za-z-]{20}`,
	`(?m)^CHASQUI_MASTER_KEY=[A-Za-z0-9+/]{43}=`,
}, "|"))

var ourKeys = regexp.MustCompile(wa.KeyPattern)

// made are folders of what is built, fetched or run, which is not committed.
var made = []string{".git", ".run", "bin", "dist", "node_modules", "shots"}

// leaks lists the files below a folder that hold a secret.
func leaks(t *testing.T, root string) (found []string, files int) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && slices.Contains(made, d.Name()):
			return filepath.SkipDir
		case !d.Type().IsRegular() || d.Name() == ".env": // the one place for them
			return nil
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		if giveaways.Match(raw) || slices.ContainsFunc(ourKeys.FindAllString(string(raw), -1), genuine) {
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, files
}

// genuine reports whether a text is a key that somebody may have been given.
func genuine(text string) bool {
	_, ours := wa.KeyPublicID(wa.NewSecret(text))
	_, operators := wa.OperatorPublicID(wa.NewSecret(text))
	return ours == nil || operators == nil
}

// TestNoSecretIsCommitted reads every file of the tree.
func TestNoSecretIsCommitted(t *testing.T) {
	t.Parallel()
	found, files := leaks(t, "../..")
	for _, path := range found {
		t.Errorf("%s holds a secret", path)
	}
	if files < 500 {
		t.Errorf("only %d files were read", files)
	}
}

// The scan itself must be able to find something.
func TestLeaksAreFound(t *testing.T) {
	t.Parallel()
	key, _ := wa.NewKeyText()
	operator, _ := wa.NewOperatorText()
	text := key.Reveal()
	for name, c := range map[string]struct {
		text string
		want int
	}{
		"a key":             {`{"api_key":"` + text + `"}`, 1},
		"an operator's":     {"KEY=" + operator.Reveal(), 1},
		"a made-up one":     {text[:len(text)-6] + "aaaaaa", 0},
		"a private key":     {"-----BEGIN RSA " + "PRIVATE KEY-----\n" + strings.Repeat("MIIE", 8), 1},
		"a master key":      {"x=1\nCHASQUI_MASTER_KEY=" + masterKey() + "\n", 1},
		"none yet":          {"CHASQUI_MASTER_KEY=\n", 0},
		"an access key id":  {"AKIA" + strings.Repeat("Z", 16), 1},
		"words about a key": {"BEGIN PRIVATE KEY is how they begin, and sk_chq_… ours", 0},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "file"), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if found, _ := leaks(t, dir); len(found) != c.want {
			t.Errorf("%s: found %v", name, found)
		}
	}
}
