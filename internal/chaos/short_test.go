//go:build chaos

package chaos_test

import (
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"chasqui/internal/testkit"
)

var (
	seedFlag    = flag.Uint64("seed", 0, "replays a run; 0 draws a new one")
	faultsFlag  = flag.String("faults", "", "runs only faults whose names begin with one of these, such as F4,F9")
	clientsFlag = flag.Int("clients", 12, "how many numbers carry load")
	pauseFlag   = flag.Duration("pause", 600*time.Millisecond, "between two posts of a client")
	backlogFlag = flag.Int("backlog", 80, "bulk messages for every client with tight limits")
	lateFlag    = flag.Duration("late", 80*time.Second, "how late the last message may come in: one that could not be stored is fetched within a minute")
	logsFlag    = flag.String("logs", "", "folder for what the processes say")
	freezeFlag  = flag.Duration("freeze", 0, "how long a frozen worker stays so at least; 0: 10 s, and 90 s in the long profile. Its lease lasts 8 s")
	rollsFlag   = flag.Int("rolls", 10, "how often F18 restarts every process")
	burstFlag   = flag.Int("burst", 60, "messages that F21 posts for one number")
	forFlag     = flag.Duration("for", 30*time.Minute, "how long the long profile runs")
)

func seed() uint64 {
	if *seedFlag != 0 {
		return *seedFlag
	}
	return rand.Uint64()>>32 + 1
}

func chosen(name string) bool {
	if *faultsFlag == "" {
		return true
	}
	for _, f := range strings.Split(*faultsFlag, ",") {
		if strings.HasPrefix(name, f+" ") {
			return true
		}
	}
	return false
}

// strike runs a fault, waits until the platform has healed, and lets the load go
// on for a moment.
func (r *rig) strike(f fault, l *load) {
	r.t.Helper()
	began := time.Now()
	r.phase(f.name, f.still, func() { f.run(r, l) })
	r.heal(f.name, began, f.bound)
	before := l.count.Load()
	testkit.Eventually(r.t, 30*time.Second, "load goes on after "+f.name, func() bool { return l.count.Load() > before+10 })
}

// TestShort breaks one thing after the other under load, on one platform, and
// judges at the end by what the outside has seen.
func TestShort(t *testing.T) {
	r := newRig(t, seed(), *clientsFlag)
	l := r.start(*pauseFlag)
	l.backlog(*backlogFlag)
	testkit.Eventually(t, patience, "load under way", func() bool { return l.count.Load() > 50 })
	for _, f := range faults {
		if chosen(f.name) {
			r.strike(f, l)
		}
	}
	r.judge(l)
}
