package whatsmeow_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/store/sqlstore"

	"chasqui/internal/provider"
	"chasqui/internal/provider/whatsmeow"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

const patience = 30 * time.Second

// world is a simulated WhatsApp, an org, a device store and a provider.
type world struct {
	t     testing.TB
	sim   *whatsim.Server
	db    *store.DB
	sql   *sql.DB
	stock *sqlstore.Container // the library's own store
	org   wa.OrgID
	p     *whatsmeow.Provider
	// onStock has providers keep their devices in the library's own store.
	onStock bool
}

// onBoth runs a test on our store and on the library's own: both must pass.
func onBoth(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	for name, stock := range map[string]bool{"own store": false, "library's store": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorldOn(t, stock))
		})
	}
}

func newWorld(t testing.TB, change ...func(*whatsmeow.Options)) *world {
	t.Helper()
	return newWorldOn(t, false, change...)
}

func newWorldOn(t testing.TB, stock bool, change ...func(*whatsmeow.Options)) *world {
	t.Helper()
	sim, err := whatsim.Start(whatsim.Options{})
	if err != nil {
		t.Fatalf("start the simulator: %v", err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	w := &world{t: t, sim: sim, onStock: stock}
	w.openStores()
	org, _ := testkit.Org(t, w.db)
	w.org = org.ID
	w.p = w.provider(change...)
	return w
}

// provider makes another provider over the same store, as a restart does.
func (w *world) provider(change ...func(*whatsmeow.Options)) *whatsmeow.Provider {
	w.t.Helper()
	opts := whatsmeow.Options{
		DB: w.db, Box: boxes, Log: testLog(w.t), Endpoint: w.sim.Endpoint(), RootKey: w.sim.RootKeyHex(), CAPEM: w.sim.CAPEM(),
		Redelivery: time.Millisecond,
	}
	for _, c := range change {
		c(&opts)
	}
	p, err := whatsmeow.New(w.t.Context(), opts)
	if err != nil {
		w.t.Fatalf("make the provider: %v", err)
	}
	if w.onStock {
		whatsmeow.UseStock(p, w.stock)
	}
	return p
}

// boxes seals for places, under a key that everybody knows.
func boxes(context.Context, wa.OrgID) (whatsmeow.Box, error) {
	block, err := aes.NewCipher(make([]byte, 32))
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return box{aead}, err
}

type box struct{ aead cipher.AEAD }

// Seal seals for a place.
func (b box) Seal(place string, plain []byte) ([]byte, error) {
	return b.aead.Seal(nil, nil, plain, []byte(place)), nil
}

// Open opens in the same place.
func (b box) Open(place string, sealed []byte) ([]byte, error) {
	return b.aead.Open(nil, nil, sealed, []byte(place))
}

func testLog(t testing.TB) *slog.Logger {
	if os.Getenv("VERBOSE") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("test", t.Name())
}

// sink keeps what a session tells. Messages and receipts are stored once per
// wire id, as the product does.
type sink struct {
	mu      sync.Mutex
	updates []provider.Update
	grown   chan struct{}
	fail    func(provider.Update) error
	recall  map[string][]byte
	asked   []string
	onTake  func(provider.Update)
}

func newSink() *sink { return &sink{grown: make(chan struct{}), recall: map[string][]byte{}} }

func (s *sink) Take(_ context.Context, u provider.Update) error {
	s.mu.Lock()
	fail, hook := s.fail, s.onTake
	s.mu.Unlock()
	if fail != nil {
		if err := fail(u); err != nil {
			return err
		}
	}
	if hook != nil {
		hook(u)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.updates = append(s.updates, u)
	close(s.grown)
	s.grown = make(chan struct{})
	return nil
}

func (s *sink) Recall(_ context.Context, id string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, id)
	close(s.grown)
	s.grown = make(chan struct{})
	return s.recall[id], nil
}

func (s *sink) setFail(f func(provider.Update) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

func (s *sink) setOnTake(f func(provider.Update)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onTake = f
}

func (s *sink) mark() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.updates)
}

// await gives the first update from mark on that fits.
func await[U provider.Update](t testing.TB, s *sink, mark int, fits func(U) bool) U {
	t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		for _, u := range s.updates[mark:] {
			if got, ok := u.(U); ok && (fits == nil || fits(got)) {
				s.mu.Unlock()
				return got
			}
		}
		grown := s.grown
		s.mu.Unlock()
		select {
		case <-grown:
		case <-deadline:
			var want U
			t.Fatalf("no %T within %v; got %v", want, patience, summary(s))
		}
	}
}

func summary(s *sink) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, u := range s.updates {
		if st, ok := u.(provider.StateChanged); ok {
			fmt.Fprintf(&b, " %s(%s)", st.Signal, st.Code)
			continue
		}
		fmt.Fprintf(&b, " %T", u)
	}
	return b.String()
}

// all gives every update of a type.
func all[U provider.Update](s *sink) []U {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []U
	for _, u := range s.updates {
		if got, ok := u.(U); ok {
			out = append(out, got)
		}
	}
	return out
}

// devicesOf counts the devices of a phone in the store.
func (w *world) devicesOf(phone string) (count int) {
	w.t.Helper()
	table := "devices WHERE client_id IN (SELECT id FROM clients WHERE org_id = $2) AND"
	if w.onStock {
		table = "whatsmeow_device WHERE $2 <> '' AND"
	}
	if err := w.sql.QueryRowContext(w.t.Context(), "SELECT count(*) FROM "+table+" jid LIKE $1", phone+":%", w.org.UUID()).Scan(&count); err != nil {
		w.t.Fatal(err)
	}
	return count
}

