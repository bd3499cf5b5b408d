package webhook_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
	"chasqui/internal/webhook"
)

func TestSchedule(t *testing.T) {
	t.Parallel()
	want := []time.Duration{0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 10 * time.Hour}
	failed := wa.Attempt{Status: 500, Error: wa.AttemptStatus}
	for n, base := range want[1:] {
		var sum time.Duration
		const draws = 2000
		lowest, highest := time.Duration(1<<62), time.Duration(0)
		for range draws {
			d, ok := webhook.Next(wa.Endpoint{}, n+1, failed, 0)
			if !ok {
				t.Fatalf("gives up after %d", n+1)
			}
			sum, lowest, highest = sum+d, min(lowest, d), max(highest, d)
		}
		mean := float64(sum/draws) / float64(base)
		if lowest < base*8/10 || highest > base*12/10 || mean < 0.98 || mean > 1.02 || highest-lowest < base*3/10 {
			t.Errorf("after %d failures: %s to %s, mean %.2f of %s", n+1, lowest, highest, mean, base)
		}
	}
	if _, again := webhook.Next(wa.Endpoint{}, 8, failed, 0); again {
		t.Error("tries a ninth time")
	}
	if d, again := webhook.Next(wa.Endpoint{Schedule: []int{0, 1}}, 1, failed, 0); !again || d > 2*time.Second {
		t.Errorf("a schedule of its own: %s, %v", d, again)
	}
}

func TestWaitsThatReceiversAskFor(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		a        wa.Attempt
		asked    time.Duration
		from, to time.Duration
	}{
		{"500", wa.Attempt{Status: 500, Error: wa.AttemptStatus}, 0, 4 * time.Second, 6 * time.Second},
		{"429", wa.Attempt{Status: 429, Error: wa.AttemptStatus}, 0, time.Minute, time.Minute},
		{"502", wa.Attempt{Status: 502, Error: wa.AttemptStatus}, 0, time.Minute, time.Minute},
		{"503", wa.Attempt{Status: 503, Error: wa.AttemptStatus}, 0, time.Minute, time.Minute},
		{"504", wa.Attempt{Status: 504, Error: wa.AttemptStatus}, 0, time.Minute, time.Minute},
		{"timeout", wa.Attempt{Error: wa.AttemptTimeout}, 0, time.Minute, time.Minute},
		{"asks for less", wa.Attempt{Status: 429, Error: wa.AttemptStatus}, time.Second, time.Minute, time.Minute},
		{"asks for more", wa.Attempt{Status: 429, Error: wa.AttemptStatus}, 90 * time.Second, 90 * time.Second, 90 * time.Second},
		{"asks for too much", wa.Attempt{Status: 429, Error: wa.AttemptStatus}, time.Hour, 2 * time.Minute, 2 * time.Minute},
	}
	for _, tt := range tests {
		if d, ok := webhook.Next(wa.Endpoint{}, 1, tt.a, tt.asked); !ok || d < tt.from || d > tt.to {
			t.Errorf("%s: %s, %v", tt.name, d, ok)
		}
	}
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"90": 90 * time.Second, "Sun, 22 Nov 2026 10:01:30 GMT": 90 * time.Second, "Sun, 22 Nov 2026 09:00:00 GMT": 0, "-1": 0, "soon": 0, "": 0, "99999999999": 0,
	} {
		if got := webhook.RetryAfter(http.Header{"Retry-After": {text}}, now); got != want {
			t.Errorf("Retry-After: %s is %s, want %s", text, got, want)
		}
	}
}

