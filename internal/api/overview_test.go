package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/message"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// overview is what the tests read of GET /overview.
type overview struct {
	Clients  wa.ClientCounts
	Lanes    []wa.LaneLoad
	Today    bar
	Unread   int                `json:"unread_chats"`
	Webhooks *wa.EndpointCounts `json:"webhooks"`
}

// bar is what the tests read of figures.
type bar struct {
	At, Since time.Time
	wa.MessageCounts
}

// counted has the figures kept up until so many messages are in them.
func (w *world) counted(t *testing.T, messages int) {
	t.Helper()
	s := message.New(w.db, message.Options{})
	testkit.Eventually(t, patience, "figures", func() bool {
		if _, err := s.CountFigures(t.Context()); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := w.sql.QueryRowContext(t.Context(), `SELECT coalesce(sum(accepted + received), 0) FROM message_figures`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n == messages
	})
}

func (w *world) overview(t *testing.T, who wa.Secret, query string) overview {
	t.Helper()
	r := w.do(t, call{method: "GET", path: "/api/v1/overview" + query, key: who})
	if r.status != http.StatusOK {
		t.Fatalf("overview: %d %s", r.status, r.body)
	}
	return decode[overview](t, r.body)
}

// Everybody sees on the first page what they see elsewhere, and no more.
func TestOverview(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := testkit.Client(t, w.db, w.org.ID)
	w.do(t, call{method: "POST", path: "/api/v1/webhooks", key: w.admin, body: `{"url":"https://example.com/x"}`})
	w.send(t, "+5511900000001", "mine")
	w.send(t, "+5511900000002", "mine too")
	w.do(t, call{method: "POST", path: "/api/v1/clients/" + other.ID.String() + "/messages", key: w.admin, body: `{"to":"+5511900000003","text":{"body":"theirs"},"lane":"urgent"}`})
	w.do(t, call{method: "POST", path: "/api/v1/clients/{stranger}/messages", key: w.stranger.key, body: good})
	w.exec(t, `UPDATE chats SET unread = 3 WHERE client_id = $1`, other.ID.UUID())
	w.counted(t, 4)
	w.exec(t, `UPDATE message_figures SET at = at - interval '3 days' WHERE client_id = $1`, other.ID.UUID())
	viewer, _ := w.person(t, w.org.ID, wa.Viewer)
	agent, u := w.person(t, w.org.ID, wa.Agent)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	w.do(t, call{method: "PUT", path: "/api/v1/users/" + u.ID.String() + "/assignments", key: boss, body: `{"clients":["{client}"]}`})

	all := w.overview(t, viewer, "")
	if diff := cmp.Diff(wa.ClientCounts{Unpaired: 2, Total: 2}, all.Clients); diff != "" {
		t.Error(diff)
	}
	if len(all.Lanes) != 3 || all.Lanes[0].Queued != 1 || all.Lanes[1].Queued != 2 || all.Lanes[2].Queued != 0 || all.Lanes[2].OldestAt != nil || all.Lanes[0].OldestAt == nil {
		t.Errorf("%+v", all.Lanes)
	}
	if all.Today.MessageCounts != (wa.MessageCounts{Accepted: 2}) || !all.Today.Since.Equal(time.Now().UTC().Truncate(24*time.Hour)) || all.Unread != 1 {
		t.Errorf("today %+v, %d unread", all.Today, all.Unread)
	}
	if all.Webhooks == nil || all.Webhooks.Healthy != 1 {
		t.Errorf("webhooks %+v", all.Webhooks)
	}
	mine := w.overview(t, agent, "")
	if mine.Clients.Total != 1 || mine.Lanes[0].Queued != 0 || mine.Lanes[1].Queued != 2 || mine.Unread != 0 || mine.Today.Accepted != 2 || mine.Webhooks != nil {
		t.Errorf("an agent sees %+v", mine)
	}
	one := w.overview(t, viewer, "?client="+other.ID.String()+"&time_zone=Asia/Kolkata")
	if one.Clients.Total != 1 || one.Lanes[0].Queued != 1 || one.Lanes[1].Queued != 0 || one.Today.Accepted != 0 || one.Today.Since.Minute() != 30 {
		t.Errorf("of one client: %+v", one)
	}
	if r := w.do(t, call{method: "GET", path: "/api/v1/overview?client=" + other.ID.String(), key: agent}); r.status != http.StatusNotFound {
		t.Errorf("another's client: %d %s", r.status, r.body)
	}
}

func TestMessageFigures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.send(t, "+5511900000001", "one")
	w.send(t, "+5511900000002", "two")
	w.counted(t, 2)
	day := time.Date(2026, 3, 10, 22, 45, 0, 0, time.UTC) // the 11th in Moscow
	w.exec(t, `UPDATE message_figures SET at = $1, accepted = 2, sent = 1`, day)
	read := func(query string) []bar {
		t.Helper()
		r := w.do(t, call{method: "GET", path: "/api/v1/analytics/messages?" + query, key: w.admin})
		if r.status != http.StatusOK {
			t.Fatalf("%s: %d %s", query, r.status, r.body)
		}
		return decode[struct{ Data []bar }](t, r.body).Data
	}
	for _, tt := range []struct {
		query string
		n, at int // bars, and which one has something; -1 when none has
		first string
	}{
		{"from=2026-03-09T10:00:00Z&to=2026-03-12T00:00:00Z&step=day", 3, 1, "2026-03-09T00:00:00Z"},
		{"from=2026-03-09T10:00:00Z&to=2026-03-12T00:00:00Z&step=day&time_zone=Europe/Moscow", 4, 2, "2026-03-08T21:00:00Z"},
		{"from=2026-03-10T20:00:00Z&to=2026-03-10T23:00:00Z&step=hour", 3, 2, "2026-03-10T20:00:00Z"},
		{"from=2026-03-10T20:00:00Z&to=2026-03-10T23:00:00Z&step=hour&time_zone=Asia/Kathmandu", 4, 3, "2026-03-10T19:15:00Z"},
		{"from=2026-03-10T20:00:00Z&to=2026-03-10T23:00:00Z&step=hour&client={client}", 3, 2, "2026-03-10T20:00:00Z"},
		{"step=hour", 24, -1, ""},
		{"", 30, -1, ""},
	} {
		bars := read(tt.query)
		if len(bars) != tt.n || tt.first != "" && bars[0].At.Format(time.RFC3339) != tt.first {
			t.Fatalf("%s: %d bars from %v", tt.query, len(bars), bars[0].At)
		}
		for i, b := range bars {
			want := wa.MessageCounts{}
			if i == tt.at {
				want = wa.MessageCounts{Accepted: 2, Sent: 1}
			}
			if b.MessageCounts != want {
				t.Errorf("%s: bar %d is %+v", tt.query, i, b)
			}
		}
	}
}

func TestMessageFiguresRefuse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	day := func(n int) string { return url.QueryEscape(time.Now().AddDate(0, 0, -n).Format(time.RFC3339)) }
	for query, status := range map[string]int{
		"from=" + day(999): 200, "from=" + day(1001): 422, "step=hour&from=" + day(41): 200, "step=hour&from=" + day(42): 422,
		"from=" + day(1) + "&to=" + day(2): 422, "time_zone=Europe/Atlantis": 422, "time_zone=Local": 422, "time_zone=../etc/passwd": 422,
		"step=year": 422, "from=yesterday": 422, "from=0001-01-02T00:00:00Z": 422, "to=9999-12-31T00:00:00Z&from=9999-12-30T00:00:00Z": 200,
	} {
		r := w.do(t, call{method: "GET", path: "/api/v1/analytics/messages?" + query, key: w.admin})
		if r.status != status {
			t.Errorf("%s: %d, want %d: %s", query, r.status, status, r.body)
		}
		if r.status >= 400 {
			checkProblem(t, r)
		}
	}
	if r := w.do(t, call{method: "GET", path: "/api/v1/analytics/messages", key: w.viewer}); r.status != http.StatusForbidden {
		t.Error(fmt.Sprint("without the permission: ", r.status))
	}
}
