package whatsim_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow/appstate"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"chasqui/internal/whatsim"
)

func mustWrite(t *testing.T, sim *whatsim.Server, from, to, text string) string {
	t.Helper()
	id, err := sim.Write(t.Context(), whatsim.Draft{From: from, To: to, Text: text})
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	return id
}

// gone waits until the simulator has seen the end of a client's connection.
func gone(t *testing.T, sim *whatsim.Server, number string, after int64) {
	t.Helper()
	if _, err := sim.WaitEvents(ctxFor(t), whatsim.EventQuery{Kind: whatsim.EventClosed, Number: number, After: after}, 1); err != nil {
		t.Fatalf("connection of %s still open: %v", number, err)
	}
}

func lastEvent(sim *whatsim.Server) int64 {
	all := sim.Events(whatsim.EventQuery{})
	return all[len(all)-1].Seq
}

func TestOfflineMessagesWait(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001101")
	at := lastEvent(sim)
	c.Disconnect()
	gone(t, sim, "15550001101", at)
	want := numbered(20, "offline %d")
	for _, text := range want {
		mustWrite(t, sim, "15550002101", "15550001101", text)
	}
	mark := c.count()
	c.connect()
	done := await[*events.OfflineSyncCompleted](c, mark, nil)
	if done.Count != 20 {
		t.Errorf("offline queue announced %d stanzas, want 20", done.Count)
	}
	await(c, mark, func(m *events.Message) bool { return m.Message.GetConversation() == want[19] })
	if diff := cmp.Diff(want, heard(c)); diff != "" {
		t.Errorf("client heard (-want +got):\n%s", diff)
	}
	pendingDone(t, sim, "15550001101")
}

// heard lists the texts that a client read, in order.
func heard(c *client) []string {
	var out []string
	for _, m := range all[*events.Message](c) {
		if text := m.Message.GetConversation(); text != "" { // the phone also sends keys
			out = append(out, text)
		}
	}
	return out
}

// pendingDone waits until a number's companion has confirmed everything.
func pendingDone(t *testing.T, sim *whatsim.Server, number string) {
	t.Helper()
	eventually(t, "confirmation of all stanzas", func() bool {
		info, err := sim.Phone(number)
		return err == nil && len(info.Devices) == 1 && info.Devices[0].Pending == 0
	})
}

// eventually looks again and again until something holds that no event announces.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx := ctxFor(t)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("no %s within %v", what, patience)
		}
	}
}

func TestUnconfirmedMessageComesAgain(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := newClient(t, sim, newDevice())
	c.SynchronousAck = true
	c.EnableDecryptedEventBuffer = true
	var failed atomic.Bool
	c.AddEventHandlerWithSuccessStatus(func(evt any) bool {
		if m, ok := evt.(*events.Message); ok && m.Message.GetConversation() != "" && failed.CompareAndSwap(false, true) {
			return false
		}
		return true
	})
	pair(c, sim, "15550001102")
	id := mustWrite(t, sim, "15550002102", "15550001102", "again")
	await(c, 0, func(m *events.Message) bool { return m.Info.ID == id })
	at := lastEvent(sim)
	mark := c.count()
	c.Disconnect()
	gone(t, sim, "15550001102", at)
	c.connect()
	await(c, mark, func(m *events.Message) bool { return m.Info.ID == id })
	pendingDone(t, sim, "15550001102")
}

func TestSecondLoginReplacesFirst(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001103")
	twin := newClient(t, sim, c.Store)
	twin.connect()
	await[*events.Connected](twin, 0, nil)
	await[*events.StreamReplaced](c, 0, nil)
	c.over()
	twin.mustSay("15550002103", "from the twin")
	overlaps := sim.Overlaps()
	if len(overlaps) != 1 || overlaps[0].Number != "15550001103" {
		t.Errorf("overlaps = %+v, want one of 15550001103", overlaps)
	}
}

