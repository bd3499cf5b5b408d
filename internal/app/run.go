package app

import (
	"context"
	"errors"
	"fmt"
)

// Part is something that runs until its context ends and returns when it has
// let go of everything.
type Part struct {
	Name string
	Run  func(ctx context.Context) error
}

// errEnded tells of a part that returned without being asked to.
var errEnded = errors.New("ended by itself")

// running is a part that was started.
type running struct {
	name string
	stop context.CancelFunc
	done chan struct{}
	err  error // valid after done
}

// Run starts the parts in order and, when ctx ends or a part fails, stops them
// in reverse, each one only after the one started later has let go: those that
// make work stop before those that need it. It returns when all have stopped,
// with what failed.
func Run(ctx context.Context, parts ...Part) error {
	var started []*running
	ended := make(chan *running, len(parts))
	for _, p := range parts {
		started = append(started, launch(ctx, p, ended))
	}
	var failure error
	select {
	case <-ctx.Done():
	case r := <-ended:
		failure = fmt.Errorf("%s: %w", r.name, cmpErr(r.err, errEnded))
	}
	for i := len(started) - 1; i >= 0; i-- {
		r := started[i]
		finished := isDone(r.done)
		r.stop()
		<-r.done
		if !finished && r.err != nil {
			failure = errors.Join(failure, fmt.Errorf("stop %s: %w", r.name, r.err))
		}
	}
	return failure
}

// launch gives a part a context of its own, which ends when its turn to stop
// has come and not before.
func launch(ctx context.Context, p Part, ended chan<- *running) *running {
	own, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r := &running{name: p.Name, stop: cancel, done: make(chan struct{})}
	go func() {
		defer func() { ended <- r }()
		defer close(r.done)
		r.err = p.Run(own)
		if errors.Is(r.err, context.Canceled) && own.Err() != nil {
			r.err = nil // it was asked to stop and says so
		}
	}()
	return r
}

func isDone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// cmpErr is err, or otherwise when there is none.
func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
