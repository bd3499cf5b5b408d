package whatsmeow_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/provider"
	"chasqui/internal/provider/whatsmeow"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// linking begins to link a phone that wants a passkey, up to the moment at
// which the passkey is wanted. The channel tells how it ends for the phone.
func (n *number) linking(method wa.PairMethod, mode whatsim.PasskeyMode) (mark int, out <-chan error) {
	n.t.Helper()
	if err := n.w.sim.SetBehaviour(n.phone, whatsim.Behaviour{Passkey: mode}); err != nil {
		n.t.Fatal(err)
	}
	mark = n.sink.mark()
	if err := n.s.(provider.Pairer).Pair(n.t.Context(), method, wa.Phone("+"+n.phone)); err != nil {
		n.t.Fatalf("pair: %v", err)
	}
	code := await[provider.PairingCode](n.t, n.sink, mark, nil).Code
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		link := n.w.sim.Scan
		if method == wa.PairCode {
			link = func(ctx context.Context, code, phone string) (types.JID, error) {
				return n.w.sim.EnterCode(ctx, phone, code)
			}
		}
		_, err := link(ctx, code, n.phone)
		done <- err
	}()
	wanted := await[provider.PasskeyWanted](n.t, n.sink, mark, nil)
	var asked struct{ Challenge, RPID string }
	if err := json.Unmarshal(wanted.Request, &asked); err != nil || asked.Challenge == "" || asked.RPID != "web.whatsapp.com" || wanted.ExpiresAt.IsZero() {
		n.t.Errorf("asked %s until %v (%v)", wanted.Request, wanted.ExpiresAt, err)
	}
	return mark, done
}

// answer hands in what the phone's passkey gives.
func (n *number) answer(spoil ...string) {
	n.t.Helper()
	raw, err := n.w.sim.ApprovePasskey(n.phone)
	if err != nil {
		n.t.Fatalf("approve: %v", err)
	}
	text := strings.NewReplacer(spoil...).Replace(string(raw))
	if err := n.s.(provider.Pairer).AnswerPasskey(n.t.Context(), []byte(text)); err != nil {
		n.t.Fatalf("answer: %v", err)
	}
}

// comesOnline waits for the success of an attempt.
func (n *number) comesOnline(mark int, out <-chan error) {
	n.t.Helper()
	n.jid = await[provider.Paired](n.t, n.sink, mark, nil).JID
	await(n.t, n.sink, mark, signalled(provider.Connected))
	if err := <-out; err != nil {
		n.t.Errorf("the phone says %v", err)
	}
}

func TestPairWithPasskey(t *testing.T) {
	t.Parallel()
	for method, phone := range map[wa.PairMethod]string{wa.PairQR: "15550128001", wa.PairCode: "15550128002"} {
		t.Run(string(method), func(t *testing.T) {
			t.Parallel()
			n := newWorld(t).open(phone)
			mark, out := n.linking(method, whatsim.PasskeyAsk)
			n.answer()
			n.comesOnline(mark, out)
			n.send(text("15550128003", "with a passkey"))
			n.inbox("15550128003", 1)
			if wanted := all[provider.PasskeyWanted](n.sink); len(wanted) != 1 {
				t.Errorf("a passkey was wanted %d times", len(wanted))
			}
		})
	}
}

func TestPasskeyCodesAreCompared(t *testing.T) {
	t.Parallel()
	n := newWorld(t).open("15550128101")
	mark, out := n.linking(wa.PairQR, whatsim.PasskeyCompare)
	n.answer()
	n.answer()
	code := await(t, n.sink, mark, func(u provider.PasskeyWanted) bool { return u.Confirm != "" }).Confirm
	if shown := n.w.sim.AskedPasskeys(); len(shown) != 1 || shown[0].Code != code {
		t.Errorf("we show %s, the phone %+v", code, shown)
	}
	if n.w.devicesOf(n.phone) != 0 {
		t.Error("linked before anybody compared")
	}
	if err := n.s.(provider.Pairer).ConfirmPasskey(t.Context()); err != nil {
		t.Fatalf("confirm: %v", err)
	}
	n.comesOnline(mark, out)
}

