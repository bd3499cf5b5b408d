package app_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"chasqui/internal/app"
	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

// TestExpressionsNameWhatIsMeasured holds every rule and every panel to the
// series, labels and values that running programs have.
func TestExpressionsNameWhatIsMeasured(t *testing.T) {
	t.Parallel()
	known := measured(t)
	for _, r := range alertRules(t) {
		known.check(t, r.Alert, r.Expr)
	}
	for _, d := range readDashboards(t) {
		for _, p := range d.Panels {
			for _, target := range p.Targets {
				known.check(t, d.Title+": "+p.Title, target.Expr)
			}
		}
		for _, a := range d.Annotations.List {
			known.check(t, d.Title+": "+a.Name, a.Expr)
		}
	}
}

// series maps the names of what is measured to their labels.
type series map[string][]string

// check reports what an expression names and nobody measures.
func (s series) check(t *testing.T, where, expr string) {
	t.Helper()
	for _, problem := range s.problems(expr) {
		t.Errorf("%s: %s\n%s", where, problem, expr)
	}
}

func (s series) problems(expr string) (found []string) {
	parsed, err := parser.ParseExpr(strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h").Replace(expr))
	if err != nil {
		return []string{err.Error()}
	}
	within := []string{"le"}
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		v, ok := n.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		has, known := s[v.Name]
		if !known {
			found = append(found, v.Name+" is measured by nobody")
		}
		within = append(within, has...)
		for _, m := range v.LabelMatchers {
			found = append(found, badMatcher(v.Name, has, m)...)
		}
		return nil
	})
	parser.Inspect(parsed, func(n parser.Node, _ []parser.Node) error {
		if a, ok := n.(*parser.AggregateExpr); ok {
			for _, label := range a.Grouping {
				if !slices.Contains(within, label) {
					found = append(found, "nothing in it has the label "+label)
				}
			}
		}
		return nil
	})
	return found
}

// badMatcher tells of a label that a series does not have, and of a value that
// the label never takes.
func badMatcher(name string, has []string, m *labels.Matcher) (found []string) {
	if m.Name == labels.MetricName {
		return nil
	}
	if !slices.Contains(has, m.Name) {
		return []string{name + " has no label " + m.Name}
	}
	values, closed := labelValues(name)[m.Name]
	if !closed || m.Value == "5.." {
		return nil
	}
	for value := range strings.SplitSeq(m.Value, "|") {
		if !slices.Contains(values, value) {
			found = append(found, name+": "+m.Name+" is never "+value)
		}
	}
	return found
}

// labelValues lists the values of those labels that take few.
func labelValues(name string) map[string][]string {
	truth := []string{"true", "false"}
	all := map[string][]string{
		"lane": texts(wa.Urgent.String(), wa.Normal.String(), wa.Bulk.String()), "connected": truth, "wanted": truth,
		"signal": texts(provider.Signals()...), "resolution": {"receipt", "resend", "unknown"}, "source": {"ring", "poll", "change", "timer", "line"},
		"name":   jobNames(),
		"kind":   texts(provider.ReceiptDelivered, provider.ReceiptRead, provider.ReceiptPlayed),
		"status": texts(wa.ClientStatuses()...),
		"job":    {"api", "worker", "scheduler", "node"},
		"window": {"minute", "hour", "day"},
		"scope":  texts(wa.HaltScopes()...),
	}
	switch name {
	case "chasqui_messages_final_total":
		all["status"] = texts(wa.Sent, wa.Failed, wa.Expired)
	case "chasqui_connects_total":
		all["result"] = []string{"dialled", "failed", "online"}
	case "chasqui_webhook_attempts_total":
		all["result"] = texts("ok", wa.AttemptTimeout, wa.AttemptConnect, wa.AttemptUnreadable)
	case "chasqui_cron_job_seconds_count":
		all["result"] = []string{"ok", "failed"}
	case "chasqui_webhook_endpoints":
		all["state"] = []string{"enabled", "failing", "disabled"}
	case "chasqui_pace_wait_seconds_count":
		all["reason"] = texts(wa.WaitMinuteCap, wa.WaitHourCap, wa.WaitDayCap, wa.WaitGap, wa.WaitCoolDown)
	}
	return all
}

func texts[S ~string](values ...S) (out []string) {
	for _, v := range values {
		out = append(out, string(v))
	}
	return out
}

