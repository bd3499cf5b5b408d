package api_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"chasqui/internal/api"
)

// A caller whose line is slow takes no turn of the org's while the body comes:
// as many of them as may be under way keep nobody else waiting.
func TestSlowBodiesTakeNoTurn(t *testing.T) {
	t.Parallel()
	w := limited(t, api.Limits{Requests: 50})
	path := strings.Replace("/api/v1/clients/{client}/messages/batch", "{client}", w.client.ID.String(), 1)
	host := strings.TrimPrefix(w.URL, "http://")
	for range 20 {
		c, err := net.Dial("tcp", host)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_, err = fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: %s\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{", path, host, w.admin.Reveal())
		if err != nil {
			t.Fatal(err)
		}
	}
	if r := w.do(t, call{method: "GET", path: "/api/v1/event-types", key: w.stranger.key}); r.status != http.StatusOK {
		t.Fatalf("the company: %d", r.status) // an org alone is not held back by its own
	}
	began := time.Now()
	if r := w.do(t, call{method: "GET", path: "/api/v1/clients", key: w.admin}); r.status != http.StatusOK {
		t.Errorf("%d %s", r.status, r.body)
	}
	if took := time.Since(began); took > 4*time.Second { // bodies are waited for 5 s
		t.Errorf("it waited %s for bodies that do not come", took)
	}
}
