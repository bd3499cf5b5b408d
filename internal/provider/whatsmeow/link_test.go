package whatsmeow_test

import (
	"context"
	"testing"
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/provider/whatsmeow"
	"chasqui/internal/whatsim"
)

func TestRestartNeedsNoPairing(t *testing.T) {
	onBoth(t, checkRestart)
}

func checkRestart(t *testing.T, w *world) {
	n := w.pair("15550130001")
	n.send(text("15550130002", "before"))
	n.s.Close()
	n.openWith(w.provider(), n.jid)
	n.connect()
	n.send(text("15550130002", "after"))
	if got := n.inbox("15550130002", 2); got[1].Text != "after" || got[1].Err != "" {
		t.Errorf("got %+v", got)
	}
}

func TestLineBreaksAndComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550131001")
	mark := n.sink.mark()
	w.sim.Drop(n.phone)
	await(t, n.sink, mark, signalled(provider.Disconnected))
	if _, err := n.s.Send(t.Context(), text("15550131002", "offline")); failureOf(t, err).Class != provider.NotSent {
		t.Errorf("sent while offline: %v", err)
	}
	n.connect()
	n.send(text("15550131002", "back"))
	n.inbox("15550131002", 1)
}

func TestDisconnectIsQuietAndRepeatable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550132001")
	mark := n.sink.mark()
	n.s.Disconnect()
	n.s.Disconnect()
	n.connect()
	for _, u := range all[provider.StateChanged](n.sink)[1:] {
		if u.Signal == provider.Disconnected {
			t.Error("hanging up was told as a broken line")
		}
	}
	n.s.Close()
	n.s.Close()
	n.s.Disconnect()
	if err := n.s.Connect(t.Context()); err == nil {
		t.Error("a closed session connected")
	}
	if _, err := n.s.Send(t.Context(), text("15550132002", "x")); failureOf(t, err).Class != provider.NotSent {
		t.Errorf("sent after close: %v", err)
	}
	_ = mark
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		ban    whatsim.Ban
		signal provider.Signal
		code   string
	}{
		{"unlinked", whatsim.Ban{Reason: 401}, provider.LoggedOut, "401"},
		{"temporarily banned", whatsim.Ban{Reason: 402, Code: 102, Expire: time.Hour}, provider.TempBanned, "102"},
		{"locked", whatsim.Ban{Reason: 403}, provider.Locked, "403"},
		{"outdated", whatsim.Ban{Reason: 405}, provider.Outdated, "405"},
		{"banned", whatsim.Ban{Reason: 406}, provider.Banned, "406"},
		{"bad identity", whatsim.Ban{Reason: 409}, provider.BadIdentity, "409"},
		{"other", whatsim.Ban{Reason: 418}, provider.Refused, "418"},
	}
	w := newWorld(t)
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := w.pair("1555013300" + string(rune('1'+i)))
			n.t = t
			mark := n.sink.mark()
			if err := w.sim.Ban(n.phone, tt.ban); err != nil {
				t.Fatal(err)
			}
			await(t, n.sink, mark, signalled(provider.Disconnected))
			mark = n.sink.mark()
			n.tryToConnect(tt.signal)
			got := await(t, n.sink, mark, signalled(tt.signal))
			if got.Code != tt.code || got.Reason == "" {
				t.Errorf("got %+v", got)
			}
			if tt.signal == provider.TempBanned && time.Until(got.Until) < 50*time.Minute {
				t.Errorf("until %v", got.Until)
			}
			if _, err := n.s.Send(t.Context(), text("15550133999", "x")); failureOf(t, err).Class != provider.NotSent {
				t.Errorf("sent although refused: %v", err)
			}
			// Whoever decides so may try again at once.
			if err := w.sim.Unban(n.phone); err != nil {
				t.Fatal(err)
			}
			if tt.signal == provider.TempBanned || tt.signal == provider.Outdated {
				n.connect()
			}
		})
	}
}

func TestBusyServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550134001")
	mark := n.sink.mark()
	w.sim.StreamError(n.phone, 503)
	await(t, n.sink, mark, signalled(provider.Disconnected))
	if err := w.sim.Ban(n.phone, whatsim.Ban{Reason: 503}); err != nil {
		t.Fatal(err)
	}
	mark = n.sink.mark()
	_ = n.s.Connect(t.Context()) // whether the refusal is there before the dial is over is chance
	await(t, n.sink, mark, signalled(provider.Disconnected))
	if err := w.sim.Unban(n.phone); err != nil {
		t.Fatal(err)
	}
	n.connect()
}