// TestPasskeyFails: the person learns why in plain words, nothing is kept, and
// the next attempt succeeds.
func TestPasskeyFails(t *testing.T) {
	t.Parallel()
	quick := func(o *whatsmeow.Options) { o.PasskeyWait = 300 * time.Millisecond }
	for name, c := range map[string]struct {
		phone  string
		change []func(*whatsmeow.Options)
		fail   func(n *number)
		code   string
		reason string
	}{
		"a wrong answer": {phone: "15550128201", fail: func(n *number) { n.answer(`"signature":"ME`, `"signature":"MF`) }, code: "passkey_error", reason: "not accepted"},
		"nobody answers": {phone: "15550128202", change: []func(*whatsmeow.Options){quick}, fail: func(*number) {}, reason: "not used in time"},
		"the phone refuses": {phone: "15550128203", code: "passkey_error", reason: "not accepted", fail: func(n *number) {
			if err := n.w.sim.RefusePasskey(n.phone); err != nil {
				n.t.Error(err)
			}
		}},
		"WhatsApp is silent": {phone: "15550128204", code: "passkey_error", reason: "did not answer", fail: func(n *number) {
			if _, err := n.w.sim.AddRule(whatsim.Rule{Action: whatsim.DropIQ, Namespace: "md", Times: 1}); err != nil {
				n.t.Error(err)
			}
			ctx, cancel := context.WithTimeout(n.t.Context(), 100*time.Millisecond)
			defer cancel()
			raw, err := n.w.sim.ApprovePasskey(n.phone)
			if err == nil {
				err = n.s.(provider.Pairer).AnswerPasskey(ctx, raw)
			}
			if err != nil {
				n.t.Error(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newWorld(t, c.change...).open(c.phone)
			mark, out := n.linking(wa.PairQR, whatsim.PasskeyAsk)
			c.fail(n)
			end := await(t, n.sink, mark, signalled(provider.PairFailed))
			if end.Code != c.code || !strings.Contains(end.Reason, c.reason) || !strings.HasSuffix(end.Reason, "new codes.") {
				t.Errorf("told %+v", end)
			}
			if err := <-out; err == nil {
				t.Error("the phone thinks that it is linked")
			}
			if err := n.s.(provider.Pairer).ConfirmPasskey(t.Context()); err == nil {
				t.Error("an attempt that is over was confirmed")
			}
			if ends := all[provider.StateChanged](n.sink); len(ends) != 1 || n.w.devicesOf(n.phone) != 0 {
				t.Errorf("told %+v, %d devices kept", ends, n.w.devicesOf(n.phone))
			}
			n.openWith(n.w.provider(), "")
			mark, out = n.linking(wa.PairQR, whatsim.PasskeyAsk)
			n.answer()
			n.comesOnline(mark, out)
		})
	}
}

func TestPasskeyWithoutAPairing(t *testing.T) {
	t.Parallel()
	n := newWorld(t).open("15550128301")
	if err := n.s.(provider.Pairer).AnswerPasskey(t.Context(), []byte("{}")); err == nil {
		t.Error("an answer was passed on without a pairing")
	}
	n.linking(wa.PairQR, whatsim.PasskeyAsk)
	if err := n.s.(provider.Pairer).AnswerPasskey(t.Context(), []byte("nonsense")); err == nil {
		t.Error("nonsense was passed on")
	}
	// A new attempt drops the one that waits for a passkey, without a word.
	if err := n.w.sim.SetBehaviour(n.phone, whatsim.Behaviour{}); err != nil {
		t.Fatal(err)
	}
	n.pairQR()
	for _, s := range all[provider.StateChanged](n.sink) {
		if s.Signal == provider.PairFailed {
			t.Errorf("told %+v", s)
		}
	}
}
