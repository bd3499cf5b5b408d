//go:build chaos

package chaos_test

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
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
	{"F19 endpoints down", 30 * time.Second, true, endpointsDown},
	{"F25 poison", 30 * time.Second, true, poisoned},
	{"F9 postgres cut off", 60 * time.Second, true, postgresCutOff},
	{"F9 postgres stopped", 60 * time.Second, true, postgresStopped},
	{"F11 sockets cut mid-send", 30 * time.Second, true, socketsCut},
	{"F12 acks swallowed", 60 * time.Second, true, acksSwallowed},
	{"F14 receipts in disorder", 10 * time.Second, true, receiptsInDisorder},
	{"F16 banned and logged out", 10 * time.Second, true, banned},
	{"F21 quota hammered", 70 * time.Second, false, quotaHammered},
	{"F17 worker frozen", 70 * time.Second, false, workerFrozen},
	{"F17 worker frozen in commit", 70 * time.Second, false, workerFrozenInCommit},
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
