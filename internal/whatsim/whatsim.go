// Package whatsim is a simulated WhatsApp: a server that speaks the real protocol (websocket, Noise, binary XML, Signal),
// and the phones behind it. The unmodified whatsmeow library pairs with it and talks to it. It exists for tests, for load,
// for faults and for the development stack, and is never linked into the product's commands.
//
// In a test:
//
//	sim, err := whatsim.Start(whatsim.Options{})          // own port, own root key, own CA; defer sim.Close()
//	whatsmeow.WACertPubKey = sim.RootKey()                // once per process (all simulators of a process share it)
//	client.SetPreLoginHTTPClient(sim.HTTPClient())        // sends every host to the simulator, trusts its CA
//	client.SetWebsocketHTTPClient(sim.HTTPClient())
//	jid, err := sim.Scan(ctx, qrText, "15550001111")      // the phone scans the QR text of events.QR
//	jid, err = sim.EnterCode(ctx, "15550001111", "ABCD-1234") // or types the code that PairPhone returned
//	sim.SetBehaviour("15550001111", whatsim.Behaviour{Passkey: whatsim.PasskeyAsk}) // linking takes a passkey, too:
//	answer, err := sim.ApprovePasskey("15550001111")          // what the browser on web.whatsapp.com gives
//	msgs, err := sim.WaitMessages(ctx, whatsim.Query{To: "15550002222"}, 10) // decrypted inboxes, in order
//	id, err := sim.Write(ctx, whatsim.Draft{From: "15550002222", To: "15550001111", Text: "hello"})
//	sim.SetBehaviour("15550002222", whatsim.Behaviour{ReadAfterMS: whatsim.Never})
//	sim.AddRule(whatsim.Rule{Action: whatsim.AckError, Code: 463, Times: 1})
//	sim.Drop("15550001111"); sim.Logout("15550001111"); sim.Ban("15550001111", whatsim.Ban{Expire: 10 * time.Minute})
//
// Any number is a phone: it comes into being when it is first addressed. Everything above also exists as JSON over HTTP at
// ControlURL, for processes that run the simulator by itself (cmd/whatsim).
package whatsim

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"chasqui/internal/whatsim/noise"
	"chasqui/internal/whatsim/signal"
)

// Never, as a receipt delay, means that the receipt is not sent.
const Never = -1

// Options configure a simulator. The zero value is right for most tests.
type Options struct {
	Listen         string        // WhatsApp's own port, TLS and plain; "" means 127.0.0.1:0
	Control        string        // the control API; "" means 127.0.0.1:0, "off" means none
	Camera         string        // a file that says where codes are shown: {"api_url", "api_key" or "camera_key"}; "" means nowhere
	DataDir        string        // keys, accounts, sessions and queues are kept here; "" means in memory only
	DeliveredAfter time.Duration // from arrival to the delivered receipt; 0 means 20 ms, negative means never
	ReadAfter      time.Duration // from arrival to the read receipt; 0 or negative means never
	ShareName      bool          // phones tell new companions their name, through app state, as real ones do
	Grace          time.Duration // between the last stanza of a session and its close; 0 means 250 ms
	Logger         *slog.Logger  // nil means silent
}

// Server is a running simulator.
type Server struct {
	opts     Options
	log      *slog.Logger
	identity *noise.Identity
	authority
	listener net.Listener
	wa       *http.Server
	control  *http.Server
	ctrlAddr string
	ctx      context.Context
	cancel   context.CancelFunc
	running  sync.WaitGroup
	ids      atomic.Int64
	refusing atomic.Bool
	ledger   *ledger
	rules    *rules
	sockets  *socketBook
	delayed  delayed
	changed  chan struct{}
	camera   camera

	mu      sync.Mutex // guards what follows and every field of phones and devices
	phones  map[string]*phone
	waiting map[string]*conn     // unpaired connections by QR ref
	codes   map[string]*linkCode // code pairings by ref
	asked   map[*passkeyExchange]bool
}