func TestLogoutByPhone(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001104")
	if err := sim.Logout("15550001104"); err != nil {
		t.Fatalf("logout: %v", err)
	}
	if e := await[*events.LoggedOut](c, 0, nil); e.OnConnect {
		t.Errorf("logged out on connect, want while online")
	}
	c.over()
	if err := sim.Logout("15550001104"); err == nil {
		t.Errorf("second logout did not fail")
	}
}

func TestLogoutByCompanion(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001105")
	if err := c.Logout(t.Context()); err != nil {
		t.Fatalf("logout: %v", err)
	}
	info, err := sim.Phone("15550001105")
	if err != nil || len(info.Devices) != 0 {
		t.Errorf("devices = %+v (%v), want none", info.Devices, err)
	}
}

func TestBanAndUnban(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001106")
	mark := c.count()
	if err := sim.Ban("15550001106", whatsim.Ban{Expire: time.Hour}); err != nil {
		t.Fatalf("ban: %v", err)
	}
	ban := await[*events.TemporaryBan](c, mark, nil)
	if ban.Expire != time.Hour || ban.Code != 101 {
		t.Errorf("ban = %+v", ban)
	}
	c.over()
	if err := sim.Unban("15550001106"); err != nil {
		t.Fatalf("unban: %v", err)
	}
	mark = c.count()
	c.connect()
	c.ended = false
	await[*events.Connected](c, mark, nil)
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	for i, tt := range []struct {
		reason int
		want   func(*client, int)
	}{
		{401, func(c *client, mark int) { await(c, mark, func(e *events.LoggedOut) bool { return e.OnConnect }) }},
		{403, func(c *client, mark int) { await(c, mark, func(e *events.LoggedOut) bool { return e.Reason == 403 }) }},
		{406, func(c *client, mark int) { await(c, mark, func(e *events.LoggedOut) bool { return e.Reason == 406 }) }},
		{405, func(c *client, mark int) { await[*events.ClientOutdated](c, mark, nil) }},
		{418, func(c *client, mark int) {
			await(c, mark, func(e *events.ConnectFailure) bool { return e.Reason == 418 })
		}},
		{500, func(c *client, mark int) { await[*events.Connected](c, mark, nil) }}, // once, then in again
		{503, func(c *client, mark int) { await[*events.Connected](c, mark, nil) }},
	} {
		t.Run(fmt.Sprint(tt.reason), func(t *testing.T) {
			t.Parallel()
			number := fmt.Sprintf("1555000120%d", i)
			c := paired(t, sim, number)
			if _, err := sim.AddRule(whatsim.Rule{Action: whatsim.Failure, Sender: number, Code: tt.reason, Times: 1}); err != nil {
				t.Fatalf("add rule: %v", err)
			}
			mark := c.count()
			sim.Drop(number)
			tt.want(c, mark)
			if tt.reason < 500 {
				c.over()
			}
		})
	}
}

func TestUnknownDeviceIsLoggedOut(t *testing.T) {
	t.Parallel()
	sim, other := startSim(t, whatsim.Options{}), startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001107")
	c.Disconnect()
	c.use(other.HTTPClient())
	mark := c.count()
	c.connect()
	await(c, mark, func(e *events.LoggedOut) bool { return e.OnConnect })
	c.over()
}

func TestRefusedConnectionsComeBack(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001108")
	mark := c.count()
	sim.RefuseConnections(true)
	await[*events.Disconnected](c, mark, nil)
	id := mustWrite(t, sim, "15550002108", "15550001108", "while you were out")
	sim.RefuseConnections(false)
	await(c, mark, func(m *events.Message) bool { return m.Info.ID == id })
}

