package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// Document is the OpenAPI document of this version, as GET /api/openapi.json
// serves it, indented. It needs neither a database nor a listener: clients are
// generated from it.
func Document(ctx context.Context, version string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/api/openapi.json", nil)
	if err != nil {
		return nil, fmt.Errorf("ask for the document: %w", err)
	}
	w := &sheet{header: http.Header{}}
	New(Deps{Version: version}).ServeHTTP(w, r)
	if w.status != http.StatusOK {
		return nil, fmt.Errorf("the document was answered with %d", w.status)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, w.body.Bytes(), "", " "); err != nil {
		return nil, fmt.Errorf("indent the document: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

// sheet takes an answer down.
type sheet struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (s *sheet) Header() http.Header { return s.header }

func (s *sheet) WriteHeader(status int) { s.status = status }

func (s *sheet) Write(p []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.body.Write(p)
}
