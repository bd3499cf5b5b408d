package whatsmeow

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	wm "go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/provider"
)

// line is one device and the library's client for it. A session gets a new one
// with every pairing.
type line struct {
	s       *session
	cli     *wm.Client
	device  *store.Device
	lock    *sessionLock
	pairing *pairing // set while the device is being paired; fixed at making

	lost atomic.Bool // the device was deleted

	mu     sync.Mutex
	life   context.Context         // the connection's context
	cancel context.CancelCauseFunc // ends it
	up     bool                    // the dial has succeeded
	online bool                    // the login has, too; the library's own word survives a reconnect
	login  *time.Timer             // hangs up when the login takes too long
	since  time.Time               // when the dial began
	behind bool                    // what waited at the server is not all told yet
}

func newLine(s *session, device *store.Device) *line {
	l := &line{s: s, device: device, lock: newSessionLock()}
	l.lock.away = s.askAgain
	if !s.p.bare {
		guard(device, l.lock)
		device.Container = guardingContainer{DeviceContainer: device.Container, lock: l.lock}
	}
	l.cli = l.newClient()
	return l
}

func (l *line) newClient() *wm.Client {
	p := l.s.p
	cli := wm.NewClient(l.device, newLog(l.s.log, p.opts.Debug))
	cli.SetPreLoginHTTPClient(p.http)
	cli.SetWebsocketHTTPClient(p.http)
	cli.SetMediaHTTPClient(p.http)
	cli.SetMaxParallelRetryReceiptHandling(1)
	cli.SetForceActiveDeliveryReceipts(true)
	cli.EnableAutoReconnect = false
	cli.DisableLoginAutoReconnect = true
	cli.SynchronousAck = true
	cli.EnableDecryptedEventBuffer = true
	cli.AutoTrustIdentity = true
	cli.BackgroundEventCtx = l.s.ctx
	cli.QRClientType = platformOf(l.s.number.Device).code
	cli.GetClientPayload = func() *waWa6.ClientPayload { return clientPayload(l.device, l.s.number.Device) }
	cli.GetMessageForRetry = l.recall
	cli.AddEventHandlerWithSuccessStatus(l.handle)
	return cli
}

// recall gives a message sent before to a recipient who could not read it.
func (l *line) recall(_, to types.JID, id types.MessageID) *waE2E.Message {
	ctx, cancel := context.WithTimeout(l.s.ctx, takeLimit)
	defer cancel()
	raw, err := l.s.sink.Recall(ctx, id)
	if err != nil || len(raw) == 0 {
		if err != nil {
			l.s.log.Warn("message not recalled", "error", scrub(err.Error()))
		}
		return nil
	}
	kept, message, err := readPayload(raw)
	if err != nil || !l.samePerson(ctx, kept, to) {
		l.s.log.Warn("a message was asked for by somebody else, or is not readable")
		return nil
	}
	return message
}

// samePerson compares two addresses in both of their forms.
func (l *line) samePerson(ctx context.Context, a, b types.JID) bool {
	a, b = a.ToNonAD(), b.ToNonAD()
	if a == b {
		return true
	}
	pa, pb := knownPeer(ctx, l.device, a, types.EmptyJID), knownPeer(ctx, l.device, b, types.EmptyJID)
	return (pa.Phone != "" && pa.Phone == pb.Phone) || (pa.LID != "" && pa.LID == pb.LID)
}

// connect dials once. The connection outlives ctx; only the dialling minds it.
func (l *line) connect(ctx context.Context) error {
	if l.cli.IsConnected() {
		if l.loggedIn() || l.loggingIn() {
			return nil
		}
		l.hangUp()
	}
	life := l.begin()
	stop := context.AfterFunc(ctx, func() { l.giveUp(context.Cause(ctx)) })
	if !l.cli.IsConnected() {
		l.cli.ResetConnection() // waits for an end that the library is still busy with
	}
	err := l.cli.ConnectContext(life)
	stop()
	if errors.Is(err, wm.ErrAlreadyConnected) {
		err = nil
	}
	if err == nil && l.established(life) {
		return nil
	}
	l.disconnect()
	if cause := context.Cause(life); cause != nil {
		err = cause
	}
	if err == nil {
		err = errBroken
	}
	l.giveUp(err)
	return fmt.Errorf("connect: %w", scrubbed{err})
}

