package app_test

import (
	"bytes"
	"os"
	"testing"

	"chasqui/internal/app"
)

// The dashboard's client is generated from web/openapi.json; one that lags
// behind the routes would ask for what is not there.
func TestGeneratedFilesOfTheDashboard(t *testing.T) {
	t.Parallel()
	const path = "../../web/openapi.json"
	var out, errs bytes.Buffer
	if status := app.Command([]string{"openapi"}, nil, &out, &errs); status != 0 {
		t.Fatalf("status %d: %s", status, &errs)
	}
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	kept, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, out.Bytes()) {
		t.Error("web/openapi.json is not what the routes describe: run make generate")
	}
}
