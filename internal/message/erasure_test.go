package message_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/message"
	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// Who is erased in these tests, and what is looked for afterwards. None of it
// may be a part of what others have.
const (
	evePhone = "5511977776666"
	eveLID   = "146633221100998"
	eveName  = "Evelyn Quartz"
	eveBook  = "Evelyn of the Harbour"
	eveWords = "zanzibar"
)

var eve = provider.Peer{Phone: "+" + evePhone, LID: eveLID}

func (w *world) eve() wa.ContactID {
	w.Helper()
	var id wa.ContactID
	w.must(w.db.InOrg(w.Context(), w.by.Org, func(tx *store.Tx) error {
		c, _, err := tx.Person(w.Context(), w.by.Org, eve.Phone, "")
		id = c.ID
		return err
	}))
	return id
}

// search looks for a text in every column of every table, whatever their types.
// It gives the tables that hold it, each with one of the rows.
func (w *world) search(text string) (found []string) {
	w.Helper()
	c := w.conn()
	defer c.Close(context.Background())
	type column struct{ Table, Name, Type string }
	rows, err := c.Query(w.Context(), `
		SELECT c.table_name, c.column_name, c.data_type FROM information_schema.columns c
		JOIN information_schema.tables t USING (table_schema, table_name) WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE'`)
	w.must(err)
	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	w.must(err)
	if len(columns) < 200 {
		w.Fatalf("only %d columns: is that every table?", len(columns))
	}
	for _, col := range columns {
		value := pgx.Identifier{col.Name}.Sanitize() + "::text"
		if col.Type == "bytea" {
			value = "encode(" + pgx.Identifier{col.Name}.Sanitize() + ", 'escape')"
		}
		rows, err := c.Query(w.Context(), `SELECT `+value+` FROM `+pgx.Identifier{col.Table}.Sanitize()+` WHERE position(lower($1) in lower(`+value+`)) > 0 LIMIT 1`, text)
		w.must(err)
		held, err := pgx.CollectRows(rows, pgx.RowTo[string])
		w.must(err)
		for _, h := range held {
			found = append(found, fmt.Sprintf("%s.%s: %.300s", col.Table, col.Name, h))
		}
	}
	return found
}

// places counts the columns that hold a text, but for answers of endpoints: one
// to a batch tells of several people.
func (w *world) places(text string) (n int) {
	w.Helper()
	for _, f := range w.search(text) {
		if !strings.HasPrefix(f, "webhook_attempts.") {
			n++
		}
	}
	return n
}

// known plants a person wherever the system puts people, and somebody else
// beside them.
func (w *world) known() {
	w.Helper()
	w.sql(`INSERT INTO webhook_endpoints (id, org_id, url, events, ordered, batch) VALUES ($1, $2, 'https://example.com/h', '{*,message.queued,chat.updated}', true, 10)`,
		wa.NewEndpointID().UUID(), w.by.Org.UUID())
	w.take(text("IN1", eve, eveWords+" first"))
	seen := provider.ContactSeen{Peer: eve, PushName: eveName, Name: eveBook}
	w.take(seen)
	group := text("G1", eve, eveWords+" to all")
	group.Group, group.PushName = "120363000000000001", eveName
	w.take(group)
	other := text("G2", ana, "ask @"+evePhone+" or @"+eveLID+", said Ana")
	other.Group, other.Mentions = group.Group, []wa.Phone{eve.Phone, ana.Phone}
	w.take(other)
	w.take(text("IN2", ana, "something else"))

	d := draft("+"+evePhone, eveWords+" sent", wa.Normal)
	d.ClientRef, d.Metadata = "ref-"+evePhone, map[string]string{"name": eveName}
	d.Mentions = []string{"+" + evePhone}
	sent, err := w.Accept(w.Context(), w.by, w.client.ID, d, wa.IdempotencyKey{Key: "one", Route: "send", Hash: []byte("x")})
	w.must(err)
	_, err = w.Accept(w.Context(), w.by, w.client.ID, draft(person(1), "to somebody else", wa.Normal), wa.IdempotencyKey{Key: "two", Route: "send", Hash: []byte("y")})
	w.must(err)
	_, err = w.Accept(w.Context(), w.by, w.client.ID, draft(sent.ChatID.String(), eveWords+" named", wa.Normal), wa.IdempotencyKey{Key: "to-" + evePhone, Route: "send", Hash: []byte("z")})
	w.must(err)
	_, err = w.AcceptBatch(w.Context(), w.by, w.client.ID, []wa.Draft{d, draft(person(1), "in a batch", wa.Bulk)}, wa.IdempotencyKey{Key: "three", Route: "batch", Hash: []byte("w")})
	w.must(err)
	h := w.deliver(func(h *hold) {
		h.onSend = func(_ context.Context, m provider.Outgoing) (provider.Ack, error) {
			return provider.Ack{At: time.Now(), Payload: []byte(m.To.Phone.Digits() + "@s.whatsapp.net " + m.Content.Plain())}, nil
		}
	})
	testkit.Eventually(w, patience, "all sent", func() bool { return w.sql(`SELECT FROM messages WHERE status = 'sent'`) == 5 })
	h.stop()
	w.take(provider.Receipt{Kind: provider.ReceiptDelivered, WireIDs: []string{w.message(sent.ID).WireID}, At: time.Now()})
	_, err = w.MarkRead(w.Context(), w.by, sent.ChatID, true)
	w.must(err)
}

