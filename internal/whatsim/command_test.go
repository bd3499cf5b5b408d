package whatsim_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"testing"

	"chasqui/internal/whatsim"
)

// TestCommandKeepsItsKeys runs the command twice on one folder.
func TestCommandKeepsItsKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := runCommand(t, dir), runCommand(t, dir)
	if first["root_key"] != second["root_key"] || len(first["root_key"]) != 64 {
		t.Errorf("root keys %q and %q", first["root_key"], second["root_key"])
	}
}

// runCommand starts the command, checks what it announces, and ends it.
func runCommand(t *testing.T, dir string) map[string]string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- whatsim.Main(ctx, []string{"-listen", "127.0.0.1:0", "-control", "127.0.0.1:0", "-data", dir}, w, io.Discard)
	}()
	line, err := bufio.NewReader(r).ReadBytes('\n')
	if err != nil {
		t.Fatalf("no announcement: %v", err)
	}
	var ready map[string]string
	if err := json.Unmarshal(line, &ready); err != nil {
		t.Fatalf("announcement %s: %v", line, err)
	}
	if _, err := os.Stat(ready["ca_file"]); err != nil {
		t.Errorf("CA file: %v", err)
	}
	resp, err := http.Get(ready["control"] + "/info")
	if err != nil {
		t.Fatalf("control: %v", err)
	}
	defer resp.Body.Close()
	var info map[string]string
	if err := json.NewDecoder(resp.Body).Decode(&info); err != nil || info["endpoint"] != ready["endpoint"] {
		t.Errorf("info = %v (%v)", info, err)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("command ended with %v", err)
	}
	return ready
}

func TestCommandRefusesUnknownFlags(t *testing.T) {
	t.Parallel()
	if err := whatsim.Main(t.Context(), []string{"-nonsense"}, io.Discard, io.Discard); err == nil {
		t.Error("no error")
	}
}
