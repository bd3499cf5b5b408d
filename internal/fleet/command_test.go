package fleet_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chasqui/internal/fleet"
	"chasqui/internal/provider"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// twice runs a command two times at once and reports the first error.
func (w *world) twice(do func() error) {
	w.t.Helper()
	errs := make([]error, 2)
	var both sync.WaitGroup
	for i := range errs {
		both.Go(func() { errs[i] = do() })
	}
	both.Wait()
	w.must(errors.Join(errs...))
}

func (w *world) connectClient(id wa.ClientID) func() error {
	return func() error { _, err := w.Connect(w.t.Context(), w.by, id); return err }
}

func (w *world) disconnectClient(id wa.ClientID) func() error {
	return func() error { _, err := w.Disconnect(w.t.Context(), w.by, id); return err }
}

func (w *world) logOutClient(id wa.ClientID) func() error {
	return func() error { _, err := w.LogOut(w.t.Context(), w.by, id); return err }
}

func TestDisconnectAndConnectAreIdempotent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url)
	w.await(id, wa.ClientConnected)
	w.twice(w.disconnectClient(id))
	w.await(id, wa.ClientDisconnected)
	w.must(w.disconnectClient(id)())
	testkit.Eventually(t, patience, "hung up", func() bool { return r.net.of(id)[0].isClosed() })
	if r.open(id) {
		t.Error("messages may leave a client that is off")
	}
	w.twice(w.connectClient(id))
	w.await(id, wa.ClientConnected)
	w.must(w.connectClient(id)())
	w.awaitOpen(r, id)
	if n := r.net.connects(id); n != 2 {
		t.Errorf("connected %d times, want 2", n)
	}
	if n := w.told(id, wa.ClientIsDisconnected); n != 1 {
		t.Errorf("client.disconnected told %d times", n)
	}
}

// What people want while nobody holds the client is met by whoever takes it.
func TestCommandsWaitForAnOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	off, on, out, gone := w.linked(), w.linked(), w.linked(), w.linked()
	w.must(w.disconnectClient(off)())
	w.must(w.disconnectClient(on)())
	w.must(w.connectClient(on)())
	w.must(w.logOutClient(out)())
	w.must(w.Delete(t.Context(), w.by, gone))
	if err := w.Delete(t.Context(), w.by, gone); wa.CodeOf(err) != wa.NotFound {
		t.Errorf("deleting twice: %v", err)
	}
	r := w.worker(w.url)
	w.await(off, wa.ClientDisconnected)
	w.await(on, wa.ClientConnected)
	w.await(out, wa.ClientLoggedOut)
	w.freed(out)
	testkit.Eventually(t, patience, "deleted", func() bool { return w.told(gone, wa.ClientDeleted) == 1 })
	if r.net.connects(off) != 0 || r.net.connects(out) != 0 {
		t.Error("a client that shall be off was connected")
	}
	for _, id := range []wa.ClientID{out, gone} {
		if s := r.net.last(t, id); s.logouts != 1 {
			t.Errorf("unlinked %d times", s.logouts)
		}
	}
}

// A client that somebody switched off stays so when its worker stops.
func TestDisconnectedSurvivesAChangeOfOwner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url)
	w.await(id, wa.ClientConnected)
	w.must(w.disconnectClient(id)())
	w.await(id, wa.ClientDisconnected)
	r.stop()
	if row := w.row(id); row.Status != wa.ClientDisconnected {
		t.Errorf("after its worker stopped the client is %s: %s", row.Status, row.StatusReason)
	}
	next := w.worker(w.url)
	testkit.Eventually(t, patience, "a new owner", func() bool { return next.hold(id) != nil && w.row(id).Slot != nil })
	w.must(w.connectClient(id)())
	w.await(id, wa.ClientConnected)
	if n := w.told(id, wa.ClientIsDisconnected); n != 1 {
		t.Errorf("client.disconnected told %d times", n)
	}
}

// A number that waits for its turn to connect is not connected any more once
// somebody wants it off.
func TestDisconnectWhileWaitingForTheGate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.linked(), w.unpaired()
	free := make(chan struct{})
	var once atomic.Bool
	r := w.worker(w.url, func(o *fleet.WorkerOptions, n *network) {
		o.Gate = fleet.NewGate(1, 1000)
		n.onConnect = func(_ context.Context, s *session) error {
			if once.CompareAndSwap(false, true) {
				<-free
			}
			s.comeOnline()
			return nil
		}
	})
	testkit.Eventually(t, patience, "the first in the gate", func() bool { return r.net.connects(first) == 1 })
	w.link(second, wa.WantConnected)
	waiting := r.net.last(t, second) // opened right before it waits
	w.must(w.disconnectClient(second)())
	w.await(second, wa.ClientDisconnected)
	close(free)
	w.await(first, wa.ClientConnected)
	w.must(w.connectClient(second)())
	w.await(second, wa.ClientConnected)
	waiting.read(func(s *session) {
		if s.late != 0 || len(s.dialled) != 0 {
			t.Errorf("a session that was given up was connected %d times, %d of them after its end", len(s.dialled), s.late)
		}
	})
}

