package whatsmeow

import (
	"sync"
	"time"

	"chasqui/internal/wa"
)

const (
	keepPresent = 7 * 24 * time.Hour
	keepAbsent  = 24 * time.Hour
	maxEntries  = 100_000
)

// registry remembers which phones have an account. It is asked only about
// phones that WhatsApp gave us reason to doubt; people we know are never looked
// up.
type registry struct {
	mu      sync.Mutex
	entries map[wa.Phone]registered
}

type registered struct {
	present bool
	until   time.Time
}

func newRegistry() *registry { return &registry{entries: map[wa.Phone]registered{}} }

// get tells whether the phone has an account; known is false when nobody asked
// lately.
func (r *registry) get(phone wa.Phone, now time.Time) (present, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.entries[phone]
	if !ok || now.After(e.until) {
		delete(r.entries, phone)
		return false, false
	}
	return e.present, true
}

// put remembers an answer.
func (r *registry) put(phone wa.Phone, present bool, now time.Time) {
	if phone == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	keep := keepAbsent
	if present {
		keep = keepPresent
	}
	r.makeRoom(now)
	r.entries[phone] = registered{present: present, until: now.Add(keep)}
}

// makeRoom drops what has run out, and if that is nothing, anything: a wrong
// guess costs one question.
func (r *registry) makeRoom(now time.Time) {
	if len(r.entries) < maxEntries {
		return
	}
	for phone, e := range r.entries {
		if now.After(e.until) || len(r.entries) >= maxEntries {
			delete(r.entries, phone)
		}
	}
}
