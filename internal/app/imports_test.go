package app_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// What verbs may stand on: nouns, policy, contracts and tools. Never each
// other, never an edge, never a concrete provider.
const verb = "internal/telemetry internal/wa internal/guard internal/provider internal/store internal/seal internal/egress"

// may lists, for each of our packages, which of our packages it may import. The
// listing is the architecture: read it from the top (nouns) to the bottom
// (wiring). Tests may import what they need.
var may = map[string]string{
	"migrations": "",
	"web":        "",

	// Anybody may be watched.
	"internal/telemetry": "",

	"internal/wa":       "",
	"internal/guard":    "internal/wa internal/provider",
	"internal/provider": "internal/wa",

	"internal/store":  "internal/telemetry internal/wa migrations",
	"internal/queue":  "internal/wa internal/store",
	"internal/cache":  "internal/wa",
	"internal/seal":   "internal/wa",
	"internal/egress": "internal/wa",

	"internal/provider/whatsmeow":        "internal/wa internal/provider internal/provider/whatsmeow/device internal/store internal/seal internal/egress",
	"internal/provider/whatsmeow/device": "internal/wa internal/store internal/seal",

	"internal/account": verb,
	"internal/notify":  "internal/wa",
	"internal/audit":   verb,
	"internal/fleet":   verb,
	"internal/message": verb,
	"internal/webhook": verb,

	"internal/api": "internal/telemetry internal/wa internal/store internal/cache internal/provider internal/account internal/audit internal/fleet internal/message internal/webhook",

	"internal/devstack":                  "",
	"internal/devstack/cmd/withservices": "internal/devstack",
	"internal/app": "internal/telemetry internal/wa internal/guard internal/provider internal/provider/whatsmeow internal/store internal/queue internal/cache internal/seal " +
		"internal/egress internal/account internal/audit internal/notify internal/fleet internal/message internal/webhook internal/api internal/devstack web",

	"cmd/api":       "internal/app",
	"cmd/worker":    "internal/app",
	"cmd/scheduler": "internal/app",
	"cmd/chasqui":   "internal/app",

	// The simulated WhatsApp and the tests' tools are no part of the product.
	"internal/provider/providertest": "internal/wa internal/provider",
	"internal/whatsim/noise":         "",
	"internal/whatsim/signal":        "",
	"internal/whatsim":               "internal/wa internal/whatsim/noise internal/whatsim/signal",
	"cmd/whatsim":                    "internal/whatsim",
	"internal/chaos":                 "internal/wa internal/guard internal/whatsim internal/devstack",
	"internal/testkit":               "internal/wa internal/store internal/app internal/provider/whatsmeow internal/devstack internal/whatsim migrations",
}

// owns lists which packages may import a module that is not ours. A library
// with one home can be replaced by changing one folder.
var owns = map[string]string{
	"go.mau.fi/whatsmeow":        "internal/provider/whatsmeow",
	"go.mau.fi/libsignal":        "internal/provider/whatsmeow internal/whatsim internal/whatsim/noise internal/whatsim/signal",
	"google.golang.org/protobuf": "internal/provider/whatsmeow internal/provider/whatsmeow/device internal/whatsim internal/whatsim/noise",

	// The simulation speaks the same language by the library's codecs; its client is what it tests.
	"go.mau.fi/whatsmeow/appstate":   "internal/provider/whatsmeow internal/whatsim",
	"go.mau.fi/whatsmeow/binary":     "internal/provider/whatsmeow internal/whatsim",
	"go.mau.fi/whatsmeow/proto":      "internal/provider/whatsmeow internal/provider/whatsmeow/device internal/whatsim internal/whatsim/noise",
	"go.mau.fi/whatsmeow/store":      "internal/provider/whatsmeow internal/provider/whatsmeow/device internal/whatsim",
	"go.mau.fi/whatsmeow/types":      "internal/provider/whatsmeow internal/provider/whatsmeow/device internal/whatsim",
	"go.mau.fi/whatsmeow/util/log":   "internal/provider/whatsmeow internal/provider/whatsmeow/device internal/whatsim",
	"go.mau.fi/whatsmeow/util/keys":  "internal/provider/whatsmeow internal/provider/whatsmeow/device internal/whatsim internal/whatsim/noise internal/whatsim/signal",
	"github.com/coder/websocket":     "internal/whatsim",
	"golang.org/x/crypto/curve25519": "internal/whatsim internal/whatsim/noise",

	"github.com/jackc/pgx/v5":     "internal/store internal/devstack internal/testkit",
	"github.com/pressly/goose/v3": "internal/store",

	"github.com/hibiken/asynq":         "internal/queue",
	"github.com/hibiken/asynqmon":      "internal/queue",
	"github.com/redis/go-redis/v9":     "internal/queue internal/cache internal/devstack internal/testkit",
	"github.com/go-redis/redis_rate":   "internal/cache",
	"github.com/alicebob/miniredis/v2": "internal/devstack",
	"golang.org/x/text":                "internal/queue",
	"golang.org/x/text/language":       "internal/queue internal/api",
	"golang.org/x/text/unicode/norm":   "internal/store",

	"github.com/gin-gonic/gin":          "internal/api",
	"github.com/danielgtaylor/huma/v2":  "internal/api",
	"github.com/swaggest/swgui":         "internal/api",
	"github.com/skip2/go-qrcode":        "internal/api",
	"github.com/alexedwards/argon2id":   "internal/account",
	"github.com/golang-jwt/jwt/v5":      "internal/account",
	"github.com/pquerna/otp":            "internal/account",
	"github.com/coreos/go-oidc/v3":      "internal/account",
	"golang.org/x/oauth2":               "internal/account",
	"github.com/wneessen/go-mail":       "internal/notify",
	"github.com/tink-crypto/tink-go/v2": "internal/seal",
	"golang.org/x/time/rate":            "internal/message internal/webhook",
	"code.dny.dev/ssrf":                 "internal/egress",
	"github.com/nyaruka/phonenumbers":   "internal/wa",
	"go.jetify.com/typeid":              "internal/wa",

	"github.com/robfig/cron/v3":   "internal/app",
	"github.com/caarlos0/env/v11": "internal/app",
	"github.com/alecthomas/kong":  "internal/app",
	"github.com/lmittmann/tint":   "internal/app",
	"github.com/mattn/go-isatty":  "internal/app internal/devstack",

	"go.opentelemetry.io/otel":   "internal/telemetry internal/store",
	"github.com/exaring/otelpgx": "internal/store",

	// Plain tools that decide nothing.
	"github.com/google/uuid":              anywhere,
	"github.com/prometheus/client_golang": anywhere,
	"github.com/prometheus/client_model":  "internal/app",
}