// The check itself must be able to fail.
func TestExpressionsCanBeWrong(t *testing.T) {
	t.Parallel()
	s := series{"chasqui_sessions": {"job", "status"}, "chasqui_send_seconds_bucket": {"job", "le"}}
	for expr, want := range map[string]bool{
		`sum by (status) (chasqui_sessions{status="connected"})`:   true,
		`sum(rate(chasqui_send_seconds_bucket[$__rate_interval]))`: true,
		`sum(chasqui_session)`:                                            false,
		`sum(chasqui_sessions{state="connected"})`:                        false,
		`sum(chasqui_sessions{status="online"})`:                          false,
		`sum(chasqui_sessions{status=~"connected|on"})`:                   false,
		`sum by (slot) (chasqui_sessions)`:                                false,
		`sum(chasqui_send_seconds)`:                                       false,
		`sum(chasqui_sessions`:                                            false,
		`absent(up{job="api"}) or sum(chasqui_sessions{job="scheduled"})`: false,
	} {
		if found := s.problems(expr); (len(found) == 0) != want {
			t.Errorf("%s: %v", expr, found)
		}
	}
}

// foreignSeries are what others than our programs measure: Prometheus itself and the
// exporter of the host.
var foreignSeries = series{
	"up":                          {"job", "instance"},
	"node_filesystem_avail_bytes": {"job", "instance", "device", "fstype", "mountpoint"},
	"node_filesystem_size_bytes":  {"job", "instance", "device", "fstype", "mountpoint"},
}

var (
	describedName   = regexp.MustCompile(`fqName: "([^"]+)"`)
	describedLabels = regexp.MustCompile(`variableLabels: \{([^}]*)\}`)
)

// measured runs the three programs and gives what they show, and what they would
// show once there is something to count.
func measured(t *testing.T) series {
	t.Helper()
	all := maps.Clone(foreignSeries)
	kinds := map[string]dto.MetricType{}
	for _, f := range declaredMetrics(t) {
		kinds[f.GetName()] = f.GetType()
	}
	registry, ok := prometheus.DefaultRegisterer.(*prometheus.Registry)
	if !ok {
		t.Fatalf("the registry is a %T", prometheus.DefaultRegisterer)
	}
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		registry.Describe(descs)
	}()
	for d := range descs {
		name := describedName.FindStringSubmatch(d.String())[1]
		var has []string
		if text := describedLabels.FindStringSubmatch(d.String()); text != nil && text[1] != "" {
			has = strings.Split(text[1], ",")
		}
		if kind, declared := kinds[name]; declared {
			all.add(t, name, kind, has)
		}
	}
	database, master := migrated(t), "CHASQUI_MASTER_KEY="+masterKey()
	for name, program := range map[string]app.Program{"api": app.API, "worker": app.Worker, "scheduler": app.Scheduler} {
		k, _ := serve(t, name, load(t, settings(t, database, master)), program)
		gathered, err := k.Gatherer().Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range gathered {
			for _, m := range f.GetMetric()[:1] {
				var has []string
				for _, l := range m.GetLabel() {
					has = append(has, l.GetName())
				}
				all.add(t, f.GetName(), f.GetType(), has)
			}
		}
	}
	return all
}

// add notes what a metric's series are called and labelled when Prometheus has
// scraped them.
func (s series) add(t *testing.T, name string, kind dto.MetricType, has []string) {
	t.Helper()
	for _, taken := range []string{"job", "instance"} {
		if slices.Contains(has, taken) {
			t.Errorf("%s has the label %s, which Prometheus would rename: it is its own", name, taken)
		}
	}
	has = slices.Concat(has, []string{"job", "instance"})
	switch kind {
	case dto.MetricType_HISTOGRAM:
		s[name+"_bucket"] = append(slices.Clone(has), "le")
		s[name+"_sum"], s[name+"_count"] = has, has
	case dto.MetricType_SUMMARY:
		s[name] = append(slices.Clone(has), "quantile")
		s[name+"_sum"], s[name+"_count"] = has, has
	default:
		s[name] = has
	}
}

// jobNames reads the jobs' names where they are written down.
func jobNames() []string {
	raw, _ := os.ReadFile("scheduler.go") // a name that is missing then fails the test
	var names []string
	for _, m := range regexp.MustCompile(`(?m)^\t\t\{"[^"]+", "([a-z-]+)", `).FindAllStringSubmatch(string(raw), -1) {
		names = append(names, m[1])
	}
	return names
}
