package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func TestSendAnswersWithThePlaceInLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.do(t, call{method: "POST", path: sendPath, key: w.sender, body: `{
		"to": "+5511987654321", "type": "text", "text": {"body": "Olá", "preview_url": true}, "mentions": ["+5511912345678"],
		"lane": "urgent", "typing": false, "client_ref": "order-991", "metadata": {"cart": "17"}, "dry_run": false}`})
	if r.status != http.StatusAccepted {
		t.Fatalf("%d %s", r.status, r.body)
	}
	m := decode[struct {
		wa.Message
		Queue *wa.QueuePlace `json:"queue"`
	}](t, r.body)
	if got := r.header.Get("Location"); got != "/api/v1/messages/"+m.ID.String() {
		t.Errorf("Location = %q", got)
	}
	if m.Queue == nil || m.Queue.Position != 1 || m.Queue.BlockedBy == nil || *m.Queue.BlockedBy != wa.WaitUnpaired {
		t.Errorf("queue = %+v", m.Queue)
	}
	if m.Lane != wa.Urgent || m.ClientRef != "order-991" || m.Metadata["cart"] != "17" || m.Typing == nil || *m.Typing ||
		!m.Text.PreviewURL || m.WireID == "" || m.To.Phone != "+5511987654321" || m.Origin != wa.FromAPI {
		t.Errorf("message = %s", r.body)
	}
}

func TestDryRunStoresNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.stored(t)
	for _, c := range []call{
		{path: sendPath + "?dry_run=true", body: good},
		{path: sendPath, body: good[:len(good)-1] + `,"dry_run":true}`, header: map[string]string{"Idempotency-Key": "dry"}},
	} {
		c.method, c.key = "POST", w.admin
		r := w.do(t, c)
		if r.status != http.StatusOK || !strings.Contains(r.body, `"id":""`) || !strings.Contains(r.body, `"position":1`) {
			t.Errorf("dry run: %d %s", r.status, r.body)
		}
	}
	if r := w.do(t, call{method: "POST", path: sendPath + "?dry_run=true", key: w.admin, body: `{"to":"x","text":{"body":"x"}}`}); r.status != 422 {
		t.Errorf("bad dry run: %d", r.status)
	}
	if after := w.stored(t); after != before {
		t.Errorf("before %s, after %s", before, after)
	}
}

// TestIdempotency repeats requests: one after the other, all at once, and with
// another body.
func TestIdempotency(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keyed := func(path, body, key string) call {
		return call{method: "POST", path: path, body: body, key: w.admin, header: map[string]string{"Idempotency-Key": key}}
	}
	for _, c := range []call{
		keyed(sendPath, good, "a"), keyed(shortPath, `{"to":"+5511987654321","message":"x"}`, "a"), keyed(batchPath, `{"messages":[`+good+`,{"to":"?"}]}`, "a"),
		keyed("/api/v1/clients", `{"name":"second"}`, "a"),
	} {
		first, second := w.do(t, c), w.do(t, c)
		if first.status >= 300 || second.status != first.status || second.body != first.body {
			t.Errorf("%s: first %d %s, second %d %s", c.path, first.status, first.body, second.status, second.body)
		}
		if first.header.Get("Idempotent-Replayed") != "" || second.header.Get("Location") != first.header.Get("Location") {
			t.Errorf("%s: headers %v, then %v", c.path, first.header, second.header)
		}
		if c.path != "/api/v1/clients" && second.header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s: the repeat is not marked", c.path)
		}
	}
	spaced := w.do(t, keyed(sendPath, strings.ReplaceAll(good, ":", " : "), "a"))
	if spaced.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the same request in another format is another request: %d %s", spaced.status, spaced.body)
	}
	other := w.do(t, keyed(sendPath, strings.Replace(good, "hello", "bye", 1), "a"))
	if p := checkProblem(t, other); p.Code != "idempotency_key_reuse" || other.status != 422 || p.Errors[0].Location != "header.Idempotency-Key" {
		t.Errorf("the key of another request: %d %s", other.status, other.body)
	}
	if bad := w.do(t, keyed(sendPath, `{"to":"x","text":{"body":"x"}}`, "b")); bad.status != 422 {
		t.Errorf("bad request: %d", bad.status)
	}
	if fixed := w.do(t, keyed(sendPath, good, "b")); fixed.status != 202 || fixed.header.Get("Idempotent-Replayed") != "" {
		t.Errorf("a refused request has used up its key: %d %s", fixed.status, fixed.body)
	}
}

func TestFiftyAtOnceAreOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	replies := make([]reply, 50)
	var all sync.WaitGroup
	for i := range replies {
		all.Go(func() {
			replies[i] = w.do(t, call{method: "POST", path: sendPath, body: good, key: w.admin, header: map[string]string{"Idempotency-Key": "storm"}})
		})
	}
	all.Wait()
	ids, fresh := map[string]bool{}, 0
	for _, r := range replies {
		switch {
		case r.status == http.StatusAccepted:
			ids[decode[wa.Message](t, r.body).ID.String()] = true
			if r.header.Get("Idempotent-Replayed") == "" {
				fresh++
			}
		case r.status != http.StatusConflict || r.header.Get("Retry-After") == "":
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	if len(ids) != 1 || fresh != 1 || !strings.HasPrefix(w.stored(t), "messages 1,") {
		t.Errorf("%d ids, %d fresh answers, stored: %s", len(ids), fresh, w.stored(t))
	}
}

func TestBatchTakesTheGoodOnes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.do(t, call{method: "POST", path: batchPath, key: w.admin, body: `{"messages":[
		{"to":"+5511987654321","text":{"body":"one"},"client_ref":"r1"},
		{"to":"nobody","text":{"body":""},"client_ref":"r2"},
		{"to":"+5511987654322","text":{"body":"three"}}]}`})
	got := decode[struct {
		Accepted, Rejected int
		Items              []struct {
			Index     int
			ID        wa.MessageID
			Status    wa.Status
			ClientRef string `json:"client_ref"`
			Error     *struct {
				Code, Message string
				Errors        []struct{ Location string }
			}
		}
	}](t, r.body)
	if r.status != http.StatusAccepted || got.Accepted != 2 || got.Rejected != 1 || len(got.Items) != 3 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	bad := got.Items[1]
	if bad.Error == nil || !bad.ID.IsZero() || bad.ClientRef != "r2" || len(bad.Error.Errors) != 2 || bad.Error.Errors[0].Location != "body.messages[1].to" {
		t.Errorf("bad item: %s", r.body)
	}
	if got.Items[0].Error != nil || got.Items[0].Status != wa.Queued || got.Items[2].Index != 2 {
		t.Errorf("good items: %s", r.body)
	}
	if !strings.HasPrefix(w.stored(t), "messages 2,") {
		t.Errorf("stored: %s", w.stored(t))
	}
}

// What cannot be read in one message of a batch is that message's trouble.
func TestABatchRefusesWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.do(t, call{method: "POST", path: batchPath, key: w.admin, body: `{"messages":[
		{"to":"+5511987654321","text":{"body":"a\u0000b"}},
		{"to":"+5511987654321","text":{"body":"x"},"reply_to":"?"},
		{"to":"+5511987654321","text":{"body":"x"},"callback_url":"ftp://example.com","client_ref":"r3"},
		{"to":"+5511987654321","text":{"body":"x"},"client_ref":"\u0000"},
		` + good + `]}`})
	got := decode[struct {
		Accepted, Rejected int
		Items              []struct {
			ClientRef string `json:"client_ref"`
			Error     *struct{ Errors []struct{ Location string } }
		}
	}](t, r.body)
	if r.status != http.StatusAccepted || got.Accepted != 1 || got.Rejected != 4 || got.Items[4].Error != nil || got.Items[2].ClientRef != "r3" {
		t.Fatalf("%d %s", r.status, r.body)
	}
	for i, at := range []string{"text.body", "reply_to", "callback_url", "client_ref"} {
		if e := got.Items[i].Error; e == nil || len(e.Errors) != 1 || e.Errors[0].Location != fmt.Sprintf("body.messages[%d].%s", i, at) {
			t.Errorf("item %d: %+v, want one error at %s", i, e, at)
		}
	}
	if !strings.HasPrefix(w.stored(t), "messages 1,") {
		t.Errorf("stored: %s", w.stored(t))
	}
}

func TestAThousandInABatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	items := make([]string, 1000)
	for i := range items {
		items[i] = fmt.Sprintf(`{"to":"+551198%07d","text":{"body":"number %d"},"lane":"bulk"}`, i, i)
	}
	r := w.do(t, call{method: "POST", path: batchPath, key: w.admin, body: `{"messages":[` + strings.Join(items, ",") + `]}`})
	if r.status != http.StatusAccepted || !strings.HasPrefix(w.stored(t), "messages 1000,") {
		t.Errorf("%d %.300s; stored %s", r.status, r.body, w.stored(t))
	}
}

// TestPreferWait gives the message once it has left, and the usual answer when
// it has not.
func TestPreferWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	waiting := call{method: "POST", path: sendPath, body: good, key: w.admin, header: map[string]string{"Prefer": "respond-async, wait=1"}}
	r := w.do(t, waiting)
	if r.status != http.StatusAccepted || r.header.Get("Preference-Applied") != "wait=1" || !strings.Contains(r.body, `"queued"`) {
		t.Errorf("nothing happened: %d %s %v", r.status, r.body, r.header)
	}
	w.exec(t, `DELETE FROM messages`)
	waiting.header["Prefer"] = "wait=25"
	done := make(chan reply, 1)
	go func() { done <- w.do(t, waiting) }()
	testkit.Eventually(t, patience, "the message is sent", func() bool {
		res, err := w.sql.ExecContext(t.Context(), `UPDATE messages SET status = 'sent', sent_at = now() WHERE status = 'queued'`)
		if err != nil {
			return false
		}
		n, _ := res.RowsAffected()
		return n == 1
	})
	select {
	case r = <-done:
	case <-time.After(patience):
		t.Fatal("the answer does not come")
	}
	if r.status != http.StatusOK || !strings.Contains(r.body, `"status":"sent"`) || strings.Contains(r.body, `"queue"`) {
		t.Errorf("it was sent: %d %s", r.status, r.body)
	}
	for _, prefer := range []string{"wait=0", "wait=-1", "wait", "wait=soon", "return=minimal"} {
		waiting.header["Prefer"] = prefer
		if r := w.do(t, waiting); r.status != http.StatusAccepted || r.header.Get("Preference-Applied") != "" {
			t.Errorf("Prefer: %s: %d %v", prefer, r.status, r.header)
		}
	}
}

func TestRetryAFailedMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.send(t, "+5511987654321", "x")
	w.exec(t, `UPDATE messages SET status = 'failed', error_code = 'provider_rejected', error = '{"code":"provider_rejected"}' WHERE id = $1`, m.ID.UUID())
	r := w.do(t, call{method: "POST", path: "/api/v1/messages/" + m.ID.String() + "/retry", key: w.admin})
	if r.status != http.StatusAccepted || !strings.Contains(r.body, `"status":"queued"`) {
		t.Errorf("%d %s", r.status, r.body)
	}
}
