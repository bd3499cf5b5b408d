package whatsim_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"chasqui/internal/whatsim"
)

// linked is how a person's side of a pairing ended.
type linked struct {
	jid types.JID
	err error
}

// scanFor scans in the background: a phone that wants a passkey keeps whoever scans waiting.
func scanFor(t *testing.T, ctx context.Context, c *client, sim *whatsim.Server, number string) <-chan linked {
	t.Helper()
	c.connect()
	code := await[*events.QR](c, 0, nil).Codes[0]
	return later(func() (types.JID, error) { return sim.Scan(ctx, code, number) })
}

func later(work func() (types.JID, error)) <-chan linked {
	out := make(chan linked, 1)
	go func() {
		jid, err := work()
		out <- linked{jid, err}
	}()
	return out
}

// end waits for how it ended.
func end(t *testing.T, out <-chan linked) linked {
	t.Helper()
	select {
	case got := <-out:
		return got
	case <-time.After(patience):
		t.Fatal("the phone still waits")
		return linked{}
	}
}

func wants(t *testing.T, sim *whatsim.Server, number string, mode whatsim.PasskeyMode) {
	t.Helper()
	if err := sim.SetBehaviour(number, whatsim.Behaviour{Passkey: mode}); err != nil {
		t.Fatal(err)
	}
}

func approve(t *testing.T, sim *whatsim.Server, number string) *types.WebAuthnResponse {
	t.Helper()
	raw, err := sim.ApprovePasskey(number)
	if err != nil {
		t.Fatalf("approve: %v", err)
	}
	var answer types.WebAuthnResponse
	if err := json.Unmarshal(raw, &answer); err != nil {
		t.Fatal(err)
	}
	return &answer
}

func (c *client) answer(a *types.WebAuthnResponse) {
	c.t.Helper()
	if err := c.SendPasskeyResponse(c.t.Context(), a); err != nil {
		c.t.Fatalf("send the passkey's answer: %v", err)
	}
}

func (c *client) confirm() {
	c.t.Helper()
	if err := c.SendPasskeyConfirmation(c.t.Context()); err != nil {
		c.t.Fatalf("confirm: %v", err)
	}
}

func TestPairWithPasskey(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"qr", "code"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			const shop = "15550001801"
			sim := startSim(t, whatsim.Options{})
			wants(t, sim, shop, whatsim.PasskeyAsk)
			c := newClient(t, sim, newDevice())
			var out <-chan linked
			if way == "qr" {
				out = scanFor(t, ctxFor(t), c, sim, shop)
			} else {
				out = enterFor(t, c, sim, shop)
			}
			asked := await[*events.PairPasskeyRequest](c, 0, nil).PublicKey
			if asked.RelyingPartID != "web.whatsapp.com" || len(asked.Challenge) != 32 || len(asked.AllowCredentials) != 1 {
				t.Errorf("asked %+v", asked)
			}
			c.answer(approve(t, sim, shop))
			if got := await[*events.PairPasskeyConfirmation](c, 0, nil); !got.SkipHandoffUX || got.Code == "" {
				t.Errorf("to confirm: %+v", got)
			}
			if open := sim.AskedPasskeys(); len(open) != 1 || open[0].Number != shop || open[0].Code != "" {
				t.Errorf("the phone shows %+v", open)
			}
			c.confirm()
			got := end(t, out)
			await[*events.Connected](c, 0, nil)
			if got.err != nil || got.jid != *c.Store.ID {
				t.Errorf("linked %v (%v), the client is %v", got.jid, got.err, c.Store.ID)
			}
			if open := sim.AskedPasskeys(); len(open) != 0 {
				t.Errorf("still asked: %+v", open)
			}
			c.mustSay("15550002801", "with a passkey")
			if _, err := sim.WaitMessages(ctxFor(t), whatsim.Query{To: "15550002801"}, 1); err != nil {
				t.Errorf("message did not arrive: %v", err)
			}
		})
	}
}

func enterFor(t *testing.T, c *client, sim *whatsim.Server, number string) <-chan linked {
	t.Helper()
	c.connect()
	await[*events.QR](c, 0, nil)
	code, err := c.PairPhone(t.Context(), number, true, whatsmeow.PairClientChrome, "Chrome (Linux)")
	if err != nil {
		t.Fatalf("ask for a code: %v", err)
	}
	return later(func() (types.JID, error) { return sim.EnterCode(ctxFor(t), number, code) })
}

