//go:build chaos

package chaos_test

import (
	"syscall"
	"time"

	"chasqui/internal/chaos"
)

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
