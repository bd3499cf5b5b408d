//go:build chaos

package chaos_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"sync/atomic"
	"syscall"
	"time"

	"chasqui/internal/chaos"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// fault is one row of the matrix: what happens, and how long the platform may
// take to heal.
type fault struct {
	name  string
	bound time.Duration
	still bool // it kills no worker: no client may change its owner
	run   func(r *rig, l *load)
}

// faults are the short profile, in the order in which it runs them.
var faults = []fault{
	{"F1 api killed after commit", 10 * time.Second, false, apiAfterCommit},
	{"F2 api killed before ring", 10 * time.Second, false, apiBeforeRing},
	{"F3 worker killed before send", 70 * time.Second, false, workerBeforeSend},
	{"F4 worker killed after frame", 70 * time.Second, false, workerAfterFrame},
	{"F5 worker killed after ack", 70 * time.Second, false, workerAfterAck},
	{"F6 redis killed", 30 * time.Second, true, redisKilled},
	{"F7 redis emptied", 30 * time.Second, true, redisEmptied},
	{"F9 postgres cut off", 60 * time.Second, true, postgresCutOff},
	{"F9 postgres stopped", 60 * time.Second, true, postgresStopped},
	{"F11 sockets cut mid-send", 30 * time.Second, true, socketsCut},
	{"F12 acks swallowed", 60 * time.Second, true, acksSwallowed},
	{"F14 receipts in disorder", 10 * time.Second, true, receiptsInDisorder},
	{"F16 banned and logged out", 10 * time.Second, true, banned},
	{"F17 worker frozen", 70 * time.Second, false, workerFrozen},
	{"F17 worker frozen in commit", 70 * time.Second, false, workerFrozenInCommit},
	{"F19 endpoints down", 30 * time.Second, true, endpointsDown},
	{"F27 inbound without commit", 70 * time.Second, false, inboundWithoutCommit},
	{"F18 rolling restart", 60 * time.Second, false, rollingRestart},
}

// eventually waits for something that the fault needs.
func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	testkit.Eventually(r.t, 30*time.Second, what, ok)
}

// wide picks clients without tight limits, one after the other.
func (r *rig) wide() (int, *client) {
	for {
		r.turn++
		if i := r.turn % len(r.clients); r.clients[i].Limits.PerHour > 1000 {
			return i, r.clients[i]
		}
	}
}

// fresh numbers the posts and the recipients of the faults themselves.
var fresh atomic.Int64

func next() int { return int(fresh.Add(1)) }

func textOf(i int, to string, n int) (text string, body []byte) {
	text = fmt.Sprintf("c%02d %s fault %07d", i, to, n)
	body, _ = json.Marshal(map[string]any{"to": "+" + to, "text": map[string]string{"body": text}})
	return text, body
}