// Start runs a simulator until Close.
func Start(opts Options) (*Server, error) {
	signal.Quiet()
	opts = opts.withDefaults()
	s := &Server{
		opts: opts, log: opts.Logger, ledger: newLedger(), rules: newRules(), sockets: newSocketBook(),
		phones: map[string]*phone{}, waiting: map[string]*conn{}, codes: map[string]*linkCode{}, asked: map[*passkeyExchange]bool{},
		changed: make(chan struct{}, 1), camera: camera{opts.Camera},
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.loadKeys(); err != nil {
		return nil, err
	}
	if err := s.loadState(); err != nil {
		return nil, err
	}
	if err := s.listen(); err != nil {
		s.cancel()
		return nil, err
	}
	s.goWhileRunning(s.saveLoop)
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Control == "" {
		o.Control = "127.0.0.1:0"
	}
	if o.DeliveredAfter == 0 {
		o.DeliveredAfter = 20 * time.Millisecond
	}
	if o.Grace == 0 {
		o.Grace = 250 * time.Millisecond
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// listen opens both ports and serves them.
func (s *Server) listen() error {
	raw, err := net.Listen("tcp", s.opts.Listen)
	if err != nil {
		return fmt.Errorf("whatsim: listen: %w", err)
	}
	s.listener = s.sniff(raw)
	s.wa = &http.Server{Handler: http.HandlerFunc(s.serveWA), ReadHeaderTimeout: 20 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	s.goWhileRunning(func() { s.serve(s.wa, s.listener) })
	if s.opts.Control == "off" {
		return nil
	}
	ctrl, err := net.Listen("tcp", s.opts.Control)
	if err != nil {
		return errors.Join(fmt.Errorf("whatsim: listen for control: %w", err), raw.Close())
	}
	s.ctrlAddr = ctrl.Addr().String()
	handler, err := s.controlHandler()
	if err != nil {
		return errors.Join(err, raw.Close(), ctrl.Close())
	}
	s.control = &http.Server{Handler: handler, ReadHeaderTimeout: 20 * time.Second}
	s.goWhileRunning(func() { s.serve(s.control, ctrl) })
	return nil
}

func (s *Server) serve(srv *http.Server, l net.Listener) {
	if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) && s.ctx.Err() == nil {
		s.log.Error("serving stopped", "addr", l.Addr().String(), "err", err)
	}
}

func (s *Server) goWhileRunning(fn func()) {
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		fn()
	}()
}

// Close ends every connection, saves the state (with DataDir) and frees both ports.
func (s *Server) Close() error {
	s.delayed.flush()
	s.cancel()
	err := s.wa.Close()
	if s.control != nil {
		err = errors.Join(err, s.control.Close())
	}
	err = errors.Join(err, s.listener.Close())
	for _, c := range s.sockets.live() {
		c.drop()
	}
	s.running.Wait()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	return errors.Join(err, s.save())
}

// Endpoint is the host:port that stands for every host of WhatsApp.
func (s *Server) Endpoint() string { return s.listener.Addr().String() }

// RootKey is what clients must pin: whatsmeow.WACertPubKey = sim.RootKey().
func (s *Server) RootKey() [32]byte { return s.identity.RootPub() }

// RootKeyHex is RootKey in hexadecimal.
func (s *Server) RootKeyHex() string {
	key := s.RootKey()
	return hex.EncodeToString(key[:])
}

// ControlURL is the base of the control API, or "" when it is off.
func (s *Server) ControlURL() string {
	if s.ctrlAddr == "" {
		return ""
	}
	return "http://" + s.ctrlAddr
}

// HTTPClient returns a client that sends every host to this simulator and trusts its CA.
func (s *Server) HTTPClient() *http.Client {
	endpoint := s.Endpoint()
	var d net.Dialer
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", endpoint)
		},
		TLSClientConfig: &tls.Config{RootCAs: s.caPool(), MinVersion: tls.VersionTLS12},
	}}
}

// nextID makes an id that cannot be mistaken for one of a client's.
func (s *Server) nextID() string { return fmt.Sprintf("sim%d", s.ids.Add(1)) }
