package device

import "sync"

// memory is what the devices of a process remember of their values, the least
// recently used forgotten first. A nil value says that there is none.
type memory struct {
	mu    sync.Mutex
	limit int
	size  int
	known map[memo]*remembered
	ring  remembered // its next is the newest, its previous the oldest
}

// memo names a value of one opening of a device: who opens it anew starts
// without memories.
type memo struct {
	k *keeper
	s slot
}

type remembered struct {
	memo
	value          []byte
	next, previous *remembered
}

// overhead is about what an entry takes besides its bytes.
const overhead = 250

func (r *remembered) size() int { return len(r.value) + len(r.s.key) + overhead }

func newMemory(limit int) *memory {
	m := &memory{limit: limit, known: map[memo]*remembered{}}
	m.ring.next, m.ring.previous = &m.ring, &m.ring
	return m
}

func (m *memory) get(k *keeper, s slot) (value []byte, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.known[memo{k, s}]
	if !ok {
		return nil, false
	}
	r.unlink()
	m.front(r)
	return r.value, true
}

func (m *memory) put(k *keeper, s slot, value []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(memo{k, s})
	r := &remembered{memo: memo{k, s}, value: value}
	m.known[r.memo] = r
	m.front(r)
	m.size += r.size()
	for m.size > m.limit && len(m.known) > 0 {
		m.remove(m.ring.previous.memo)
	}
}

func (m *memory) drop(k *keeper, s slot) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(memo{k, s})
}

// The rest needs mu.

func (m *memory) remove(n memo) {
	if r, ok := m.known[n]; ok {
		m.size -= r.size()
		r.unlink()
		delete(m.known, n)
	}
}

func (m *memory) front(r *remembered) {
	r.previous, r.next = &m.ring, m.ring.next
	r.previous.next, r.next.previous = r, r
}

func (r *remembered) unlink() {
	r.previous.next, r.next.previous = r.next, r.previous
}
