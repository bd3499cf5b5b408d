//go:build chaos

package chaos_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"chasqui/internal/app"
	"chasqui/internal/chaos"
	"chasqui/internal/devstack"
	"chasqui/internal/fleet"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

// programVariable names the program that this test binary shall be.
const programVariable = "CHASQUI_CHAOS_PROGRAM"

var programs = map[string]app.Program{"api": app.API, "worker": app.Worker, "scheduler": app.Scheduler}

func TestMain(m *testing.M) {
	if name := os.Getenv(programVariable); name != "" {
		app.Main(name, programs[name])
	}
	os.Exit(m.Run())
}

const (
	factor   = 60 // pacing is that many times faster
	patience = 90 * time.Second
	orgs     = 3
)

// org is a tenant with a key that may do everything.
type org struct {
	id  wa.OrgID
	by  wa.Actor
	key wa.Secret
}

// client is a number that is linked and online.
type client struct {
	chaos.Line
	id  wa.ClientID
	org *org
}

// rig is a whole platform in processes, with something to break at every joint.
type rig struct {
	t    *testing.T
	seed uint64
	rand *mathrand.Rand

	db       *store.DB     // past the proxies
	admin    *pgxpool.Pool // as superuser: row-level security hides nothing
	sim      *whatsim.Server
	postgres *service
	redis    *service
	rdb      *redis.Client // past the proxy

	env       []string
	redisURL  string
	pgSocket  string
	dbURL     string // past the proxies
	toRedis   *chaos.Proxy
	toPG      map[*chaos.Process]*chaos.Proxy
	apis      []*chaos.Process
	apiURLs   []string
	workers   []*chaos.Process
	schedule  []*chaos.Process
	orgs      []*org
	clients   []*client // all that carry load
	victims   []*client // to be banned and logged out
	evidence  chaos.Evidence
	turn      int      // of the client that the next fault is aimed at
	recovered []string // how long each fault took to heal
	hooked    []*sink  // one for each org
	later     []func() // what faults look at when all is quiet
	began     time.Time
	frozenFor time.Duration // of a worker, at least
	// wrongClocks says that the run itself sets clocks wrong, by which webhooks are signed.
	wrongClocks bool
}