// A dial that never ends is given up, and its place in the gate with it.
func TestAHungDialIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	stuck := w.linked()
	var hung atomic.Bool
	r := w.worker(w.url, func(o *fleet.WorkerOptions, n *network) {
		o.Gate, o.Login = fleet.NewGate(1, 1000), 400*time.Millisecond
		n.onConnect = func(ctx context.Context, s *session) error {
			if s.number.Client == stuck && hung.CompareAndSwap(false, true) {
				<-ctx.Done()
				return ctx.Err()
			}
			s.comeOnline()
			return nil
		}
	})
	testkit.Eventually(t, patience, "the dial that hangs", hung.Load)
	other := w.linked()
	w.await(other, wa.ClientConnected)
	w.await(stuck, wa.ClientConnected)
	if n := r.net.connects(stuck); n != 2 {
		t.Errorf("%d attempts, want 2", n)
	}
}

func TestLogOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url)
	w.await(id, wa.ClientConnected)
	w.twice(w.logOutClient(id))
	w.await(id, wa.ClientLoggedOut)
	w.must(w.logOutClient(id)())
	testkit.Eventually(t, patience, "nothing wanted", func() bool { return w.row(id).Desire == wa.WantNothing })
	w.freed(id)
	row := w.row(id)
	if row.JID != "" || row.Desire != wa.WantNothing || row.Phone == "" {
		t.Errorf("after logging out: jid %q, wanted %s, phone %q", row.JID, row.Desire, row.Phone)
	}
	if s := r.net.of(id)[0]; s.logouts != 1 || !s.isClosed() {
		t.Errorf("unlinked %d times", s.logouts)
	}
	if n := w.told(id, wa.ClientIsLoggedOut); n != 1 {
		t.Errorf("client.logged_out told %d times", n)
	}
}

// Requests that cross with an unlinking, having read the client before it, come
// to nothing, and nobody is told twice.
func TestCommandsThatCrossWithAnUnlinking(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.worker(w.url)
	for _, late := range []wa.Desire{wa.WantLoggedOut, wa.WantConnected} {
		id := w.linked()
		w.await(id, wa.ClientConnected)
		w.must(w.logOutClient(id)())
		w.await(id, wa.ClientLoggedOut)
		w.sql(`UPDATE clients SET desire = $2, version = version + 1 WHERE id = $1`, id.UUID(), late)
		testkit.Eventually(t, patience, "nothing wanted", func() bool { return w.row(id).Desire == wa.WantNothing })
		w.freed(id)
		if row := w.row(id); row.Status != wa.ClientLoggedOut || w.told(id, wa.ClientIsLoggedOut) != 1 {
			t.Errorf("%s: the client is %s; told %v", late, row.Status, w.events(id))
		}
	}
}

// A number whose session cannot be opened is not unlinked by forgetting it: its
// phone would go on showing it. It is tried again.
func TestLogOutNeedsASession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.unpaired()
	w.link(id, wa.WantLoggedOut)
	var tries atomic.Int32
	r := w.worker(w.url, func(_ *fleet.WorkerOptions, n *network) {
		n.onOpen = func(provider.Number) error {
			if tries.Add(1) == 1 {
				return errors.New("the keys cannot be read now")
			}
			return nil
		}
	})
	w.await(id, wa.ClientLoggedOut)
	if s := r.net.last(t, id); s.logouts != 1 {
		t.Errorf("unlinked %d times", s.logouts)
	}
}

func TestLogOutIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	var tries atomic.Int32
	w.worker(w.url, func(_ *fleet.WorkerOptions, n *network) {
		n.onLogOut = func(context.Context, *session) error {
			if tries.Add(1) == 1 {
				return errors.New("no answer")
			}
			return nil
		}
	})
	w.await(id, wa.ClientConnected)
	w.must(w.logOutClient(id)())
	w.await(id, wa.ClientLoggedOut)
	if n := tries.Load(); n != 2 {
		t.Errorf("tried %d times", n)
	}
}

// A number that cannot be reached can still be deleted.
func TestDeleteGivesUpOnThePhone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url, func(_ *fleet.WorkerOptions, n *network) {
		n.onLogOut = func(context.Context, *session) error { return errors.New("no answer") }
	})
	w.await(id, wa.ClientConnected)
	w.must(w.Delete(t.Context(), w.by, id))
	if _, err := w.Connect(t.Context(), w.by, id); wa.CodeOf(err) != wa.NotFound {
		t.Errorf("a deleted client is still there: %v", err)
	}
	testkit.Eventually(t, 2*patience, "deleted", func() bool { return w.told(id, wa.ClientDeleted) == 1 })
	testkit.Eventually(t, patience, "let go", func() bool { return r.hold(id).Epoch() == 0 && r.net.last(t, id).isClosed() })
}

