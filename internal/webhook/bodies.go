package webhook

import (
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

type bodyKey struct {
	event   wa.EventID
	payload wa.Payload
}

// bodiesMost is how much one half holds, in bytes.
const bodiesMost = 4 << 20

// of gives the body of a delivery.
func (b *bodies) of(d store.Due, payload wa.Payload) ([]byte, error) {
	key := bodyKey{d.EventID, payload}
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
