package message_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"chasqui/internal/provider"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func (w *world) take(u provider.Update) {
	w.Helper()
	w.must(w.Receive(w.Context(), w.client, u))
}

func text(wire string, from provider.Peer, body string) provider.Received {
	return provider.Received{WireID: wire, From: from, PushName: "Ana", At: time.Now(), Type: wa.KindText, Content: wa.Text{Body: body}}
}

var ana = provider.Peer{Phone: "+5511900000001"}

func TestInboundIsStoredOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 2 {
		w.take(text("IN1", ana, "hello"))
	}
	if n := w.rows("messages"); n != 1 || w.told(wa.MessageReceived) != 1 {
		t.Errorf("%d rows, told %v", n, w.events())
	}
	if n := w.sql(`SELECT FROM chats WHERE unread = 1 AND last_inbound_at IS NOT NULL`); n != 1 {
		t.Error("the conversation does not show one unread message")
	}
	if diff := cmp.Diff([]string{"Ana"}, w.list(`SELECT push_name FROM contacts`)); diff != "" {
		t.Error(diff)
	}
	w.take(text("IN2", ana, "again"))
	if n := w.rows("contacts"); n != 1 || w.told(wa.MessageReceived) != 2 {
		t.Errorf("%d contacts, told %v", n, w.events())
	}
}

// Twenty copies of one message, taken at once by a reconnecting network, are one.
func TestInboundIsStoredOnceInParallel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	done := make(chan error, 20)
	for range 20 {
		go func() {
			done <- w.Receive(t.Context(), w.client, text("IN1", provider.Peer{Phone: ana.Phone, LID: "777"}, "hello"))
		}()
	}
	for range 20 {
		if err := <-done; err != nil && wa.CodeOf(err) != wa.Unavailable {
			t.Error(err)
		}
	}
	if n := w.rows("messages"); n != 1 || w.rows("contacts") != 1 || w.told(wa.MessageReceived) != 1 {
		t.Errorf("%d messages, %d contacts, told %v", n, w.rows("contacts"), w.events())
	}
}

// What the client's own phone sent is kept; copies of what we sent are known.
func TestOwnPhonesCopies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ours := w.message(w.send(1, "ours", wa.Normal))
	own := text(ours.WireID, provider.Peer{Phone: wa.Phone(person(1))}, "ours")
	own.FromMe = true
	w.take(own)
	if n := w.rows("messages"); n != 1 {
		t.Fatalf("%d rows: a copy of ours was taken for another", n)
	}
	typed := text("PH1", provider.Peer{Phone: wa.Phone(person(1))}, "typed on the phone")
	typed.FromMe, typed.PushName = true, "our own name"
	for range 2 {
		w.take(typed)
	}
	got := w.list(`SELECT direction || ' ' || origin || ' ' || status FROM messages WHERE wire_id = 'PH1'`)
	if diff := cmp.Diff([]string{"outbound phone sent"}, got); diff != "" {
		t.Error(diff)
	}
	if names := w.list(`SELECT push_name FROM contacts`); names[0] != "" {
		t.Errorf("our own name was given to the other end: %q", names)
	}
	if w.told(wa.MessageSent) != 1 || w.rows("chats") != 1 {
		t.Errorf("told %v, %d conversations", w.events(), w.rows("chats"))
	}
	w.take(provider.Receipt{WireIDs: []string{"PH1"}, Kind: provider.ReceiptRead, At: time.Now()})
	if got := w.list(`SELECT status FROM messages WHERE wire_id = 'PH1'`); got[0] != "read" {
		t.Errorf("after a receipt it is %s", got[0])
	}
}

// A message that could not be read is announced as such, and filled when the
// sender repeats it: one message, under one id.
func TestUndecryptableIsFilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 2 {
		w.take(provider.Undecryptable{WireID: "IN1", From: ana, At: time.Now()})
	}
	if w.told(wa.MessageUndecryptable) != 1 || w.rows("messages") != 1 {
		t.Fatalf("told %v", w.events())
	}
	for range 2 {
		w.take(text("IN1", ana, "readable now"))
	}
	ids := w.list(`SELECT id::text FROM messages WHERE type = 'text' AND content->>'body' = 'readable now'`)
	if len(ids) != 1 || w.rows("messages") != 1 || w.told(wa.MessageReceived) != 1 {
		t.Fatalf("%d rows, told %v", len(ids), w.events())
	}
	announced := w.list(`SELECT data->'message'->>'id' FROM events WHERE type IN ('message.received', 'message.undecryptable')`)
	if len(announced) != 2 || announced[0] != announced[1] {
		t.Errorf("announced under the ids %v", announced)
	}
	w.take(provider.Undecryptable{WireID: "IN1", From: ana, At: time.Now()})
	if w.told(wa.MessageUndecryptable) != 1 {
		t.Error("a readable message became unreadable")
	}
}

func TestReceiptsGoForwardOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.send(1, "hello", wa.Normal)
	w.deliver()
	m := w.await(id, wa.Sent)
	receipt := func(kind provider.ReceiptKind) {
		w.take(provider.Receipt{WireIDs: []string{m.WireID, "UNKNOWN"}, Kind: kind, From: ana, At: time.Now()})
	}
	for _, step := range []struct {
		kind provider.ReceiptKind
		want wa.Status
	}{
		{provider.ReceiptServerError, wa.Sent},
		{provider.ReceiptDelivered, wa.Delivered},
		{provider.ReceiptDelivered, wa.Delivered},
		{provider.ReceiptRead, wa.Read},
		{provider.ReceiptDelivered, wa.Read},
		{provider.ReceiptPlayed, wa.Played},
		{provider.ReceiptRead, wa.Played},
		{"sung", wa.Played},
	} {
		receipt(step.kind)
		if got := w.message(id).Status; got != step.want {
			t.Errorf("after %s it is %s, want %s", step.kind, got, step.want)
		}
	}
	want := []string{"message.queued", "message.sending", "message.sent", "message.delivered", "message.read", "message.played"}
	if diff := cmp.Diff(want, w.events()); diff != "" {
		t.Error(diff)
	}
	other := w.newClient(false)
	w.must(w.Receive(t.Context(), other, provider.Receipt{WireIDs: []string{m.WireID}, Kind: provider.ReceiptRead, At: time.Now()}))
}

// One person is one contact, whichever address came first, and what is learned
// of it is told.
func TestContactsAreLearnedAndMerged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.take(text("IN1", provider.Peer{LID: "777"}, "under the hidden address"))
	w.take(text("IN2", provider.Peer{Phone: ana.Phone}, "under the number"))
	if n := w.rows("contacts"); n != 2 {
		t.Fatalf("%d contacts before anybody knows", n)
	}
	before := w.told(wa.ContactUpdated)
	w.take(provider.ContactSeen{Peer: provider.Peer{Phone: ana.Phone, LID: "777"}, Name: "Ana Torres"})
	if n := w.rows("contacts"); n != 1 || w.rows("messages") != 2 {
		t.Errorf("%d contacts, %d messages", n, w.rows("messages"))
	}
	if w.told(wa.ContactUpdated) <= before {
		t.Error("nobody was told")
	}
	if got := w.list(`SELECT phone || ' ' || lid || ' ' || name FROM contacts`); got[0] != "+5511900000001 777 Ana Torres" {
		t.Errorf("the contact is %q", got)
	}
	w.take(provider.IdentityChanged{Peer: ana})
	if w.told(wa.ContactIdentity) != 1 {
		t.Error("a new phone was not told")
	}
	w.take(provider.ContactSeen{})
	w.take(provider.IdentityChanged{})
	if n := w.rows("contacts"); n != 1 {
		t.Errorf("nobody became contact %d", n)
	}
}

// Foreign clocks write nothing into the future or before WhatsApp, and cannot
// make a message that can never be stored.
func TestHostileTimestamps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	times := map[string]time.Time{
		"zero": {}, "epoch": time.Unix(0, 0), "before": time.Unix(-1<<40, 0), "first": time.Unix(math.MinInt64, 0),
		"future": time.Now().AddDate(10, 0, 0), "never": time.Unix(1<<60, 0), "last": time.Unix(math.MaxInt64, 0),
	}
	for name, at := range times {
		u := text("IN-"+name, ana, "when?")
		u.At = at
		own := text("PH-"+name, ana, "when?")
		own.At, own.FromMe = at, true
		for _, u := range []provider.Update{u, own, provider.Undecryptable{WireID: "UN-" + name, From: ana, At: at}} {
			if err := w.Receive(t.Context(), w.client, u); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := w.Receive(t.Context(), w.client, provider.Receipt{WireIDs: []string{"PH-" + name}, Kind: provider.ReceiptRead, At: at}); err != nil {
			t.Errorf("receipt %s: %v", name, err)
		}
	}
	if n := w.sql(`SELECT FROM messages WHERE created_at > now() - interval '1 minute' AND created_at <= now()`); int(n) != 3*len(times) {
		t.Errorf("%d of %d messages are dated now", n, 3*len(times))
	}
}

// A quoted message is found again, in groups as well.
func TestQuotesAndGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := text("G1", ana, "first")
	first.Group = "120363000000000001"
	second := text("G2", provider.Peer{Phone: "+5511900000002"}, "second")
	second.Group, second.QuotedID = first.Group, "G1"
	unknown := text("G3", ana, "third")
	unknown.Group, unknown.QuotedID, unknown.Content, unknown.Type = first.Group, "LOST", nil, wa.KindUnknown
	for _, u := range []provider.Received{first, second, unknown} {
		w.take(u)
	}
	if n := w.sql(`SELECT FROM messages m JOIN messages q ON q.id = m.reply_to WHERE m.wire_id = 'G2' AND q.wire_id = 'G1'`); n != 1 {
		t.Error("the quoted message was not found")
	}
	if n := w.rows("chats"); n != 1 || w.rows("messages") != 3 || w.rows("contacts") != 2 {
		t.Errorf("%d conversations, %d messages, %d contacts", n, w.rows("messages"), w.rows("contacts"))
	}
}

// A database that is away means "tell me again".
func TestReceivingNeedsTheDatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gone := testkit.OpenDB(t, w.url)
	gone.Close()
	if err := newService(gone).Receive(t.Context(), w.client, text("IN1", ana, "x")); err == nil {
		t.Error("an update that was not stored was taken")
	}
}
