package whatsim_test

import (
	"errors"
	"testing"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"chasqui/internal/whatsim"
)

func TestPairByQRAndTalk(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{ReadAfter: 40e6})
	c := paired(t, sim, "15550001001")
	if got, want := c.Store.ID.String(), "15550001001:1@s.whatsapp.net"; got != want {
		t.Errorf("paired as %s, want %s", got, want)
	}
	sent := c.mustSay("15550002001", "hello")
	msgs, err := sim.WaitMessages(ctxFor(t), whatsim.Query{To: "15550002001"}, 1)
	if err != nil {
		t.Fatalf("wait: %v", err)
	}
	if msgs[0].Text != "hello" || msgs[0].ID != sent.ID || msgs[0].From != "15550001001" || msgs[0].Err != "" {
		t.Errorf("phone got %+v", msgs[0])
	}
	for _, kind := range []types.ReceiptType{types.ReceiptTypeDelivered, types.ReceiptTypeRead} {
		await(c, 0, func(r *events.Receipt) bool { return r.Type == kind && r.MessageIDs[0] == sent.ID })
	}
	id, err := sim.Write(ctxFor(t), whatsim.Draft{From: "15550002001", To: "15550001001", Text: "hi there"})
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	in := await(c, 0, func(m *events.Message) bool { return m.Info.ID == id })
	if in.Message.GetConversation() != "hi there" {
		t.Errorf("client read %q", in.Message.GetConversation())
	}
	if _, err := sim.WaitEvents(ctxFor(t), whatsim.EventQuery{Kind: whatsim.EventReceipt, ID: id}, 1); err != nil {
		t.Errorf("no receipt from the client: %v", err)
	}
	own := sim.Messages(whatsim.Query{To: "15550001001", ID: sent.ID, All: true})
	if len(own) != 1 || !own[0].Copy || own[0].Text != "hello" || own[0].Chat != "15550002001" {
		t.Errorf("own phone has %+v", own)
	}
}

func TestPairByCode(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := newClient(t, sim, newDevice())
	c.connect()
	await[*events.QR](c, 0, nil)
	ask := func() string {
		code, err := c.PairPhone(t.Context(), "15550001002", true, whatsmeow.PairClientChrome, "Chrome (Linux)")
		if err != nil {
			t.Fatalf("ask for a code: %v", err)
		}
		return code
	}
	ask()
	if _, err := sim.EnterCode(ctxFor(t), "15550001002", "AAAA-AAAA"); !errors.Is(err, whatsim.ErrCode) {
		t.Errorf("wrong code: got %v, want %v", err, whatsim.ErrCode)
	}
	got, err := sim.EnterCode(ctxFor(t), "15550001002", ask())
	if err != nil {
		t.Fatalf("enter code: %v", err)
	}
	await[*events.Connected](c, 0, nil)
	if got != *c.Store.ID {
		t.Errorf("phone linked %s, client is %s", got, c.Store.ID)
	}
	c.mustSay("15550002002", "by code")
	if _, err := sim.WaitMessages(ctxFor(t), whatsim.Query{To: "15550002002"}, 1); err != nil {
		t.Errorf("message did not arrive: %v", err)
	}
}