// kept plants what others than this package keep of people: what endpoints
// answered, and what linked devices know.
func (w *world) kept() {
	w.Helper()
	w.sql(`INSERT INTO webhook_attempts (org_id, delivery_id, number, trigger, at, duration_ms, headers, body, detail, signature)
		SELECT d.org_id, d.id, 1, 'auto', date_trunc('minute', now()), 1, json_build_object('x-got', e.data::text)::jsonb, convert_to(e.data::text, 'UTF8'), left(e.data::text, 900), 'same'
		FROM webhook_deliveries d JOIN events e ON e.id = d.event_id`)
	w.sql(`UPDATE webhook_attempts SET body = (SELECT string_agg(a.body, ''::bytea) FROM webhook_attempts a)`) // a batch has one answer
	w.sql(`INSERT INTO lids (org_id, lid, phone) VALUES ($1, $2, $3), ($1, '999888777666555', '5511900000001')`, w.by.Org.UUID(), eveLID, evePhone)
	device := wa.NewAuditID().UUID()
	w.sql(`INSERT INTO devices (org_id, id, client_id, jid, epoch, sealed) VALUES ($1, $2, $3, '51900000001:7@s.whatsapp.net', 1, 'x')`, w.by.Org.UUID(), device, w.client.ID.UUID())
	own := strings.ReplaceAll(`session P:0,session L_1:0,identity P:12,identity L_1:0,sender_key P:0|g,sender_key L_1:0|g,contact P@s.whatsapp.net,contact L@lid,`+
		`chat P@s.whatsapp.net,token L@lid,secret P@s.whatsapp.net|P@s.whatsapp.net|3EB0,secret 120363000000000001@g.us|L@lid|3EB1,outbound P@s.whatsapp.net|3EB0`, "P", evePhone)
	others := `,session P1:0,session 5511900000001:0,contact 5511900000001@s.whatsapp.net,app_mac regular`
	for _, v := range strings.Split(strings.ReplaceAll(own, "L", eveLID)+strings.ReplaceAll(others, "P", evePhone[:12]), ",") {
		kind, key, _ := strings.Cut(v, " ")
		w.sql(`INSERT INTO device_values (org_id, device_id, kind, key, sealed) VALUES ($1, $2, $3, $4, 'x')`, w.by.Org.UUID(), device, kind, []byte(strings.ReplaceAll(key, "|", "\x00")))
	}
}

