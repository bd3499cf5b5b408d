package fleet_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// network is a provider whose sessions do what the test says. Set the hooks
// before the worker starts; the others are asked under no lock.
type network struct {
	onOpen    func(provider.Number) error
	onConnect func(context.Context, *session) error
	onPair    func(context.Context, *session, wa.PairMethod) error
	onAnswer  func(*session, []byte) error
	onLogOut  func(context.Context, *session) error

	mu       sync.Mutex
	sessions []*session // every one that was opened, in order
}

func newNetwork() *network { return &network{} }

func (n *network) Supports(kind string) bool { return kind == wa.KindText }

func (n *network) Open(_ context.Context, number provider.Number, sink provider.Sink) (provider.Session, error) {
	if n.onOpen != nil {
		if err := n.onOpen(number); err != nil {
			return nil, err
		}
	}
	s := &session{net: n, number: number, sink: sink}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sessions = append(n.sessions, s)
	return s, nil
}

// of lists a client's sessions in the order of their opening.
func (n *network) of(id wa.ClientID) (list []*session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, s := range n.sessions {
		if s.number.Client == id {
			list = append(list, s)
		}
	}
	return list
}

// last waits for a client's session and gives the youngest.
func (n *network) last(t *testing.T, id wa.ClientID) *session {
	t.Helper()
	testkit.Eventually(t, patience, "a session", func() bool { return len(n.of(id)) > 0 })
	list := n.of(id)
	return list[len(list)-1]
}

// connects counts a client's attempts, over all its sessions.
func (n *network) connects(id wa.ClientID) (count int) {
	for _, s := range n.of(id) {
		count += len(s.dials())
	}
	return count
}

type session struct {
	net    *network
	number provider.Number
	sink   provider.Sink

	mu       sync.Mutex
	dialled  []time.Time
	late     int // attempts to connect after Close
	online   bool
	closed   bool
	hangups  int
	pairs    []wa.PairMethod
	answers  []string
	confirms int
	logouts  int
}

func (s *session) read(fn func(*session)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fn(s)
}

func (s *session) dials() (at []time.Time) {
	s.read(func(s *session) { at = append(at, s.dialled...) })
	return at
}

func (s *session) isClosed() (closed bool) {
	s.read(func(s *session) { closed = s.closed })
	return closed
}

func (s *session) Connect(ctx context.Context) error {
	s.read(func(s *session) {
		s.dialled = append(s.dialled, time.Now())
		if s.closed {
			s.late++
		}
	})
	if s.net.onConnect != nil {
		return s.net.onConnect(ctx, s)
	}
	s.comeOnline()
	return nil
}

// comeOnline is a login that succeeds.
func (s *session) comeOnline() {
	s.read(func(s *session) { s.online = true })
	s.say(provider.StateChanged{Signal: provider.Connected})
	s.say(provider.CaughtUp{})
}

// say tells the sink something, unless the session is closed.
func (s *session) say(u provider.Update) {
	if s.isClosed() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = s.sink.Take(ctx, u)
}

func (s *session) Disconnect() { s.read(func(s *session) { s.online = false; s.hangups++ }) }
func (s *session) Close()      { s.read(func(s *session) { s.online, s.closed = false, true }) }

func (s *session) Send(context.Context, provider.Outgoing) (provider.Ack, error) {
	return provider.Ack{}, &provider.Failure{Class: provider.NotSent, Code: wa.FailNotConnected, Err: errors.New("not in this test")}
}

func (s *session) Pair(ctx context.Context, method wa.PairMethod, _ wa.Phone) error {
	s.read(func(s *session) { s.pairs = append(s.pairs, method) })
	if s.net.onPair != nil {
		return s.net.onPair(ctx, s, method)
	}
	s.say(provider.PairingCode{Method: method, Code: "code-" + string(method), ExpiresAt: time.Now().Add(time.Minute)})
	return nil
}

func (s *session) AnswerPasskey(_ context.Context, response []byte) error {
	s.read(func(s *session) { s.answers = append(s.answers, string(response)) })
	if s.net.onAnswer != nil {
		return s.net.onAnswer(s, response)
	}
	return nil
}

func (s *session) ConfirmPasskey(context.Context) error {
	s.read(func(s *session) { s.confirms++ })
	return nil
}

func (s *session) LogOut(ctx context.Context) error {
	s.read(func(s *session) { s.logouts++ })
	if s.net.onLogOut != nil {
		return s.net.onLogOut(ctx, s)
	}
	return nil
}
