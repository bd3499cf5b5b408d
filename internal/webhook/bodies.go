package webhook

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// bodies keeps what was made lately: an event goes to several endpoints of an
// org at about the same time, and its body is the same for all of a payload. Of
// two halves the older is dropped when the younger is full.
type bodies struct {
	mu         sync.Mutex
	young, old map[bodyKey][]byte
	size       int // of young, in bytes
}

// bodyKey says what a body was made of: an event whose person was erased in the
// meantime is another one, and what was made of it before is never sent again.
type bodyKey struct {
	event   wa.EventID
	payload wa.Payload
	of      [sha256.Size]byte
}

func keyOf(d store.Due, payload wa.Payload) bodyKey {
	h := sha256.New()
	_, _ = h.Write(d.Event.Data) // a hash takes everything
	c := d.Contact
	_, _ = fmt.Fprintf(h, "%s %q", c.ID, []string{string(c.Phone), c.LID, c.Name, c.PushName})
	key := bodyKey{event: d.EventID, payload: payload}
	h.Sum(key.of[:0])
	return key
}

// bodiesMost is how much one half holds, in bytes.
const bodiesMost = 4 << 20

// of gives the body of a delivery.
func (b *bodies) of(d store.Due, payload wa.Payload) ([]byte, error) {
	key := keyOf(d, payload)
	if raw, ok := b.get(key); ok {
		return raw, nil
	}
	raw, err := body(d, payload)
	if err == nil {
		b.put(key, raw)
	}
	return raw, err
}

func (b *bodies) get(key bodyKey) ([]byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if raw, ok := b.young[key]; ok {
		return raw, true
	}
	raw, ok := b.old[key]
	return raw, ok
}

func (b *bodies) put(key bodyKey, raw []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.young == nil || b.size > bodiesMost {
		b.young, b.old, b.size = map[bodyKey][]byte{}, b.young, 0
	}
	b.young[key] = raw
	b.size += len(raw)
}
