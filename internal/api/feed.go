package api

import (
	"context"
	"sync"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// feedTick is how often an org's feed is looked at while somebody listens.
const feedTick = 250 * time.Millisecond

// feed wakes those who wait for events of an org. However many listen, one
// goroutine per org looks whether there is anything new; what is new for whom
// each listener reads by itself, from its own mark.
type feed struct {
	db   *store.DB
	mu   sync.Mutex
	orgs map[wa.OrgID]*watch
}

// watch is the looking at one org's feed.
type watch struct {
	listeners int
	woken     chan struct{} // closed and replaced whenever there is something new
	stop      context.CancelFunc
}

func newFeed(db *store.DB) *feed { return &feed{db: db, orgs: map[wa.OrgID]*watch{}} }

// listen starts looking at an org's feed, until leave is called. Take a channel
// from woken before reading: what comes later closes it.
func (f *feed) listen(org wa.OrgID) (woken func() <-chan struct{}, leave func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.orgs[org]
	if w == nil {
		ctx, stop := context.WithCancel(context.Background())
		w = &watch{woken: make(chan struct{}), stop: stop}
		f.orgs[org] = w
		go f.look(ctx, org, w)
	}
	w.listeners++
	woken = func() <-chan struct{} {
		f.mu.Lock()
		defer f.mu.Unlock()
		return w.woken
	}
	return woken, sync.OnceFunc(func() { f.leave(org, w) })
}

func (f *feed) leave(org wa.OrgID, w *watch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.listeners--
	if w.listeners == 0 {
		w.stop()
		delete(f.orgs, org)
	}
}

func (f *feed) wake(w *watch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(w.woken)
	w.woken = make(chan struct{})
}

// look wakes the listeners whenever there is something after the mark. It also
// wakes them once at the start, for what came between their reading and its
// first mark, and when the database fails, because they may know what to do.
func (f *feed) look(ctx context.Context, org wa.OrgID, w *watch) {
	tick := time.NewTicker(feedTick)
	defer tick.Stop()
	var mark store.Mark
	for ctx.Err() == nil {
		if f.moved(ctx, org, &mark) {
			f.wake(w)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// moved moves the mark to the end of the feed and reports whether it was not
// there.
func (f *feed) moved(ctx context.Context, org wa.OrgID, mark *store.Mark) bool {
	news := false
	err := f.db.InOrg(ctx, org, func(tx *store.Tx) (err error) {
		if mark.Tx == "" {
			news = true
			*mark, err = tx.MarkNow(ctx)
			return err
		}
		var events []wa.Event
		events, *mark, err = tx.Events(ctx, wa.Whole(org), *mark, store.EventFilter{}, store.MaxPage)
		news = len(events) > 0
		return err
	})
	return news || err != nil
}
