package app_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Grafana itself is not here to draw them, so what it would stumble over is
// checked one by one.
func TestDashboardsHoldTogether(t *testing.T) {
	t.Parallel()
	source := datasourceUID(t)
	uids := map[string]bool{}
	for _, d := range readDashboards(t) {
		if uids[d.UID] || d.Title == "" || d.Description == "" || len(d.Panels) == 0 {
			t.Errorf("%s (%q) is there twice, has no title, no description or no panels", d.UID, d.Title)
		}
		uids[d.UID] = true
		ids, titles, taken := map[int]bool{}, map[string]bool{}, map[[2]int]string{}
		for _, p := range d.Panels {
			if p.ID == 0 || ids[p.ID] || p.Title == "" || p.Description == "" || titles[p.Type+p.Title] {
				t.Errorf("%s: panel %d (%q) lacks a number, title or description of its own", d.Title, p.ID, p.Title)
			}
			ids[p.ID], titles[p.Type+p.Title] = true, true
			if p.Type != "timeseries" && p.Type != "stat" {
				t.Errorf("%s: %s is a %s", d.Title, p.Title, p.Type)
			}
			if p.Datasource.UID != source || len(p.Targets) == 0 {
				t.Errorf("%s: %s asks %q %d things; the source is %q", d.Title, p.Title, p.Datasource.UID, len(p.Targets), source)
			}
			refs := map[string]bool{}
			for _, target := range p.Targets {
				if target.RefID == "" || refs[target.RefID] {
					t.Errorf("%s: %s has two targets %q", d.Title, p.Title, target.RefID)
				}
				refs[target.RefID] = true
			}
			for x := range p.GridPos.W {
				for y := range p.GridPos.H {
					at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
					if taken[at] != "" || at[0] >= 24 {
						t.Fatalf("%s: %s lies over %q, or beyond the edge", d.Title, p.Title, taken[at])
					}
					taken[at] = p.Title
				}
			}
		}
	}
}

func datasourceUID(t *testing.T) string {
	t.Helper()
	var file struct {
		Datasources []struct{ UID, Type, URL string }
	}
	provisioning := filepath.Join(filepath.Dir(dashboards), "provisioning")
	readYAML(t, filepath.Join(provisioning, "datasources", "prometheus.yml"), &file)
	var providers struct {
		Providers []struct{ Options struct{ Path string } }
	}
	readYAML(t, filepath.Join(provisioning, "dashboards", "chasqui.yml"), &providers)
	compose, err := os.ReadFile("../../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Datasources) != 1 || len(providers.Providers) != 1 {
		t.Fatalf("provisioned are %v and %v", file, providers)
	}
	if mount := "./deploy/grafana/dashboards:" + providers.Providers[0].Options.Path + ":ro"; !strings.Contains(string(compose), mount) {
		t.Errorf("docker-compose.yml does not mount %s", mount)
	}
	return file.Datasources[0].UID
}

// dashboard is a Grafana dashboard, as far as it is checked.
type dashboard struct {
	UID, Title, Description string
	Panels                  []struct {
		ID                       int
		Type, Title, Description string
		Datasource               struct{ UID string }
		GridPos                  struct{ X, Y, W, H int }
		Targets                  []struct{ RefID, Expr string }
	}
	Annotations struct{ List []struct{ Name, Expr string } }
}

func readDashboards(t *testing.T) (all []dashboard) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dashboards, "*.json"))
	if err != nil || len(files) < 5 {
		t.Fatalf("%d dashboards: %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(raw, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if d.UID != "chasqui-"+strings.TrimSuffix(filepath.Base(file), ".json") {
			t.Errorf("%s has the uid %s", file, d.UID)
		}
		all = append(all, d)
	}
	return all
}