func TestDeleteUnpaired(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.unpaired()
	w.must(w.Delete(t.Context(), w.by, id))
	if n := w.told(id, wa.ClientDeleted); n != 1 {
		t.Errorf("client.deleted told %d times", n)
	}
	if err := w.Delete(t.Context(), w.by, id); wa.CodeOf(err) != wa.NotFound {
		t.Errorf("deleting twice: %v", err)
	}
}

func TestPauseStopsTheLineOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	r := w.worker(w.url)
	w.await(id, wa.ClientConnected)
	w.awaitOpen(r, id)
	w.twice(func() error { _, err := w.Pause(t.Context(), w.by, id); return err })
	testkit.Eventually(t, patience, "closed", func() bool { return !r.open(id) })
	if r.net.last(t, id).isClosed() || w.row(id).Status != wa.ClientConnected {
		t.Error("a paused client went offline")
	}
	w.twice(func() error { _, err := w.Resume(t.Context(), w.by, id); return err })
	w.awaitOpen(r, id)
	r.SetPaused(true)
	if r.open(id) {
		t.Error("the operator paused the worker and a line is open")
	}
	r.SetPaused(false)
	w.awaitOpen(r, id)
}

// Whoever looks at the same client sees what somebody else did to it; what
// changes nothing is not told.
func TestChangesAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	rename := func() error { _, err := w.Rename(t.Context(), w.by, id, "Front desk"); return err }
	pause := func() error { _, err := w.Pause(t.Context(), w.by, id); return err }
	resume := func() error { _, err := w.Resume(t.Context(), w.by, id); return err }
	for i, do := range []func() error{rename, pause, resume, w.disconnectClient(id), w.connectClient(id)} {
		w.must(do())
		w.must(do())
		if got := w.told(id, wa.ClientChanged); got != i+1 {
			t.Errorf("client.changed was told %d times after command %d", got, i)
		}
	}
}

// A name stands beside phone numbers: it must not turn them around.
func TestNamesKeepToThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.unpaired()
	for name, want := range map[string]wa.Code{
		"Sales \u202Egnp.exe": wa.Invalid, "Sales \u2067": wa.Invalid, "Sales\n": "", "Sa\nles": wa.Invalid,
		"مبيعات": "", "Sales \U0001F468\u200D\U0001F4BB": "",
	} {
		_, err := w.Rename(t.Context(), w.by, id, name)
		if got := wa.CodeOf(err); got != want && (want != "" || err != nil) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
}

func TestForeignClientsAreNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.linked()
	other, _ := testkit.Org(t, w.db)
	by, ctx := testkit.Actor(other.ID), t.Context()
	for name, do := range map[string]func() error{
		"connect":    func() error { _, err := w.Connect(ctx, by, id); return err },
		"disconnect": func() error { _, err := w.Disconnect(ctx, by, id); return err },
		"log out":    func() error { _, err := w.LogOut(ctx, by, id); return err },
		"delete":     func() error { return w.Delete(ctx, by, id) },
		"pause":      func() error { _, err := w.Pause(ctx, by, id); return err },
		"rename":     func() error { _, err := w.Rename(ctx, by, id, "x"); return err },
		"limits":     func() error { _, err := w.SetLimits(ctx, by, id, wa.DefaultLimits(), ""); return err },
		"pair":       func() error { _, err := w.Pair(ctx, by, id, wa.PairQR, ""); return err },
		"pairing":    func() error { _, err := w.Pairing(ctx, by, id); return err },
		"confirm":    func() error { return w.ConfirmPasskey(ctx, by, id) },
	} {
		if err := do(); wa.CodeOf(err) != wa.NotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	if row := w.row(id); row.Desire != wa.WantConnected || row.Paused {
		t.Error("another org changed the client")
	}
}

// How a client shows itself is for admins: others, and keys, get what is chosen.
func TestADeviceIsForAdmins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	device := &wa.Device{OS: "Firefox (Linux)", Platform: "firefox", Version: "143.0.0"}
	for name, c := range map[string]struct {
		by  wa.Actor
		may bool
	}{
		"an admin":             {wa.Actor{Org: w.org, User: wa.NewUserID(), Role: wa.Admin}, true},
		"a manager":            {wa.Actor{Org: w.org, User: wa.NewUserID(), Role: wa.Manager}, false},
		"a key for everything": {w.by, false},
	} {
		made, err := w.Create(t.Context(), c.by, fleet.Draft{Name: name, Provider: wa.ProviderWhatsmeow, Device: device}, wa.IdempotencyKey{})
		if c.may && (err != nil || made.Device != *device) {
			t.Errorf("%s: %+v, %v", name, made.Device, err)
		}
		if !c.may && wa.CodeOf(err) != wa.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
		made, err = w.Create(t.Context(), c.by, fleet.Draft{Name: name, Provider: wa.ProviderWhatsmeow}, wa.IdempotencyKey{})
		if err != nil || made.Device != fleet.DefaultDevice {
			t.Errorf("%s, without a word about it: %+v, %v", name, made.Device, err)
		}
	}
}
