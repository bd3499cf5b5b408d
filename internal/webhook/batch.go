package webhook

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// request gives the webhook-id and the body of a delivery and of what goes with
// it.
func (b *bodies) request(d store.Due, to target) (id string, text []byte, err error) {
	if to.Batch <= 1 {
		text, err = b.of(d, to.Payload)
		return d.EventID.String(), text, err
	}
	name := sha256.New()
	batch := wa.EnvelopeBatch{Type: "batch", Version: wa.EventVersion}
	for _, one := range append([]store.Due{d}, d.Rest...) {
		raw, err := b.of(one, to.Payload)
		if err != nil {
			return "", nil, err
		}
		batch.Events = append(batch.Events, raw)
		_, _ = name.Write([]byte(one.EventID.String())) // a hash takes everything
	}
	if text, err = json.Marshal(batch); err != nil {
		return "", nil, fmt.Errorf("encode batch: %w", err)
	}
	return "batch_" + hex.EncodeToString(name.Sum(nil)[:16]), text, nil
}

// together is what goes with a delivery, up to the first that has no body: that
// one will be the head of a batch, and fail alone.
func (b *bodies) together(d store.Due, payload wa.Payload) []store.Due {
	for i, one := range append([]store.Due{d}, d.Rest...) {
		if _, err := b.of(one, payload); err != nil {
			return d.Rest[:max(i-1, 0)]
		}
	}
	return d.Rest
}

// rest is what the answer means for those that went in the same request. Their
// attempts do not repeat what the receiver said.
func (v landed) rest() []landed {
	var out []landed
	for _, d := range v.due.Rest {
		a := v.answer
		a.Delivery, a.Number, a.Trigger = d.ID, d.Attempts+1, d.Trigger
		a.Headers, a.Body, a.Detail = nil, "", "in one request with "+v.due.EventID.String()
		out = append(out, landed{d, a})
	}
	return out
}
