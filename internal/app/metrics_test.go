package app_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"

	"chasqui/internal/app"
	"chasqui/internal/testkit"
)

// promised are the series that dashboards and alerts are built on. A name that
// changes breaks them silently, so it changes here too, knowingly.
var promised = []string{
	// The promise.
	"chasqui_messages_accepted_total", "chasqui_messages_final_total", "chasqui_message_accept_to_sent_seconds", "chasqui_oldest_queued_seconds",
	"chasqui_messages_received_total", "chasqui_send_seconds", "chasqui_messages_stuck",
	"chasqui_receipts_total", "chasqui_messages_queued", "chasqui_messages_unconfirmed", "chasqui_clients",
	// Safety.
	"chasqui_duplicate_receipt_id_total",
	"chasqui_ambiguous_total", "chasqui_fence_rejections_total", "chasqui_stream_replaced_total", "chasqui_sent_mark_retries_total",
	"chasqui_poison_total", "chasqui_read_receipts_total",
	// Ownership.
	"chasqui_clients_owned", "chasqui_clients_unowned", "chasqui_lease_age_seconds", "chasqui_worker_frozen", "chasqui_takeovers_total",
	"chasqui_takeover_seconds", "chasqui_sessions", "chasqui_connects_total", "chasqui_signals_total", "chasqui_client_outdated",
	// Pacing.
	"chasqui_pace_wait_seconds", "chasqui_window_used_ratio", "chasqui_cooldowns_total",
	// The doorbell.
	"chasqui_ring_total", "chasqui_ring_to_claim_seconds", "chasqui_work_found_by_total", "chasqui_redis_generation_changes_total",
	"chasqui_redis_up", "chasqui_asynq_tasks", "chasqui_asynq_queue_latency_seconds",
	// Webhooks.
	"chasqui_webhook_attempts_total", "chasqui_webhook_delivery_seconds", "chasqui_webhook_lines", "chasqui_webhook_open_circuits",
	"chasqui_webhook_dead", "chasqui_webhook_late_seconds", "chasqui_webhook_endpoints",
	// Security.
	"chasqui_stops", "chasqui_rate_limited_total", "chasqui_rate_questions_total", "chasqui_rate_limits_alone",
	"chasqui_audit_broken_logs", "chasqui_audit_last_anchor_timestamp_seconds",
	"chasqui_audit_whole_broken_logs", "chasqui_audit_last_whole_timestamp_seconds", "chasqui_security_alerts_total",
	"chasqui_sign_ins_total", "chasqui_mails_total",
	// The rest.
	"chasqui_cron_job_last_success_timestamp_seconds", "chasqui_db_up", "chasqui_db_size_bytes", "chasqui_figures_behind_seconds",
	"chasqui_http_requests_total", "chasqui_http_request_seconds", "chasqui_http_turn_seconds", "chasqui_leader_epoch", "chasqui_cron_job_seconds", "chasqui_build_info",
	"chasqui_db_connections", "chasqui_db_connections_limit", "chasqui_db_pool_waits_total", "chasqui_db_pool_wait_seconds_total",
}

func TestPromisedMetricsAreThere(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{}
	for _, f := range declaredMetrics(t) {
		declared[f.GetName()] = true
	}
	for _, name := range promised {
		if !declared[name] {
			t.Errorf("%s is promised and nobody measures it", name)
		}
		delete(declared, name)
	}
	for name := range declared {
		if !strings.HasPrefix(name, "chasqui_") {
			t.Errorf("%s does not begin with chasqui_", name)
		}
		t.Errorf("%s is measured and not promised: add it to the list", name)
	}
}