func TestUnknownStreamError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550135001")
	mark := n.sink.mark()
	w.sim.StreamError(n.phone, 516)
	if got := await(t, n.sink, mark, signalled(provider.StreamError)); got.Code != "516" {
		t.Errorf("got %+v", got)
	}
	n.connect()
}

func TestReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550136001")
	twin := &number{t: t, w: w, phone: n.phone, sink: newSink(), id: n.id}
	twin.openWith(w.provider(), n.jid)
	mark := n.sink.mark()
	twin.connect()
	await(t, n.sink, mark, signalled(provider.Replaced))
}

func TestUnlinkedOnThePhone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550137001")
	mark := n.sink.mark()
	if err := w.sim.Logout(n.phone); err != nil {
		t.Fatal(err)
	}
	if got := await(t, n.sink, mark, signalled(provider.LoggedOut)); got.Code != "401" {
		t.Errorf("got %+v", got)
	}
	n.pairQR()
	n.send(text("15550137002", "linked again"))
	n.inbox("15550137002", 1)
}

func TestLogOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550138001")
	n.s.Disconnect()
	if err := n.s.(provider.LogOuter).LogOut(t.Context()); err != nil {
		t.Fatalf("log out: %v", err)
	}
	info, err := w.sim.Phone(n.phone)
	if err != nil || len(info.Devices) != 0 {
		t.Errorf("the phone still lists %+v (%v)", info.Devices, err)
	}
	if got := w.devicesOf(n.phone); got != 0 {
		t.Errorf("%d devices in the store", got)
	}
	if err := n.s.(provider.LogOuter).LogOut(t.Context()); err != nil {
		t.Errorf("log out twice: %v", err)
	}
	if err := n.s.Connect(t.Context()); err == nil {
		t.Error("connected after logging out")
	}
}

func TestKeysAreGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.open("15550139001")
	n.openWith(w.p, "15550139001:7@s.whatsapp.net")
	if err := n.s.Connect(t.Context()); err == nil {
		t.Fatal("connected without keys")
	}
	await(t, n.sink, 0, signalled(provider.LoggedOut))
}

func TestServerAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550140001")
	mark := n.sink.mark()
	w.sim.RefuseConnections(true)
	await(t, n.sink, mark, signalled(provider.Disconnected))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 3 {
		if err := n.s.Connect(ctx); err == nil {
			t.Fatal("connected to a server that refuses")
		}
	}
	w.sim.RefuseConnections(false)
	n.connect()
}

func TestConnectMindsItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550141001")
	n.s.Disconnect()
	rule, err := w.sim.AddRule(whatsim.Rule{Action: whatsim.ConnectDelay, DelayMS: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := n.s.Connect(ctx); err == nil || time.Since(start) > 5*time.Second {
		t.Errorf("got %v after %v", err, time.Since(start))
	}
	// Hanging up while dialling ends the attempt too.
	failed := make(chan error, 1)
	go func() { failed <- n.s.Connect(t.Context()) }()
	for hung := false; !hung; {
		select {
		case err := <-failed:
			hung = true
			if err == nil {
				t.Error("connected although hung up")
			}
		case <-time.After(50 * time.Millisecond):
			n.s.Disconnect()
		}
	}
	w.sim.RemoveRule(rule.ID)
	n.connect()
}

func TestLoginThatIsNeverAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550142001")
	n.s.Close()
	if _, err := w.sim.AddRule(whatsim.Rule{Action: whatsim.LoginDelay, DelayMS: 60_000, Times: 1}); err != nil {
		t.Fatal(err)
	}
	n.openWith(w.provider(func(o *whatsmeow.Options) { o.LoginTimeout = 300 * time.Millisecond }), n.jid)
	mark := n.sink.mark()
	if err := n.s.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	await(t, n.sink, mark, signalled(provider.Disconnected))
	n.s.Close()
	n.openWith(w.provider(), n.jid)
	n.connect()
}

// TestSinkMayHangUp lets the sink end the session from inside Take.
func TestSinkMayHangUp(t *testing.T) {
	t.Parallel()
	for phone, end := range map[string]func(provider.Session){"15550143001": provider.Session.Disconnect, "15550143002": provider.Session.Close} {
		t.Run(phone, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			n := w.pair(phone)
			done := make(chan struct{})
			n.sink.setOnTake(func(u provider.Update) {
				if _, ok := u.(provider.Received); ok {
					end(n.s)
					close(done)
				}
			})
			n.write("15550143003", "hang up")
			select {
			case <-done:
			case <-time.After(patience):
				t.Fatal("the sink is stuck")
			}
		})
	}
}
