package whatsim_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"chasqui/internal/whatsim"
)

const patience = time.Minute

var pinRoot sync.Once

func startSim(t *testing.T, opts whatsim.Options) *whatsim.Server {
	t.Helper()
	sim, err := whatsim.Start(opts)
	if err != nil {
		t.Fatalf("start simulator: %v", err)
	}
	pinRoot.Do(func() { pin(sim) })
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Errorf("close simulator: %v", err)
		}
	})
	return sim
}

func pin(sim *whatsim.Server) { whatsmeow.WACertPubKey = sim.RootKey() }

func ctxFor(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// client is a real whatsmeow client whose events can be waited for.
type client struct {
	*whatsmeow.Client
	t testing.TB

	mu     sync.Mutex
	events []any
	grown  chan struct{}
	ended  bool
}

// newClient makes a client for a device, in front of a simulator.
func newClient(t testing.TB, sim *whatsim.Server, dev *store.Device) *client {
	t.Helper()
	c := &client{Client: whatsmeow.NewClient(dev, nil), t: t, grown: make(chan struct{})}
	c.use(sim.HTTPClient())
	c.AddEventHandler(c.record)
	t.Cleanup(func() {
		if !c.ended {
			c.Disconnect()
		}
	})
	return c
}

// Disconnect hangs up. The library's own races with the end of a connection that the server ends at the same moment: it
// clears what that end is reading.
func (c *client) Disconnect() {
	c.DangerousInternals().ExpectDisconnect() //nolint:staticcheck // there is no other way to say so before the reset
	c.ResetConnection()
	c.Client.Disconnect()
}

// Connect dials, once the library is done with the end of the connection before: it would clear that one's handler, too.
func (c *client) Connect() error {
	if !c.IsConnected() {
		c.ResetConnection()
	}
	return c.Client.Connect()
}

// comeBack has the client dial anew by itself when it is cut off. The library's own way races with a sender who waits for
// the line: both make the same channel (exsync.Event.GetChan).
func (c *client) comeBack() {
	c.EnableAutoReconnect = false
	c.AddEventHandler(func(evt any) {
		if _, cut := evt.(*events.Disconnected); !cut {
			return
		}
		if err := c.Connect(); err != nil {
			c.t.Errorf("come back: %v", err)
		}
	})
}

// over waits for the end of a session that the server ended for good. The library's Disconnect races with such an end, so
// that it must not be called afterwards.
func (c *client) over() {
	c.t.Helper()
	eventually(c.t, "end of the connection", func() bool { return !c.IsConnected() })
	c.ended = true
}

func (c *client) use(hc *http.Client) {
	c.SetPreLoginHTTPClient(hc)
	c.SetWebsocketHTTPClient(hc)
	c.SetMediaHTTPClient(hc)
}

func (c *client) record(evt any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events = append(c.events, evt)
	close(c.grown)
	c.grown = make(chan struct{})
}

// count returns how many events there are; waits start from such a mark.
func (c *client) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.events)
}

// await returns the first event after the mark that fits, and its position.
func await[E any](c *client, mark int, fits func(E) bool) E {
	c.t.Helper()
	deadline := time.After(patience)
	for {
		c.mu.Lock()
		for _, evt := range c.events[mark:] {
			if e, ok := evt.(E); ok && (fits == nil || fits(e)) {
				c.mu.Unlock()
				return e
			}
		}
		mark = len(c.events)
		grown := c.grown
		c.mu.Unlock()
		select {
		case <-grown:
		case <-deadline:
			var want E
			c.t.Fatalf("no %T within %v", want, patience)
		}
	}
}

// all returns every event of a type.
func all[E any](c *client) []E {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []E
	for _, evt := range c.events {
		if e, ok := evt.(E); ok {
			out = append(out, e)
		}
	}
	return out
}

func (c *client) connect() {
	c.t.Helper()
	if err := c.Connect(); err != nil {
		c.t.Fatalf("connect: %v", err)
	}
}

func (c *client) say(to, text string) (whatsmeow.SendResponse, error) {
	return c.SendMessage(c.t.Context(), types.NewJID(to, types.DefaultUserServer), &waE2E.Message{Conversation: proto.String(text)})
}

func (c *client) mustSay(to, text string) whatsmeow.SendResponse {
	c.t.Helper()
	resp, err := c.say(to, text)
	if err != nil {
		c.t.Fatalf("send: %v", err)
	}
	return resp
}

// paired returns a connected client that a phone has scanned.
func paired(t *testing.T, sim *whatsim.Server, number string) *client {
	t.Helper()
	c := newClient(t, sim, newDevice())
	pair(c, sim, number)
	return c
}

func pair(c *client, sim *whatsim.Server, number string) {
	c.t.Helper()
	mark := c.count()
	c.connect()
	qr := await[*events.QR](c, mark, nil)
	if _, err := sim.Scan(ctxFor(c.t), qr.Codes[0], number); err != nil {
		c.t.Fatalf("scan: %v", err)
	}
	await[*events.Connected](c, mark, nil)
	<-c.Store.Container.(*memory).ready
}

func texts(msgs []whatsim.Message) []string {
	out := make([]string, len(msgs))
	for i, m := range msgs {
		out[i] = m.Text
	}
	return out
}

func numbered(n int, format string) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf(format, i)
	}
	return out
}