// apiAfterCommit kills an api between the commit and the answer; the caller
// repeats the request at another one.
func apiAfterCommit(r *rig, l *load) {
	i, c := r.wide()
	api, proxy := r.apis[0], r.toPG[r.apis[0]]
	caught := make(chan struct{})
	proxy.Trap("commit\x00", func() { close(caught) })
	n := next()
	to := recipient(1000 + n)
	text, body := textOf(i, to, n)
	first := make(chan error, 1)
	go func() {
		_, _, err := l.at(r.apiURLs[0], c, body, text)
		first <- err
	}()
	select {
	case <-caught:
	case <-time.After(20 * time.Second):
		r.t.Error("F1: no commit came by")
	}
	r.restart(api)
	if err := <-first; err == nil {
		r.t.Log("F1: another request's commit was caught")
	}
	for {
		id, _, err := l.at(r.apiURLs[1], c, body, text)
		if err == nil {
			l.keep(chaos.Accepted{ID: id, Text: text, Org: c.Org, Client: c.Client, Number: c.Number, To: to, Lane: wa.Normal, N: n, At: time.Now()})
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// apiBeforeRing kills an api right after its answer, while it could not ring.
func apiBeforeRing(r *rig, l *load) {
	r.toRedis.Hang()
	i, c := r.wide()
	n := next()
	to := recipient(1000 + n)
	text, body := textOf(i, to, n)
	id, _, err := l.at(r.apiURLs[1], c, body, text)
	r.apis[1].Kill()
	r.toRedis.Pass()
	r.must(err)
	l.keep(chaos.Accepted{ID: id, Text: text, Org: c.Org, Client: c.Client, Number: c.Number, To: to, Lane: wa.Normal, N: n, At: time.Now()})
	r.restart(r.apis[1])
	r.eventually("the message is found by looking", func() bool {
		return r.number(`SELECT count(*) FROM messages WHERE id = $1 AND status IN ('sent', 'delivered', 'read')`, id) == 1
	})
}

// mute is a phone that confirms nothing: only a repeat tells what became of a
// message.
var mute = whatsim.Behaviour{DeliveredAfterMS: whatsim.Never, ReadAfterMS: whatsim.Never}

// aimed adds a rule for one client's sends, posts a text to somebody new, and
// waits until the rule has acted.
func (r *rig) aimed(l *load, rule whatsim.Rule, as whatsim.Behaviour) *client {
	r.t.Helper()
	i, c := r.wide()
	n := next()
	to := recipient(1000 + n)
	r.must(r.sim.SetBehaviour(to, as))
	rule.Sender, rule.Times = c.Number, 1
	if rule.Action != whatsim.IQDelay {
		rule.Recipient = to
	}
	rule, err := r.sim.AddRule(rule)
	r.must(err)
	l.post(i, c, to, wa.Urgent, 2_000_000+n)
	r.eventually("the rule has acted", func() bool {
		for _, is := range r.sim.Rules() {
			if is.ID == rule.ID {
				return is.Fired > 0
			}
		}
		return false
	})
	return c
}

// workerBeforeSend kills a worker that has claimed a message and asks for the
// recipient's keys.
func workerBeforeSend(r *rig, l *load) {
	c := r.aimed(l, whatsim.Rule{Action: whatsim.IQDelay, Namespace: "usync", DelayMS: 5000}, whatsim.Behaviour{})
	r.restart(r.owner(c))
}

func workerAfterFrame(r *rig, l *load) {
	c := r.aimed(l, whatsim.Rule{Action: whatsim.NoAck}, mute)
	r.restart(r.owner(c))
}

// workerAfterAck kills a worker that knows that a message was sent and cannot
// write it down.
func workerAfterAck(r *rig, l *load) {
	c := r.aimed(l, whatsim.Rule{Action: whatsim.AckDelay, DelayMS: 600}, mute)
	w := r.owner(c)
	r.toPG[w].Hang()
	time.Sleep(1200 * time.Millisecond) // the answer comes meanwhile
	r.restart(w)
}

func redisKilled(r *rig, _ *load) {
	r.redis.end(r.t, syscall.SIGKILL)
	r.toRedis.Cut()
	time.Sleep(2 * time.Second)
	r.redis.start(r.t)
	r.eventually("redis answers", func() bool { return r.rdb.Ping(r.t.Context()).Err() == nil })
}

func redisEmptied(r *rig, _ *load) {
	r.eventually("redis is emptied", func() bool { return r.rdb.FlushAll(r.t.Context()).Err() == nil })
	time.Sleep(time.Second)
}

// outage is longer than any lease.
const outage = 20 * time.Second

// postgresCutOff gives Postgres back to one worker before the others: it must
// not take them for dead, although their leases have run out.
func postgresCutOff(r *rig, _ *load) {
	r.allPG((*chaos.Proxy).Refuse)
	time.Sleep(outage)
	for p, proxy := range r.toPG {
		if p != r.workers[1] && p != r.workers[2] {
			proxy.Pass()
		}
	}
	time.Sleep(4 * time.Second) // less than a lease lasts
	r.allPG((*chaos.Proxy).Pass)
	r.steady()
}

func postgresStopped(r *rig, _ *load) {
	r.postgres.end(r.t, syscall.SIGQUIT)
	r.allPG((*chaos.Proxy).Cut)
	time.Sleep(outage)
	r.postgres.start(r.t)
	r.eventually("postgres answers", func() bool { return r.number(`SELECT 1`) == 1 })
	r.steady()
}

// steady waits for as long as somebody who broke the rule would take to take
// clients over.
func (r *rig) steady() {
	r.eventually("three workers live", func() bool { return r.number(`SELECT count(*) FROM workers WHERE expires_at > now()`) == 3 })
	time.Sleep(3 * time.Second)
}

// socketsCut cuts connections in the middle of sending, before and after the
// server took the message, and all at once.
func socketsCut(r *rig, l *load) {
	r.aimed(l, whatsim.Rule{Action: whatsim.DisconnectPre}, whatsim.Behaviour{})
	r.aimed(l, whatsim.Rule{Action: whatsim.DisconnectPost}, mute)
	r.sim.Drop("")
}

func acksSwallowed(r *rig, l *load) {
	r.aimed(l, whatsim.Rule{Action: whatsim.NoAck}, whatsim.Behaviour{})
	r.aimed(l, whatsim.Rule{Action: whatsim.NoAck}, mute)
	r.aimed(l, whatsim.Rule{Action: whatsim.NoAck}, mute)
	r.aimed(l, whatsim.Rule{Action: whatsim.DropSilent}, whatsim.Behaviour{})
}

// receiptsInDisorder repeats receipts of what has been sent, read first.
func receiptsInDisorder(r *rig, _ *load) {
	frames := r.sim.Frames("", 0)
	for _, f := range frames[max(0, len(frames)-60):] {
		if f.Text == "" {
			continue // nobody has read it: a receipt would be a lie
		}
		for _, kind := range []string{"read", "", "", "read"} {
			err := r.sim.SendReceipt(whatsim.Receipt{From: f.Chat, To: f.Number, ID: f.ID, Type: kind, PN: r.rand.IntN(2) == 0})
			if err != nil {
				r.t.Logf("F14: %v", err)
				return
			}
		}
	}
}

// banned bans one number for a while and logs another one out: both are known
// to be so within five seconds, and the others go on.
func banned(r *rig, _ *load) {
	began := time.Now()
	r.must(r.sim.Ban(r.victims[0].Number, whatsim.Ban{Expire: time.Hour}))
	r.must(r.sim.Logout(r.victims[1].Number))
	for i, want := range []wa.ClientStatus{wa.ClientTempBanned, wa.ClientLoggedOut} {
		r.eventually("the client is "+string(want), func() bool {
			return r.number(`SELECT count(*) FROM clients WHERE id = $1 AND status = $2`, r.victims[i].Client, string(want)) == 1
		})
	}
	if took := time.Since(began); took > 5*time.Second {
		r.t.Errorf("F16: the states were known after %s", took)
	}
}

// workerFrozen freezes a worker for longer than its lease; others take its
// clients, and when it wakes up it finds that it is nobody.
func workerFrozen(r *rig, _ *load) {
	_, c := r.wide()
	r.freeze(r.owner(c), c)
}

// workerFrozenInCommit freezes a worker whose transactions are open: the locks
// that they hold must not keep its clients from others.
func workerFrozenInCommit(r *rig, _ *load) {
	_, c := r.wide()
	w := r.owner(c)
	var open atomic.Int64
	r.toPG[w].Stall("commit\x00", func() { open.Add(1) })
	r.eventually("transactions are open", func() bool { return open.Load() >= 3 })
	r.freeze(w, c)
}

// fenced is what a worker says that finds its clients with others.
var fenced = regexp.MustCompile(`a client is not ours any more|worker slot lost`)

// freeze stops a worker for as long as others take to have all its clients, and
// for -freeze at least.
func (r *rig) freeze(w *chaos.Process, c *client) {
	r.t.Helper()
	began, before := time.Now(), w.Count(fenced)
	w.Signal(syscall.SIGSTOP)
	r.eventually("another worker has its client", func() bool { return !r.owns(w, c) })
	r.eventually("others have its clients", r.settled)
	time.Sleep(time.Until(began.Add(*freezeFlag)))
	r.toPG[w].Pass()
	w.Signal(syscall.SIGCONT)
	r.eventually("the worker learns that it was fenced", func() bool { return w.Count(fenced) > before })
}

// inboundWithoutCommit kills a worker that has decrypted messages and could not
// store them: the rows stay on their way to Postgres.
func inboundWithoutCommit(r *rig, l *load) {
	const text = "inbound at a bad time"
	_, c := r.wide()
	w := r.owner(c)
	var caught atomic.Int64
	r.toPG[w].Stall(text, func() { caught.Add(1) })
	for i, other := range r.clients {
		if r.owns(w, other) {
			l.write(50+i%10, i, fmt.Sprintf("%s %d", text, next()))
		}
	}
	r.eventually("messages are on their way to Postgres", func() bool { return caught.Load() > 0 })
	time.Sleep(time.Second) // an acknowledgement would leave meanwhile
	r.restart(w)
}

func (r *rig) owns(w *chaos.Process, c *client) bool {
	return w.Last(slotTaken) == fmt.Sprint(r.number(`SELECT coalesce(max(slot), 0) FROM clients WHERE id = $1`, c.Client))
}

// rollingRestart stops every process politely, one after the other, and starts
// it again; twice.
func rollingRestart(r *rig, _ *load) { r.roll(2) }

func (r *rig) roll(times int) {
	for range times {
		for _, all := range [][]*chaos.Process{r.schedule, r.apis, r.workers} {
			for _, p := range all {
				if err := p.Stop(25 * time.Second); err != nil {
					r.t.Error(err)
				}
				r.must(p.Start())
				r.eventually("all clients online", r.settled)
				if all[0] == r.workers[0] {
					r.eventually("three workers live", func() bool {
						return r.number(`SELECT count(*) FROM workers WHERE expires_at > now() AND NOT draining`) == 3
					})
				}
			}
		}
	}
}