// A series without values is not gathered, so what the sources declare is
// linted too.
func TestMetricsAreWellNamed(t *testing.T) {
	t.Parallel()
	problems, err := promlint.NewWithMetricFamilies(declaredMetrics(t)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestMetricsListener(t *testing.T) {
	t.Parallel()
	database := migrated(t)
	k, stop := serve(t, "scheduler", load(t, settings(t, database)), app.Scheduler)
	base := "http://" + k.Addr("metrics")
	var body string
	testkit.Eventually(t, patience, "readiness", func() bool {
		var status int
		status, body = get(t, base+"/readyz")
		return status == 200
	})
	var said map[string]string
	if err := json.Unmarshal([]byte(body), &said); err != nil || said["status"] != "ok" || said["redis"] != "ok" {
		t.Errorf("readyz says %s", body)
	}
	if status, _ := get(t, base+"/livez"); status != 200 {
		t.Errorf("livez answers %d", status)
	}
	if status, _ := get(t, base+"/debug/pprof/goroutine?debug=1"); status != 200 {
		t.Errorf("pprof answers %d", status)
	}
	_, metrics := get(t, base+"/metrics")
	for _, line := range []string{"chasqui_build_info{", "whatsapp_web=\"2.", "chasqui_db_connections{state=\"idle\"}", "go_goroutines "} {
		if !strings.Contains(metrics, line) {
			t.Errorf("metrics lack %s", line)
		}
	}
	gathered, err := k.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(ours(gathered)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	stop()
	if status, _ := get(t, base+"/livez"); status != 0 {
		t.Errorf("a stopped program answers %d", status)
	}
}

// Redis may be away; Postgres and the schema may not.
func TestReadiness(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		database string
		redis    string
		status   int
		says     string
	}{
		"no database":  {"postgres://u:p@127.0.0.1:1/d", redisURL(t), 503, "database is away"},
		"empty schema": {emptyDatabase(t), redisURL(t), 503, "chasqui migrate up"},
		"no redis":     {migrated(t), "redis://127.0.0.1:1", 200, "Redis does not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, _ := serve(t, "scheduler", load(t, settings(t, tt.database, "REDIS_URL="+tt.redis)), app.Scheduler)
			testkit.Eventually(t, patience, name, func() bool {
				status, body := get(t, "http://"+k.Addr("metrics")+"/readyz")
				return status == tt.status && strings.Contains(body, tt.says)
			})
		})
	}
}

func ours(all []*dto.MetricFamily) (kept []*dto.MetricFamily) {
	for _, f := range all {
		if strings.HasPrefix(f.GetName(), "chasqui_") {
			kept = append(kept, f)
		}
	}
	return kept
}

// declaredMetrics reads every metric's name, help and type from the sources.
func declaredMetrics(t *testing.T) (found []*dto.MetricFamily) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if f := declaration(call); f != nil {
					found = append(found, f)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// declaration is what a call like promauto.NewCounterVec declares, or nil.
func declaration(call *ast.CallExpr) *dto.MetricFamily {
	fn, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || len(call.Args) == 0 {
		return nil
	}
	name := strings.TrimSuffix(fn.Sel.Name, "Vec")
	if name == "NewDesc" {
		kind := dto.MetricType_GAUGE
		if strings.HasSuffix(text(call.Args[0]), "_total") {
			kind = dto.MetricType_COUNTER
		}
		return family(text(call.Args[0]), text(call.Args[1]), kind)
	}
	kinds := map[string]dto.MetricType{
		"NewCounter": dto.MetricType_COUNTER, "NewGauge": dto.MetricType_GAUGE, "NewHistogram": dto.MetricType_HISTOGRAM,
	}
	kind, known := kinds[name]
	opts, ok := call.Args[0].(*ast.CompositeLit)
	if !known || !ok {
		return nil
	}
	fields := map[string]string{}
	for _, e := range opts.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok {
				fields[key.Name] = text(kv.Value)
			}
		}
	}
	return family(fields["Name"], fields["Help"], kind)
}

func text(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok {
		return ""
	}
	s, _ := strconv.Unquote(lit.Value)
	return s
}

// family is a series with one value, because the linter skips empty ones.
func family(name, help string, kind dto.MetricType) *dto.MetricFamily {
	m := &dto.Metric{}
	switch kind {
	case dto.MetricType_COUNTER:
		m.Counter = &dto.Counter{}
	case dto.MetricType_HISTOGRAM:
		m.Histogram = &dto.Histogram{}
	default:
		m.Gauge = &dto.Gauge{}
	}
	return &dto.MetricFamily{Name: &name, Help: &help, Type: &kind, Metric: []*dto.Metric{m}}
}
