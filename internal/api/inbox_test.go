package api_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"chasqui/internal/message"
	"chasqui/internal/provider"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// hear has somebody write to the world's client.
func (w *world) hear(t testing.TB, phone, name, text string) {
	t.Helper()
	err := message.New(w.db, message.Options{}).Receive(t.Context(), w.client, provider.Received{
		WireID: "IN " + text, From: provider.Peer{Phone: wa.Phone(phone)}, PushName: name, At: time.Now(), Type: wa.KindText, Content: wa.Text{Body: text},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// get reads an answer that must be good.
func get[T any](t testing.TB, w *world, key wa.Secret, path string) T {
	t.Helper()
	r := w.do(t, call{method: "GET", path: path, key: key})
	if r.status != http.StatusOK {
		t.Fatalf("GET %s: %d %s", path, r.status, r.body)
	}
	return decode[T](t, r.body)
}

type chatPage struct {
	Data []wa.Chat
	Next *string
}

// TestInbox lists, finds and marks conversations as the dashboard does.
func TestInbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, me := w.person(t, w.org.ID, wa.Admin)
	viewer, _ := w.person(t, w.org.ID, wa.Viewer)
	w.hear(t, "+5511987654321", "José", "Olá\n tudo bem?")
	w.hear(t, "+5511987654321", "José", "ainda?")
	quiet := w.send(t, "+4917612345678", "Guten Tag")
	names := func(query string) (all []string) {
		for _, c := range get[chatPage](t, w, boss, "/api/v1/chats?"+query).Data {
			all = append(all, c.Name)
		}
		return all
	}
	jose := get[chatPage](t, w, boss, "/api/v1/chats?unread=true").Data[0]
	if jose.Name != "José" || jose.Phone != "+5511987654321" || jose.Unread != 2 || jose.LastMessage == nil || jose.LastMessage.Preview != "ainda?" ||
		jose.LastMessage.Direction != wa.Inbound || jose.LastMessage.Status != wa.Received || jose.LastMessage.ID.IsZero() {
		t.Errorf("%+v, %+v", jose, jose.LastMessage)
	}
	path := "/api/v1/chats/" + jose.ID.String()
	w.must(t, "PUT", path+"/assign", `{"user":"`+me.ID.String()+`"}`, 200)
	for query, want := range map[string][]string{
		"q=jose": {"José"}, "q=" + url.QueryEscape("(11) 98765"): {"José"}, "q=0176": {"+4917612345678"}, "q=nobody": nil, "unread=true": {"José"},
		"assigned_to=me": {"José"}, "assigned_to=none": {"+4917612345678"}, "assigned_to=" + me.ID.String(): {"José"}, "q=jose&client={client}&unread=true": {"José"},
		"q=jose&assigned_to=none": nil, "assigned_to=" + wa.NewUserID().String(): nil,
	} {
		if got := names(query); !slices.Equal(got, want) {
			t.Errorf("chats?%s: %v, want %v", query, got, want)
		}
	}
	for query, status := range map[string]int{"assigned_to=somebody": 422, "unread=perhaps": 422, "assigned_to=me": 422, "q=" + strings.Repeat("x", 101): 422} {
		if r := w.do(t, call{method: "GET", path: "/api/v1/chats?" + query, key: w.admin}); r.status != status {
			t.Errorf("chats?%s: %d", query, r.status)
		}
	}
	marked := func(key wa.Secret, how string, status, unread int) {
		t.Helper()
		r := w.do(t, call{method: "POST", path: path + "/" + how, key: key})
		if r.status != status || status == 200 && decode[wa.Chat](t, r.body).Unread != unread {
			t.Errorf("%s: %d %s", how, r.status, r.body)
		}
	}
	marked(viewer, "read", 403, 0)
	marked(w.stranger.key, "read", 404, 0)
	marked(boss, "unread", 200, 2)
	marked(boss, "read", 200, 0)
	marked(boss, "read", 200, 0)
	if got := names("unread=true"); got != nil {
		t.Errorf("unread after reading: %v", got)
	}
	marked(w.admin, "unread", 200, 1)
	var told []string
	testkit.Eventually(t, patience, "the events can be read", func() bool {
		told = nil
		for _, e := range get[struct{ Data []struct{ Data wa.EventChat } }](t, w, w.admin, "/api/v1/events?types=chat.updated").Data {
			told = append(told, fmt.Sprint(e.Data.Chat.ID == jose.ID, e.Data.Chat.Unread, e.Data.Chat.AssignedTo == me.ID))
		}
		return len(told) == 3
	})
	if want := []string{"true 2 true", "true 0 true", "true 1 true"}; !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	if c := get[wa.Chat](t, w, w.admin, "/api/v1/chats/"+quiet.ChatID.String()); c.Name != "+4917612345678" || c.LastMessage == nil || c.LastMessage.Preview != "Guten Tag" {
		t.Errorf("%+v", c)
	}
}

// TestReadReceipts reads with a word to the writer, without one, and for a number
// that tells nobody.
func TestReadReceipts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hear(t, "+5511987654321", "Ana", "first")
	path := "/api/v1/chats/" + get[chatPage](t, w, w.admin, "/api/v1/chats").Data[0].ID.String() + "/read"
	telling := "/api/v1/clients/{client}"
	for _, c := range []struct {
		name, change, text, body string
		told                     int // in all
	}{
		{"with a word", `{}`, "second", ``, 2}, // of the first and of the second
		{"without", `{}`, "third", `{"receipt":false}`, 2},
		{"with a word, said so", `{"name":"Same"}`, "fourth", `{"receipt":true}`, 3},
		{"with nothing said", `{"send_read_receipts":true}`, "fifth", `{}`, 4},
		{"where nobody is told", `{"send_read_receipts":false}`, "sixth", `{"receipt":true}`, 0}, // nor of what waited
	} {
		r := w.do(t, call{method: "PATCH", path: telling, body: c.change, key: w.admin})
		if r.status != http.StatusOK || decode[wa.Client](t, r.body).SendReadReceipts == strings.Contains(c.change, "false") {
			t.Errorf("%s: %d %s", c.name, r.status, r.body)
		}
		w.hear(t, "+5511987654321", "Ana", c.text)
		w.must(t, "POST", path, c.body, http.StatusOK)
		var told int
		if err := w.sql.QueryRowContext(t.Context(), `SELECT count(*) FROM read_receipts`).Scan(&told); err != nil || told != c.told {
			t.Errorf("%s: %d to tell, want %d (%v)", c.name, told, c.told, err)
		}
	}
	for _, body := range []string{`{"receipt":"no"}`, `{"receipts":false}`, `[]`} {
		if r := w.do(t, call{method: "POST", path: path, body: body, key: w.admin}); r.status != http.StatusUnprocessableEntity && r.status != http.StatusBadRequest {
			t.Errorf("%s: %d", body, r.status)
		}
	}
	viewer, _ := w.person(t, w.org.ID, wa.Viewer)
	if r := w.do(t, call{method: "PATCH", path: telling, body: `{"send_read_receipts":true}`, key: viewer}); r.status != http.StatusForbidden {
		t.Errorf("a viewer has receipts sent: %d", r.status)
	}
	newest := get[messagePage](t, w, w.admin, "/api/v1/messages?direction=inbound").Data[0]
	if newest.ReadAt == nil {
		t.Error("a message does not say when it was read")
	}
}

// An agent marks what they look after, and nothing else.
func TestAgentsMarkTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	agent, u := w.person(t, w.org.ID, wa.Agent)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	w.hear(t, "+5511987654321", "Ana", "hello")
	chat := get[chatPage](t, w, boss, "/api/v1/chats").Data[0]
	read := call{method: "POST", path: "/api/v1/chats/" + chat.ID.String() + "/read", key: agent}
	if r := w.do(t, read); r.status != http.StatusNotFound {
		t.Errorf("not assigned: %d", r.status)
	}
	r := w.do(t, call{method: "PUT", path: "/api/v1/users/" + u.ID.String() + "/assignments", body: `{"clients":["{client}"]}`, key: boss})
	w.later.Add(int64(4 * time.Second))
	if r.status != http.StatusOK {
		t.Fatalf("assign: %d %s", r.status, r.body)
	}
	if r := w.do(t, read); r.status != http.StatusOK {
		t.Errorf("assigned: %d %s", r.status, r.body)
	}
	if got := get[chatPage](t, w, agent, "/api/v1/chats?q=ana").Data; len(got) != 1 || got[0].Unread != 0 {
		t.Errorf("an agent finds %+v", got)
	}
}

