package audit

import (
	"encoding/csv"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"chasqui/internal/wa"
)

// columns of an export.
var columns = []string{
	"sequence", "at", "actor_kind", "actor_id", "actor_name", "role", "action", "target", "before", "after", "ip", "user_agent", "request_id", "id", "hash",
}

// dangerous are the characters that make a spreadsheet take a cell for a
// formula, and their full-width forms, which some read alike.
const dangerous = "=+-@\t\r\n＝＋－＠"

// Cell makes a text safe for spreadsheets: one that could be taken for a formula
// gets a leading apostrophe, after which it is text. Numbers that are ours are
// written without.
func Cell(text string) string {
	if text != "" && strings.ContainsRune(dangerous, []rune(text)[0]) {
		return "'" + text
	}
	return text
}

// table writes lines as CSV (RFC 4180).
type table struct{ w *csv.Writer }

func newTable(w io.Writer) (*table, error) {
	t := &table{csv.NewWriter(w)}
	t.w.UseCRLF = true
	return t, t.row(columns)
}

func (t *table) row(cells []string) error {
	if err := t.w.Write(cells); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}

func (t *table) line(e wa.AuditEntry) error {
	return t.row([]string{
		strconv.FormatInt(e.Sequence, 10), e.At.UTC().Format(time.RFC3339Nano), Cell(string(e.Kind)), Cell(e.ActorID), Cell(e.ActorName),
		Cell(string(e.Role)), Cell(string(e.Action)), Cell(e.Target), Cell(string(e.Before)), Cell(string(e.After)), Cell(e.From.IP),
		Cell(e.From.Agent), Cell(e.From.Request), Cell(e.ID.String()), hex.EncodeToString(e.Hash),
	})
}

func (t *table) flush() error {
	t.w.Flush()
	if err := t.w.Error(); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	return nil
}
