package whatsmeow_test

import (
	"context"
	"sync"
	"testing"

	"go.mau.fi/whatsmeow/types/events"

	"chasqui/internal/provider"
	"chasqui/internal/provider/whatsmeow"
	"chasqui/internal/whatsim"
)

// TestLateWordOfABrokenLine is the end of an earlier connection, told when the
// next one stands already: the library tells it from a goroutine of its own,
// after the waiting senders have been let go.
func TestLateWordOfABrokenLine(t *testing.T) {
	t.Parallel()
	n := newWorld(t).pair("15550158101")
	whatsmeow.Hear(n.s, &events.Disconnected{})
	n.send(text("15550158102", "the line stands"))
	for _, told := range all[provider.StateChanged](n.sink) {
		if told.Signal == provider.Disconnected {
			t.Errorf("told that the line broke: %s", told.Reason)
		}
	}
}

// TestLoginOverBeforeTheDialReturns has the caller who dials be slow to come
// back: the library's login beside it is over by then.
func TestLoginOverBeforeTheDialReturns(t *testing.T) {
	t.Parallel()
	n := newWorld(t).pair("15550158201")
	n.s.Disconnect()
	mark := n.sink.mark()
	slow := slowContext{Context: t.Context(), done: make(chan struct{}), back: func() { await(t, n.sink, mark, signalled(provider.Connected)) }}
	if err := n.s.Connect(slow); err != nil {
		t.Fatalf("connect: %v", err)
	}
	n.send(text("15550158202", "the line stands"))
}

// TestRefusedBeforeTheDialReturns is the same with a refusal: the attempt fails,
// and its owner is told why.
func TestRefusedBeforeTheDialReturns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550158301")
	n.s.Disconnect()
	if err := w.sim.Ban(n.phone, whatsim.Ban{Reason: 403}); err != nil {
		t.Fatal(err)
	}
	mark := n.sink.mark()
	slow := slowContext{Context: t.Context(), done: make(chan struct{}), back: func() { await(t, n.sink, mark, signalled(provider.Locked)) }}
	if err := n.s.Connect(slow); err == nil {
		t.Error("a refused attempt succeeded")
	}
	n.tryToConnect(provider.Locked)
}

// TestBothHangUpAtOnce is for the race detector: we hang up while the library
// learns that WhatsApp has, and the number comes back all the same.
func TestBothHangUpAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550158401")
	for range 60 {
		var both sync.WaitGroup
		both.Go(func() { w.sim.Drop(n.phone) })
		both.Go(n.s.Disconnect)
		both.Wait()
		n.connect()
	}
	n.send(text("15550158402", "the line stands"))
}

// slowContext holds up whoever takes back what was to be done at its end.
type slowContext struct {
	context.Context
	done chan struct{} // of its own, or the context package would not ask AfterFunc
	back func()
}

// Done never is.
func (c slowContext) Done() <-chan struct{} { return c.done }

// AfterFunc is what the context package asks for.
func (c slowContext) AfterFunc(f func()) func() bool {
	stop := context.AfterFunc(c.Context, f)
	return func() bool {
		c.back()
		return stop()
	}
}
