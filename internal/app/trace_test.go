package app_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"chasqui/internal/app"
	"chasqui/internal/testkit"
	"chasqui/internal/whatsim"
)

// collected is a receiver of spans, as an OpenTelemetry collector would be one.
type collected struct {
	*httptest.Server
	mu    sync.Mutex
	spans []*tracepb.Span
	by    map[*tracepb.Span]string // service
}

func collect(t *testing.T) *collected {
	t.Helper()
	c := &collected{by: map[*tracepb.Span]string{}}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		var req collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(raw, &req)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		c.take(&req)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *collected) take(req *collector.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range req.GetResourceSpans() {
		service := ""
		for _, a := range r.GetResource().GetAttributes() {
			if a.GetKey() == "service.name" {
				service = a.GetValue().GetStringValue()
			}
		}
		for _, s := range r.GetScopeSpans() {
			for _, span := range s.GetSpans() {
				c.spans = append(c.spans, span)
				c.by[span] = service
			}
		}
	}
}

// of gives the spans of one trace, as "service: name".
func (c *collected) of(trace string) (names []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if hex.EncodeToString(s.GetTraceId()) == trace {
			names = append(names, c.by[s]+": "+s.GetName())
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// text is everything that was ever written into a span.
func (c *collected) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for _, s := range c.spans {
		b.WriteString(s.String() + "\n")
	}
	return b.String()
}

const (
	tracedPhone = "4915112340017" // of the person who is written to
	tracedText  = "the marigolds are in bloom"
)

// TestOneTraceFromRequestToWebhook sends a message over the whole platform and
// finds the request, the sending, the receipts and the webhook attempts under
// the trace that the caller named, and nothing about people.
func TestOneTraceFromRequestToWebhook(t *testing.T) {
	t.Parallel()
	sim, err := whatsim.Start(whatsim.Options{DeliveredAfter: 100 * time.Millisecond, ReadAfter: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	const trace = "0af7651916cd43dd8448eb211c80319c"
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil || !strings.Contains(r.Header.Get("traceparent"), trace) {
			t.Errorf("the receiver is told of the trace %q: %v", r.Header.Get("traceparent"), err)
		}
	}))
	t.Cleanup(receiver.Close)
	spans := collect(t)
	p := newTraced(t, sim, spans)
	p.post(t, "/webhooks", fmt.Sprintf(`{"url":%q,"events":["message.*"]}`, receiver.URL), "", nil)
	p.post(t, "/clients/"+p.client+"/messages", fmt.Sprintf(`{"to":%q,"text":{"body":%q}}`, "+"+tracedPhone, tracedText),
		"00-"+trace+"-b7ad6b7169203331-01", nil)
	want := []string{
		"chasqui-api: POST /api/v1/clients/:client/messages", "chasqui-api: accept",
		"chasqui-worker: receipt delivered", "chasqui-worker: receipt read", "chasqui-worker: send",
		"chasqui-worker: webhook message.delivered", "chasqui-worker: webhook message.read",
	}
	var got []string
	defer func() { t.Logf("the trace holds %q", got) }()
	testkit.Eventually(t, 2*patience, "one trace of everything", func() bool {
		got = spans.of(trace)
		return !slices.ContainsFunc(want, func(name string) bool { return !slices.Contains(got, name) })
	})
	for _, statement := range []string{"chasqui-api: INSERT", "chasqui-worker: COMMIT"} {
		if !slices.Contains(got, statement) {
			t.Errorf("%s is no part of it", statement)
		}
	}
	text := spans.text()
	for _, secret := range []string{tracedPhone, tracedText, p.key, receiver.URL, "127.0.0.1"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in a span", secret)
		}
	}
}

// traced is the platform with a number that is online, every request of which
// that says so is traced.
type traced struct{ base, key, client string }

func newTraced(t *testing.T, sim *whatsim.Server, spans *collected) (p traced) {
	t.Helper()
	database := migrated(t)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, sim.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	more := []string{
		"CHASQUI_MASTER_KEY=" + masterKey(), "EGRESS_ALLOW_CIDRS=127.0.0.0/8", "PACE_FACTOR=1000",
		"WHATSAPP_ENDPOINT=" + sim.Endpoint(), "WHATSAPP_ROOT_KEY=" + sim.RootKeyHex(), "WHATSAPP_CA_FILE=" + ca,
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + spans.URL, "OTEL_TRACES_SAMPLER_ARG=0",
	}
	api, _ := serve(t, "api", load(t, settings(t, database, more...)), app.API)
	serve(t, "worker", load(t, settings(t, database, more...)), app.Worker)
	made, err := api.Accounts.Bootstrap(t.Context(), "Acme", "a@example.com")
	if err != nil {
		t.Fatal(err)
	}
	p.base, p.key = "http://"+api.Addr("http")+"/api/v1", made.APIKey.Reveal()
	var client struct{ ID string }
	p.post(t, "/clients", `{"name":"Sales"}`, "", &client)
	p.client = client.ID
	p.post(t, "/clients/"+p.client+"/pair", `{"method":"qr"}`, "", nil)
	p.pair(t, sim)
	return p
}

// pair reads the code with a simulated phone and waits until the number is
// online.
func (p traced) pair(t *testing.T, sim *whatsim.Server) {
	t.Helper()
	var pairing struct{ QR string }
	testkit.Eventually(t, patience, "a code", func() bool {
		p.get(t, "/clients/"+p.client+"/qr", &pairing)
		return pairing.QR != ""
	})
	if _, err := sim.Scan(t.Context(), pairing.QR, "4915100000001"); err != nil {
		t.Fatal(err)
	}
	testkit.Eventually(t, patience, "online", func() bool {
		var client struct{ Status string }
		p.get(t, "/clients/"+p.client, &client)
		return client.Status == "connected"
	})
}

func (p traced) get(t *testing.T, path string, into any) {
	t.Helper()
	if _, body := do(t, "GET", p.base+path, p.key, ""); json.Unmarshal([]byte(body), into) != nil {
		t.Fatalf("%s: %s", path, body)
	}
}

// post asks for something that must succeed; trace is the header traceparent.
func (p traced) post(t *testing.T, path, body, trace string, into any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-API-Key", p.key)
	req.Header.Set("Content-Type", "application/json")
	if trace != "" {
		req.Header.Set("traceparent", trace)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		t.Fatalf("%s: %d %s %v", path, res.StatusCode, raw, err)
	}
	if into != nil && json.Unmarshal(raw, into) != nil {
		t.Fatalf("%s: %s", path, raw)
	}
}
