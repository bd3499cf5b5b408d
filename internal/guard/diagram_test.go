package guard_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/guard"
	"chasqui/internal/wa"
)

var update = flag.Bool("update", false, "write docs/state-machines.md anew")

// The page is drawn from the tables that run, so it cannot be wrong; it can
// only be stale, and then this fails.
func TestStateMachinesPageIsFresh(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "docs", "state-machines.md")
	want := page()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; run: go generate ./internal/guard", err)
	}
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("docs/state-machines.md is stale; run: go generate ./internal/guard\n(-want +got)\n%s", diff)
	}
}

func page() string {
	var b strings.Builder
	b.WriteString("# State machines\n\nDrawn from the tables in the code by `go generate ./internal/guard`. Do not edit.\n")
	drawMessages(&b)
	drawClients(&b)
	drawReactions(&b)
	return b.String()
}

func drawMessages(b *strings.Builder) {
	b.WriteString("\n## An outbound message\n\n```mermaid\nstateDiagram-v2\n    [*] --> scheduled\n    [*] --> queued\n")
	for _, signal := range wa.Signals() {
		move := signal.Move()
		for _, from := range move.From {
			fmt.Fprintf(b, "    %s --> %s: %s\n", from, move.To, signal)
		}
	}
	b.WriteString("```\n\n| status | final | has reached WhatsApp |\n|---|---|---|\n")
	for _, s := range wa.Statuses() {
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", s, yes(s.Final()), yes(s.Left()))
	}
}

func drawClients(b *strings.Builder) {
	b.WriteString("\n## A client's status\n\n| status | online | needs pairing | its messages wait for |\n|---|---|---|---|\n")
	for _, s := range wa.ClientStatuses() {
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", s, yes(s.Online()), yes(s.Unpaired()), code(string(s.Wait())))
	}
}

func drawReactions(b *strings.Builder) {
	b.WriteString("\n## What follows from what WhatsApp says\n\n" +
		"| signal | when | client | queue | reconnect | event | alert |\n|---|---|---|---|---|---|---|\n")
	for _, row := range rows {
		r := guard.React(row.s, epoch, row.h)
		status, queue := code(string(r.Status)), string(r.Queue)
		if r.Forget {
			status += ", keys forgotten"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s | %s | %s |\n",
			row.s.Signal, row.name, status, strings.ReplaceAll(queue, "_", " "), reconnect(r), event(r), alert(r))
	}
}

func reconnect(r guard.Reaction) string {
	switch r.Reconnect.How {
	case guard.Never:
		return "when a person asks"
	case guard.ByBackoff:
		if r.Reconnect.Floor > 0 {
			return fmt.Sprintf("with backoff from %s", words(r.Reconnect.Floor))
		}
		return "with backoff"
	case guard.Once:
		if !r.Until.IsZero() {
			return fmt.Sprintf("once, at its end + up to %s", words(r.Reconnect.Jitter))
		}
		return fmt.Sprintf("once, in %s + up to %s", words(r.Reconnect.At.Sub(epoch)), words(r.Reconnect.Jitter))
	case guard.FleetStop:
		return fmt.Sprintf("nobody; one probe each %s", words(guard.ProbeEvery))
	}
	return ""
}

func event(r guard.Reaction) string {
	if r.EventAfter > 0 {
		return fmt.Sprintf("%s after %s", code(string(r.Event)), words(r.EventAfter))
	}
	return code(string(r.Event))
}

func alert(r guard.Reaction) string {
	if r.AlertAfter > 0 {
		return "after " + words(r.AlertAfter)
	}
	return yes(r.Alert)
}

// words spells a duration without its zero parts: "5m", not "5m0s".
func words(d time.Duration) string {
	s := d.String()
	s = strings.TrimSuffix(s, "m0s") + strings.Repeat("m", strings.Count(s, "m0s"))
	return strings.TrimSuffix(s, "h0m") + strings.Repeat("h", strings.Count(s, "h0m"))
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}
