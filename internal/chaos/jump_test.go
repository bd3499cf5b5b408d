//go:build chaos && chaos_clock

package chaos_test

import (
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"chasqui/internal/chaos"
	"chasqui/internal/testkit"
)

// This file only builds beside the standard library that TestClock makes, whose
// time.Jump sets every wall clock of the process ahead, for our code and for
// all libraries. Timers and what has passed are not touched, as in a machine
// whose clock is set.

const (
	forward  = syscall.SIGUSR1
	backward = syscall.SIGUSR2
	distance = time.Hour
)

func init() { //nolint:gochecknoinits // before TestMain becomes a program
	if os.Getenv(programVariable) == "" {
		return
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, forward, backward)
	go func() {
		for s := range told {
			if s == forward {
				time.Jump(int64(distance.Seconds()))
			} else {
				time.Jump(-int64(distance.Seconds()))
			}
		}
	}()
}

// TestJump is F20: the clocks of a worker, an api and a scheduler jump by an
// hour, one way and the other, and the worker's clients go to others, who must
// keep to the pace of what was sent by a wrong clock.
func TestJump(t *testing.T) {
	r := newRig(t, seed(), *clientsFlag)
	r.wrongClocks = true
	l := r.start(*pauseFlag)
	l.backlog(*backlogFlag)
	testkit.Eventually(t, patience, "load under way", func() bool { return l.count.Load() > 50 })
	for _, f := range []fault{
		{"F20 clocks an hour ahead", 70 * time.Second, false, func(r *rig, _ *load) { r.jump(forward) }},
		{"F20 clocks an hour behind", 70 * time.Second, false, func(r *rig, _ *load) { r.jump(backward) }},
	} {
		r.strike(f, l)
	}
	r.judge(l)
}

func (r *rig) jump(way syscall.Signal) {
	c := r.clients[0] // has tight limits
	w := r.owner(c)
	before := r.epochs()
	for _, p := range []*chaos.Process{w, r.apis[0], r.schedule[0]} {
		p.Signal(way)
	}
	sent := r.number(`SELECT count(*) FROM messages WHERE client_id = $1 AND status IN ('sent', 'delivered', 'read')`, c.Client)
	testkit.Eventually(r.t, patience, "the number sends by a wrong clock", func() bool {
		return r.number(`SELECT count(*) FROM messages WHERE client_id = $1 AND status IN ('sent', 'delivered', 'read')`, c.Client) > sent+15
	})
	for client, epoch := range r.epochs() {
		if epoch != before[client] {
			r.t.Errorf("F20: client %s moved because a clock did", client)
		}
	}
	r.restart(w)
	for _, p := range []*chaos.Process{r.apis[0], r.schedule[0]} {
		r.roll(p)
	}
}
