package api

import (
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
)

const mediaCSV = "text/csv"

type exportOut struct{ Body func(huma.Context) }

// table streams a file of CSV that write writes, calling progress before each
// part of it. Each part has a write deadline of its own; an answer that breaks
// off in the middle is one without its end, not a short one that looks whole.
func (a *api) table(ctx context.Context, name string, write func(w io.Writer, progress func() error) error) *exportOut {
	return &exportOut{func(c huma.Context) {
		g := humagin.Unwrap(c)
		g.Set(noteWaited, true)
		h := g.Writer.Header()
		h.Set("Content-Type", mediaCSV+"; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
		g.Writer.WriteHeader(http.StatusOK)
		line := http.NewResponseController(g.Writer)
		err := write(g.Writer, func() error { return line.SetWriteDeadline(time.Now().Add(writeWithin)) })
		if err != nil {
			a.Log.WarnContext(ctx, "an export broke off", "request", h.Get(headerRequestID), "error", err)
			panic(http.ErrAbortHandler) // the one way to break off an answer that has begun
		}
	}}
}

// byteOrderMark tells spreadsheets that a file is UTF-8.
const byteOrderMark = "\uFEFF"

// newSheet begins a file of CSV with its columns.
func newSheet(w io.Writer, columns []string) (*csv.Writer, error) {
	if _, err := io.WriteString(w, byteOrderMark); err != nil {
		return nil, err
	}
	out := csv.NewWriter(w)
	out.UseCRLF = true
	return out, out.Write(columns)
}

// writeRows writes a page, a line for each.
func writeRows[T any](out *csv.Writer, page []T, line func(T) []string) error {
	for _, row := range page {
		if err := out.Write(line(row)); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}
