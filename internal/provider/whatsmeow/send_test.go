package whatsmeow_test

import (
	"context"
	"testing"
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/provider/whatsmeow"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

func (w *world) rule(r whatsim.Rule) {
	w.t.Helper()
	if _, err := w.sim.AddRule(r); err != nil {
		w.t.Fatal(err)
	}
}

func TestAnswerWithQuoteAndMention(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550150001")
	id := n.write("15550150002", "a question")
	asked := await[provider.Received](t, n.sink, 0, nil)
	m := text("15550150002", "an answer, @15550150003")
	m.Quoted = &provider.Quoted{WireID: id, From: asked.From, Text: "a question"}
	m.Mentions = []wa.Phone{"+15550150003"}
	n.send(m)
	got := n.inbox("15550150002", 1)[0]
	if got.Quoted != id || len(got.Mentions) != 1 || got.Text != "an answer, @15550150003" {
		t.Errorf("got %+v", got)
	}

	answer, err := w.sim.Write(t.Context(), whatsim.Draft{From: "15550150002", To: n.phone, Text: "thanks", Quote: m.WireID})
	if err != nil {
		t.Fatal(err)
	}
	back := await(t, n.sink, 0, func(r provider.Received) bool { return r.WireID == answer })
	if back.QuotedID != m.WireID {
		t.Errorf("got %+v", back)
	}
}

// seenOnce checks that a phone got a message twice and shows it once.
func (n *number) seenOnce(phone, id string) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	got, err := n.w.sim.WaitMessages(ctx, whatsim.Query{To: phone, From: n.phone, ID: id, All: true}, 2)
	if err != nil {
		n.t.Fatalf("two copies of %s: %v", id, err)
	}
	visible := 0
	for _, m := range got {
		if m.Visible() {
			visible++
		}
	}
	if visible != 1 {
		n.t.Errorf("seen %d times", visible)
	}
}

func TestRepeatIsSeenOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550151001")
	m := text("15550151002", "once")
	first, second := n.send(m), n.send(m)
	if string(first.Payload) != string(second.Payload) {
		t.Error("the two attempts differ in content")
	}
	n.seenOnce("15550151002", m.WireID)
}

func TestSendByHiddenAddressOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550152001")
	n.send(text("15550152002", "by phone"))
	lid := await[provider.Receipt](t, n.sink, 0, nil).From.LID
	m := text("", "by hidden address")
	m.To = provider.Peer{LID: lid}
	n.send(m)
	if got := n.inbox("15550152002", 2); got[1].Text != "by hidden address" {
		t.Errorf("got %+v", got)
	}
}

func TestServerRefusesMessages(t *testing.T) {
	t.Parallel()
	tests := []struct {
		code  int
		class provider.Class
		fail  wa.FailCode
	}{
		{463, provider.Lasting, wa.FailPrivacyToken},
		{479, provider.Passing, wa.FailSessionInvalid},
		{429, provider.Blocked, wa.FailRateLimited},
		{491, provider.Lasting, wa.FailProviderRejected},
		{503, provider.Passing, wa.FailProviderUnavailable},
	}
	w := newWorld(t)
	n := w.pair("15550153001")
	for _, tt := range tests {
		w.rule(whatsim.Rule{Action: whatsim.AckError, Code: tt.code, Times: 1})
		_, err := n.s.Send(t.Context(), text("15550153002", "refused"))
		if f := failureOf(t, err); f.Class != tt.class || f.Code != tt.fail {
			t.Errorf("%d: got %v", tt.code, f)
		}
	}
	n.send(text("15550153002", "taken"))
	if got := n.inbox("15550153002", 1); got[0].Text != "taken" {
		t.Errorf("got %+v", got)
	}
}

func TestQueryRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550154001")
	w.rule(whatsim.Rule{Action: whatsim.IQError, Namespace: "usync", Code: 429, Text: "rate-overlimit", Times: 1})
	_, err := n.s.Send(t.Context(), text("15550154002", "x"))
	if f := failureOf(t, err); f.Class != provider.Blocked || f.Code != wa.FailRateLimited {
		t.Errorf("got %v", f)
	}
}