func signalled(sig provider.Signal) func(provider.StateChanged) bool {
	return func(s provider.StateChanged) bool { return s.Signal == sig }
}

// tryToConnect makes attempts until one stands or the number was refused as it
// should be: a refusal that comes before the dial is over ends the attempt with
// an error, and so does the end of the line before, which may still be under way.
func (n *number) tryToConnect(refusal provider.Signal) {
	n.t.Helper()
	testkit.Eventually(n.t, patience, "an attempt to connect", func() bool {
		return n.s.Connect(n.t.Context()) == nil || slices.ContainsFunc(all[provider.StateChanged](n.sink), signalled(refusal))
	})
}

// number is a client with its session and sink.
type number struct {
	t     testing.TB
	w     *world
	phone string
	s     provider.Session
	sink  *sink
	jid   string
	id    wa.ClientID
	epoch int64
}

// open makes a session that is not paired.
func (w *world) open(phone string) *number {
	w.t.Helper()
	n := &number{t: w.t, w: w, phone: phone, sink: newSink(), id: testkit.Client(w.t, w.db, w.org).ID}
	if w.onStock {
		// An earlier run may have left keys that this simulator's phones do not have.
		if _, err := w.sql.ExecContext(w.t.Context(), "DELETE FROM whatsmeow_device WHERE jid LIKE $1", phone+":%"); err != nil {
			w.t.Fatal(err)
		}
	}
	n.openWith(w.p, "")
	return n
}

func (n *number) openWith(p *whatsmeow.Provider, jid string) {
	n.t.Helper()
	s, err := p.Open(n.t.Context(), provider.Number{
		Client: n.id, Org: n.w.org, Epoch: n.epoch, JID: jid, Device: wa.Device{OS: "Chrome (Windows)", Platform: "chrome", Version: "10.0.1"},
	}, n.sink)
	if err != nil {
		n.t.Fatalf("open: %v", err)
	}
	n.s = s
	n.t.Cleanup(s.Close)
}

// pair links the number by QR and waits until it is online.
func (w *world) pair(phone string) *number {
	w.t.Helper()
	n := w.open(phone)
	n.pairQR()
	return n
}

func (n *number) pairQR() {
	n.t.Helper()
	mark := n.sink.mark()
	if err := n.s.(provider.Pairer).Pair(n.t.Context(), wa.PairQR, ""); err != nil {
		n.t.Fatalf("pair: %v", err)
	}
	code := await[provider.PairingCode](n.t, n.sink, mark, nil)
	n.scan(code.Code)
	n.jid = await[provider.Paired](n.t, n.sink, mark, nil).JID
	await(n.t, n.sink, mark, signalled(provider.Connected))
}

func (n *number) scan(code string) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	if _, err := n.w.sim.Scan(ctx, code, n.phone); err != nil {
		n.t.Fatalf("scan: %v", err)
	}
}

// connect dials and waits until the number is online.
func (n *number) connect() {
	n.t.Helper()
	mark := n.sink.mark()
	if err := n.s.Connect(n.t.Context()); err != nil {
		n.t.Fatalf("connect: %v", err)
	}
	await(n.t, n.sink, mark, signalled(provider.Connected))
}

// supervise reconnects the number whenever the line breaks, as the product's
// supervisor does.
func (n *number) supervise() {
	n.sink.setOnTake(func(u provider.Update) {
		if s, ok := u.(provider.StateChanged); ok && s.Signal == provider.Disconnected {
			go func() { _ = n.s.Connect(n.t.Context()) }()
		}
	})
}

func to(phone string) provider.Peer { return provider.Peer{Phone: wa.Phone("+" + phone)} }

func wireID() string {
	b := make([]byte, 9)
	for i := range b {
		b[i] = byte(rand.IntN(256))
	}
	return "3EB0" + strings.ToUpper(hex.EncodeToString(b))
}

func text(phone, body string) provider.Outgoing {
	return provider.Outgoing{WireID: wireID(), To: to(phone), Content: wa.Text{Body: body}}
}

func (n *number) send(m provider.Outgoing) provider.Ack {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	ack, err := n.s.Send(ctx, m)
	if err != nil {
		n.t.Fatalf("send: %v", err)
	}
	return ack
}

func failureOf(t testing.TB, err error) *provider.Failure {
	t.Helper()
	var f *provider.Failure
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a *provider.Failure", err)
	}
	return f
}

// write lets a phone write to the number.
func (n *number) write(from, body string) string {
	n.t.Helper()
	id, err := n.w.sim.Write(n.t.Context(), whatsim.Draft{From: from, To: n.phone, Text: body})
	if err != nil {
		n.t.Fatalf("write: %v", err)
	}
	return id
}

// inbox waits for n messages from the number on another phone.
func (n *number) inbox(phone string, count int) []whatsim.Message {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	msgs, err := n.w.sim.WaitMessages(ctx, whatsim.Query{To: phone, From: n.phone}, count)
	if err != nil {
		for _, m := range n.w.sim.Messages(whatsim.Query{To: phone, From: n.phone, All: true}) {
			n.t.Logf("%s %q retry %d duplicate %t error %q", m.ID, m.Text, m.Retry, m.Duplicate, m.Err)
		}
		n.t.Fatalf("inbox of %s: %v", phone, err)
	}
	return msgs
}

var errTest = errors.New("the store is away")

// safeBuffer takes log lines from many goroutines.
type safeBuffer struct {
	mu  sync.Mutex
	buf []byte
}

// Write appends.
func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf = append(b.buf, p...)
	return len(p), nil
}

func (b *safeBuffer) bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]byte(nil), b.buf...)
}

func (b *safeBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}