const (
	module   = "chasqui/"
	anywhere = "anywhere"
)

func TestImportLaw(t *testing.T) {
	t.Parallel()
	for pkg, imports := range productImports(t) {
		allowed, listed := may[pkg]
		if !listed {
			t.Errorf("%s is not in the architecture: add it to may, or put the code where it belongs", pkg)
			continue
		}
		for _, path := range imports {
			if own, ours := strings.CutPrefix(path, module); ours {
				if !slices.Contains(strings.Fields(allowed), own) {
					t.Errorf("%s imports %s, which the architecture does not allow", pkg, own)
				}
				continue
			}
			if foreign(path) && !mayUse(pkg, path) {
				t.Errorf("%s imports %s: it lives in %q", pkg, path, owner(path))
			}
		}
	}
}

// A module that has no home would spread.
func TestEveryModuleHasAHome(t *testing.T) {
	t.Parallel()
	for pkg, imports := range productImports(t) {
		for _, path := range imports {
			if foreign(path) && owner(path) == "" {
				t.Errorf("%s imports %s, which has no home: add it to owns", pkg, path)
			}
		}
	}
}

// The simulation must not be able to answer for WhatsApp in production.
func TestProductLinksNoSimulation(t *testing.T) {
	t.Parallel()
	imports := productImports(t)
	for _, program := range []string{"cmd/api", "cmd/worker", "cmd/scheduler", "cmd/chasqui"} {
		seen := map[string]bool{}
		reach(imports, program, seen)
		if len(seen) < 10 {
			t.Fatalf("%s reaches only %v: the walk is broken", program, slices.Collect(maps.Keys(seen)))
		}
		for pkg := range seen {
			if strings.HasPrefix(pkg, "internal/whatsim") || pkg == "internal/testkit" || pkg == "internal/chaos" {
				t.Errorf("%s links %s", program, pkg)
			}
		}
	}
}

// The law itself must be able to fail.
func TestImportLawNoticesViolations(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pkg, path string
		want      bool
	}{
		{"internal/provider/whatsmeow", "go.mau.fi/whatsmeow", true},
		{"internal/message", "go.mau.fi/whatsmeow/types", false},
		{"internal/whatsim", "go.mau.fi/whatsmeow", false},
		{"internal/whatsim", "go.mau.fi/whatsmeow/types/events", true},
		{"internal/app", "github.com/jackc/pgx/v5/pgxpool", false},
		{"internal/app", "github.com/redis/go-redis/v9", false},
		{"internal/message", "github.com/prometheus/client_golang/prometheus", true},
		{"internal/store", "github.com/jackc/pgx/v5", true},
		{"internal/store", "github.com/jackc/pgx/v55", false},
	} {
		if got := mayUse(tt.pkg, tt.path); got != tt.want {
			t.Errorf("%s may use %s: %t", tt.pkg, tt.path, got)
		}
	}
}

func reach(imports map[string][]string, pkg string, seen map[string]bool) {
	if seen[pkg] {
		return
	}
	seen[pkg] = true
	for _, path := range imports[pkg] {
		if own, ours := strings.CutPrefix(path, module); ours {
			reach(imports, own, seen)
		}
	}
}

// foreign reports whether a path is of a module that is not ours and not of the
// standard library.
func foreign(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return strings.Contains(first, ".")
}

func mayUse(pkg, path string) bool {
	o := owner(path)
	return o == anywhere || slices.Contains(strings.Fields(o), pkg)
}

// owner is what the longest entry that covers a path says.
func owner(path string) string {
	for p := path; p != "."; p = filepath.Dir(p) {
		if o, ok := owns[p]; ok {
			return o
		}
	}
	return ""
}

// productImports gives what each package imports, without its tests. It reads
// the sources itself: what a child process like `go list` reads, the test cache
// does not see, and a violation would pass as cached.
func productImports(t *testing.T) map[string][]string {
	t.Helper()
	const root = "../.."
	found := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return skipFolder(root, path, d.Name())
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		pkg, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		found[pkg] = append(found[pkg], []string{}...)
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			found[pkg] = append(found[pkg], name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// skipFolder leaves out what is not ours or a module of its own.
func skipFolder(root, path, name string) error {
	if path == root {
		return nil
	}
	if strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}
