package whatsmeow_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"

	"chasqui/internal/provider"
	"chasqui/internal/provider/whatsmeow"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// TestNotStoredIsGivenAgain makes the sink fail after the message was
// decrypted. It comes again after a reconnect, out of the buffer of decrypted
// messages, and is stored once.
func TestNotStoredIsGivenAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550170001")
	n.supervise()
	failures := 2
	n.sink.setFail(func(u provider.Update) error {
		if _, ok := u.(provider.Received); ok && failures > 0 {
			failures--
			return errTest
		}
		return nil
	})
	id := n.write("15550170002", "keep me")
	await(t, n.sink, 0, func(m provider.Received) bool { return m.WireID == id })
	n.write("15550170002", "the next one")
	await(t, n.sink, 0, func(m provider.Received) bool { return m.Content == wa.Text{Body: "the next one"} })
	if got := all[provider.Received](n.sink); len(got) != 2 {
		t.Errorf("%d messages stored, want 2", len(got))
	}
	if bad := all[provider.Undecryptable](n.sink); len(bad) != 0 {
		t.Errorf("%d messages could not be read", len(bad))
	}
}

// TestDiedBetweenDecryptingAndStoring is the same across a restart: the process
// that decrypted the message is gone, and its key with it.
func TestDiedBetweenDecryptingAndStoring(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550171001")
	died := make(chan struct{}, 10)
	n.sink.setFail(func(u provider.Update) error {
		if _, ok := u.(provider.Received); ok {
			died <- struct{}{}
			return errTest
		}
		return nil
	})
	id := n.write("15550171002", "survive")
	<-died
	n.s.Close()
	n.sink.setFail(nil)
	n.openWith(w.provider(), n.jid)
	n.connect()
	got := await(t, n.sink, 0, func(m provider.Received) bool { return m.WireID == id })
	if got.Content != (wa.Text{Body: "survive"}) {
		t.Errorf("got %+v", got)
	}
	if n := len(all[provider.Received](n.sink)); n != 1 {
		t.Errorf("stored %d times", n)
	}
}

func TestReceiptNotStoredIsGivenAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550172001")
	n.supervise()
	failures := 1
	n.sink.setFail(func(u provider.Update) error {
		if _, ok := u.(provider.Receipt); ok && failures > 0 {
			failures--
			return errTest
		}
		return nil
	})
	m := text("15550172002", "hello")
	n.send(m)
	got := await[provider.Receipt](t, n.sink, 0, nil)
	if got.WireIDs[0] != m.WireID {
		t.Errorf("got %+v", got)
	}
}

func TestSinkThatPanicsLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550173001")
	n.supervise()
	panics := 1
	n.sink.setFail(func(u provider.Update) error {
		if _, ok := u.(provider.Received); ok && panics > 0 {
			panics--
			panic("a bug in the sink")
		}
		return nil
	})
	id := n.write("15550173002", "despite the bug")
	await(t, n.sink, 0, func(m provider.Received) bool { return m.WireID == id })
}

func TestWaitedAtTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550174001")
	n.awaitConfirmed(n.write("15550174002", "while online"))
	n.s.Disconnect()
	for i := range 20 {
		n.write("15550174002", fmt.Sprint("waiting ", i))
	}
	mark := n.sink.mark()
	n.connect()
	await[provider.CaughtUp](t, n.sink, mark, nil)
	got := all[provider.Received](n.sink)
	for i, m := range got[1:] {
		if want := (wa.Text{Body: fmt.Sprint("waiting ", i)}); m.Content != want || !m.Offline && time.Since(m.At) > 5*time.Second {
			t.Fatalf("message %d: got %+v", i, m)
		}
	}
	if len(got) != 21 {
		t.Errorf("%d messages, want 21 before CaughtUp", len(got))
	}
}

// awaitConfirmed waits until the number has told the server that it has a
// message. Before that the server gives it again.
func (n *number) awaitConfirmed(id string) whatsim.Event {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	got, err := n.w.sim.WaitEvents(ctx, whatsim.EventQuery{Kind: whatsim.EventReceipt, ID: id}, 1)
	if err != nil {
		n.t.Fatalf("confirmation of %s: %v", id, err)
	}
	return got[0]
}

func TestUnreadableComesAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550175001")
	n.write("15550175002", "readable")
	await[provider.Received](t, n.sink, 0, nil)
	id, err := w.sim.Write(t.Context(), whatsim.Draft{From: "15550175002", To: n.phone, Text: "second time lucky", Garbage: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := await[provider.Undecryptable](t, n.sink, 0, nil); got.WireID != id || got.From.Phone != "+15550175002" {
		t.Errorf("got %+v", got)
	}
	got := await(t, n.sink, 0, func(m provider.Received) bool { return m.WireID == id })
	if got.Content != (wa.Text{Body: "second time lucky"}) {
		t.Errorf("got %+v", got)
	}
}

func TestTypesWeDoNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550176001")
	for _, m := range []*waE2E.Message{
		{ProtocolMessage: &waE2E.ProtocolMessage{Type: waE2E.ProtocolMessage_EPHEMERAL_SETTING.Enum()}},
		{ReactionMessage: &waE2E.ReactionMessage{Text: proto.String("👍")}},
	} {
		if _, err := w.sim.Write(t.Context(), whatsim.Draft{From: "15550176002", To: n.phone, Proto: m}); err != nil {
			t.Fatal(err)
		}
	}
	n.write("15550176002", "text")
	await(t, n.sink, 0, func(m provider.Received) bool { return m.Type == wa.KindText })
	got := all[provider.Received](n.sink)
	if len(got) != 2 || got[0].Type != wa.KindUnknown || got[0].Content != nil {
		t.Errorf("got %+v", got)
	}
}

func TestOwnPhoneWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550177001")
	id, err := w.sim.Write(t.Context(), whatsim.Draft{From: n.phone, To: "15550177002", Text: "typed on the phone"})
	if err != nil {
		t.Fatal(err)
	}
	got := await[provider.Received](t, n.sink, 0, nil)
	if got.WireID != id || !got.FromMe || got.From.Phone != "+15550177002" || got.Content != (wa.Text{Body: "typed on the phone"}) {
		t.Errorf("got %+v", got)
	}
}

func TestHiddenSender(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550178001")
	if err := w.sim.SetBehaviour("15550178002", whatsim.Behaviour{LIDSender: true, PushName: "Ana\u202e"}); err != nil {
		t.Fatal(err)
	}
	n.write("15550178002", "from my hidden address")
	got := await[provider.Received](t, n.sink, 0, nil)
	if got.From.LID == "" || got.From.Phone != "+15550178002" || got.PushName != "Ana" {
		t.Errorf("got %+v", got)
	}
	seen := await[provider.ContactSeen](t, n.sink, 0, nil)
	if seen.PushName != "Ana" || seen.Peer != got.From {
		t.Errorf("got %+v", seen)
	}
}

func TestReadReceipt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550179001")
	if err := w.sim.SetBehaviour("15550179002", whatsim.Behaviour{ReadAfterMS: 30}); err != nil {
		t.Fatal(err)
	}
	m := text("15550179002", "read me")
	n.send(m)
	got := await(t, n.sink, 0, func(r provider.Receipt) bool { return r.Kind == provider.ReceiptRead })
	if got.WireIDs[0] != m.WireID || got.From.Phone != "+15550179002" || got.From.LID == "" || got.At.IsZero() {
		t.Errorf("got %+v", got)
	}
}

// TestReceiptsWeSendAreActive looks at the other side: the phone that wrote
// must see two ticks, although the number's own name is not known yet.
func TestReceiptsWeSendAreActive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550180001")
	id := n.write("15550180002", "two ticks?")
	if got := n.awaitConfirmed(id); got.Detail != "" {
		t.Errorf("got %+v", got)
	}
}

