package whatsim_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/proto"

	"chasqui/internal/whatsim"
)

func addRule(t *testing.T, sim *whatsim.Server, r whatsim.Rule) whatsim.Rule {
	t.Helper()
	r, err := sim.AddRule(r)
	if err != nil {
		t.Fatalf("add rule: %v", err)
	}
	return r
}

// sayWithin sends with a short patience, for messages whose ack never comes.
func (c *client) sayWithin(to, text string, wait time.Duration) (whatsmeow.SendResponse, error) {
	return c.SendMessage(c.t.Context(), types.NewJID(to, types.DefaultUserServer),
		&waE2E.Message{Conversation: proto.String(text)}, whatsmeow.SendRequestExtra{Timeout: wait})
}

func TestMessageFaults(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	for i, tt := range []struct {
		rule      whatsim.Rule
		fails     string // part of the error SendMessage returns; "" means success
		arrives   int    // visible copies
		all       int    // copies the phone saw at all
		delivered bool   // a receipt comes
	}{
		{whatsim.Rule{Action: whatsim.AckError, Code: 463}, "463", 0, 0, false},
		{whatsim.Rule{Action: whatsim.AckDelay, DelayMS: 50}, "", 1, 1, true},
		{whatsim.Rule{Action: whatsim.NoAck}, "timed out", 1, 1, true},
		{whatsim.Rule{Action: whatsim.DropSilent}, "timed out", 0, 0, false},
		{whatsim.Rule{Action: whatsim.AckThenDrop}, "", 0, 0, false},
		{whatsim.Rule{Action: whatsim.NoReceipts}, "", 1, 1, false},
		{whatsim.Rule{Action: whatsim.DisconnectPre}, "", 1, 1, true},
		{whatsim.Rule{Action: whatsim.DisconnectPost}, "", 1, 2, true},
		{whatsim.Rule{Action: whatsim.RequestRetry}, "", 1, 1, true},
	} {
		t.Run(string(tt.rule.Action), func(t *testing.T) {
			t.Parallel()
			from, to := fmt.Sprintf("1555000130%d", i), fmt.Sprintf("1555000230%d", i)
			c := paired(t, sim, from)
			c.comeBack()
			c.mustSay(to, "first") // a session exists, as in ordinary life
			tt.rule.Sender, tt.rule.Times = from, 1
			rule := addRule(t, sim, tt.rule)
			resp, err := c.sayWithin(to, "second", 300*time.Millisecond)
			if tt.fails == "" && err != nil || tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails)) {
				t.Fatalf("send: got error %v, want %q", err, tt.fails)
			}
			if tt.rule.Action == whatsim.RequestRetry {
				// The library encrypts the retry beside other sends, and would use one key for two messages.
				if _, err := sim.WaitMessages(ctxFor(t), whatsim.Query{To: to}, 2); err != nil {
					t.Fatalf("retry did not arrive: %v", err)
				}
			}
			want := []string{"first"}
			if tt.arrives > 0 {
				want = append(want, "second")
			}
			want = append(want, "third")
			if got, err := c.sayWithin(to, "third", patience); err != nil {
				t.Fatalf("third message: %v (%+v)", err, got)
			}
			msgs, err := sim.WaitMessages(ctxFor(t), whatsim.Query{To: to}, len(want))
			if diff := cmp.Diff(want, texts(msgs)); diff != "" || err != nil {
				t.Errorf("inbox (-want +got, %v):\n%s", err, diff)
			}
			if got := sim.Messages(whatsim.Query{To: to, ID: resp.ID, All: true}); len(got) != tt.all {
				t.Errorf("the phone saw %d copies, want %d", len(got), tt.all)
			}
			delivered := func(id string) func(*events.Receipt) bool {
				return func(r *events.Receipt) bool { return r.Type == types.ReceiptTypeDelivered && r.MessageIDs[0] == id }
			}
			if tt.delivered {
				await(c, 0, delivered(resp.ID))
			}
			for _, r := range all[*events.Receipt](c) {
				if !tt.delivered && delivered(resp.ID)(r) {
					t.Errorf("a receipt came all the same")
				}
			}
			for _, r := range sim.Rules() {
				if r.ID == rule.ID && r.Fired != 1 {
					t.Errorf("rule fired %d times, want once", r.Fired)
				}
			}
		})
	}
}

func TestRefusedPreKeysLeaveTheRecipientOut(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001401")
	addRule(t, sim, whatsim.Rule{Action: whatsim.RefusePreKeys, Recipient: "15550002401", Times: 1})
	sent := c.mustSay("15550002401", "nobody reads this")
	if _, err := sim.WaitEvents(ctxFor(t), whatsim.EventQuery{Kind: whatsim.EventUndeliverable, ID: sent.ID}, 1); err != nil {
		t.Errorf("not recorded as undeliverable: %v", err)
	}
	c.mustSay("15550002401", "this arrives")
	msgs, err := sim.WaitMessages(ctxFor(t), whatsim.Query{To: "15550002401"}, 1)
	if diff := cmp.Diff([]string{"this arrives"}, texts(msgs)); diff != "" || err != nil {
		t.Errorf("inbox (-want +got, %v):\n%s", err, diff)
	}
}

