package api_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/api"
	"chasqui/internal/wa"
)

var update = flag.Bool("update", false, "write the new fields of the events' schemas down")

const kept = "testdata/event-schemas.json"

// TestSchemasOnlyGrow holds the schemas against those that customers know: no
// field may go, be renamed, change its type or become optional, and new ones
// are written down.
func TestSchemasOnlyGrow(t *testing.T) {
	t.Parallel()
	now := map[string]any{}
	for _, i := range wa.EventTypes() {
		for name, payload := range map[string]wa.Payload{"": wa.FullPayload, " thin": wa.ThinPayload} {
			raw, err := json.Marshal(api.EventSchema(i.Type, payload))
			if err != nil {
				t.Fatal(err)
			}
			fields := map[string]string{}
			shapes(fields, decode[any](t, string(raw)))
			now[string(i.Type)+name] = fields
		}
	}
	fresh, err := json.MarshalIndent(now, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	before, after := decode[map[string]map[string]string](t, string(raw)), decode[map[string]map[string]string](t, string(fresh))
	if !shrunk(t, before, after) && *update {
		if err := os.WriteFile(kept, append(fresh, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the schemas are not those that are written down; what grew is written by: go test ./internal/api -run TestSchemasOnlyGrow -update\n%s", diff)
	}
}

// shrunk reports what customers would miss.
func shrunk(t *testing.T, before, after map[string]map[string]string) (missed bool) {
	t.Helper()
	for kind, fields := range before {
		for path, shape := range fields {
			if now := after[kind][path]; now != shape {
				t.Errorf("%s: %s was %q and is %q: customers rely on it", kind, path, shape, now)
				missed = true
			}
		}
	}
	return missed
}

// shapes tells every field's type by its path.
func shapes(into map[string]string, schema any) {
	root, _ := schema.(map[string]any)
	defs, _ := root["$defs"].(map[string]any)
	var walk func(path string, v any, must bool)
	walk = func(path string, v any, must bool) {
		s, _ := v.(map[string]any)
		if ref, ok := s["$ref"].(string); ok {
			s, _ = defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
		}
		kind, _ := json.Marshal(s["type"]) // a text or a list of texts
		format, _ := s["format"].(string)
		shape := strings.TrimSpace(strings.Trim(string(kind), `"`) + " " + format)
		if must {
			shape += ", always"
		}
		into[path] = shape
		required, _ := s["required"].([]any)
		all, _ := s["properties"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			walk(path+"."+name, all[name], slices.Contains(required, any(name)))
		}
	}
	walk("event", root["allOf"].([]any)[0], true) //nolint:forcetypeassert // a panic is a failure here
}
