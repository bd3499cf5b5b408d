package whatsmeow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"sync"
	"time"

	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/provider"
	"chasqui/internal/provider/whatsmeow/device"
)

// session is one number.
type session struct {
	p      *Provider
	number provider.Number
	sink   provider.Sink
	log    *slog.Logger
	out    *outbox
	gate   chan struct{} // one message at a time; the library would queue without looking at the context
	dial   chan struct{} // one attempt to connect at a time

	ctx   context.Context // ends with Close
	close context.CancelCauseFunc

	mu          sync.Mutex
	jid         string
	line        *line
	pairing     *pairing
	lockedUntil time.Time // no new chats before, by WhatsApp's word
	refetched   time.Time // last reconnect to be given again what we could not store
	refetch     *time.Timer
}

// What a session can do beyond sending.
var (
	_ provider.Session  = (*session)(nil)
	_ provider.Pairer   = (*session)(nil)
	_ provider.LogOuter = (*session)(nil)
	_ provider.Typist   = (*session)(nil)
	_ provider.Reader   = (*session)(nil)
)

func newSession(p *Provider, n provider.Number, sink provider.Sink) *session {
	ctx, cancel := context.WithCancelCause(p.ctx)
	log := p.opts.Log.With("client", n.Client.String())
	return &session{
		p: p, number: n, sink: sink, log: log,
		out:  &outbox{sink: sink, log: log},
		gate: make(chan struct{}, 1), dial: make(chan struct{}, 1),
		ctx: ctx, close: cancel, jid: n.JID,
	}
}

// Connect makes one attempt to get online.
func (s *session) Connect(ctx context.Context) error {
	if err := enter(ctx, s.dial); err != nil {
		return err
	}
	defer leave(s.dial)
	if s.ctx.Err() != nil {
		return errClosed
	}
	l, err := s.pairedLine(ctx)
	if err != nil {
		return err
	}
	return l.connect(ctx)
}

// pairedLine gives the line of the linked device, made anew when its device
// was deleted in the meantime.
func (s *session) pairedLine(ctx context.Context) (*line, error) {
	s.mu.Lock()
	l, jid, busy := s.line, s.jid, s.pairing != nil
	s.mu.Unlock()
	switch {
	case busy:
		return nil, errPairing
	case jid == "":
		return nil, errNotPaired
	case l != nil && !l.gone():
		return l, nil
	}
	found, err := s.device(ctx, jid)
	if err != nil {
		return nil, err
	}
	if found == nil {
		s.tell(provider.StateChanged{Signal: provider.LoggedOut, Code: "401", Reason: "The keys of this number are gone. Pair it again."})
		return nil, errNotPaired
	}
	l = newLine(s, found)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line = l
	return l, nil
}

func (s *session) device(ctx context.Context, jid string) (*store.Device, error) {
	parsed, err := types.ParseJID(jid)
	if err != nil {
		return nil, fmt.Errorf("address of the device: %w", scrubbed{err})
	}
	found, err := s.p.devices.Load(ctx, s.owner(), parsed)
	if err != nil {
		return nil, fmt.Errorf("load the device: %w", err)
	}
	return found, nil
}

// owner is in whose name keys are stored.
func (s *session) owner() device.Owner {
	return device.Owner{Org: s.number.Org, Client: s.number.Client, Epoch: s.number.Epoch}
}

// Disconnect hangs up. It may be called at any time, also by the sink.
func (s *session) Disconnect() {
	s.mu.Lock()
	l, p := s.line, s.pairing
	s.pairing = nil
	s.mu.Unlock()
	if p != nil {
		p.stop()
	}
	if l != nil {
		l.hangUp()
	}
}

// Close hangs up for good.
func (s *session) Close() {
	s.close(errClosed)
	s.Disconnect()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refetch != nil {
		s.refetch.Stop()
	}
}

// online gives the line when messages can leave.
func (s *session) online() (*line, error) {
	if s.ctx.Err() != nil {
		return nil, errClosed
	}
	s.mu.Lock()
	l, jid := s.line, s.jid
	s.mu.Unlock()
	switch {
	case jid == "":
		return nil, errNotPaired
	case l == nil:
		return nil, errNotOnline
	case l.gone():
		return nil, errNotPaired
	case !l.loggedIn():
		return nil, errNotOnline
	}
	return l, nil
}

// tell passes on what the network does not repeat.
func (s *session) tell(u provider.Update) {
	if s.ctx.Err() == nil {
		s.out.tell(s.ctx, u)
	}
}

// give passes on what the network repeats until it is acknowledged, and
// reports whether it may be.
func (s *session) give(u provider.Update) bool {
	if s.ctx.Err() != nil {
		return false
	}
	if plantAckEarly {
		go take(s.ctx, s.sink, u, s.log) //nolint:errcheck // the mistake
		return true
	}
	if err := take(s.ctx, s.sink, u, s.log); err != nil {
		s.log.Warn("update not stored, the network will repeat it", "update", nameOf(u), "error", scrub(err.Error()))
		s.askAgain()
		return false
	}
	return true
}

// askAgain reconnects, because the network repeats only then, but not more
// often than Redelivery allows: one message that cannot be stored must not keep
// the number offline. While the database is away it keeps the line: nobody could
// store what is repeated, and nobody may connect before it is back.
func (s *session) askAgain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refetch != nil {
		return
	}
	wait := max(time.Until(s.refetched.Add(s.p.opts.Redelivery)), 10*time.Millisecond)
	s.refetch = time.AfterFunc(wait, s.fetchAgain)
}

// How long the database may take to answer, and when it is asked again. The
// numbers of a process do not all hang up at the same moment when it is back.
const (
	answerWithin = 2 * time.Second
	awayPause    = time.Second
	awaySpread   = 2 * time.Second
)

// fetchAgain hangs up, so that the number is connected anew, once the database
// answers.
func (s *session) fetchAgain() {
	away := s.databaseAway()
	s.mu.Lock()
	l := s.line
	if away && s.ctx.Err() == nil {
		s.refetch = time.AfterFunc(awayPause+rand.N(awaySpread), s.fetchAgain)
		s.mu.Unlock()
		return
	}
	s.refetch, s.refetched = nil, time.Now()
	s.mu.Unlock()
	if l != nil && l.loggedIn() && s.ctx.Err() == nil {
		l.hangUp()
		s.tell(provider.StateChanged{Signal: provider.Disconnected, Reason: "Reconnecting to be given again what could not be stored."})
	}
}

func (s *session) databaseAway() bool {
	ctx, cancel := context.WithTimeout(s.ctx, answerWithin)
	defer cancel()
	return s.p.opts.DB.Ping(ctx) != nil
}

const takeLimit = 60 * time.Second

// take asks the sink to store one update. A panic is an error: the library
// would take it for success.
func take(ctx context.Context, sink provider.Sink, u provider.Update, log *slog.Logger) (err error) {
	defer func() {
		if r := recover(); r != nil {
			log.Error("the sink panicked", "update", nameOf(u), "stack", string(debug.Stack()))
			err = errors.New("the sink panicked")
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, takeLimit)
	defer cancel()
	return sink.Take(ctx, u)
}

func nameOf(u provider.Update) string { return fmt.Sprintf("%T", u) }

// enter and leave make a channel of capacity one a lock that minds a context.
func enter(ctx context.Context, door chan struct{}) error {
	select {
	case door <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func leave(door chan struct{}) { <-door }