func TestRequestFaults(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001402")
	ask := func() error {
		_, err := c.IsOnWhatsApp(t.Context(), []string{"+15550002402"})
		return err
	}
	addRule(t, sim, whatsim.Rule{Action: whatsim.IQError, Namespace: "usync", Code: 429, Times: 1})
	if err := ask(); !errors.Is(err, whatsmeow.ErrIQRateOverLimit) {
		t.Errorf("got %v, want %v", err, whatsmeow.ErrIQRateOverLimit)
	}
	addRule(t, sim, whatsim.Rule{Action: whatsim.IQDelay, Namespace: "usync", DelayMS: 100, Times: 1})
	began := time.Now()
	if err := ask(); err != nil || time.Since(began) < 100*time.Millisecond {
		t.Errorf("answered after %v with %v, want 100 ms and no error", time.Since(began), err)
	}
	mark := c.count()
	addRule(t, sim, whatsim.Rule{Action: whatsim.Disconnect, Namespace: "usync", Times: 1})
	if err := ask(); err != nil { // the library repeats the request after reconnecting
		t.Errorf("after a cut: %v", err)
	}
	await[*events.Connected](c, mark, nil)
}

func TestSkippedAndLimitedRules(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001403")
	addRule(t, sim, whatsim.Rule{Action: whatsim.AckError, Recipient: "15550002403", Skip: 1, Times: 2})
	var failed []int
	for i := range 5 {
		if _, err := c.say("15550002403", fmt.Sprint(i)); err != nil {
			failed = append(failed, i)
		}
	}
	if diff := cmp.Diff([]int{1, 2}, failed); diff != "" {
		t.Errorf("refused messages (-want +got):\n%s", diff)
	}
	c.mustSay("15550002404", "another recipient")
	sim.ClearRules()
	if left := sim.Rules(); len(left) != 0 {
		t.Errorf("rules left: %+v", left)
	}
	if _, err := sim.AddRule(whatsim.Rule{Action: "explode"}); !errors.Is(err, whatsim.ErrRule) {
		t.Errorf("unknown action: %v", err)
	}
}

func TestFailingUpgrade(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	addRule(t, sim, whatsim.Rule{Action: whatsim.HTTPError, Code: http.StatusBadGateway, Times: 1})
	c := newClient(t, sim, newDevice())
	if err := c.Connect(); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("connect: got %v, want status 502", err)
	}
	addRule(t, sim, whatsim.Rule{Action: whatsim.ConnectDelay, DelayMS: 80, Times: 1})
	began := time.Now()
	c.connect()
	if d := time.Since(began); d < 80*time.Millisecond {
		t.Errorf("connected after %v, want 80 ms", d)
	}
}

func TestNumberWithoutAccount(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001405")
	if err := sim.SetBehaviour("15550002405", whatsim.Behaviour{NotOnWhatsApp: true}); err != nil {
		t.Fatal(err)
	}
	got, err := c.IsOnWhatsApp(t.Context(), []string{"+15550002405", "+15550002406"})
	if err != nil || len(got) != 2 || got[0].IsIn || !got[1].IsIn {
		t.Errorf("on WhatsApp: %+v (%v), want no and yes", got, err)
	}
	if _, err := c.say("15550002405", "hello?"); err == nil {
		t.Errorf("a message to nobody was accepted")
	}
}

func TestPhoneBehaviours(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{ReadAfter: 30 * time.Millisecond})
	c := paired(t, sim, "15550001406")
	for number, b := range map[string]whatsim.Behaviour{
		"15550002411": {Blocked: true},
		"15550002412": {ReadAfterMS: whatsim.Never},
		"15550002413": {DeliveredAfterMS: 120, ReadAfterMS: 150},
		"15550002414": {AutoReply: "I am busy"},
	} {
		if err := sim.SetBehaviour(number, b); err != nil {
			t.Fatal(err)
		}
	}
	sent := map[string]string{}
	for _, number := range []string{"15550002411", "15550002412", "15550002413", "15550002414"} {
		sent[number] = c.mustSay(number, "hi").ID
	}
	await(c, 0, func(m *events.Message) bool { return m.Message.GetConversation() == "I am busy" })
	for number, last := range map[string]types.ReceiptType{
		"15550002412": types.ReceiptTypeDelivered, "15550002413": types.ReceiptTypeRead, "15550002414": types.ReceiptTypeRead,
	} {
		await(c, 0, func(r *events.Receipt) bool { return r.MessageIDs[0] == sent[number] && r.Type == last })
	}
	got := map[string]string{}
	for _, r := range all[*events.Receipt](c) {
		got[r.MessageIDs[0]] += "." + string(r.Type)
	}
	want := map[string]string{sent["15550002412"]: ".", sent["15550002413"]: "..read", sent["15550002414"]: "..read"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("receipts (-want +got):\n%s", diff)
	}
	if n := len(sim.Messages(whatsim.Query{To: "15550002411", All: true})); n != 0 {
		t.Errorf("the blocking phone has %d messages", n)
	}
}
