package message_test

import (
	"errors"
	"testing"
	"time"

	"chasqui/internal/message"
	"chasqui/internal/wa"
)

// One org's flood is refused with the time to come back, and costs the others
// nothing.
func TestAnOrgMayHandInSoMuch(t *testing.T) {
	t.Parallel()
	at := time.Now()
	w := newWorld(t, func(o *message.Options) { o.Now = func() time.Time { return at } })
	drafts := make([]wa.Draft, wa.MaxBatch)
	for i := range drafts {
		drafts[i] = draft("nobody", "refused before it is stored", wa.Bulk)
	}
	flood := func() (err error) {
		for range 50 {
			if _, err = w.AcceptBatch(t.Context(), w.by, w.client.ID, drafts, wa.IdempotencyKey{}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := flood(); err != nil {
		t.Fatalf("the first burst: %v", err)
	}
	_, err := w.Accept(t.Context(), w.by, w.client.ID, draft(person(1), "one too many", wa.Normal), wa.IdempotencyKey{})
	var e *wa.Error
	if !errors.As(err, &e) || e.Code != wa.RateLimited || e.RetryAfter < time.Second {
		t.Errorf("after the burst: %v", err)
	}
	other := w.by
	other.Org = wa.NewOrgID()
	if _, err := w.Accept(t.Context(), other, w.client.ID, draft(person(1), "x", wa.Normal), wa.IdempotencyKey{}); wa.CodeOf(err) != wa.NotFound {
		t.Errorf("another org is refused with %v, want only that it has no such client", err)
	}
	at = at.Add(time.Second)
	w.send(1, "a second later", wa.Normal)
}