// TestNewPhone is a contact who changed phones: the next message must be
// written for the new keys, without a retry.
func TestNewPhone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550181001")
	n.send(text("15550181002", "to the old phone"))
	n.inbox("15550181002", 1)
	if err := w.sim.ChangeIdentity("15550181002", true); err != nil {
		t.Fatal(err)
	}
	if got := await[provider.IdentityChanged](t, n.sink, 0, nil); got.Peer.Phone != "+15550181002" || got.Peer.LID == "" {
		t.Errorf("got %+v", got)
	}
	n.send(text("15550181002", "to the new phone"))
	n.inbox("15550181002", 2)
	if asked := w.sim.Events(whatsim.EventQuery{Kind: whatsim.EventRetryAsked}); len(asked) != 0 {
		t.Errorf("%d messages had to be asked for again", len(asked))
	}
}

// TestNewPhoneUnannounced is the same without a word from the server: the new
// phone asks again, and writes with new keys.
func TestNewPhoneUnannounced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550182001")
	n.send(text("15550182002", "to the old phone"))
	n.inbox("15550182002", 1)
	if err := w.sim.ChangeIdentity("15550182002", false); err != nil {
		t.Fatal(err)
	}
	n.send(text("15550182002", "to the new phone"))
	n.inbox("15550182002", 2)
	n.write("15550182002", "from the new phone")
	await[provider.Received](t, n.sink, 0, nil)
	n.send(text("15550182002", "once more"))
	n.inbox("15550182002", 3)
}

// TestAskedAgainAfterRestart is a retry request for a message that the library
// has forgotten: the sink recalls it, and only its recipient is given it.
func TestAskedAgainAfterRestart(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		phone   string
		keptFor string
		want    []string
	}{
		"by the recipient":      {"15550183001", reader, []string{"asked for again", "the next"}},
		"by somebody else":      {"15550183002", "15550183999", []string{"the next"}},
		"nothing was kept":      {"15550183003", "", []string{"the next"}},
		"by the hidden address": {"15550183004", "lid", []string{"asked for again", "the next"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newWorld(t).pair(tt.phone)
			m := loseMessage(t, n, reader)
			n.keep(m, tt.keptFor)
			n.openWith(n.w.provider(), n.jid)
			n.connect()
			n.awaitAsked(m.WireID)
			n.send(text(reader, "the next"))
			var got []string
			for _, in := range n.inbox(reader, 1+len(tt.want))[1:] {
				got = append(got, in.Text)
			}
			slices.Sort(got)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// reader is the phone that cannot read.
const reader = "15550183900"

// loseMessage sends what the phone cannot read, and breaks the line before the
// phone's request for a repetition can be answered.
func loseMessage(t *testing.T, n *number, phone string) provider.Outgoing {
	t.Helper()
	n.send(text(phone, "first"))
	n.inbox(phone, 1)
	await[provider.Receipt](t, n.sink, 0, nil)
	if err := n.w.sim.ChangeIdentity(phone, false); err != nil {
		t.Fatal(err)
	}
	n.w.rule(whatsim.Rule{Action: whatsim.DisconnectPost, Sender: n.phone, Times: 1})
	m := text(phone, "asked for again")
	if _, err := n.s.Send(t.Context(), m); failureOf(t, err).Class != provider.Ambiguous {
		t.Fatalf("got %v", err)
	}
	n.s.Close()
	return m
}

// keep puts a message into the sink as the product does after an ack.
func (n *number) keep(m provider.Outgoing, phone string) {
	n.t.Helper()
	if phone == "" {
		return
	}
	to := types.NewJID(phone, types.DefaultUserServer)
	if phone == "lid" {
		to = types.NewJID(all[provider.Receipt](n.sink)[0].From.LID, types.HiddenUserServer)
	}
	message, err := whatsmeow.Encode(m, own)
	if err != nil {
		n.t.Fatal(err)
	}
	raw, err := whatsmeow.PayloadFor(to, message)
	if err != nil {
		n.t.Fatal(err)
	}
	n.sink.mu.Lock()
	defer n.sink.mu.Unlock()
	n.sink.recall[m.WireID] = raw
}

func (n *number) awaitAsked(id string) {
	n.t.Helper()
	deadline := time.After(patience)
	for {
		n.sink.mu.Lock()
		asked, grown := slices.Contains(n.sink.asked, id), n.sink.grown
		n.sink.mu.Unlock()
		if asked {
			return
		}
		select {
		case <-grown:
		case <-deadline:
			n.t.Fatalf("%s was never asked for", id)
		}
	}
}
