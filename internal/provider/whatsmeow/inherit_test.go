package whatsmeow_test

import (
	"testing"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// TestUpgradeNeedsNoPairing links a number with the keys in the library's own
// store, and goes on with them in ours: conversations are not torn, and nothing
// is left behind.
func TestUpgradeNeedsNoPairing(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, true)
	n := w.pair("15550197001")
	const friend, stranger = "15550197002", "15550197003"
	n.send(text(friend, "before"))
	n.write(friend, "theirs before")
	await(t, n.sink, 0, func(m provider.Received) bool { return m.Content == wa.Text{Body: "theirs before"} })
	n.s.Close()

	w.onStock = false
	n.openWith(w.provider(), n.jid)
	n.connect()
	if kept, left := w.devicesOf(n.phone), w.leftOf(n.phone); kept != 1 || left != 0 {
		t.Errorf("%d devices kept, %d left behind", kept, left)
	}
	mark := n.sink.mark()
	n.send(text(friend, "after"))
	n.send(text(stranger, "after"))
	n.write(friend, "theirs after")
	n.write(stranger, "theirs after")
	for range 2 {
		await(t, n.sink, mark, func(m provider.Received) bool { return m.Content == wa.Text{Body: "theirs after"} })
	}
	if got := n.inbox(friend, 2); got[1].Text != "after" || got[1].Err != "" || got[1].Retry != 0 {
		t.Errorf("got %+v", got)
	}
	n.inbox(stranger, 1)
	if bad := all[provider.Undecryptable](n.sink); len(bad) != 0 {
		t.Errorf("%d messages could not be read at first", len(bad))
	}
}

// leftOf counts what the library's own store still has of a phone.
func (w *world) leftOf(phone string) (count int) {
	w.t.Helper()
	err := w.sql.QueryRowContext(w.t.Context(), `
		SELECT (SELECT count(*) FROM whatsmeow_device WHERE jid LIKE $1) + (SELECT count(*) FROM whatsmeow_sessions WHERE our_jid LIKE $1)
		     + (SELECT count(*) FROM whatsmeow_pre_keys WHERE jid LIKE $1) + (SELECT count(*) FROM whatsmeow_identity_keys WHERE our_jid LIKE $1)`,
		phone+":%").Scan(&count)
	if err != nil {
		w.t.Fatal(err)
	}
	return count
}

// TestFormerOwnerSendsNothing lets a number's owner stand still while another
// one takes it over, and wake up. What it sends then must not leave: its message
// key would be one that the heir has used.
func TestFormerOwnerSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := w.pair("15550198001")
	const friend = "15550198002"
	n.send(text(friend, "first"))
	if _, err := w.sql.ExecContext(t.Context(), "UPDATE clients SET epoch = 1 WHERE id = $1", n.id.UUID()); err != nil {
		t.Fatal(err)
	}
	if _, err := n.s.Send(t.Context(), text(friend, "by the former owner")); failureOf(t, err).Class != provider.NotSent {
		t.Errorf("got %v", err)
	}
	former := n.s
	n.epoch = 1
	n.openWith(w.provider(), n.jid)
	n.connect()
	n.send(text(friend, "by the heir"))
	if _, err := former.Send(t.Context(), text(friend, "by the former owner")); failureOf(t, err).Class != provider.NotSent {
		t.Errorf("got %v", err)
	}
	got := n.inbox(friend, 2)
	if len(got) != 2 || got[1].Text != "by the heir" || got[1].Retry != 0 {
		t.Errorf("got %+v", got)
	}
	if lost := w.sim.Events(whatsim.EventQuery{Kind: whatsim.EventOldCounter}); len(lost) != 0 {
		t.Errorf("%d messages re-used a key", len(lost))
	}
}
