package message

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Bounds of a round. One transaction for many callers costs little more than
// one for a single caller; two at a time, so that one is made ready while the
// other one waits for the disk.
const (
	roundSize    = 64
	roundsAtOnce = 2
	roundWithin  = 20 * time.Second
)

// rounds takes in together what the callers of one org hand in at the same
// time. Nobody waits for company: a round begins when there is somebody to serve
// and room for one more transaction, and takes who has come meanwhile.
type rounds struct {
	mu sync.Mutex
	of map[wa.OrgID]*crowd
}

type crowd struct {
	waiting []*ask
	running int
}

// takeIn serves an ask in one of the next rounds of its org. A caller who goes
// away before the round begins is not served; afterwards the outcome is waited
// for, so that an error always means that nothing was stored.
func (s *Service) takeIn(ctx context.Context, org wa.OrgID, a *ask) (Accepted, error) {
	if s.rounds.join(org, a) {
		go s.serve(context.WithoutCancel(ctx), org)
	}
	select {
	case <-a.done:
		return a.out, a.err
	case <-ctx.Done():
		if s.rounds.leave(org, a) {
			return Accepted{}, fmt.Errorf("wait to be taken in: %w", context.Cause(ctx))
		}
		<-a.done
		return a.out, a.err
	}
}

// leave reports whether an ask still waited; it does no more.
func (r *rounds) leave(org wa.OrgID, a *ask) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.of[org]
	if c == nil {
		return false
	}
	at := slices.Index(c.waiting, a)
	if at >= 0 {
		c.waiting = slices.Delete(c.waiting, at, at+1)
	}
	return at >= 0
}

// join reports whether somebody has to serve the crowd.
func (r *rounds) join(org wa.OrgID, a *ask) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.of[org]
	if c == nil {
		c = &crowd{}
		r.of[org] = c
	}
	c.waiting = append(c.waiting, a)
	if c.running == roundsAtOnce {
		return false
	}
	c.running++
	return true
}

// next gives the callers of a round; none: the server may go.
func (r *rounds) next(org wa.OrgID) []*ask {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.of[org]
	n := min(len(c.waiting), roundSize)
	if n == 0 {
		c.running--
		if c.running == 0 {
			delete(r.of, org)
		}
		return nil
	}
	asks := slices.Clone(c.waiting[:n])
	c.waiting = slices.Delete(c.waiting, 0, n)
	return asks
}

// serve holds rounds while there is a crowd.
func (s *Service) serve(ctx context.Context, org wa.OrgID) {
	for {
		asks := s.rounds.next(org)
		if asks == nil {
			return
		}
		s.round(ctx, org, asks)
	}
}

// round takes in everybody in one transaction. What fails it for all is tried
// for each alone, so that nobody pays for another's trouble; when the database
// is away, nobody's trouble is their own.
func (s *Service) round(ctx context.Context, org wa.OrgID, asks []*ask) {
	ctx, cancel := context.WithTimeout(ctx, roundWithin)
	defer cancel()
	if asks = present(asks); len(asks) == 0 {
		return
	}
	err := s.attempt(ctx, org, asks)
	if err == nil || len(asks) == 1 {
		finish(asks, err)
	}
	for _, a := range asks {
		if a.over {
			continue
		}
		if err == nil || wa.CodeOf(err) != wa.Unavailable || a == asks[0] {
			err = s.attempt(ctx, org, []*ask{a})
		}
		if a.again && err == nil {
			err = wa.Errorf(wa.Conflict, "a request with this key has just run")
		}
		a.end(err)
	}
}

// present leaves out those who have gone.
func present(asks []*ask) []*ask {
	return slices.DeleteFunc(asks, func(a *ask) bool {
		gone := a.ctx.Err()
		if gone != nil {
			a.end(gone)
		}
		return gone != nil
	})
}

// finish ends those who need no other try.
func finish(asks []*ask, err error) {
	for _, a := range asks {
		if !a.again {
			a.end(err)
		}
	}
}

// attempt is one transaction. Its error is everybody's; a refusal of one is in
// its ask. A panic is an error: the process serves others.
func (s *Service) attempt(ctx context.Context, org wa.OrgID, asks []*ask) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	var ins map[wa.ClientID]*intake
	if err := s.db.InOrg(ctx, org, func(tx *store.Tx) (err error) {
		ins, err = s.judge(ctx, tx, org, asks)
		return err
	}); err != nil {
		return err
	}
	for id, in := range ins {
		s.tallies.grown(id, in.grown)
	}
	return nil
}

// judge decides about everybody and writes what is accepted.
func (s *Service) judge(ctx context.Context, tx *store.Tx, org wa.OrgID, asks []*ask) (map[wa.ClientID]*intake, error) {
	asks, err := answered(ctx, tx, org, asks)
	if err != nil || len(asks) == 0 {
		return nil, err
	}
	ins, err := s.open(ctx, tx, org, len(asks), clientsOf(asks)...)
	if err != nil {
		return nil, err
	}
	if asks, err = admit(ctx, tx, org, ins, asks); err != nil {
		return nil, err
	}
	if asks, err = keep(ctx, tx, org, asks); err != nil {
		return nil, err
	}
	return ins, s.write(tx, org, ins, asks)
}

// write keeps the messages and rings for them.
func (s *Service) write(tx *store.Tx, org wa.OrgID, ins map[wa.ClientID]*intake, asks []*ask) error {
	all := messagesOf(asks)
	for id, in := range ins {
		s.ring(in, slices.DeleteFunc(slices.Clone(all), func(m wa.Message) bool { return m.ClientID != id }))
	}
	return tx.InsertOutbound(org, all)
}
