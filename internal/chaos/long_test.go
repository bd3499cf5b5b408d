//go:build chaos

package chaos_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
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
	if *freezeFlag == 0 {
		r.frozenFor = 90 * time.Second
	}
	l := r.start(*pauseFlag)
	l.backlog(*backlogFlag)
	testkit.Eventually(t, patience, "load under way", func() bool { return l.count.Load() > 50 })
	draw := draws(r.seed)
	end := time.Now().Add(*forFlag)
	for n := 1; time.Now().Before(end); n++ {
		f := draw()
		f.name = fmt.Sprintf("%s #%d", f.name, n)
		r.strike(f, l)
	}
	r.judge(l)
}

// draws gives one fault after the other. Nothing but the seed has a say in it.
func draws(seed uint64) func() fault {
	var all []fault
	for _, f := range append(slices.Clone(faults), slowness...) {
		if chosen(f.name) && f.name != "F16 banned and logged out" { // once is all a number can be banned
			all = append(all, f)
		}
	}
	order := rand.New(rand.NewPCG(seed, 2))
	return func() fault { return all[order.IntN(len(all))] }
}

// TestASeedReplays holds the order of the long profile against itself.
func TestASeedReplays(t *testing.T) {
	one, same, other := draws(7), draws(7), draws(8)
	differ := false
	for n := range 50 {
		f := one()
		if again := same(); f.name != again.name {
			t.Fatalf("fault %d is %s, then %s", n, f.name, again.name)
		}
		differ = differ || f.name != other().name
	}
	if !differ {
		t.Error("another seed gives the same faults")
	}
}