type messagePage struct {
	Data       []wa.Message
	Next, Prev *string
}

func (p messagePage) bodies() (all []string) {
	for _, m := range p.Data {
		all = append(all, m.Text.Body)
	}
	return all
}

// TestMessagesAround opens a conversation in its middle and goes both ways.
func TestMessagesAround(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var sent []wa.Message
	for i := range 9 {
		sent = append(sent, w.send(t, "+5511987654321", fmt.Sprint(i)))
	}
	w.send(t, "+5511987654322", "elsewhere")
	path := "/api/v1/messages?limit=3&chat=" + sent[0].ChatID.String()
	page := func(query string) messagePage { return get[messagePage](t, w, w.admin, path+query) }
	expect := func(name string, p messagePage, next, prev bool, want ...string) {
		t.Helper()
		if got := p.bodies(); !slices.Equal(got, want) || (p.Next != nil) != next || (p.Prev != nil) != prev {
			t.Errorf("%s: %v, next %v, prev %v; want %v", name, got, p.Next != nil, p.Prev != nil, want)
		}
	}
	newest := page("")
	expect("newest", newest, true, false, "8", "7", "6")
	second := page("&cursor=" + *newest.Next)
	expect("second", second, true, true, "5", "4", "3")
	expect("back", page("&cursor="+*second.Prev), true, true, "8", "7", "6")
	middle := page("&around=" + sent[4].ID.String())
	expect("middle", middle, true, true, "5", "4", "3")
	expect("older", page("&cursor="+*middle.Next), true, true, "2", "1", "0")
	newer := page("&cursor=" + *middle.Prev)
	expect("newer", newer, true, true, "8", "7", "6")
	last := page("&cursor=" + *newer.Prev)
	expect("nothing newer", last, true, false)
	expect("from there on", page("&cursor="+*last.Next), true, true, "7", "6", "5")
	expect("around the newest", page("&around="+sent[8].ID.String()), true, false, "8", "7")
	expect("around the oldest", page("&around="+sent[0].ID.String()), false, true, "1", "0")
	expect("alone", get[messagePage](t, w, w.admin, "/api/v1/messages?limit=1&around="+sent[4].ID.String()), true, true, "4")
	for query, status := range map[string]int{"&around=" + wa.NewMessageID().String(): 404, "&around=x": 422, "&cursor=" + *newest.Next + "&around=" + sent[4].ID.String(): 422} {
		if r := w.do(t, call{method: "GET", path: path + query, key: w.admin}); r.status != status {
			t.Errorf("%s: %d %s", query, r.status, r.body)
		}
	}
	if r := w.do(t, call{method: "GET", path: "/api/v1/contacts?cursor=" + *middle.Prev, key: w.admin}); r.status != http.StatusUnprocessableEntity {
		t.Errorf("a list of one direction takes the other's cursor: %d", r.status)
	}
}

