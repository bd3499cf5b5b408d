package audit_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"strings"
	"testing"

	"chasqui/internal/audit"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

func TestCellsAreNoFormulas(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                     "",
		"plain":                "plain",
		"a=1":                  "a=1",
		"=1+1":                 "'=1+1",
		"+15550001":            "'+15550001",
		"-2":                   "'-2",
		"@SUM(A1)":             "'@SUM(A1)",
		"\t=1":                 "'\t=1",
		"\r=1":                 "'\r=1",
		"\n=1":                 "'\n=1",
		"＝1":                   "'＝1",
		"=cmd|' /C calc'!A0":   "'=cmd|' /C calc'!A0",
		`=HYPERLINK("http://x`: `'=HYPERLINK("http://x`,
	} {
		if got := audit.Cell(text); got != want {
			t.Errorf("Cell(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzCell(f *testing.F) {
	for _, s := range []string{"", "=1", "+1", "-1", "@a", "\ta", "\ra", "x", "'", "\xff=", "＝"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := audit.Cell(s)
		if strings.TrimPrefix(got, "'") != strings.TrimPrefix(s, "'") && got != s {
			t.Errorf("%q became %q", s, got)
		}
		if got != "" && strings.ContainsRune("=+-@\t\r\n", rune(got[0])) {
			t.Errorf("%q stays a formula: %q", s, got)
		}
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		if err := w.Write([]string{got, "x"}); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		row, err := csv.NewReader(&b).Read()
		if err != nil || len(row) != 2 {
			t.Errorf("%q does not come back from CSV: %q, %v", got, row, err)
		}
	})
}

func (w *world) export(by wa.Actor, f store.AuditFilter) [][]string {
	w.t.Helper()
	write, err := w.audit.Export(w.t.Context(), by, f, atOnce)
	if err != nil {
		w.t.Fatal(err)
	}
	var b bytes.Buffer
	if err := write(&b, func() error { return nil }); err != nil {
		w.t.Fatal(err)
	}
	rows, err := csv.NewReader(&b).ReadAll()
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

// An export has all pages, no formulas, and is itself in the log.
func TestExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.write(450)
	evil := wa.Actor{Org: w.org, Key: wa.NewKeyID(), From: w.by.From} // people are called by their addresses
	evil.Name, evil.From.Agent = "=cmd|' /C calc'!A0", "@SUM(1+1)"
	w.writeAs(evil, wa.AuditSignedIn, "+1+2", nil, nil)
	rows := w.export(w.by, store.AuditFilter{})
	if len(rows) != 1+450+1+1 { // the heading, and the export itself
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		for i, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("%s: %q", rows[0][i], cell)
			}
		}
	}
	if got := rows[2]; got[4] != "'=cmd|' /C calc'!A0" || got[7] != "'+1+2" || got[11] != "'@SUM(1+1)" || got[10] != "192.0.2.1" {
		t.Errorf("the hostile line: %q", got)
	}
	if lines := w.logged(wa.AuditExported); len(lines) != 1 || lines[0].ActorID != w.by.User.String() {
		t.Errorf("the export's line: %+v", lines)
	}
	if rows := w.export(w.by, store.AuditFilter{Action: wa.AuditSignedIn}); len(rows) != 2 {
		t.Errorf("narrowed: %d rows", len(rows))
	}
}

func atOnce(work func() error) error { return work() }

var errGone = errors.New("gone")

// Two exports of an org may run at a time; one that ends, however, makes room.
func TestExportsAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	begin := func() (func() error, error) {
		write, err := w.audit.Export(t.Context(), w.by, store.AuditFilter{}, atOnce)
		return func() error { return write(&bytes.Buffer{}, func() error { return errGone }) }, err
	}
	first, err1 := begin()
	_, err2 := begin()
	_, err3 := begin()
	if err1 != nil || err2 != nil || wa.CodeOf(err3) != wa.RateLimited {
		t.Fatalf("%v, %v, %v", err1, err2, err3)
	}
	if err := first(); !errors.Is(err, errGone) {
		t.Errorf("a caller who goes: %v", err)
	}
	if _, err := begin(); err != nil {
		t.Errorf("after one ended: %v", err)
	}
}

// A manager sees what everybody did but the admins, page by page.
func TestManagersDoNotSeeAdmins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	manager := wa.Actor{Org: w.org, User: wa.NewUserID(), Name: "m@example.com", Role: wa.Manager}
	agent := wa.Actor{Org: w.org, User: wa.NewUserID(), Name: "g@example.com", Role: wa.Agent}
	stranger := wa.Actor{Org: wa.NewOrgID(), User: wa.NewUserID(), Name: "s@example.com", Role: wa.Agent}
	for range 3 {
		for _, by := range []wa.Actor{w.by, manager, agent, stranger} {
			w.writeAs(by, wa.AuditSignedIn, by.User.String(), nil, nil)
		}
	}
	for name, c := range map[string]struct {
		by   wa.Actor
		f    store.AuditFilter
		want int
	}{
		"an admin":                   {w.by, store.AuditFilter{}, 9},
		"a manager":                  {manager, store.AuditFilter{}, 6},
		"a manager asking for admin": {manager, store.AuditFilter{Actor: w.by.User.String()}, 0},
		"one actor":                  {w.by, store.AuditFilter{Actor: agent.User.String()}, 3},
		"one target":                 {w.by, store.AuditFilter{Target: manager.User.String()}, 3},
		"another action":             {w.by, store.AuditFilter{Action: wa.AuditSignedOut}, 0},
		"a stranger":                 {w.by, store.AuditFilter{Actor: stranger.User.String()}, 0},
	} {
		p, err := store.ParsePage("", 2)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[wa.AuditID]bool{}
		for {
			rows, err := w.audit.Search(t.Context(), c.by, c.f, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				if seen[r.ID] {
					t.Errorf("%s sees a line twice", name)
				}
				seen[r.ID] = true
				if c.by.Role == wa.Manager && r.Role == wa.Admin {
					t.Errorf("%s sees what an admin did", name)
				}
			}
			if len(rows) < 2 {
				break
			}
			p.Before, p.BeforeID = rows[1].At, rows[1].ID.UUID()
		}
		if len(seen) != c.want {
			t.Errorf("%s sees %d lines, want %d", name, len(seen), c.want)
		}
	}
}