// TestPasskeyCodesAreCompared: the client sends the proof that makes it
// needless with its first answer only.
func TestPasskeyCodesAreCompared(t *testing.T) {
	t.Parallel()
	const shop = "15550001802"
	sim := startSim(t, whatsim.Options{})
	wants(t, sim, shop, whatsim.PasskeyCompare)
	c := newClient(t, sim, newDevice())
	out := scanFor(t, ctxFor(t), c, sim, shop)
	await[*events.PairPasskeyRequest](c, 0, nil)
	c.answer(approve(t, sim, shop))
	c.answer(approve(t, sim, shop))
	got := await[*events.PairPasskeyConfirmation](c, 0, nil)
	if _, err := sim.WaitEvents(ctxFor(t), whatsim.EventQuery{Kind: whatsim.EventPasskey, Number: shop}, 4); err != nil {
		t.Errorf("the phone compares nothing: %v", err)
	}
	if shown := sim.AskedPasskeys(); got.SkipHandoffUX || len(shown) != 1 || shown[0].Code != got.Code || len(got.Code) != 9 {
		t.Errorf("the client shows %+v, the phone %+v", got, shown)
	}
	c.confirm()
	if got := end(t, out); got.err != nil {
		t.Errorf("scan: %v", got.err)
	}
	await[*events.Connected](c, 0, nil)
}

func TestWrongPasskey(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(a *types.WebAuthnResponse){
		"another passkey": func(a *types.WebAuthnResponse) { a.RawID = []byte("another") },
		"another question": func(a *types.WebAuthnResponse) {
			a.Response.ClientDataJSON = []byte(`{"type":"webauthn.get","challenge":"AAAA","origin":"https://web.whatsapp.com"}`)
		},
		"another page": func(a *types.WebAuthnResponse) {
			a.Response.ClientDataJSON = []byte(strings.Replace(string(a.Response.ClientDataJSON), "web.whatsapp", "web.whatsapq", 1))
		},
		"nobody was verified": func(a *types.WebAuthnResponse) { a.Response.AuthenticatorData[32] = 1 },
		"wrong signature":     func(a *types.WebAuthnResponse) { a.Response.Signature[9] ^= 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const shop = "15550001803"
			sim := startSim(t, whatsim.Options{})
			wants(t, sim, shop, whatsim.PasskeyAsk)
			c := newClient(t, sim, newDevice())
			out := scanFor(t, ctxFor(t), c, sim, shop)
			await[*events.PairPasskeyRequest](c, 0, nil)
			a := approve(t, sim, shop)
			spoil(a)
			if err := c.SendPasskeyResponse(t.Context(), a); !errors.Is(err, whatsmeow.ErrIQNotAuthorized) {
				t.Errorf("the client hears %v", err)
			}
			if got := end(t, out); !errors.Is(got.err, whatsim.ErrPasskey) || !strings.Contains(got.err.Error(), name) {
				t.Errorf("the phone says %v", got.err)
			}
			if c.Store.ID != nil {
				t.Error("the client is linked")
			}
		})
	}
}

// TestPasskeyIsNotGiven: without an answer in time, and when the person refuses,
// the client hears of an error, and is not let in by an answer that is late.
func TestPasskeyIsNotGiven(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(sim *whatsim.Server, number string, cancel func()) error{
		"nobody answered in time": func(_ *whatsim.Server, _ string, cancel func()) error { cancel(); return nil },
		"refused on the phone":    func(sim *whatsim.Server, number string, _ func()) error { return sim.RefusePasskey(number) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const shop = "15550001804"
			sim := startSim(t, whatsim.Options{})
			wants(t, sim, shop, whatsim.PasskeyAsk)
			c := newClient(t, sim, newDevice())
			ctx, cancel := context.WithCancel(ctxFor(t))
			defer cancel()
			out := scanFor(t, ctx, c, sim, shop)
			await[*events.PairPasskeyRequest](c, 0, nil)
			a := approve(t, sim, shop)
			if err := refuse(sim, shop, cancel); err != nil {
				t.Fatal(err)
			}
			if got := await[*events.PairPasskeyError](c, 0, nil); !got.Continuation {
				t.Errorf("the client hears %+v", got)
			}
			if got := end(t, out); !errors.Is(got.err, whatsim.ErrPasskey) || !strings.Contains(got.err.Error(), name) {
				t.Errorf("the phone says %v", got.err)
			}
			if err := c.SendPasskeyResponse(t.Context(), a); !errors.Is(err, whatsmeow.ErrIQNotFound) {
				t.Errorf("a late answer: %v", err)
			}
			if _, err := sim.ApprovePasskey(shop); !errors.Is(err, whatsim.ErrNoPasskey) {
				t.Errorf("a late approval: %v", err)
			}
		})
	}
}