// TestMessagesAreFound searches by words and by several statuses.
func TestMessagesAreFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hear(t, "+5511987654321", "Ana", "Onde está o meu PEDIDO?")
	first := w.send(t, "+5511987654321", "Seu pedido já saiu")
	w.send(t, "+5511987654322", "Bom dia")
	w.do(t, call{method: "DELETE", path: "/api/v1/messages/" + first.ID.String(), key: w.admin})
	for query, want := range map[string]int{
		"q=pedido": 2, "q=onde+ESTA": 1, "q=pedido&direction=outbound": 1, "q=pedido&status=cancelled": 1, "q=pedido&chat=" + first.ChatID.String(): 2,
		"q=nada": 0, "status=cancelled,queued": 2, "status=received&status=cancelled": 2, "q=" + url.QueryEscape(`.*`): 0, "q=%20": 3,
	} {
		p := get[messagePage](t, w, w.admin, "/api/v1/messages?"+query)
		if len(p.Data) != want || p.Next != nil || p.Prev != nil {
			t.Errorf("%s: %v, want %d", query, p.bodies(), want)
		}
	}
	if p := get[messagePage](t, w, w.admin, "/api/v1/messages?q=pedido&limit=1"); len(p.Data) != 1 || p.Next == nil ||
		len(get[messagePage](t, w, w.admin, "/api/v1/messages?q=pedido&limit=1&cursor="+*p.Next).Data) != 1 {
		t.Errorf("page by page: %+v", p)
	}
	if p := get[messagePage](t, w, w.stranger.key, "/api/v1/messages?q=pedido"); len(p.Data) != 0 {
		t.Errorf("a stranger finds %v", p.bodies())
	}
}

