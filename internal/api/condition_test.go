package api_test

import (
	"net/http"
	"testing"

	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// TestHealthPages: the condition of all clients comes in the order and pages of
// their list.
func TestHealthPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 2 {
		testkit.Client(t, w.db, w.org.ID)
	}
	list := decode[struct{ Data []wa.Client }](t, w.do(t, call{method: "GET", path: "/api/v1/clients", key: w.viewer}).body).Data
	next := ""
	for i, c := range list {
		r := w.do(t, call{method: "GET", path: "/api/v1/clients/health?limit=1&cursor=" + next, key: w.viewer})
		page := decode[struct {
			Data []wa.ClientHealth
			Next *string
		}](t, r.body)
		if r.status != http.StatusOK || len(page.Data) != 1 || page.Data[0].ClientID != c.ID || page.Next == nil {
			t.Fatalf("page %d: %d %s", i, r.status, r.body)
		}
		next = *page.Next
	}
	if len(list) != 3 {
		t.Errorf("%d clients", len(list))
	}
	r := w.do(t, call{method: "GET", path: "/api/v1/clients/health?limit=1&cursor=" + next, key: w.viewer})
	if r.body != `{"data":[],"next":null}`+"\n" {
		t.Errorf("after the last: %s", r.body)
	}
}
