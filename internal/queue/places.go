package queue

import (
	"sync"

	"chasqui/internal/wa"
)

// waitersPerClient is how many tickets of one client may wait at a time.
const waitersPerClient = 4

// places keeps waiting tickets from taking all of the server's hands: a bell
// behind them would not be heard.
type places struct {
	mu    sync.Mutex
	by    map[wa.ClientID]int
	total int
	most  int
}

func newPlaces(most int) *places { return &places{by: map[wa.ClientID]int{}, most: most} }

func (p *places) take(c wa.ClientID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.total >= p.most || p.by[c] >= waitersPerClient {
		return false
	}
	p.total++
	p.by[c]++
	return true
}

func (p *places) leave(c wa.ClientID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total--
	if p.by[c]--; p.by[c] == 0 {
		delete(p.by, c)
	}
}