func TestRestartKeepsEverything(t *testing.T) {
	t.Parallel()
	opts := whatsim.Options{DataDir: t.TempDir()}
	sim, err := whatsim.Start(opts)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	pinRoot.Do(func() { pin(sim) })
	opts.Listen = sim.Endpoint()
	c := paired(t, sim, "15550001109")
	c.mustSay("15550002109", "before")
	mustWrite(t, sim, "15550002109", "15550001109", "answer before")
	await(c, 0, func(m *events.Message) bool { return m.Message.GetConversation() == "answer before" })
	pendingDone(t, sim, "15550001109")
	c.Disconnect()
	id := mustWrite(t, sim, "15550002109", "15550001109", "kept")
	root, ca := sim.RootKeyHex(), string(sim.CAPEM())
	if err := sim.Close(); err != nil {
		t.Fatalf("close: %v", err)
	}

	sim = startSim(t, opts)
	if sim.RootKeyHex() != root || string(sim.CAPEM()) != ca {
		t.Errorf("keys changed over the restart")
	}
	mark := c.count()
	c.use(sim.HTTPClient())
	c.connect()
	await(c, mark, func(m *events.Message) bool { return m.Info.ID == id })
	c.mustSay("15550002109", "after")
	msgs, err := sim.WaitMessages(ctxFor(t), whatsim.Query{To: "15550002109"}, 2)
	if diff := cmp.Diff([]string{"before", "after"}, texts(msgs)); diff != "" || err != nil {
		t.Errorf("inbox (-want +got, %v):\n%s", err, diff)
	}
	if bad := sim.Events(whatsim.EventQuery{Kind: whatsim.EventRetryAsked}); len(bad) > 0 {
		t.Errorf("phones could not read: %+v", bad)
	}
}

func TestStreamErrorsReconnect(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001110")
	for _, code := range []int{515, 503} {
		mark := c.count()
		if n := sim.StreamError("15550001110", code); n != 1 {
			t.Fatalf("stream error %d reached %d sessions", code, n)
		}
		await[*events.Connected](c, mark, nil)
	}
}

func TestCloseDoesNotHang(t *testing.T) {
	t.Parallel()
	sim, err := whatsim.Start(whatsim.Options{})
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	pinRoot.Do(func() { pin(sim) })
	c := paired(t, sim, "15550001111")
	done := make(chan error, 1)
	go func() { done <- sim.Close() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("close: %v", err)
		}
	case <-time.After(patience):
		t.Fatal("close hangs")
	}
	await[*events.Disconnected](c, 0, nil)
	if _, err := sim.Write(context.Background(), whatsim.Draft{From: "1", To: "2"}); err == nil {
		t.Error("a number of one digit was accepted")
	}
}

func TestOwnNameReachesCompanion(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{ShareName: true})
	if err := sim.SetBehaviour("15550001112", whatsim.Behaviour{PushName: "Corner Shop"}); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, sim, newDevice())
	c.EmitAppStateEventsOnFullSync = true
	pair(c, sim, "15550001112")
	await[*events.PushNameSetting](c, 0, nil)
	await(c, 0, func(e *events.AppStateSyncComplete) bool { return e.Name == appstate.WAPatchRegular })
	if c.Store.PushName != "Corner Shop" {
		t.Errorf("own name is %q", c.Store.PushName)
	}
	if err := c.SendPresence(t.Context(), types.PresenceAvailable); err != nil {
		t.Errorf("presence: %v", err)
	}
	if _, err := sim.WaitEvents(ctxFor(t), whatsim.EventQuery{Kind: whatsim.EventPresence, Number: "15550001112"}, 1); err != nil {
		t.Errorf("presence did not arrive: %v", err)
	}
}

// TestLongOfflineQueueKeepsItsOrder lets more messages wait than the client's queue takes at once.
func TestLongOfflineQueueKeepsItsOrder(t *testing.T) {
	t.Parallel()
	const n = 2300 // the client takes 2,048
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001113")
	at := lastEvent(sim)
	c.Disconnect()
	gone(t, sim, "15550001113", at)
	for _, text := range numbered(n, "%d") {
		mustWrite(t, sim, "15550002113", "15550001113", text)
	}
	mark := c.count()
	c.connect()
	await(c, mark, func(m *events.Message) bool { return m.Message.GetConversation() == fmt.Sprint(n-1) })
	if diff := cmp.Diff(numbered(n, "%d"), heard(c)); diff != "" {
		t.Errorf("client heard (-want +got):\n%s", diff)
	}
	await(c, mark, func(e *events.OfflineSyncCompleted) bool { return e.Count == n })
}