func newRig(t *testing.T, seed uint64, clients int) *rig {
	t.Helper()
	t.Logf("seed %d", seed)
	r := &rig{t: t, seed: seed, rand: mathrand.New(mathrand.NewPCG(seed, 1)), began: time.Now(), toPG: map[*chaos.Process]*chaos.Proxy{}}
	r.evidence.Factor, r.turn = factor, r.rand.IntN(100)
	if r.frozenFor = *freezeFlag; r.frozenFor == 0 {
		r.frozenFor = 10 * time.Second
	}
	r.services()
	sim, err := whatsim.Start(whatsim.Options{ReadAfter: 200 * time.Millisecond})
	r.must(err)
	r.sim = sim
	t.Cleanup(func() { _ = sim.Close() })
	r.settings()
	r.processes()
	r.people(clients)
	return r
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// services starts a durable Postgres and Redis of our own, so that they can be
// stopped as power cuts stop them.
func (r *rig) services() {
	stack, err := devstack.Up(r.t.Context(), devstack.Options{Durable: true})
	r.must(err)
	r.t.Cleanup(func() { _ = stack.Down(context.WithoutCancel(r.t.Context())) })
	u, err := url.Parse(stack.DatabaseURL)
	r.must(err)
	sockets := u.Query().Get("host")
	r.pgSocket = filepath.Join(sockets, ".s.PGSQL.5432")
	pid, err := postmaster(sockets)
	r.must(err)
	r.postgres, err = adopt("postgres", pid)
	r.must(err)
	r.must(store.Migrate(r.t.Context(), stack.DatabaseURL))
	r.dbURL = stack.DatabaseURL
	r.db = testkit.OpenDB(r.t, r.dbURL)
	u.User = url.User("postgres")
	r.admin, err = pgxpool.New(r.t.Context(), u.String())
	r.must(err)
	r.t.Cleanup(r.admin.Close)
	opts, err := redis.ParseURL(stack.RedisURL)
	r.must(err)
	r.rdb = redis.NewClient(opts)
	r.t.Cleanup(func() { _ = r.rdb.Close() })
	info, err := r.rdb.Info(r.t.Context(), "server").Result()
	r.must(err)
	pid, err = strconv.Atoi(regexp.MustCompile(`process_id:(\d+)`).FindStringSubmatch(info)[1])
	r.must(err)
	r.redis, err = adopt("redis-server", pid)
	r.must(err)
	r.redis.argv = redisCommand(r.redis.argv[0], opts.Addr) // Redis writes over its own
	r.toRedis, err = chaos.NewProxy("unix", opts.Addr)
	r.must(err)
	r.t.Cleanup(func() { _ = r.toRedis.Close() })
	r.redisURL = "redis://" + r.toRedis.Addr() + "/0"
}

func (r *rig) settings() {
	raw := make([]byte, 32)
	_, err := rand.Read(raw)
	r.must(err)
	key := base64.StdEncoding.EncodeToString(raw)
	testkit.Pepper, err = app.Pepper(r.t.Context(), app.Config{MasterKey: wa.NewSecret(key)}, r.db)
	r.must(err)
	ca := filepath.Join(r.t.TempDir(), "ca.pem")
	r.must(os.WriteFile(ca, r.sim.CAPEM(), 0o600))
	r.env = []string{
		"CHASQUI_ENV=test", "CHASQUI_MASTER_KEY=" + key, "REDIS_URL=" + r.redisURL, "DATABASE_MAX_CONNS=8",
		"WHATSAPP_ENDPOINT=" + r.sim.Endpoint(), "WHATSAPP_ROOT_KEY=" + r.sim.RootKeyHex(), "WHATSAPP_CA_FILE=" + ca,
		"METRICS_ADDR=127.0.0.1:0", "CONNECT_CONCURRENCY=50", "CONNECT_PER_SECOND=500", "LOG_FORMAT=text", "PACE_FACTOR=" + strconv.Itoa(factor),
		"EGRESS_ALLOW_CIDRS=127.0.0.0/8",
	}
}

// processes starts 3 api, 3 worker and 2 scheduler processes, each behind a
// proxy of its own to Postgres.
func (r *rig) processes() {
	for i := range 3 {
		addr := freeAddr(r.t)
		r.apis = append(r.apis, r.process(fmt.Sprintf("api-%d", i+1), "HTTP_ADDR="+addr))
		r.apiURLs = append(r.apiURLs, "http://"+addr)
	}
	for i := range 3 {
		r.workers = append(r.workers, r.process(fmt.Sprintf("worker-%d", i+1)))
	}
	for i := range 2 {
		r.schedule = append(r.schedule, r.process(fmt.Sprintf("scheduler-%d", i+1)))
	}
	testkit.Eventually(r.t, patience, "three workers live", func() bool {
		return r.number(`SELECT count(*) FROM workers WHERE expires_at > now()`) == 3
	})
}

// freeAddr finds a port below those that the system hands out by itself: it
// stays ours while the process behind it is down.
func freeAddr(t *testing.T) string {
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 20_000+mathrand.IntN(12_000))
		if l, err := net.Listen("tcp", addr); err == nil {
			_ = l.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

func (r *rig) process(name string, env ...string) *chaos.Process {
	program, _, _ := strings.Cut(name, "-")
	proxy, err := chaos.NewProxy("unix", r.pgSocket)
	r.must(err)
	env = append(env, programVariable+"="+program, "DATABASE_URL=postgres://chasqui@"+proxy.Addr()+"/chasqui?sslmode=disable")
	p := chaos.NewProcess(name, []string{os.Args[0]}, append(r.env, env...))
	r.toPG[p] = proxy
	r.must(p.Start())
	r.t.Cleanup(func() {
		p.Kill()
		_ = proxy.Close()
		if dir := *logsFlag; dir != "" {
			_ = os.WriteFile(filepath.Join(dir, name+".log"), []byte(p.Said()), 0o600)
		}
	})
	return p
}

// people makes the orgs, and clients that are linked and online.
func (r *rig) people(n int) {
	for range orgs {
		o, key := testkit.Org(r.t, r.db)
		r.orgs = append(r.orgs, &org{id: o.ID, by: testkit.Actor(o.ID), key: key})
	}
	r.sinks()
	f := fleet.New(r.db)
	for i := range n + 2 {
		c := r.client(f, i, r.orgs[i%orgs])
		if i < n {
			r.clients = append(r.clients, c)
		} else {
			c.Idle = true
			r.victims = append(r.victims, c)
		}
	}
	for _, c := range append(r.clients, r.victims...) {
		r.evidence.Lines = append(r.evidence.Lines, c.Line)
	}
	testkit.Eventually(r.t, patience, "all clients online", r.settled)
}

// limits are tight for every fourth client, so that pacing is put to the test,
// and wide for the others.
func limits(i int) wa.Limits {
	l := wa.Limits{Enabled: true, PerMinute: 600, PerHour: 10_000, PerDay: 100_000}
	if i%4 == 0 {
		l.PerMinute, l.PerHour = 5, 60
	}
	return l
}

func (r *rig) client(f *fleet.Service, i int, o *org) *client {
	r.t.Helper()
	ctx := r.t.Context()
	c, err := f.Create(ctx, o.by, fleet.Draft{Name: fmt.Sprintf("client %d", i), Provider: wa.ProviderWhatsmeow}, wa.IdempotencyKey{})
	r.must(err)
	c, err = f.SetLimits(ctx, o.by, c.ID, limits(i), "a test")
	r.must(err)
	_, err = f.Pair(ctx, o.by, c.ID, wa.PairQR, "")
	r.must(err)
	number := fmt.Sprintf("55119%08d", 1000+i)
	testkit.Eventually(r.t, patience, "a pairing code", func() bool {
		p, err := f.Pairing(ctx, o.by, c.ID)
		if err != nil || p.Code == "" {
			return false
		}
		_, err = r.sim.Scan(ctx, p.Code, number)
		return err == nil
	})
	return &client{id: c.ID, org: o, Line: chaos.Line{Client: c.ID.UUID(), Org: o.id.UUID(), Number: number, Limits: limits(i)}}
}
