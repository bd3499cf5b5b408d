package message_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chasqui/internal/guard"
	"chasqui/internal/message"
	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

// BenchmarkDeliver is what the line itself costs a message: one client, no
// pacing, a network that answers at once or after the time that a bare client
// library takes.
func BenchmarkDeliver(b *testing.B) {
	for _, answer := range []time.Duration{0, 2 * time.Millisecond} {
		b.Run(fmt.Sprint("answer=", answer), func(b *testing.B) { benchmarkDeliver(b, answer) })
	}
}

func benchmarkDeliver(b *testing.B, answer time.Duration) {
	w := newWorld(b)
	for rest := b.N; rest > 0; rest -= wa.MaxBatch {
		var drafts []wa.Draft
		for i := range min(rest, wa.MaxBatch) {
			drafts = append(drafts, draft(person(i%100), "a text of usual length, as people write them", wa.Bulk))
		}
		_, err := w.AcceptBatch(b.Context(), w.by, w.client.ID, drafts, wa.IdempotencyKey{})
		w.must(err)
	}
	w.sql(`ANALYZE`)
	var sent atomic.Int64
	done := make(chan struct{})
	h := &hold{session: &session{}, client: w.client, flow: guard.Go, since: time.Now(), caught: true, nudges: make(chan wa.Nudge, 1)}
	h.epoch.Store(h.client.Epoch)
	h.onSend = func(context.Context, provider.Outgoing) (provider.Ack, error) {
		time.Sleep(answer)
		if sent.Add(1) == int64(b.N) {
			close(done)
		}
		return provider.Ack{At: time.Now(), Payload: make([]byte, 150)}, nil
	}
	ctx, cancel := context.WithCancel(b.Context())
	var line sync.WaitGroup
	b.ResetTimer()
	line.Go(func() { w.Deliver(ctx, h) })
	<-done
	cancel()
	line.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	if n := w.sql(`SELECT FROM messages WHERE status <> 'sent'`); n != 0 {
		b.Errorf("%d messages are not sent", n)
	}
}

// BenchmarkAcceptBatch is what a thousand messages to known people cost, without
// the HTTP around them.
func BenchmarkAcceptBatch(b *testing.B) {
	w := newWorld(b)
	var drafts []wa.Draft
	for i := range wa.MaxBatch {
		drafts = append(drafts, draft(person(i), "a text of usual length, as people write them", wa.Bulk))
	}
	for b.Loop() {
		if _, err := w.AcceptBatch(b.Context(), w.by, w.client.ID, drafts, wa.IdempotencyKey{}); err != nil {
			b.StopTimer()
			w.sql(`TRUNCATE messages, events CASCADE`)
			w.Service = message.New(w.db, message.Options{})
			b.StartTimer()
		}
	}
	b.ReportMetric(float64(b.N*wa.MaxBatch)/b.Elapsed().Seconds(), "msg/s")
}