// begin opens a new connection's context.
func (l *line) begin() context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cancel != nil {
		l.cancel(errHungUp)
	}
	ctx, cancel := context.WithCancelCause(l.s.ctx)
	l.life, l.cancel, l.up, l.online = ctx, cancel, false, false
	l.since, l.behind = time.Now(), true
	return ctx
}

// established notes that the dial succeeded, unless somebody hung up while it
// was under way, or the line broke at once. The login may be over by now: the
// library goes on with it beside the caller who dialled.
func (l *line) established(life context.Context) bool {
	connected := l.cli.IsConnected()
	l.mu.Lock()
	defer l.mu.Unlock()
	if life.Err() != nil || !connected {
		return false
	}
	l.up = true
	if l.online {
		return true
	}
	if l.pairing == nil || l.pairing.over() {
		l.login = time.AfterFunc(l.s.p.opts.LoginTimeout, func() { l.loginTimedOut(life) })
	}
	return true
}

func (l *line) loginTimedOut(life context.Context) {
	if life.Err() != nil || l.s.ctx.Err() != nil {
		return
	}
	l.hangUp()
	l.s.tell(provider.StateChanged{Signal: provider.Disconnected, Reason: "WhatsApp did not answer the login in time."})
}

// loginDone stops the clock that loginTimedOut hangs on.
func (l *line) loginDone() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.login != nil {
		l.login.Stop()
		l.login = nil
	}
}

// giveUp ends the connection's context.
func (l *line) giveUp(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cancel != nil {
		l.cancel(cause)
	}
}

var (
	errHungUp = errors.New("hung up")
	errBroken = errors.New("the line broke before it could be used")
)

// hangUp ends the connection, or the attempt to make one.
func (l *line) hangUp() {
	l.loginDone()
	l.mu.Lock()
	up := l.up
	l.up, l.online = false, false
	l.mu.Unlock()
	if up {
		l.disconnect()
	}
	l.giveUp(errHungUp)
}

// disconnect closes the library's socket, quietly, and has it forget what it
// asked for. Its Disconnect alone clears the socket's handler while whoever saw
// the other side hang up may be reading it: a data race, at worst a call of
// nothing that takes the whole process along. Its ResetConnection leaves the
// handler where it is and waits for a close under way; Disconnect then finds a
// socket that was stopped already.
func (l *line) disconnect() {
	l.cli.DangerousInternals().ExpectDisconnect() //nolint:staticcheck // "dangerous" is the library's word for what it may rename
	l.cli.ResetConnection()
	l.cli.Disconnect()
}

// cameOnline notes the end of the login. It is false when the line has broken
// in the meantime.
func (l *line) cameOnline() bool {
	l.loginDone()
	connected := l.cli.IsConnected()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.online = connected && l.life != nil && l.life.Err() == nil
	l.up = l.up || l.online
	return l.online
}

func (l *line) loggedIn() bool {
	l.mu.Lock()
	online := l.online
	l.mu.Unlock()
	return online && l.cli.IsConnected()
}

// waited reports whether a message of that time was waiting at the server when
// the line came up.
func (l *line) waited(at time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.behind && at.Before(l.since.Truncate(time.Second))
}

func (l *line) caughtUp() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.behind = false
}

// gone reports that the device was deleted; it can never connect again.
func (l *line) gone() bool { return l.lost.Load() }

// dropped notes that the network ended the connection, and reports whether
// there was one that we had not given up ourselves. The library tells of it
// from a goroutine of its own, after it has let waiting senders go: by then the
// next connection may stand, which has its own end to tell.
func (l *line) dropped() bool {
	if l.cli.IsConnected() {
		return false
	}
	l.loginDone()
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.up
	l.up, l.online = false, false
	return was
}

func (l *line) loggingIn() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.login != nil
}
