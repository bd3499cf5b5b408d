package whatsim_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"chasqui/internal/whatsim"
)

// locked applies the remedy for the library's session race: decryption and the encrypting part of a send exclude each
// other. The lock is released when the changed sessions are stored, before the ack.
type locked struct {
	*memory
	sending sync.Mutex // one send at a time, so that unlock belongs to the send that locked
	release func()
}

func lockSessions(dev *store.Device) *locked {
	l := &locked{memory: dev.Sessions.(*memory)}
	dev.Sessions = l
	return l
}

func (l *locked) PutManySessions(ctx context.Context, ss map[string][]byte) error {
	err := l.memory.PutManySessions(ctx, ss)
	if l.release != nil {
		l.release()
	}
	return err
}

func (l *locked) send(c *client, to, text string) error {
	l.sending.Lock()
	defer l.sending.Unlock()
	l.txn.Lock()
	l.release = sync.OnceFunc(l.txn.Unlock)
	defer func() { l.release(); l.release = nil }()
	_, err := c.say(to, text)
	return err
}

func TestBothWriteAtOnce(t *testing.T) {
	t.Parallel()
	const n = 300
	sim := startSim(t, whatsim.Options{})
	dev := newDevice()
	l := lockSessions(dev)
	c := newClient(t, sim, dev)
	c.EnableDecryptedEventBuffer = true
	pair(c, sim, "15550001501")
	c.mustSay("15550002501", "a session exists")
	mustWrite(t, sim, "15550002501", "15550001501", "in both directions")
	await(c, 0, func(m *events.Message) bool { return m.Message.GetConversation() == "in both directions" })
	mark := c.count()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range n {
			if err := l.send(c, "15550002501", fmt.Sprintf("out %d", i)); err != nil {
				t.Errorf("send %d: %v", i, err)
				return
			}
		}
	})
	wg.Go(func() {
		for i := range n {
			mustWrite(t, sim, "15550002501", "15550001501", fmt.Sprintf("in %d", i))
		}
	})
	wg.Wait()
	msgs, err := sim.WaitMessages(ctxFor(t), whatsim.Query{To: "15550002501"}, n+1)
	if diff := cmp.Diff(numbered(n, "out %d"), texts(msgs)[1:]); diff != "" || err != nil {
		t.Errorf("phone read (-want +got, %v):\n%s", err, diff)
	}
	await(c, mark, func(m *events.Message) bool { return m.Message.GetConversation() == fmt.Sprintf("in %d", n-1) })
	if diff := cmp.Diff(numbered(n, "in %d"), heard(c)[1:]); diff != "" {
		t.Errorf("client read (-want +got):\n%s", diff)
	}
	for _, kind := range []string{whatsim.EventRetryAsked, whatsim.EventRetryServed, whatsim.EventOldCounter, whatsim.EventNack} {
		if bad := sim.Events(whatsim.EventQuery{Kind: kind}); len(bad) > 0 {
			t.Errorf("%d %s events, first %+v", len(bad), kind, bad[0])
		}
	}
}

// TestFirstContactBothWays lets both sides start a session at once, many times. The client's library may need retries for
// that; everything has to arrive all the same, and the phones never lose a session of their own.
func TestFirstContactBothWays(t *testing.T) {
	t.Parallel()
	const n = 20
	sim := startSim(t, whatsim.Options{})
	dev := newDevice()
	l := lockSessions(dev)
	c := newClient(t, sim, dev)
	c.EnableDecryptedEventBuffer = true
	pair(c, sim, "15550001502")
	var wg sync.WaitGroup
	for i := range n {
		number := fmt.Sprintf("155500026%02d", i)
		wg.Go(func() {
			for j := range 3 {
				if err := l.send(c, number, fmt.Sprint(j)); err != nil {
					t.Errorf("send: %v", err)
				}
			}
		})
		wg.Go(func() {
			for j := range 3 {
				mustWrite(t, sim, number, "15550001502", fmt.Sprintf("%s %d", number, j))
			}
		})
	}
	wg.Wait()
	for i := range n {
		number := fmt.Sprintf("155500026%02d", i)
		if msgs, err := sim.WaitMessages(ctxFor(t), whatsim.Query{To: number}, 3); err != nil {
			t.Errorf("phone %d read only %v", i, texts(msgs))
		}
		for j := range 3 {
			await(c, 0, func(m *events.Message) bool { return m.Message.GetConversation() == fmt.Sprintf("%s %d", number, j) })
		}
	}
}

func TestUnreadableMessageIsSentAgain(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001503")
	id, err := sim.Write(t.Context(), whatsim.Draft{From: "15550002503", To: "15550001503", Text: "second try", Garbage: true})
	if err != nil {
		t.Fatal(err)
	}
	await(c, 0, func(e *events.UndecryptableMessage) bool { return e.Info.ID == id })
	await(c, 0, func(m *events.Message) bool { return m.Info.ID == id && m.Message.GetConversation() == "second try" })
	pendingDone(t, sim, "15550001503")
}

