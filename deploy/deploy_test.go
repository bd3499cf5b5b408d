// Package deploy_test checks what no engine here can run: the image's recipe
// and the compose file.
package deploy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"
)

// drain is how long a worker may take to let go of its numbers.
const drain = 20 * time.Second

type compose struct {
	Services map[string]service
	Volumes  map[string]any
}

type service struct {
	Image string
	Build struct {
		Dockerfile string
		Args       map[string]string
	}
	Command     []string
	Environment map[string]string
	DependsOn   map[string]struct{ Condition string } `yaml:"depends_on"`
	Healthcheck struct{ Test []string }
	Volumes     []string
	Networks    []string
	Ports       []string
	Profiles    []string
	Grace       time.Duration `yaml:"stop_grace_period"`
	ReadOnly    bool          `yaml:"read_only"`
	Deploy      struct {
		Resources struct {
			Limits struct{ CPUs, Memory string }
		}
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	got := map[string][]string{}
	for name, s := range readCompose(t).Services {
		profile := strings.Join(s.Profiles, ",")
		got[profile] = append(got[profile], name)
		slices.Sort(got[profile])
	}
	want := map[string][]string{
		"":              {"api", "migrate", "postgres", "redis", "scheduler", "worker"},
		"observability": {"grafana", "node-exporter", "prometheus"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOrderIsGatedByHealth(t *testing.T) {
	t.Parallel()
	all := map[string]string{
		"postgres": "service_healthy", "redis": "service_healthy", "migrate": "service_completed_successfully",
	}
	want := map[string]map[string]string{
		"postgres": {}, "redis": {}, "migrate": {"postgres": "service_healthy"}, "api": all, "worker": all, "scheduler": all,
		"prometheus": {}, "node-exporter": {}, "grafana": {"prometheus": "service_healthy"},
	}
	got := map[string]map[string]string{}
	for name, s := range readCompose(t).Services {
		got[name] = map[string]string{}
		for other, d := range s.DependsOn {
			got[name][other] = d.Condition
		}
		if len(s.Healthcheck.Test) == 0 && name != "migrate" {
			t.Errorf("%s has no health check", name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOurServices(t *testing.T) {
	t.Parallel()
	for name, s := range readCompose(t).Services {
		if s.Build.Dockerfile == "" {
			continue
		}
		if s.Build.Dockerfile != "deploy/Dockerfile" || !s.ReadOnly {
			t.Errorf("%s: built from %q, read-only %t", name, s.Build.Dockerfile, s.ReadOnly)
		}
		program := strings.TrimPrefix(s.Command[0], "/")
		if _, err := os.Stat(filepath.Join("..", "cmd", program)); err != nil {
			t.Errorf("%s runs what is not there: %v", name, err)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, s := range readCompose(t).Services {
		if l := s.Deploy.Resources.Limits; l.CPUs == "" || l.Memory == "" {
			t.Errorf("%s has limits %+v", name, l)
		}
	}
}

func TestWorkerHasTimeToDrain(t *testing.T) {
	t.Parallel()
	if got := readCompose(t).Services["worker"].Grace; got <= drain {
		t.Errorf("the worker gets %s, its drain takes up to %s", got, drain)
	}
}

func TestRedisKeepsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	command := strings.Join(readCompose(t).Services["redis"].Command, " ")
	for _, setting := range []string{"--maxmemory-policy noeviction", "--appendonly yes", "--appendfsync everysec", "requirepass"} {
		if !strings.Contains(command, setting) {
			t.Errorf("Redis is started without %s", setting)
		}
	}
}

func TestDataStaysInNamedVolumes(t *testing.T) {
	t.Parallel()
	c := readCompose(t)
	for name, where := range map[string]string{"postgres": "/var/lib/postgresql/data", "redis": "/data", "prometheus": "/prometheus"} {
		if !slices.Contains(c.Services[name].Volumes, name+":"+where) {
			t.Errorf("%s does not keep %s in a volume of its name", name, where)
		}
		if _, ok := c.Volumes[name]; !ok {
			t.Errorf("the volume %s is not declared", name)
		}
		if n := c.Services[name]; len(n.Ports) > 0 || !slices.Equal(n.Networks, []string{"data"}) {
			t.Errorf("%s can be reached from outside: ports %v, networks %v", name, n.Ports, n.Networks)
		}
	}
}

func TestTagsArePinned(t *testing.T) {
	t.Parallel()
	for name, s := range readCompose(t).Services {
		if !pinned(s.Image) {
			t.Errorf("%s runs %s", name, s.Image)
		}
	}
	args := dockerArgs(t)
	for _, line := range instructions(t, "FROM") {
		m := base.FindStringSubmatch(line)
		if m == nil || !pinned(m[1]+":"+args[m[2]+"_TAG"]) {
			t.Errorf("FROM %s: no pinned tag, or no way to give a digest", line)
		}
	}
}

// base is an image with its tag and, optionally, its digest from arguments.
var base = regexp.MustCompile(`^(\S+):\$\{([A-Z]+)_TAG\}\$\{[A-Z]+_DIGEST:\+@\$\{[A-Z]+_DIGEST\}\}`)

// pinned wants a version in the tag. Distroless has none: its tags name users.
func pinned(image string) bool {
	name, tag, _ := strings.Cut(image, ":")
	return regexp.MustCompile(`\d+\.\d+`).MatchString(tag) || strings.HasPrefix(name, "gcr.io/distroless/") && tag == "nonroot"
}

func TestImageRunsAsOrdinaryUser(t *testing.T) {
	t.Parallel()
	users := instructions(t, "USER")
	if len(users) == 0 || !regexp.MustCompile(`^[1-9]\d*:[1-9]\d*$`).MatchString(users[len(users)-1]) {
		t.Errorf("the image runs as %v", users)
	}
}

// whatsim answers for WhatsApp: in production it would be a trap.
func TestImageHoldsEveryProgramButTheSimulation(t *testing.T) {
	t.Parallel()
	dirs, err := os.ReadDir("../cmd")
	if err != nil {
		t.Fatal(err)
	}
	build := strings.Fields(strings.Join(instructions(t, "RUN"), " "))
	for _, dir := range dirs {
		want := dir.Name() != "whatsim"
		if got := slices.Contains(build, "./cmd/"+dir.Name()); got != want {
			t.Errorf("%s is in the image: %t, want %t", dir.Name(), got, want)
		}
	}
}

var variable = regexp.MustCompile(`\$\{([A-Z_]+):\?`)

// Whoever copies the example must not be missing a variable.
func TestExampleNamesEveryRequiredVariable(t *testing.T) {
	t.Parallel()
	example := "\n" + read(t, "compose.env.example")
	for _, m := range variable.FindAllStringSubmatch(read(t, "../docker-compose.yml"), -1) {
		if !strings.Contains(example, "\n"+m[1]+"=") {
			t.Errorf("compose.env.example lacks %s", m[1])
		}
	}
}

// Mail is the one thing with a secret that an installation can do without.
func TestSecretsAreRequired(t *testing.T) {
	t.Parallel()
	optional := map[string]bool{"SMTP_URL": true}
	for name, s := range readCompose(t).Services {
		for key, value := range s.Environment {
			secret := strings.Contains(key, "PASSWORD") || strings.Contains(key, "KEY") || strings.HasSuffix(key, "_URL")
			if secret && !optional[key] && !variable.MatchString(value) {
				t.Errorf("%s: %s is written down or may be empty", name, key)
			}
		}
	}
}

// What is mounted from here must be here: the engine would make empty folders.
func TestMountedFilesExist(t *testing.T) {
	t.Parallel()
	n := 0
	for name, s := range readCompose(t).Services {
		for _, v := range s.Volumes {
			if from, _, _ := strings.Cut(v, ":"); strings.HasPrefix(from, "./") {
				n++
				if _, err := os.Stat(filepath.Join("..", from)); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	}
	if n < 4 {
		t.Errorf("only %d mounts: the reading is broken", n)
	}
}

// Every program that has metrics is scraped where it serves them.
func TestEveryProgramIsScraped(t *testing.T) {
	t.Parallel()
	var file struct {
		Scrape []struct {
			Job string `yaml:"job_name"`
			DNS []struct {
				Names []string
				Port  int
			} `yaml:"dns_sd_configs"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "prometheus/prometheus.yml")), &file); err != nil {
		t.Fatal(err)
	}
	services := readCompose(t).Services
	scraped := map[string]string{}
	for _, s := range file.Scrape {
		for _, d := range s.DNS {
			scraped[s.Job] = fmt.Sprintf("%s:%d", strings.Join(d.Names, " "), d.Port)
		}
	}
	for _, program := range []string{"api", "worker", "scheduler"} {
		if want := program + services[program].Environment["METRICS_ADDR"]; scraped[program] != want {
			t.Errorf("%s is scraped at %q, it serves at %q", program, scraped[program], want)
		}
		if !slices.Contains(services[program].Networks, "data") || !slices.Equal(services["prometheus"].Networks, []string{"data"}) {
			t.Errorf("%s and Prometheus share %v and %v", program, services[program].Networks, services["prometheus"].Networks)
		}
	}
}

// .env.example is generated from the settings; before there is one, nothing
// can be compared.
func TestSettingsExist(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../.env.example")
	if os.IsNotExist(err) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for key := range readCompose(t).Services["worker"].Environment {
		if !regexp.MustCompile(`(?m)^#? ?` + key + `=`).Match(b) {
			t.Errorf("%s is not a setting", key)
		}
	}
}

func readCompose(t *testing.T) compose {
	t.Helper()
	var c compose
	if err := yaml.Unmarshal([]byte(read(t, "../docker-compose.yml")), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// instructions returns the arguments of one Dockerfile instruction, in order,
// with continued lines joined.
func instructions(t *testing.T, name string) []string {
	t.Helper()
	text := strings.ReplaceAll(read(t, "Dockerfile"), "\\\n", " ")
	var found []string
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			found = append(found, strings.TrimSpace(rest))
		}
	}
	return found
}

func dockerArgs(t *testing.T) map[string]string {
	t.Helper()
	args := map[string]string{}
	for _, line := range instructions(t, "ARG") {
		key, value, _ := strings.Cut(line, "=")
		args[key] = value
	}
	return args
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