// TestNothingIsLeftOfSomebodyErased searches every column of every table for
// what was known of somebody, before and after.
func TestNothingIsLeftOfSomebodyErased(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.known()
	w.kept()
	w.accept(draft("+"+evePhone, eveWords+" waits", wa.Bulk))
	later := draft("+"+evePhone, eveWords+" later", wa.Normal)
	at := time.Now().Add(time.Hour)
	later.SendAt = &at
	w.accept(later)
	traces := []string{evePhone, eveLID, eveName, eveBook, eveWords}
	for _, trace := range traces {
		if len(w.search(trace)) == 0 {
			t.Fatalf("%s is nowhere: nothing would be shown", trace)
		}
	}
	for _, table := range []string{
		"contacts", "messages", "events", "idempotency_keys", "webhook_attempts", "device_values", "lids",
	} {
		if !strings.Contains(strings.Join(w.search(evePhone), "\n"), table+".") {
			t.Errorf("the number is not in %s: nothing would be shown", table)
		}
	}
	others := []string{"something else", "to somebody else", "in a batch", ana.Phone.Digits(), "said Ana"}
	held := map[string]int{}
	for _, o := range others {
		held[o] = w.places(o)
	}

	e, err := w.Erase(t.Context(), w.by, w.eve())
	if err != nil || e.Status != wa.ErasureDone || e.FinishedAt == nil {
		t.Fatalf("%+v, %v", e, err)
	}
	for _, trace := range traces {
		for _, f := range w.search(trace) {
			t.Errorf("%s is in %s", trace, f)
		}
	}
	for _, o := range others {
		if n := w.places(o); n == 0 || n != held[o] {
			t.Errorf("%q was in %d places and is in %d", o, held[o], n)
		}
	}
	want := wa.Removed{Messages: 7, Cancelled: 2, Chats: 1, Events: e.Removed.Events, Answers: e.Removed.Answers, Replies: 3, Mentions: 1, Keys: 13}
	if e.Removed != want || e.Removed.Events < 10 || e.Removed.Answers < 10 {
		t.Errorf("removed %+v", e.Removed)
	}
	if n := w.rows("device_values"); n != 4 {
		t.Errorf("%d values are left of others", n)
	}
	w.remains(e)
}

// remains checks what stays: figures, what limits count, the audit line, that
// others were told, and that a repeat of the request is not another message.
func (w *world) remains(e wa.Erasure) {
	w.Helper()
	w.must(w.db.InOrg(w.Context(), w.by.Org, func(tx *store.Tx) error {
		ages, err := tx.SentAges(w.Context(), w.by.Org, w.client.ID, 24*time.Hour, 100)
		if len(ages) != 5 {
			w.Errorf("%d sendings count for the limits, 5 were made", len(ages))
		}
		return err
	}))
	w.must(w.db.InTx(w.Context(), func(tx *store.Tx) error {
		_, err := tx.CountFigures(w.Context(), 100)
		return err
	}))
	figures := w.list(`SELECT sum(accepted) || ' ' || sum(sent) || ' ' || sum(received) FROM message_figures`)
	if len(figures) != 1 || figures[0] != "7 5 4" {
		w.Errorf("figures: %q", figures)
	}
	if n := w.told(wa.MessageCancelled); n != 2 {
		w.Errorf("%d were told to be cancelled", n)
	}
	why := w.list(`SELECT DISTINCT data #>> '{message,error,code}' FROM events WHERE type = 'message.canceled'`)
	if len(why) != 1 || why[0] != string(wa.FailContactErased) {
		w.Errorf("cancelled for %q", why)
	}
	if told := w.list(`SELECT data #>> '{contact,id}' || ' ' || (data ->> 'erasure_id') FROM events WHERE type = 'contact.erased'`); len(told) != 1 || told[0] != e.ContactID.String()+" "+e.ID.String() {
		w.Errorf("told %q", told)
	}
	if lines := w.list(`SELECT target FROM audit_log WHERE action = 'contact.erased'`); len(lines) != 1 || lines[0] != e.ContactID.String() {
		w.Errorf("audit log: %q", lines)
	}
	again, err := w.Accept(w.Context(), w.by, w.client.ID, draft("+"+evePhone, "again", wa.Normal), wa.IdempotencyKey{Key: "one", Route: "send", Hash: []byte("x")})
	if err != nil || !again.Replayed || again.ID.IsZero() || again.Text != nil || again.To != (wa.Recipient{}) {
		w.Errorf("a repeat: %+v, %v", again, err)
	}
	if _, err := w.Accept(w.Context(), w.by, w.client.ID, draft(e.ContactID.String(), "to nobody", wa.Normal), wa.IdempotencyKey{}); wa.CodeOf(err) != wa.Invalid {
		w.Errorf("sent to somebody erased: %v", err)
	}
}