func TestNewPhoneOfAContact(t *testing.T) {
	t.Parallel()
	for _, silent := range []bool{false, true} {
		t.Run(fmt.Sprintf("silent=%v", silent), func(t *testing.T) {
			t.Parallel()
			sim := startSim(t, whatsim.Options{})
			c := paired(t, sim, "15550001504")
			c.mustSay("15550002504", "to the old phone")
			if err := sim.ChangeIdentity("15550002504", !silent); err != nil {
				t.Fatal(err)
			}
			if !silent {
				await[*events.IdentityChange](c, 0, nil)
			}
			c.mustSay("15550002504", "to the new phone")
			msgs, err := sim.WaitMessages(ctxFor(t), whatsim.Query{To: "15550002504"}, 2)
			if diff := cmp.Diff([]string{"to the old phone", "to the new phone"}, texts(msgs)); diff != "" || err != nil {
				t.Errorf("inbox (-want +got, %v):\n%s", err, diff)
			}
			id := mustWrite(t, sim, "15550002504", "15550001504", "from the new phone")
			await(c, 0, func(m *events.Message) bool { return m.Info.ID == id })
		})
	}
}

func TestHiddenAddresses(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001505")
	if err := sim.SetBehaviour("15550002505", whatsim.Behaviour{LIDSender: true, PushName: "Ana"}); err != nil {
		t.Fatal(err)
	}
	lid := types.NewJID("9915550002505", types.HiddenUserServer)
	resp, err := c.SendMessage(t.Context(), lid, &waE2E.Message{Conversation: proto.String("by LID")})
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	if _, err := sim.WaitMessages(ctxFor(t), whatsim.Query{To: "15550002505"}, 1); err != nil {
		t.Fatalf("not delivered: %v", err)
	}
	r := await(c, 0, func(r *events.Receipt) bool { return r.MessageIDs[0] == resp.ID })
	if r.Chat != lid {
		t.Errorf("receipt from %s, want %s", r.Chat, lid)
	}
	id := mustWrite(t, sim, "15550002505", "15550001505", "from LID")
	m := await(c, 0, func(m *events.Message) bool { return m.Info.ID == id })
	if m.Info.Sender != lid || m.Info.SenderAlt.User != "15550002505" || m.Info.PushName != "Ana" {
		t.Errorf("message from %s (%s) named %q", m.Info.Sender, m.Info.SenderAlt, m.Info.PushName)
	}
	pendingDone(t, sim, "15550001505")
}

// TestCompanionsOfTwoAccounts lets two real clients talk; both phones see everything too.
func TestCompanionsOfTwoAccounts(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	a, b := paired(t, sim, "15550001506"), paired(t, sim, "15550001507")
	there := a.mustSay("15550001507", "ping")
	await(b, 0, func(m *events.Message) bool { return m.Info.ID == there.ID && !m.Info.IsFromMe })
	back := b.mustSay("15550001506", "pong")
	await(a, 0, func(m *events.Message) bool { return m.Info.ID == back.ID && !m.Info.IsFromMe })
	for _, number := range []string{"15550001506", "15550001507"} {
		msgs := sim.Messages(whatsim.Query{To: number, All: true})
		if len(msgs) != 2 || slices.ContainsFunc(msgs, func(m whatsim.Message) bool { return m.Err != "" }) {
			t.Errorf("phone %s has %+v", number, msgs)
		}
	}
}

// TestOwnPhoneWrites checks that what a person types on the phone of a paired account reaches the companion as a copy.
func TestOwnPhoneWrites(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001508")
	id := mustWrite(t, sim, "15550001508", "15550002508", "typed on the phone")
	m := await(c, 0, func(m *events.Message) bool { return m.Info.ID == id })
	if !m.Info.IsFromMe || m.Info.Chat.User != "15550002508" || m.Message.GetConversation() != "typed on the phone" {
		t.Errorf("copy = %+v %v", m.Info.MessageSource, m.Message)
	}
	pendingDone(t, sim, "15550001508")
}

func TestPreKeysAreRefilled(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001509")
	info, err := sim.Phone("15550001509")
	if err != nil || info.Devices[0].PreKeys < 800 {
		t.Fatalf("prekeys after pairing: %+v (%v)", info.Devices, err)
	}
	other := paired(t, sim, "15550001510")
	ask := slices.Repeat([]types.JID{*c.Store.ID}, info.Devices[0].PreKeys-3)            // every bundle uses one up
	if _, err := other.DangerousInternals().FetchPreKeys(t.Context(), ask); err != nil { //nolint:staticcheck // one request instead of 800 first contacts
		t.Fatalf("fetch bundles: %v", err)
	}
	eventually(t, "new prekeys", func() bool {
		info, err = sim.Phone("15550001509")
		return err == nil && info.Devices[0].PreKeys > 40
	})
	id := mustWrite(t, sim, "15550002509", "15550001509", "with a new key")
	await(c, 0, func(m *events.Message) bool { return m.Info.ID == id })
}