func TestCircuit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	var c webhook.Circuit
	for range 9 {
		c.Note(false, now)
	}
	if s := c.State(now); s != "closed" {
		t.Fatalf("after nine failures it is %s", s)
	}
	c.Note(false, now)
	if s := c.State(now.Add(29 * time.Second)); s != "open" {
		t.Fatalf("after ten failures it is %s", s)
	}
	now = now.Add(30 * time.Second)
	if s := c.State(now); s != "half-open" {
		t.Fatalf("after 30 s it is %s", s)
	}
	c.Note(false, now)
	if s := c.State(now.Add(29 * time.Second)); s != "open" {
		t.Fatalf("after a failed probe it is %s", s)
	}
	now = now.Add(30 * time.Second)
	c.Note(true, now)
	if s := c.State(now); s != "closed" {
		t.Fatalf("after a good probe it is %s", s)
	}
	for i := range 100 {
		c.Note(i%10 < 4, now) // 60 % fail
	}
	if s := c.State(now); s != "closed" {
		t.Errorf("with 60 %% failures it is %s", s)
	}
	var old webhook.Circuit
	for range 9 {
		old.Note(false, now)
	}
	now = now.Add(6 * time.Minute)
	old.Note(false, now)
	if s := old.State(now); s != "closed" {
		t.Errorf("failures of long ago count: it is %s", s)
	}
}

func due(t *testing.T, m wa.Message) store.Due {
	t.Helper()
	raw, err := json.Marshal(wa.EventMessage{Message: m})
	if err != nil {
		t.Fatal(err)
	}
	seq := int64(7)
	id := wa.NewEventID()
	return store.Due{
		Delivery: wa.Delivery{EventID: id, OrgID: wa.NewOrgID()},
		Event:    wa.Event{ID: id, Type: wa.MessageReceived, ClientID: wa.NewClientID(), Sequence: &seq, Data: raw, CreatedAt: time.Now()},
		Client:   wa.EnvelopeClient{ID: wa.NewClientID(), Phone: "+5511900000000", Name: "Support", Provider: "whatsmeow"},
		Chat:     wa.Chat{ID: wa.NewChatID(), Kind: wa.Direct},
		Contact:  wa.Contact{ID: wa.NewContactID(), Phone: "+5511987654321", LID: "1466", PushName: "Ana"},
	}
}

func TestThinPayloadsNameNobody(t *testing.T) {
	t.Parallel()
	m := wa.Message{
		ID: wa.NewMessageID(), Direction: wa.Inbound, Type: wa.KindText, Text: &wa.Text{Body: "a secret"}, Status: wa.Received,
		From: wa.Recipient{Phone: "+5511987654321", Input: "+5511987654321"}, Metadata: map[string]string{"id": "whose"},
	}
	full, err := webhook.Body(due(t, m), wa.FullPayload)
	if err != nil {
		t.Fatal(err)
	}
	thin, err := webhook.Body(due(t, m), wa.ThinPayload)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"a secret", "5511987654321", "Ana", "5511900000000", "Support", "whose"} {
		if !strings.Contains(string(full), word) {
			t.Errorf("the full payload lacks %q: %s", word, full)
		}
		if strings.Contains(string(thin), word) {
			t.Errorf("the thin payload tells %q: %s", word, thin)
		}
	}
	for _, word := range []string{m.ID.String(), "chat_", "con_", `"sequence":7`, `"status":"received"`} {
		if !strings.Contains(string(thin), word) {
			t.Errorf("the thin payload lacks %q: %s", word, thin)
		}
	}
}

func TestBodiesStaySmall(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"letters": strings.Repeat("a", 65_536), "quotes": strings.Repeat(`"`, 65_536), "emoji": strings.Repeat("👩", 65_536), "controls": strings.Repeat("\x01", 65_536),
	} {
		m := wa.Message{ID: wa.NewMessageID(), Type: wa.KindText, Text: &wa.Text{Body: text}, Metadata: map[string]string{}}
		for range 50 {
			m.Metadata[wa.NewMessageID().String()] = strings.Repeat("m", 1000)
		}
		raw, err := webhook.Body(due(t, m), wa.FullPayload)
		if err != nil {
			t.Fatal(err)
		}
		var e wa.Envelope
		if err := json.Unmarshal(raw, &e); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(raw) > webhook.MaxBody || !e.Truncated {
			t.Errorf("%s: %d bytes, truncated %v", name, len(raw), e.Truncated)
		}
	}
	small, err := webhook.Body(due(t, wa.Message{Text: &wa.Text{Body: strings.Repeat("a", 10_000)}}), wa.FullPayload)
	if err != nil || strings.Contains(string(small), "truncated") || len(small) < 10_000 {
		t.Errorf("a body that fits is cut: %d bytes, %v", len(small), err)
	}
}
