package devstack

import (
	"context"
	"net"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// startRedis starts redis-server on a socket, or, where there is none, a Redis
// in our own process, which forgets everything when it ends. The platform
// loses nothing by that (Postgres holds the truth), but it is no Redis to
// measure or to deploy.
func (s *Stack) startRedis(ctx context.Context, o Options, bin binaries, at *place) error {
	if bin.redis == "" {
		return s.startMiniredis(ctx, o)
	}
	dir, err := at.subdir("redis")
	if err != nil {
		return err
	}
	socket := filepath.Join(at.sockets, "redis.sock")
	endStrayRedis(ctx, socket)
	p, err := launch(spec{
		name: "redis-server", argv: redisCommand(bin, dir, socket, o.Durable), as: at.as,
		logPath: filepath.Join(at.data, "redis.log"), stop: syscall.SIGTERM,
	})
	if err != nil {
		return err
	}
	s.stops = append(s.stops, func(ctx context.Context) error { return p.end(ctx, syscall.SIGTERM) })
	if err := p.await(ctx, redisReady(socket)); err != nil {
		return err
	}
	go p.watch(s.exited)
	s.RedisURL = "unix://" + socket + "?db=0"
	return nil
}

func redisCommand(bin binaries, dir, socket string, durable bool) []string {
	fsync := "no"
	if durable {
		fsync = "everysec"
	}
	return []string{
		bin.redis, "--port", "0", "--unixsocket", socket, "--unixsocketperm", "700",
		"--dir", dir, "--appendonly", "yes", "--appendfsync", fsync, "--save", "",
		"--maxmemory-policy", "noeviction", "--daemonize", "no",
	}
}

func redisReady(socket string) func(context.Context) error {
	return func(ctx context.Context) error {
		// Asked for first because the client's pool logs failed dials.
		conn, err := net.DialTimeout("unix", socket, time.Second)
		if err != nil {
			return err
		}
		defer conn.Close()
		c := redis.NewClient(&redis.Options{Network: "unix", Addr: socket, MaxRetries: -1})
		defer c.Close()
		return c.Ping(ctx).Err()
	}
}

// endStrayRedis stops a server that survived our being killed: two writers
// would spoil the append-only file.
func endStrayRedis(ctx context.Context, socket string) {
	if redisReady(socket)(ctx) != nil {
		return
	}
	c := redis.NewClient(&redis.Options{Network: "unix", Addr: socket, MaxRetries: -1})
	defer c.Close()
	_ = c.Shutdown(ctx).Err() // a server that ends cannot answer
}

func (s *Stack) startMiniredis(ctx context.Context, o Options) error {
	m := miniredis.NewMiniRedis()
	m.ClockTTL(true) // without it no key ever expires
	if err := m.Start(); err != nil {
		return err
	}
	s.stops = append(s.stops, func(context.Context) error { m.Close(); return nil })
	s.RedisURL = "redis://" + m.Addr() + "/0"
	o.Log.WarnContext(ctx, "there is no redis-server: using one in memory, good for development only")
	return nil
}
