//go:build chaos

package chaos_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"chasqui/internal/chaos"
	"chasqui/internal/wa"
)

// sink is a customer's receiver: a web server of its own that verifies
// signatures with the specification's library, and keeps what it took.
type sink struct {
	endpoint chaos.Endpoint
	path     string // of the endpoint in the API
	addr     string
	org      *org
	verify   *standardwebhooks.Webhook

	mu     sync.Mutex
	server *http.Server
	answer http.HandlerFunc // instead of taking it; nil: it is taken
	took   []chaos.Hook
	failed int // requests that were answered by answer
	stale  int // requests that were refused for their age
}

// sinks gives every org a receiver on a port of its own, and an endpoint that
// wants every event, made over the API.
func (r *rig) sinks() {
	r.t.Helper()
	for _, o := range r.orgs {
		s := &sink{addr: freeAddr(r.t), org: o}
		r.must(s.open())
		r.t.Cleanup(s.shut)
		var made struct{ ID, Secret string }
		// Tries come soon, and there are many: a fault that lasts is ended by the last of them.
		status := r.call(o, http.MethodPost, "/api/v1/webhooks", map[string]any{
			"url": "http://" + s.addr + "/hook", "events": []string{"*"}, "timeout_ms": 1500, "schedule": []int{0, 1, 2, 4, 8, 15, 15, 15, 15, 15},
		}, &made)
		if status != http.StatusCreated {
			r.t.Fatalf("make an endpoint: %d", status)
		}
		var id wa.EndpointID
		r.must(id.UnmarshalText([]byte(made.ID)))
		var err error
		s.verify, err = standardwebhooks.NewWebhook(made.Secret)
		r.must(err)
		s.endpoint, s.path = chaos.Endpoint{ID: id.UUID(), Org: o.id.UUID()}, "/api/v1/webhooks/"+made.ID
		r.hooked = append(r.hooked, s)
		r.evidence.Endpoints = append(r.evidence.Endpoints, s.endpoint)
	}
}

func (s *sink) open() error {
	l, err := net.Listen("tcp", s.addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server = server
	go func() { _ = server.Serve(l) }() // it ends when it is closed
	return nil
}

// shut takes the receiver off the network, as if it had been killed.
func (s *sink) shut() {
	s.mu.Lock()
	server := s.server
	s.server = nil
	s.mu.Unlock()
	if server != nil {
		_ = server.Close()
	}
}

// answers has requests answered otherwise; nil takes them again.
func (s *sink) answers(with http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = with
}

func (s *sink) count() (took, failed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.took), s.failed
}

func (s *sink) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	s.mu.Lock()
	answer := s.answer
	if answer != nil {
		s.failed++
	}
	s.mu.Unlock()
	switch {
	case answer != nil:
		answer(w, req)
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
	case s.tooOld(req.Header, body):
		w.WriteHeader(http.StatusUnauthorized)
	default:
		s.take(req.Header, body)
	}
}

// tooOld reports a good signature with a time that is not now. A receiver
// refuses it.
func (s *sink) tooOld(header http.Header, body []byte) bool {
	old := s.verify.Verify(body, header) != nil && s.verify.VerifyIgnoringTimestamp(body, header) == nil
	if old {
		s.mu.Lock()
		s.stale++
		s.mu.Unlock()
	}
	return old
}

// take writes a request down before it is answered.
func (s *sink) take(header http.Header, body []byte) {
	var e struct {
		ID   wa.EventID   `json:"id"`
		Type wa.EventType `json:"type"`
		Org  wa.OrgID     `json:"org_id"`
		Data struct {
			Message struct {
				ID wa.MessageID `json:"id"`
			} `json:"message"`
		} `json:"data"`
	}
	h := chaos.Hook{ID: header.Get("Webhook-Id"), Endpoint: s.endpoint.ID, At: time.Now()}
	h.Signed = s.verify.Verify(body, header) == nil && json.Unmarshal(body, &e) == nil
	h.Event, h.Type, h.Org = e.ID.UUID(), string(e.Type), e.Org.UUID()
	if !e.Data.Message.ID.IsZero() {
		h.Message = e.Data.Message.ID.UUID()
	}
	var id wa.EventID
	if id.UnmarshalText([]byte(h.ID)) == nil {
		h.ID = id.UUID()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = append(s.took, h)
}

// soon waits for something that need not come.
func (r *rig) soon(within time.Duration, ok func() bool) {
	for end := time.Now().Add(within); time.Now().Before(end) && !ok(); {
		time.Sleep(20 * time.Millisecond)
	}
}

// recover asks for everything that an endpoint missed, as its owner would.
func (r *rig) recover(s *sink) {
	r.t.Helper()
	r.eventually("the recovery is taken", func() bool {
		return r.call(s.org, http.MethodPost, s.path+"/recover", map[string]any{"since": r.began.UTC().Format(time.RFC3339)}, nil) == http.StatusAccepted
	})
}

// heard waits until every delivery has ended, and takes the sinks' ledgers in.
func (r *rig) heard() {
	r.t.Helper()
	r.quiet(120*time.Second, `SELECT count(*) FROM webhook_deliveries WHERE status = 'pending' AND $1::uuid[] IS NOT NULL`, 0)
	rows, err := r.admin.Query(r.t.Context(), `
		SELECT d.id::text, d.event_id::text, d.endpoint_id::text, d.status, e.type, coalesce(e.data->'message'->>'id', '')
		FROM webhook_deliveries d JOIN events e ON e.id = d.event_id`)
	r.must(err)
	for rows.Next() {
		var d chaos.Delivery
		r.must(rows.Scan(&d.ID, &d.Event, &d.Endpoint, &d.Status, &d.Type, &d.Message))
		var id wa.MessageID
		if id.UnmarshalText([]byte(d.Message)) == nil && !id.IsZero() {
			d.Message = id.UUID()
		}
		r.evidence.Deliveries = append(r.evidence.Deliveries, d)
	}
	r.must(rows.Err())
	states, repeats, stale, seen := map[string]int{}, 0, 0, map[string]bool{}
	for _, d := range r.evidence.Deliveries {
		states[d.Status]++
	}
	for _, s := range r.hooked {
		s.mu.Lock()
		r.evidence.Hooks = append(r.evidence.Hooks, s.took...)
		stale += s.stale
		s.mu.Unlock()
	}
	for _, h := range r.evidence.Hooks {
		if pair := h.Endpoint + h.ID; seen[pair] {
			repeats++
		} else {
			seen[pair] = true
		}
	}
	r.t.Logf("%d webhooks taken, %d of them repeats, %d refused for their time, deliveries %v", len(r.evidence.Hooks), repeats, stale, states)
	if stale > 0 && !r.wrongClocks {
		r.t.Errorf("I5 violated: %d webhooks were signed with a wrong time", stale)
	}
}