// TestPasskeyStepsOutOfOrder: what a companion did not commit to is refused,
// and a refused step is an error event when the client makes it by itself.
func TestPasskeyStepsOutOfOrder(t *testing.T) {
	t.Parallel()
	const shop = "15550001805"
	sim := startSim(t, whatsim.Options{})
	wants(t, sim, shop, whatsim.PasskeyAsk)
	c := newClient(t, sim, newDevice())
	out := scanFor(t, ctxFor(t), c, sim, shop)
	asked := await[*events.PairPasskeyRequest](c, 0, nil).PublicKey
	again, err := c.DangerousInternals().GetPasskeyRequestOptions(t.Context()) //nolint:staticcheck // the step that the library takes when it cannot read the first request
	if err != nil || string(again.Challenge) != string(asked.Challenge) {
		t.Errorf("asked again: %+v (%v)", again, err)
	}
	_, err = c.DangerousInternals().SendIQ(t.Context(), whatsmeow.DangerousInfoQuery{ //nolint:staticcheck // a step that the library never takes
		Namespace: "md", Type: "set", To: types.ServerJID, Content: []waBinary.Node{{Tag: "companion_nonce", Content: make([]byte, 32)}},
	})
	if !errors.Is(err, whatsmeow.ErrIQNotAuthorized) {
		t.Errorf("a nonce without a commitment: %v", err)
	}
	if got := end(t, out); !errors.Is(got.err, whatsim.ErrPasskey) {
		t.Errorf("the phone says %v", got.err)
	}

	next := newClient(t, sim, newDevice())
	scanFor(t, ctxFor(t), next, sim, shop)
	await[*events.PairPasskeyRequest](next, 0, nil)
	// The ref and the answer pass, the opening of the commitment does not.
	if _, err := sim.AddRule(whatsim.Rule{Action: whatsim.IQError, Namespace: "md", Skip: 2, Times: 1}); err != nil {
		t.Fatal(err)
	}
	next.answer(approve(t, sim, shop))
	if got := await[*events.PairPasskeyError](next, 0, nil); !got.Continuation {
		t.Errorf("the client hears %+v", got)
	}
}

func TestPasskeyControl(t *testing.T) {
	t.Parallel()
	const shop = "15550001806"
	sim := startSim(t, whatsim.Options{})
	for body, want := range map[string]int{`{"passkey":"sometimes"}`: http.StatusBadRequest, `{"passkey":"ask"}`: http.StatusOK} {
		if got := call(t, sim, "PUT", "/phones/"+shop, body, nil); got != want {
			t.Errorf("PUT %s: %d", body, got)
		}
	}
	if got := call(t, sim, "POST", "/passkey", `{"phone":"`+shop+`"}`, nil); got != http.StatusNotFound {
		t.Errorf("a passkey that nobody asks for: %d", got)
	}
	var key whatsim.Credential
	mustCall(t, sim, "GET", "/phones/"+shop+"/passkey", "", &key)
	if key.Host != "web.whatsapp.com" || len(key.ID) == 0 || len(key.Key) == 0 {
		t.Errorf("the passkey is %+v", key)
	}
	c := newClient(t, sim, newDevice())
	c.connect()
	body, _ := json.Marshal(map[string]string{"qr": await[*events.QR](c, 0, nil).Codes[0], "phone": shop})
	scanned := make(chan int, 1)
	go func() { scanned <- call(t, sim, "POST", "/scan", string(body), nil) }()
	asked := await[*events.PairPasskeyRequest](c, 0, nil).PublicKey
	if string(asked.AllowCredentials[0].ID) != string(key.ID) {
		t.Error("another passkey is asked for")
	}
	if v := viewOf(t, sim, "phone="+shop+"&after=-1"); len(v.Passkeys) != 1 || v.Passkeys[0].Number != shop {
		t.Errorf("the page sees %+v", v.Passkeys)
	}
	var told struct{ Response *types.WebAuthnResponse }
	mustCall(t, sim, "POST", "/passkey", `{"phone":"`+shop+`"}`, &told)
	c.answer(told.Response)
	await[*events.PairPasskeyConfirmation](c, 0, nil)
	mustCall(t, sim, "POST", "/passkey/refuse", `{"phone":"`+shop+`"}`, nil)
	if got := <-scanned; got != http.StatusConflict {
		t.Errorf("a refused scan: %d", got)
	}
}