// TestNeverAnswered is a send that WhatsApp takes and never confirms: the
// number goes on receiving, other numbers go on sending, and the outcome is
// unknown in the end.
func TestNeverAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *whatsmeow.Options) { o.SendTimeout = 3 * time.Second })
	n, other := w.pair("15550155001"), w.pair("15550155002")
	n.send(text("15550155003", "before"))
	w.rule(whatsim.Rule{Action: whatsim.NoAck, Sender: n.phone, Times: 1})
	outcome := make(chan error, 1)
	start := time.Now()
	go func() {
		_, err := n.s.Send(t.Context(), text("15550155003", "never confirmed"))
		outcome <- err
	}()
	n.inbox("15550155003", 2)
	n.write("15550155003", "to a number that waits")
	await(t, n.sink, 0, func(m provider.Received) bool { return true })
	other.send(text("15550155003", "from another number"))
	if waited := time.Since(start); waited > 3*time.Second {
		t.Errorf("receiving and the other number waited %v", waited)
	}
	if f := failureOf(t, <-outcome); f.Class != provider.Ambiguous || f.Code != wa.FailUnconfirmed {
		t.Errorf("got %v", f)
	}
	n.send(text("15550155003", "after"))
}

func TestLineLostBeforeTheAck(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550156001")
	n.send(text("15550156002", "before"))
	w.rule(whatsim.Rule{Action: whatsim.DisconnectPost, Sender: n.phone, Times: 1})
	m := text("15550156002", "lost ack")
	_, err := n.s.Send(t.Context(), m)
	if f := failureOf(t, err); f.Class != provider.Ambiguous {
		t.Errorf("got %v", f)
	}
	n.connect()
	n.send(m)
	n.seenOnce("15550156002", m.WireID)
}

// TestLineComesBackInTime reconnects while the library still waits: it repeats
// the same bytes, and the send succeeds.
func TestLineComesBackInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550157001")
	n.send(text("15550157002", "before"))
	n.supervise()
	w.rule(whatsim.Rule{Action: whatsim.DisconnectPre, Sender: n.phone, Times: 1})
	n.send(text("15550157002", "repeated"))
	n.inbox("15550157002", 2)
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550158001")
	if err := w.sim.SetBehaviour("15550158002", whatsim.Behaviour{NotOnWhatsApp: true}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second answer comes from memory
		_, err := n.s.Send(t.Context(), text("15550158002", "x"))
		if f := failureOf(t, err); f.Class != provider.Lasting || f.Code != wa.FailNotOnWhatsApp {
			t.Errorf("got %v", f)
		}
	}
	if frames := w.sim.Frames(n.phone, 0); len(frames) != 0 {
		t.Errorf("%d messages left", len(frames))
	}
}

// TestAccountClosed is a contact we know whose account is gone: the library
// would send an empty shell.
func TestAccountClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550159001")
	n.send(text("15550159002", "hello"))
	n.s.Close()
	if err := w.sim.SetBehaviour("15550159002", whatsim.Behaviour{NotOnWhatsApp: true}); err != nil {
		t.Fatal(err)
	}
	n.openWith(w.provider(), n.jid)
	n.connect()
	_, err := n.s.Send(t.Context(), text("15550159002", "still there?"))
	if f := failureOf(t, err); f.Class != provider.Lasting || f.Code != wa.FailNotOnWhatsApp {
		t.Errorf("got %v", f)
	}
	n.send(text("15550159003", "somebody else"))
}

// TestKeysRefused is a contact whose keys the server does not hand out just
// now: nothing may leave, and a later try goes through.
func TestKeysRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550160001")
	w.rule(whatsim.Rule{Action: whatsim.RefusePreKeys, Recipient: "15550160002", Times: 1})
	m := text("15550160002", "with keys")
	_, err := n.s.Send(t.Context(), m)
	if f := failureOf(t, err); f.Class != provider.Passing || f.Code != wa.FailSessionInvalid {
		t.Errorf("got %v", f)
	}
	n.send(m)
	if got := n.inbox("15550160002", 1); !got[0].Visible() {
		t.Errorf("got %+v", got[0])
	}
	if lost := w.sim.Events(whatsim.EventQuery{Kind: whatsim.EventUndeliverable}); len(lost) != 0 {
		t.Errorf("%d empty shells were sent", len(lost))
	}
}

func TestSendMindsItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550161001")
	w.rule(whatsim.Rule{Action: whatsim.DropIQ, Namespace: "usync", Times: 1})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := n.s.Send(ctx, text("15550161002", "x"))
	if f := failureOf(t, err); f.Class != provider.Passing && f.Class != provider.NotSent {
		t.Errorf("got %v", f)
	}
	n.send(text("15550161002", "y"))
}

func TestTyping(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550162001")
	n.send(text("15550162002", "hello"))
	typist := n.s.(provider.Typist)
	for _, on := range []bool{true, false} {
		if err := typist.Typing(t.Context(), to("15550162002"), on); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seen, err := w.sim.WaitEvents(ctx, whatsim.EventQuery{Kind: whatsim.EventChatState}, 2)
	if err != nil || seen[0].Detail != "composing" || seen[1].Detail != "paused" {
		t.Errorf("got %+v, %v", seen, err)
	}
}