// TestSearchGoesFromSliceToSlice finds what lies three slices apart, both ways.
func TestSearchGoesFromSliceToSlice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hear(t, "+5511987654321", "Ana", "needle one")
	w.exec(t, `UPDATE messages SET created_at = created_at - interval '1 day'`)
	w.hear(t, "+5511987654321", "Ana", "needle two")
	w.exec(t, `INSERT INTO messages (id, org_id, client_id, chat_id, contact_id, direction, origin, type, content, status, wire_id, created_at)
		SELECT gen_random_uuid(), org_id, client_id, chat_id, contact_id, direction, origin, type, '{"body": "hay"}', status, 'W' || n, created_at - n * interval '1 second'
		FROM messages, generate_series(1, 25000) n WHERE content->>'body' = 'needle two'`)
	pages := func(query string, back bool) (found []string, last messagePage) {
		for cursor := ""; ; {
			last = get[messagePage](t, w, w.admin, "/api/v1/messages?limit=50&"+query+cursor)
			found = append(found, last.bodies()...)
			onward := last.Next
			if back {
				onward = last.Prev
			}
			if onward == nil {
				return found, last
			}
			cursor = "&cursor=" + *onward
		}
	}
	found, last := pages("q=needle", false)
	if !slices.Equal(found, []string{"needle two", "needle one"}) {
		t.Errorf("found %v", found)
	}
	if last.Prev == nil && len(last.Data) != 2 {
		t.Error("there is no way back")
	}
	oldest := get[messagePage](t, w, w.admin, "/api/v1/messages?q=one").Data[0]
	if found, _ := pages("q=two&around="+oldest.ID.String(), true); !slices.Equal(found, []string{"needle two"}) {
		t.Errorf("newer than the oldest: %v", found)
	}
	if found, _ := pages("status=queued", false); found != nil {
		t.Errorf("queued: %v", found)
	}
}

// TestExportOfMessages reads the file as a spreadsheet would.
func TestExportOfMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	agent, _ := w.person(t, w.org.ID, wa.Agent)
	for i := range 250 {
		w.hear(t, "+5511987654321", "Ana", fmt.Sprint("number ", i))
	}
	w.hear(t, "+5511987654321", "Ana", "=1+1")
	file := func(query string) [][]string {
		t.Helper()
		r := w.do(t, call{method: "GET", path: "/api/v1/messages/export?" + query, key: boss})
		if r.status != http.StatusOK || r.header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.Contains(r.header.Get("Content-Disposition"), "messages.csv") {
			t.Fatalf("%d %v %s", r.status, r.header, r.body)
		}
		text, marked := strings.CutPrefix(r.body, "\uFEFF")
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || !marked {
			t.Fatalf("not the CSV that it should be: %v, mark %v", err, marked)
		}
		return rows
	}
	all := file("client={client}")
	at := slices.Index(all[0], "text")
	if len(all) != 252 || all[1][at] != "'=1+1" || all[2][at] != "number 249" || all[251][at] != "number 0" || all[1][slices.Index(all[0], "phone")] != "'+5511987654321" {
		t.Errorf("%d rows: %v", len(all), all[:3])
	}
	if some := file("q=NUMBER+24"); len(some) != 14 { // 24, 124, 224, and 240 to 249
		t.Errorf("%d rows were found", len(some))
	}
	if none := file("status=failed"); len(none) != 1 {
		t.Errorf("%d rows failed", len(none))
	}
	if line := w.lastLine(t, wa.AuditExported); line.Target != "messages" {
		t.Errorf("%+v", line)
	}
	for name, key := range map[string]wa.Secret{"a key": w.admin, "an agent": agent} {
		if r := w.do(t, call{method: "GET", path: "/api/v1/messages/export", key: key}); r.status != http.StatusForbidden {
			t.Errorf("%s exports: %d", name, r.status)
		}
	}
	w.later.Add(int64(time.Hour))
	if r := w.do(t, call{method: "GET", path: "/api/v1/messages/export", key: boss}); r.status < 400 {
		t.Errorf("without a recent proof: %d", r.status)
	}
}

