package queue_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"chasqui/internal/queue"
	"chasqui/internal/wa"
)

// page serves the operator's page over HTTP.
func page(t *testing.T, rdb *redis.Client, readOnly bool) string {
	t.Helper()
	m := queue.NewMonitor(rdb, readOnly)
	s := httptest.NewServer(m)
	t.Cleanup(func() {
		s.Close()
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.URL + queue.MonitorPath
}

func ask(t *testing.T, method, url string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.Header.Get("Content-Security-Policy"); got != "frame-ancestors 'none'" {
		t.Errorf("%s %s: policy %q", method, url, got)
	}
	return resp.StatusCode, string(body)
}

func TestThePageShowsIDsOnly(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	job := ticket(3)
	ringer(rdb).Ring(t.Context(), []wa.Job{job})
	strange := asynq.NewTask("message:send", []byte(`{"to":"+4915112345678","n":4915112345678,"text":"Hello World","v":1}`))
	if _, err := asynq.NewClientFromRedisClient(rdb).Enqueue(strange, asynq.Queue("wa:w03:urgent")); err != nil {
		t.Fatal(err)
	}
	url := page(t, rdb, true)
	status, body := ask(t, "GET", url+"/api/queues/wa:w03:urgent/pending_tasks")
	want := "client_id=" + job.Client.String() + " lane=urgent message_id=" + job.Message.String() + " v=1"
	if status != http.StatusOK || !strings.Contains(body, want) || !strings.Contains(body, "text=(hidden) to=(hidden) v=1") {
		t.Errorf("%d: %s", status, body)
	}
	if strings.Contains(body, "49151") || strings.Contains(body, "Hello") {
		t.Errorf("the page tells more than ids: %s", body)
	}
	if status, body := ask(t, "GET", url); status != http.StatusOK || !strings.Contains(body, "<html") {
		t.Errorf("front page: %d %.100s", status, body)
	}
}

func TestAReadOnlyPageChangesNothing(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	job := ticket(3)
	ringer(rdb).Ring(t.Context(), []wa.Job{job})
	url := page(t, rdb, true) + "/api/queues/"
	for _, action := range [][2]string{
		{"POST", "wa:w03:urgent:pause"},
		{"DELETE", "wa:w03:urgent"},
		{"DELETE", "wa:w03:urgent/pending_tasks:delete_all"},
		{"POST", "wa:w03:urgent/pending_tasks/" + job.Message.String() + ":0:archive"},
	} {
		if status, body := ask(t, action[0], url+action[1]); status != http.StatusMethodNotAllowed {
			t.Errorf("%v: %d %s", action, status, body)
		}
	}
	if q, err := inspector(t, rdb).GetQueueInfo("wa:w03:urgent"); err != nil || q.Pending != 1 || q.Paused {
		t.Errorf("%+v, %v", q, err)
	}
}

func TestAnOperatorPausesAWorker(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	ringer(rdb).Ring(t.Context(), []wa.Job{ticket(3), wa.DrainTicket{Client: wa.NewClientID(), Slot: 3}})
	url := page(t, rdb, false) + "/api/queues/"
	paused := func(slot int) bool {
		t.Helper()
		p, err := queue.Paused(t.Context(), rdb, slot)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, name := range []string{"wa:w03", "wa:w03:urgent"} {
		if paused(3) {
			t.Error("paused before anybody asked")
		}
		if status, body := ask(t, "POST", url+name+":pause", "Sec-Fetch-Site", "cross-site"); status != http.StatusForbidden || paused(3) {
			t.Errorf("another site pressed the button: %d %s", status, body)
		}
		if status, body := ask(t, "POST", url+name+":pause"); status/100 != 2 {
			t.Fatalf("%d %s", status, body)
		}
		if !paused(3) || paused(2) {
			t.Errorf("%s: paused %v, and its neighbour %v", name, paused(3), paused(2))
		}
		if status, body := ask(t, "POST", url+name+":resume"); status/100 != 2 {
			t.Fatalf("%d %s", status, body)
		}
	}
}

func TestAWorkerHearsThatItIsPaused(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	ringer(rdb).Ring(t.Context(), []wa.Job{wa.DrainTicket{Client: wa.NewClientID(), Slot: 3}})
	if err := inspector(t, rdb).PauseQueue("wa:w03"); err != nil {
		t.Fatal(err)
	}
	told := make(chan bool, 1)
	serve(t, rdb, 3, &board{}, queue.Options{SetPaused: func(p bool) { told <- p }})
	if !<-told {
		t.Error("told that it is not paused")
	}
}

func TestTheBellsOfDeadWorkersAreSwept(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	i, c := inspector(t, rdb), asynq.NewClientFromRedisClient(rdb)
	ringer(rdb).Ring(t.Context(), []wa.Job{ticket(3), ticket(4), ticket(3)})
	for _, opt := range []asynq.Option{asynq.ProcessIn(1e12), asynq.TaskID("to archive")} {
		if _, err := c.Enqueue(asynq.NewTask("message:send", nil), asynq.Queue("wa:w03"), opt); err != nil {
			t.Fatal(err)
		}
	}
	if err := i.ArchiveTask("wa:w03", "to archive"); err != nil {
		t.Fatal(err)
	}
	n, err := queue.SweepDeadSlots(t.Context(), rdb, []int{3, 17})
	if err != nil || n != 4 {
		t.Errorf("%d swept, %v", n, err)
	}
	for name, want := range map[string]int{"wa:w03": 0, "wa:w03:urgent": 0, "wa:w04:urgent": 1} {
		if q, err := i.GetQueueInfo(name); err != nil || q.Size != want {
			t.Errorf("%s: %+v, %v", name, q, err)
		}
	}
}

func TestCensus(t *testing.T) {
	t.Parallel()
	rdb := open(t, redisURL(t), true)
	ringer(rdb).Ring(t.Context(), []wa.Job{ticket(77), ticket(77), ticket(77)})
	if _, err := asynq.NewClientFromRedisClient(rdb).Enqueue(asynq.NewTask("x", nil), asynq.Queue("somebody's")); err != nil {
		t.Fatal(err)
	}
	census := queue.NewCensus(rdb)
	for range 2 { // the second finds the figures fresh enough
		if err := census.Collect(t.Context()); err != nil {
			t.Fatal(err)
		}
		ringer(rdb).Ring(t.Context(), []wa.Job{ticket(77)})
	}
	tasks := metric(t, "chasqui_asynq_tasks")
	if len(tasks) != 6 || tasks["wa:w77:urgent pending"] != 3 {
		t.Errorf("tasks: %v", tasks)
	}
	if latency := metric(t, "chasqui_asynq_queue_latency_seconds"); len(latency) != 1 {
		t.Errorf("latency: %v", latency)
	}
	census.Forget()
	if tasks := metric(t, "chasqui_asynq_tasks"); len(tasks) != 0 {
		t.Errorf("after another took the lead: %v", tasks)
	}
}

// metric reads one: label values, joined by spaces, and the value.
func metric(t *testing.T, name string) map[string]float64 {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			got[strings.Join(labels, " ")] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return got
}
