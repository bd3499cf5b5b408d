package message_test

import (
	"strings"
	"testing"
	"time"

	"chasqui/internal/wa"
)

// The last line of a timeline says what a message waits for now.
func TestWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.limit(wa.DefaultLimits())
	first, second := w.send(1, "first", wa.Normal), w.send(2, "second", wa.Normal)
	w.send(3, "third", wa.Normal)
	now := func(when string, id wa.MessageID, note, data string, dated bool) {
		t.Helper()
		m := w.message(id)
		got, err := w.Waiting(t.Context(), w.by, m)
		if err != nil || got == nil {
			t.Fatalf("%s: %+v, %v", when, got, err)
		}
		if !strings.HasPrefix(got.Note, note) || !strings.Contains(string(got.Data), data) || (got.Until != nil) != dated || got.Status != m.Status {
			t.Errorf("%s: %q until %v, %s; want %q, %s", when, got.Note, got.Until, got.Data, note, data)
		}
	}
	now("at the head", first, "waiting: next in line", `"position":1`, true)
	now("behind it", second, "waiting: behind 1 other", `"blocked_by":null`, true)
	w.sql(`UPDATE messages SET status = 'sent', sent_at = now() - interval '10 minutes' WHERE id = $1`, first.UUID())
	l := wa.DefaultLimits()
	l.PerHour = 1
	w.limit(l)
	now("at the hour's cap", second, "held: hourly limit, next at ", `"hour_cap"`, true)
	w.sql(`UPDATE clients SET paused = true WHERE id = $1`, w.client.ID.UUID())
	now("paused", second, "held: the number is paused", `"client_paused"`, false)
	w.sql(`UPDATE clients SET paused = false, status = 'disconnected' WHERE id = $1`, w.client.ID.UUID())
	now("offline", second, "waiting: the number is offline", `"client_offline"`, false)
	w.sql(`UPDATE clients SET status = 'temp_banned', until = now() + interval '1 hour' WHERE id = $1`, w.client.ID.UUID())
	now("banned for a time", second, "waiting: WhatsApp banned", `"client_restricted"`, true)
	w.sql(`UPDATE messages SET status = 'retry_wait', not_before = now() + interval '1 minute' WHERE id = $1`, second.UUID())
	now("to be tried again", second, "waiting: for the next try", `"retry_wait"`, true)
	d := draft(person(4), "later", wa.Normal)
	at := time.Now().Add(time.Hour)
	d.SendAt = &at
	now("scheduled", w.accept(d), "waiting: for its time", `"scheduled"`, true)
	if got, err := w.Waiting(t.Context(), w.by, w.message(first)); got != nil || err != nil {
		t.Errorf("what was sent waits for %+v, %v", got, err)
	}
}
