package whatsim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"chasqui/internal/whatsim"
)

// call makes one request to the control API and decodes the answer.
func call(t *testing.T, sim *whatsim.Server, method, path, body string, into any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(ctxFor(t), method, sim.ControlURL()+path, bytes.NewBufferString(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			t.Fatalf("%s %s answered %s: %v", method, path, raw, err)
		}
	}
	return resp.StatusCode
}

func mustCall(t *testing.T, sim *whatsim.Server, method, path, body string, into any) {
	t.Helper()
	if status := call(t, sim, method, path, body, into); status != http.StatusOK {
		t.Fatalf("%s %s: status %d, %+v", method, path, status, into)
	}
}

func TestControlAPI(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := newClient(t, sim, newDevice())
	c.connect()
	qr := await[*events.QR](c, 0, nil)

	var waiting []whatsim.WaitingCompanion
	mustCall(t, sim, "GET", "/waiting", "", &waiting)
	if len(waiting) != 1 || !strings.Contains(qr.Codes[0], waiting[0].Refs[0]) {
		t.Errorf("waiting = %+v", waiting)
	}
	var scanned map[string]string
	body, _ := json.Marshal(map[string]string{"qr": qr.Codes[0], "phone": "15550001601"})
	mustCall(t, sim, "POST", "/scan", string(body), &scanned)
	if scanned["jid"] != "15550001601:1@s.whatsapp.net" {
		t.Errorf("scanned = %v", scanned)
	}
	await[*events.Connected](c, 0, nil)

	mustCall(t, sim, "PUT", "/phones/15550002601", `{"push_name":"Ana","read_after_ms":10}`, nil)
	sent := c.mustSay("15550002601", "hello <b>")
	var got struct {
		Messages []whatsim.Message
		Complete bool
	}
	mustCall(t, sim, "GET", "/messages?to=15550002601&wait=1", "", &got)
	if !got.Complete || len(got.Messages) != 1 || got.Messages[0].Text != "hello <b>" {
		t.Errorf("messages = %+v", got)
	}
	mustCall(t, sim, "GET", "/messages?to=15550002601&wait=2&timeout_ms=30", "", &got)
	if got.Complete {
		t.Errorf("waiting for two messages was complete with %d", len(got.Messages))
	}
	mustCall(t, sim, "POST", "/receipt", `{"from":"15550002601","to":"15550001601","id":"`+sent.ID+`","type":"played"}`, nil)
	await(c, 0, func(r *events.Receipt) bool { return r.Type == types.ReceiptTypePlayed && r.MessageIDs[0] == sent.ID })
	var wrote map[string]string
	mustCall(t, sim, "POST", "/write", `{"from":"15550002601","to":"15550001601","text":"answer","quote":"`+sent.ID+`"}`, &wrote)
	m := await(c, 0, func(m *events.Message) bool { return m.Info.ID == wrote["id"] })
	if quoted := m.Message.GetExtendedTextMessage().GetContextInfo().GetStanzaID(); quoted != sent.ID || m.Info.PushName != "Ana" {
		t.Errorf("answer quotes %q and comes from %q", quoted, m.Info.PushName)
	}
	var evts struct{ Events []whatsim.Event }
	mustCall(t, sim, "GET", "/events?kind=receipt&wait=1&id="+wrote["id"], "", &evts)
	if len(evts.Events) != 1 || evts.Events[0].Peer != "15550002601" {
		t.Errorf("events = %+v", evts)
	}
	var wire struct{ Frames []whatsim.Frame }
	mustCall(t, sim, "GET", "/wire?number=15550001601", "", &wire)
	if len(wire.Frames) != 1 || wire.Frames[0].ID != sent.ID || wire.Frames[0].Text != "hello <b>" || wire.Frames[0].Chat != "15550002601" {
		t.Errorf("wire = %+v", wire)
	}
	var stats whatsim.Stats
	mustCall(t, sim, "GET", "/stats", "", &stats)
	if diff := cmp.Diff(whatsim.Stats{Connections: 1, Opened: 2, Logins: 1, Messages: 1, Frames: 1, Peak: stats.Peak, OpenedPerSecond: stats.OpenedPerSecond}, stats); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestControlFaultsAndEnds(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	c := paired(t, sim, "15550001602")
	var rule whatsim.Rule
	mustCall(t, sim, "POST", "/rules", `{"action":"ack_error","code":463,"sender":"15550001602"}`, &rule)
	if _, err := c.say("15550002602", "refused"); err == nil || !strings.Contains(err.Error(), "463") {
		t.Errorf("send: %v, want 463", err)
	}
	mustCall(t, sim, "DELETE", "/rules/1", "", nil)
	c.mustSay("15550002602", "accepted")
	// Long before the end: the library asks for tokens then, and deletes the device under its own hands when it is logged out meanwhile.
	mustCall(t, sim, "POST", "/identity_change", `{"phone":"15550002602"}`, nil)
	await[*events.IdentityChange](c, 0, nil)
	for _, path := range []string{"/drop", "/stream_error"} {
		mark := c.count()
		mustCall(t, sim, "POST", path, `{"phone":"15550001602"`+map[string]string{"/stream_error": `,"code":515`}[path]+`}`, nil)
		await[*events.Connected](c, mark, nil)
	}
	mustCall(t, sim, "POST", "/ban", `{"phone":"15550001602","expire_s":60}`, nil)
	await[*events.TemporaryBan](c, 0, nil)
	c.over()
	mustCall(t, sim, "POST", "/unban", `{"phone":"15550001602"}`, nil)
	mustCall(t, sim, "POST", "/refuse", `{"refuse":true}`, nil)
	if err := c.Connect(); err == nil {
		t.Error("connected to a server that refuses")
	}
	mustCall(t, sim, "POST", "/refuse", `{"refuse":false}`, nil)
	mark := c.count()
	c.connect()
	await[*events.Connected](c, mark, nil)
	mustCall(t, sim, "POST", "/logout", `{"phone":"15550001602"}`, nil)
	await[*events.LoggedOut](c, mark, nil)
	c.over()
}

func TestControlRefusesNonsense(t *testing.T) {
	t.Parallel()
	sim := startSim(t, whatsim.Options{})
	for _, tt := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/scan", `{"qr":"nothing","phone":"15550001603"}`, 400},
		{"POST", "/scan", `{"qr":"a,` + strings.Repeat(strings.Repeat("A", 43)+"=,", 3) + `1","phone":"15550001603"}`, 404},
		{"POST", "/code", `{"phone":"15550001603","code":"AAAAAAAA"}`, 409},
		{"POST", "/write", `{"from":"+1","to":"x","text":""}`, 400},
		{"POST", "/write", `{"from":"15550001603","to":"15550001604","txt":""}`, 400},
		{"POST", "/rules", `{"action":"explode"}`, 400},
		{"DELETE", "/rules/7", ``, 404},
		{"POST", "/logout", `{"phone":"15550001603"}`, 404},
		{"PUT", "/phones/abc", `{}`, 400},
		{"GET", "/phones/0155500016", ``, 400},
		{"GET", "/nothing", ``, 404},
	} {
		if got := call(t, sim, tt.method, tt.path, tt.body, nil); got != tt.want {
			t.Errorf("%s %s %s: status %d, want %d", tt.method, tt.path, tt.body, got, tt.want)
		}
	}
	resp, err := http.Post(sim.ControlURL()+"/logout", "text/plain", strings.NewReader(`{"phone":"15550001603"}`))
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a form of a foreign page was taken: status %d", resp.StatusCode)
	}
}
