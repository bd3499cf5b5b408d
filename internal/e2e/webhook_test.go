package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/santhosh-tekuri/jsonschema/v6"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"chasqui/internal/api"
	"chasqui/internal/egress"
	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/webhook"
	"chasqui/internal/whatsim"
)

// comesBack is how long everything may take after a receiver is back: its
// circuit was open, and is tried every half minute.
const comesBack = 2 * time.Minute

// The receiver is down while 20 people write, and the worker is killed in the
// middle, with tries on their way and with messages that nobody has taken yet.
// Each of the 20 arrives, once as a receiver sees it that drops ids it knows.
func TestWebhooksOutliveAReceiverAndAWorker(t *testing.T) {
	t.Parallel()
	s := newStack(t, whatsim.Options{})
	w := s.start("worker", hooksHere)
	c := s.client(own(0))
	r := newReceiver(s)
	r.down()
	s.writes(0, 10)
	testkit.Eventually(t, patience, "some are tried in vain", func() bool { return r.tried() >= 3 })
	w.kill()
	s.writes(10, 20)
	s.start("worker", hooksHere)
	s.await(c.ID, wa.ClientConnected)
	testkit.Eventually(t, patience, "all twenty are written down", func() bool { return len(r.deliveries("")) == 20 })
	r.up()
	r.check(20)
}

// The receiver goes down in the middle of 50 people who write, Redis forgets
// everything, and each of the 50 arrives.
func TestWebhooksOutliveAReceiverAndRedis(t *testing.T) {
	t.Parallel()
	s := newStack(t, whatsim.Options{})
	s.start("worker", hooksHere)
	s.client(own(0))
	r := newReceiver(s)
	opts, err := redis.ParseURL(s.redis)
	s.must(err)
	rdb := redis.NewClient(opts)
	defer rdb.Close()
	s.writes(0, 20)
	r.down()
	s.writes(20, 40)
	s.must(rdb.FlushAll(t.Context()).Err())
	s.writes(40, 50)
	testkit.Eventually(t, patience, "some were tried in vain", func() bool { return r.tried() >= 3 })
	testkit.Eventually(t, patience, "all fifty are written down", func() bool { return len(r.deliveries("")) == 50 })
	r.up()
	r.check(50)
}

// hooksHere lets workers deliver to this machine.
const hooksHere = "EGRESS_ALLOW_CIDRS=127.0.0.0/8"

// writes has people write to the first client.
func (s *stack) writes(from, to int) {
	s.t.Helper()
	for i := from; i < to; i++ {
		_, err := s.sim.Write(s.t.Context(), whatsim.Draft{From: recipient(i), To: own(0), Text: fmt.Sprint("inbound ", i)})
		s.must(err)
	}
}

// receiver is a customer's server at a fixed address, and its endpoint for
// messages that come in.
type receiver struct {
	s     *stack
	hooks *webhook.Service
	made  webhook.Made
	addr  string
	mu    sync.Mutex
	srv   *http.Server
	texts map[string]string // webhook-id → text
	wrong []error
}

func newReceiver(s *stack) *receiver {
	s.t.Helper()
	key, err := base64.StdEncoding.DecodeString(s.key)
	s.must(err)
	keys, err := seal.New([][]byte{key}, s.db, seal.Options{})
	s.must(err)
	l, err := (&net.ListenConfig{}).Listen(s.t.Context(), "tcp", "127.0.0.1:0")
	s.must(err)
	r := &receiver{s: s, addr: l.Addr().String(), texts: map[string]string{}}
	s.must(l.Close())
	r.up()
	s.t.Cleanup(r.down)
	out := egress.New(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, AllowHTTP: true})
	r.hooks = webhook.New(s.db, keys, out, webhook.Options{})
	// A minute's worth of the usual schedule, in seconds.
	schedule := []int{0, 1, 2, 5, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10}
	r.made, err = r.hooks.Create(s.t.Context(), s.by, wa.Endpoint{URL: "http://" + r.addr, Events: []string{"message.received"}, Schedule: schedule})
	s.must(err)
	return r
}

// up listens; down refuses connections, and breaks those that there are.
func (r *receiver) up() {
	r.s.t.Helper()
	var l net.Listener
	testkit.Eventually(r.s.t, patience, "the receiver listens", func() (ok bool) {
		var err error
		l, err = (&net.ListenConfig{}).Listen(r.s.t.Context(), "tcp", r.addr)
		return err == nil
	})
	r.srv = &http.Server{Handler: r, ReadHeaderTimeout: patience}
	go func() { _ = r.srv.Serve(l) }()
}

func (r *receiver) down() { _ = r.srv.Close() }

// ServeHTTP takes a delivery as customers should: checks it and remembers its
// id. It holds it against the schema besides.
func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // the sender was killed
	}
	text, err := r.read(req.Header, body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.wrong = append(r.wrong, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.texts[req.Header.Get("Webhook-Id")] = text
}

func (r *receiver) read(header http.Header, body []byte) (text string, err error) {
	wh, err := standardwebhooks.NewWebhook(r.made.Secret.Reveal())
	if err != nil {
		return "", err
	}
	if err := wh.Verify(body, header); err != nil {
		return "", err
	}
	if err := fits(wa.MessageReceived, body); err != nil {
		return "", err
	}
	var e struct {
		ID   string          `json:"id"`
		Data wa.EventMessage `json:"data"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return "", err
	}
	if id := header.Get("Webhook-Id"); e.ID != id {
		return "", fmt.Errorf("event %s came as %s", e.ID, id)
	}
	return e.Data.Message.Text.Body, nil
}

// fits holds a body against the schema that customers are told.
func fits(kind wa.EventType, body []byte) error {
	raw, err := json.Marshal(api.EventSchema(kind, wa.FullPayload))
	if err != nil {
		return err
	}
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("event.json", schema); err != nil {
		return err
	}
	compiled, err := c.Compile("event.json")
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return compiled.Validate(v)
}

func (r *receiver) deliveries(status wa.DeliveryStatus) []wa.Delivery {
	r.s.t.Helper()
	page, err := store.ParsePage("", store.MaxPage)
	r.s.must(err)
	rows, err := r.hooks.Deliveries(r.s.t.Context(), r.s.by, r.made.ID, store.DeliveryFilter{Status: status}, page)
	r.s.must(err)
	return rows
}

// tried counts the deliveries that were tried and wait for another try.
func (r *receiver) tried() (n int) {
	r.s.t.Helper()
	for _, d := range r.deliveries(wa.DeliveryPending) {
		if d.Attempts > 0 {
			n++
		}
	}
	return n
}

// check waits until n events are known by their ids, and no more are due; they
// must be what n people wrote.
func (r *receiver) check(n int) {
	r.s.t.Helper()
	testkit.Eventually(r.s.t, comesBack, "everything is delivered", func() bool { return len(r.deliveries(wa.DeliveryDone)) == n })
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, err := range r.wrong {
		r.s.t.Error(err)
	}
	seen := map[string]bool{}
	for _, text := range r.texts {
		seen[text] = true
	}
	if len(r.texts) != n || len(seen) != n {
		r.s.t.Errorf("the receiver knows %d ids with %d texts, want %d", len(r.texts), len(seen), n)
	}
}