// Messages of people who are signed in say so, and a waiting one's timeline ends
// with what it waits for.
func TestDashboardMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	boss, _ := w.person(t, w.org.ID, wa.Admin)
	sent := func(key wa.Secret, path, body string) wa.Message {
		t.Helper()
		r := w.do(t, call{method: "POST", path: path, key: key, body: body})
		id := decode[struct{ ID, MessageID string }](t, r.body)
		if id.ID == "" {
			id.ID = id.MessageID
		}
		return get[wa.Message](t, w, w.admin, "/api/v1/messages/"+id.ID)
	}
	if m := sent(boss, sendPath, good); m.Origin != wa.FromDashboard {
		t.Errorf("a person's is from %s", m.Origin)
	}
	if m := sent(boss, shortPath, `{"to":"+5511987654321","message":"x"}`); m.Origin != wa.FromDashboard {
		t.Errorf("a person's short one is from %s", m.Origin)
	}
	m := sent(w.admin, sendPath, good)
	if m.Origin != wa.FromAPI {
		t.Errorf("a key's is from %s", m.Origin)
	}
	steps := get[struct{ Data []wa.Step }](t, w, w.admin, "/api/v1/messages/"+m.ID.String()+"/timeline").Data
	if last := steps[len(steps)-1]; len(steps) != 2 || last.Note != "waiting: the number is not linked to a phone; 2 others go first" || last.Until != nil ||
		!strings.Contains(string(last.Data), `"client_unpaired"`) {
		t.Errorf("it ends with %+v", last)
	}
	w.do(t, call{method: "DELETE", path: "/api/v1/messages/" + m.ID.String(), key: w.admin})
	steps = get[struct{ Data []wa.Step }](t, w, w.admin, "/api/v1/messages/"+m.ID.String()+"/timeline").Data
	if last := steps[len(steps)-1]; last.Status != wa.Cancelled {
		t.Errorf("cancelled, it ends with %+v", last)
	}
}

// must does what has to work, as the admin key.
func (w *world) must(t testing.TB, method, path, body string, status int) {
	t.Helper()
	if r := w.do(t, call{method: method, path: path, body: body, key: w.admin}); r.status != status {
		t.Fatalf("%s %s: %d %s", method, path, r.status, r.body)
	}
}

// TestWordsOfTheDocument looks for the closed sets in the description.
func TestWordsOfTheDocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d, _ := w.document(t)
	for place, want := range map[string]string{
		"Message.direction": "outbound inbound", "Message.origin": "api dashboard phone contact other_device sign_in",
		"Client.desired": "idle connected disconnected pairing logged_out deleted", "Chat.kind": "direct group", "Client.status": "new pairing connecting",
	} {
		schema, field, _ := strings.Cut(place, ".")
		properties := d.Components.Schemas[schema].(map[string]any)["properties"].(map[string]any) //nolint:forcetypeassert // a panic is a failure here
		var words []string
		for _, v := range properties[field].(map[string]any)["enum"].([]any) { //nolint:forcetypeassert // as above
			words = append(words, fmt.Sprint(v))
		}
		if got := strings.Join(words, " "); !strings.HasPrefix(got, want) {
			t.Errorf("%s is one of %s", place, got)
		}
	}
}
