package whatsmeow_test

import (
	"testing"
	"time"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

func TestPairByQRThenSendAndReceive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550100001")

	paired := all[provider.Paired](n.sink)
	if len(paired) != 1 || paired[0].Phone != "+15550100001" || paired[0].LID == "" {
		t.Fatalf("paired: got %+v", paired)
	}

	ack := n.send(text("15550100002", "hello"))
	if ack.At.IsZero() || len(ack.Payload) == 0 {
		t.Errorf("ack: got %+v", ack)
	}
	got := n.inbox("15550100002", 1)
	if got[0].Text != "hello" || got[0].Err != "" {
		t.Errorf("inbox: got %+v", got[0])
	}
	r := await[provider.Receipt](t, n.sink, 0, nil)
	if r.Kind != provider.ReceiptDelivered || r.WireIDs[0] != got[0].ID || r.From.Phone != "+15550100002" {
		t.Errorf("receipt: got %+v", r)
	}

	id := n.write("15550100002", "hi there")
	m := await[provider.Received](t, n.sink, 0, nil)
	want := wa.Text{Body: "hi there"}
	if m.WireID != id || m.Content != want || m.Type != wa.KindText || m.From.Phone != "+15550100002" || m.From.LID == "" || m.FromMe {
		t.Errorf("received: got %+v", m)
	}
	if time.Since(m.At) > time.Minute || m.PushName == "" {
		t.Errorf("received: got time %v, name %q", m.At, m.PushName)
	}
}
