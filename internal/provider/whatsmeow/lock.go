package whatsmeow

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Encrypting and decrypting both load, change and store the same Signal
// session, and the library lets them do so at once: whoever stores last undoes
// the other's change, and the next message re-uses a key that the recipient
// has already seen and silently drops. sessionLock is the missing lock, one per
// number. It is taken from inside wrapped stores (guard.go), which is where the
// library can be met between loading and storing:
//
//	sending          GetManySessions … PutManySessions, before the server's ack
//	receiving        DoDecryptionTxn, whole
//	answering retry  IsTrustedIdentity or GetSession … PutSession (and the
//	                 library's own messages)
//
// A grip that could be left behind by an error in between ends by itself after
// a while, and a store that comes after that end is refused. So nothing waits
// for ever, and nothing is stored over a change it has not seen.
type sessionLock struct {
	free chan struct{}
	away func() // called when a message could not be decrypted for want of keys; may be nil
}

func newSessionLock() *sessionLock {
	l := &sessionLock{free: make(chan struct{}, 1)}
	l.free <- struct{}{}
	return l
}

const (
	// A first message fetches keys from the server while it holds the lock. It
	// is shorter than what others wait before they take a silent worker's
	// clients: one that stood still must not store over what they have changed.
	sendGrip = 5 * time.Second
	// Between loading and storing one session lie two small queries.
	retryGrip = 2 * time.Second
)

var errGripLost = errors.New("another message used the Signal session in between")

// grip is the lock in one hand.
type grip struct {
	lock  *sessionLock
	timer *time.Timer // nil when only end ends it
	until time.Time   // when timer ends it
	freed atomic.Bool
}

// take waits for the lock. A positive lease ends the grip after that time.
func (l *sessionLock) take(ctx context.Context, lease time.Duration) (*grip, error) {
	select {
	case <-l.free:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	g := &grip{lock: l}
	if lease > 0 {
		g.until = time.Now().Add(lease)
		g.timer = time.AfterFunc(lease, g.free)
	}
	return g, nil
}

// keep stops the lease's clock and reports whether the grip still holds. In a
// process that stood still the timer may not have had its turn yet.
func (g *grip) keep() bool {
	if g.timer == nil {
		return true
	}
	if !g.timer.Stop() {
		return false
	}
	if time.Now().Before(g.until) {
		return true
	}
	g.free()
	return false
}

// end gives the lock back; further calls do nothing.
func (g *grip) end() {
	if g.timer == nil || g.timer.Stop() {
		g.free()
	}
}

func (g *grip) free() {
	if g.freed.CompareAndSwap(false, true) {
		g.lock.free <- struct{}{}
	}
}

// over reports that the lock was given back or lost.
func (g *grip) over() bool { return g.freed.Load() }

// sending is one message on its way through the library. It travels in the
// context, so that the stores know whose work they do.
type sending struct {
	abort       context.CancelCauseFunc
	isRecipient func(signalUser string) bool

	mu        sync.Mutex
	grip      *grip
	began     bool // sessions were loaded
	encrypted bool // sessions were stored: from here on the message may have left
}

// errNoCiphertext means that no device of the recipient could be encrypted
// for. The library would send the empty shell and call it a success.
var errNoCiphertext = errors.New("no keys for any device of the recipient")

func (s *sending) begin(ctx context.Context, l *sessionLock) error {
	g, err := l.take(ctx, sendGrip)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.grip, s.began = g, true
	return nil
}

// store runs put, which saves the changed sessions, if that is still allowed
// and worth it, and gives the lock back.
func (s *sending) store(sessions map[string][]byte, put func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.grip == nil {
		return errGripLost
	}
	if !s.grip.keep() {
		s.grip = nil
		return errGripLost
	}
	defer s.letGo()
	if !s.reaches(sessions) {
		return errNoCiphertext
	}
	if err := put(); err != nil {
		return err
	}
	s.encrypted = true
	return nil
}

// letGo needs mu. The grip's clock was stopped by keep.
func (s *sending) letGo() {
	s.grip.free()
	s.grip = nil
}

func (s *sending) reaches(sessions map[string][]byte) bool {
	for address := range sessions {
		if s.isRecipient(signalUser(address)) {
			return true
		}
	}
	return false
}

// afterEncryption is called when the library has passed the point where
// sessions are stored. If none was, there is nothing to send.
func (s *sending) afterEncryption() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.began && !s.encrypted {
		s.abort(errNoCiphertext)
	}
}

// end gives back whatever is still held and reports whether the message may
// have left the machine.
func (s *sending) end() (encrypted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.grip != nil {
		s.grip.end()
		s.grip = nil
	}
	return s.encrypted
}

type contextKey int

const (
	sendingKey contextKey = iota
	decryptingKey
)

func withSending(ctx context.Context, s *sending) context.Context {
	return context.WithValue(ctx, sendingKey, s)
}

func sendingOf(ctx context.Context) *sending {
	s, _ := ctx.Value(sendingKey).(*sending)
	return s
}

// decrypting is one inbound message. It remembers the sessions as they were
// loaded (see repair.go), and whether a store failed (see away.go).
type decrypting struct {
	loaded map[string][]byte
	failed error
}

func withDecrypting(ctx context.Context) context.Context {
	return context.WithValue(ctx, decryptingKey, &decrypting{loaded: map[string][]byte{}})
}

func decryptingOf(ctx context.Context) *decrypting {
	d, _ := ctx.Value(decryptingKey).(*decrypting)
	return d
}