// Who writes again is somebody new.
func TestSomebodyErasedMayWriteAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.take(text("IN1", eve, "hello"))
	first := w.eve()
	if _, err := w.Erase(t.Context(), w.by, first); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Erase(t.Context(), w.by, first); wa.CodeOf(err) != wa.NotFound {
		t.Errorf("erased twice: %v", err)
	}
	w.take(text("IN2", eve, "hello again"))
	if second := w.eve(); second == first || w.rows("contacts") != 1 || w.rows("chats") != 1 || w.rows("messages") != 1 {
		t.Errorf("%s and %s, %d contacts, %d chats, %d messages", first, second, w.rows("contacts"), w.rows("chats"), w.rows("messages"))
	}
}

// A message under way has its outcome first; nothing is sent to them any more.
func TestErasingWaitsForWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	under := w.accept(draft("+"+evePhone, eveWords, wa.Normal))
	h, release := w.underWay(taken)
	waiting := w.accept(draft("+"+evePhone, eveWords+" two", wa.Normal))
	e, err := w.Erase(t.Context(), w.by, w.eve())
	if err != nil || e.Status != wa.ErasureRunning {
		t.Fatalf("%+v, %v", e, err)
	}
	if n := w.sql(`SELECT FROM messages WHERE id = $1`, waiting.UUID()); n != 0 || w.message(under).Status != wa.Sending {
		t.Errorf("what waited is there (%d), or what is under way is %s", n, w.message(under).Status)
	}
	release()
	testkit.Eventually(t, patience, "sent", func() bool { return w.told(wa.MessageSent) == 1 })
	w.must(w.GoOnErasing(t.Context()))
	w.must(w.db.InOrg(t.Context(), w.by.Org, func(tx *store.Tx) (err error) {
		e, err = tx.Erasure(t.Context(), w.by.Org, e.ID)
		return err
	}))
	if e.Status != wa.ErasureDone || len(h.bodies()) != 1 {
		t.Errorf("%+v; sent %q", e, h.bodies())
	}
	for _, trace := range []string{evePhone, eveWords} {
		if found := w.search(trace); len(found) > 0 {
			t.Errorf("%s is in %q", trace, found)
		}
	}
}

// An erasure that a process left goes on in another one, wherever it stood, and
// two that go on at once do no harm.
func TestErasingGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 30 {
		w.take(text(fmt.Sprint("IN", i), eve, eveWords))
	}
	var e wa.Erasure
	w.must(w.db.InOrg(t.Context(), w.by.Org, func(tx *store.Tx) (err error) {
		e, err = tx.BeginErasure(t.Context(), w.by.Org, w.eve(), wa.UserID{})
		return err
	}))
	done := make(chan error, 2)
	for _, s := range []*message.Service{w.Service, newService(w.db)} {
		go func() { done <- s.GoOnErasing(t.Context()) }()
	}
	for range 2 {
		w.must(<-done)
	}
	w.must(w.GoOnErasing(t.Context()))
	if got := w.list(`SELECT removed ->> 'messages' FROM erasures WHERE finished_at IS NOT NULL`); len(got) != 1 || got[0] != "30" {
		t.Errorf("%s removed %q", e.ID, got)
	}
	if found := w.search(evePhone); len(found) > 0 {
		t.Errorf("left: %q", found)
	}
}
