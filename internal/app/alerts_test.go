package app_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"chasqui/internal/devstack"
)

const (
	rulesFile  = "../../deploy/prometheus/alerts.yml"
	dashboards = "../../deploy/grafana/dashboards"
)

// rule is an alert of deploy/prometheus/alerts.yml.
type rule struct {
	Alert       string
	Expr        string
	Labels      map[string]string
	Annotations map[string]string
}

func alertRules(t *testing.T) (all []rule) {
	t.Helper()
	var file struct{ Groups []struct{ Rules []rule } }
	readYAML(t, rulesFile, &file)
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 30 {
		t.Fatalf("only %d alerts: the reading is broken", len(all))
	}
	return all
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err == nil {
		err = yaml.Unmarshal(raw, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestPromtool has Prometheus' own tool check the files and run the rules'
// tests.
func TestPromtool(t *testing.T) {
	t.Parallel()
	tool, err := devstack.Promtool(t.Context(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(rulesFile)
	for _, args := range [][]string{
		{"check", "rules", rulesFile},
		{"check", "config", filepath.Join(dir, "prometheus.yml")},
		{"test", "rules", filepath.Join(dir, "alerts_test.yml"), filepath.Join(dir, "alerts_day_test.yml")},
	} {
		if out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// Every alert has a case in which it fires and one in which it stays silent.
func TestEveryAlertIsTested(t *testing.T) {
	t.Parallel()
	fires, silent := map[string]bool{}, map[string]bool{}
	for _, name := range []string{"alerts_test.yml", "alerts_day_test.yml"} {
		var file struct {
			Tests []struct {
				Cases []struct {
					Name string `yaml:"alertname"`
					Want []any  `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			}
		}
		readYAML(t, filepath.Join(filepath.Dir(rulesFile), name), &file)
		for _, test := range file.Tests {
			for _, c := range test.Cases {
				fires[c.Name] = fires[c.Name] || len(c.Want) > 0
				silent[c.Name] = silent[c.Name] || len(c.Want) == 0
			}
		}
	}
	for _, r := range alertRules(t) {
		if !fires[r.Alert] || !silent[r.Alert] {
			t.Errorf("%s: a case that fires %t, one that is silent %t", r.Alert, fires[r.Alert], silent[r.Alert])
		}
		if s := r.Labels["severity"]; s != "page" && s != "ticket" {
			t.Errorf("%s has the severity %q", r.Alert, s)
		}
	}
}

// A person who is woken finds what to do.
func TestEveryAlertHasARunbook(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, alerts, _ := strings.Cut(string(raw), "\n## Alerts\n")
	alerts, _, _ = strings.Cut(alerts, "\n## ")
	var written, wanted []string
	for _, section := range strings.Split(alerts, "\n### ")[1:] {
		name, text, _ := strings.Cut(section, "\n")
		written = append(written, name)
		for _, part := range []string{"**Means:**", "**Customers:**", "**Look at:**", "**Do:**"} {
			if !strings.Contains(text, part) {
				t.Errorf("the runbook of %s lacks %s", name, part)
			}
		}
	}
	for _, r := range alertRules(t) {
		wanted = append(wanted, r.Alert)
		if want := "docs/operations.md#" + strings.ToLower(r.Alert); r.Annotations["runbook"] != want || r.Annotations["summary"] == "" {
			t.Errorf("%s: %v, the runbook should be %s", r.Alert, r.Annotations, want)
		}
	}
	if diff := cmp.Diff(wanted, written); diff != "" {
		t.Errorf("alerts (-) and their runbooks (+), in their order:\n%s", diff)
	}
}
