//go:build chaos

package chaos_test

import (
	"fmt"
	"testing"
	"time"

	"chasqui/internal/chaos"
	"chasqui/internal/testkit"
)

// slowness are faults that the long profile adds: everything works, badly.
var slowness = []fault{
	{"F8 redis silent", 90 * time.Second, true, func(r *rig, _ *load) { r.toRedis.Hang(); time.Sleep(15 * time.Second); r.toRedis.Pass() }},
	{"F8 redis slow", 90 * time.Second, true, func(r *rig, _ *load) { r.toRedis.Delay(time.Second); time.Sleep(15 * time.Second); r.toRedis.Pass() }},
	{"F10 postgres slow", 90 * time.Second, false, func(r *rig, _ *load) {
		r.allPG(func(p *chaos.Proxy) { p.Delay(50 * time.Millisecond) })
		time.Sleep(15 * time.Second)
		r.allPG((*chaos.Proxy).Pass)
	}},
	{"F3 any process killed", 70 * time.Second, false, func(r *rig, _ *load) {
		all := append(append(append([]*chaos.Process{}, r.apis...), r.workers...), r.schedule...)
		r.restart(all[r.rand.IntN(len(all))])
	}},
}

// TestLong draws faults from a seed until its time is over. The ledgers are
// judged once, at the end. A seed replays the order of the faults; when each of
// them meets which message is up to the machine.
func TestLong(t *testing.T) {
	r := newRig(t, seed(), *clientsFlag)
	l := r.start(*pauseFlag)
	l.backlog(*backlogFlag)
	testkit.Eventually(t, patience, "load under way", func() bool { return l.count.Load() > 50 })
	var drawn []fault
	for _, f := range append(faults, slowness...) {
		if chosen(f.name) && f.name != "F16 banned and logged out" { // once is all a number can be banned
			drawn = append(drawn, f)
		}
	}
	end := time.Now().Add(*forFlag)
	for n := 1; time.Now().Before(end); n++ {
		f := drawn[r.rand.IntN(len(drawn))]
		f.name = fmt.Sprintf("%s #%d", f.name, n)
		r.strike(f, l)
	}
	r.judge(l)
}
