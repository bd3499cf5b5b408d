package app

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"chasqui/internal/wa"
)

// The environments.
const (
	Dev  = "dev"
	Test = "test"
	Prod = "prod"
)

// Config is every setting there is. Settings are environment variables; an
// empty one counts as not set. Secrets may be named by NAME_FILE instead. The
// tags are the documentation: .env.example and the table in
// docs/operations.md are made from them.
type Config struct {
	Env       string    `env:"CHASQUI_ENV" envDefault:"prod" help:"dev, test or prod. Anything but prod allows a simulated WhatsApp."`
	MasterKey wa.Secret `env:"CHASQUI_MASTER_KEY" help:"Base64 of 32 random bytes (openssl rand -base64 32). API keys are hashed and secrets are sealed under it: losing it makes all of them worthless."`

	DatabaseURL   wa.Secret `env:"DATABASE_URL" help:"Postgres 15 or newer, by a direct connection (no transaction pooler)."`
	DatabaseConns int32     `env:"DATABASE_MAX_CONNS" envDefault:"16" help:"Connections a process keeps for its own tables; a worker has as many again for WhatsApp's keys."`
	RedisURL      wa.Secret `env:"REDIS_URL" help:"Redis 7 or newer, with maxmemory-policy noeviction. It holds wake-ups only and may be lost."`

	HTTPAddr       string   `env:"HTTP_ADDR" envDefault:":3002" help:"Where the api listens."`
	MetricsAddr    string   `env:"METRICS_ADDR" envDefault:"127.0.0.1:9102" help:"Where every program serves /metrics, /livez, /readyz and /debug/pprof. Keep it private."`
	PublicURL      string   `env:"PUBLIC_URL" help:"The address under which users reach the platform."`
	TrustedProxies []string `env:"TRUSTED_PROXIES" help:"Addresses or CIDRs, separated by commas, whose X-Forwarded-For is believed."`
	QueuesWritable bool     `env:"QUEUES_WRITABLE" envDefault:"false" help:"Lets admins change things on /admin/queues, which only shows otherwise."`

	WorkerCapacity     int `env:"WORKER_CAPACITY" envDefault:"1000" help:"How many numbers a worker holds at most."`
	ConnectConcurrency int `env:"CONNECT_CONCURRENCY" envDefault:"10" help:"How many numbers of a worker connect at the same time."`
	ConnectPerSecond   int `env:"CONNECT_PER_SECOND" envDefault:"5" help:"How many numbers of a worker begin to connect each second."`

	WorkerWebhooks bool     `env:"WORKER_WEBHOOKS" envDefault:"true" help:"Whether a worker delivers webhooks too. At least one worker must."`
	EgressAllow    []string `env:"EGRESS_ALLOW_CIDRS" help:"Networks, separated by commas, that customers' addresses (webhooks) may lead to besides the public internet."`

	WebVersion string `env:"WHATSAPP_WEB_VERSION" help:"Version of WhatsApp's web client to claim (2.3000.…), when WhatsApp refuses the built-in one as outdated."`
	Endpoint   string `env:"WHATSAPP_ENDPOINT" help:"host:port of a simulated WhatsApp. Only in dev and test."`
	RootKey    string `env:"WHATSAPP_ROOT_KEY" help:"Hexadecimal key by which the simulated WhatsApp is known. Only in dev and test."`
	CAFile     string `env:"WHATSAPP_CA_FILE" help:"File with the certificate authority of the simulated WhatsApp. Only in dev and test."`
	PaceFactor int    `env:"PACE_FACTOR" envDefault:"1" help:"Makes pacing that many times faster. Only in dev and test."`

	LogLevel        slog.Level    `env:"LOG_LEVEL" envDefault:"INFO" help:"DEBUG, INFO, WARN or ERROR."`
	LogFormat       string        `env:"LOG_FORMAT" envDefault:"json" help:"json, or text for people."`
	TraceEndpoint   string        `env:"OTEL_EXPORTER_OTLP_ENDPOINT" help:"URL of an OpenTelemetry receiver, such as http://collector:4318, that gets traces by OTLP over HTTP. Without it nothing is traced."`
	TraceRatio      float64       `env:"OTEL_TRACES_SAMPLER_ARG" envDefault:"0.1" help:"Which share of the requests is traced, from 0 to 1; the header traceparent of a request decides before it."`
	ShutdownTimeout time.Duration `env:"SHUTDOWN_TIMEOUT" envDefault:"20s" help:"A shutdown that takes longer is cut short; what was under way is resolved by the next owner."`
}

// Required names the settings without which no program serves anything.
var Required = []string{"CHASQUI_MASTER_KEY", "DATABASE_URL", "REDIS_URL"}

// masterKeyLen is the master key's length in bytes.
const masterKeyLen = 32

// validate returns every mistake there is.
func (c Config) validate() []Mistake {
	var wrong []Mistake
	check := func(ok bool, name, format string, args ...any) {
		if !ok {
			wrong = append(wrong, mistake(name, fmt.Sprintf(format, args...)))
		}
	}
	check(slices.Contains([]string{Dev, Test, Prod}, c.Env), "CHASQUI_ENV", "is %q: dev, test and prod are known", c.Env)
	check(slices.Contains([]string{"json", "text"}, c.LogFormat), "LOG_FORMAT", "is %q: json and text are known", c.LogFormat)
	for _, n := range []struct {
		name  string
		value int
		most  int
	}{
		{"DATABASE_MAX_CONNS", int(c.DatabaseConns), 1000},
		{"WORKER_CAPACITY", c.WorkerCapacity, 20_000},
		{"CONNECT_CONCURRENCY", c.ConnectConcurrency, 1000},
		{"CONNECT_PER_SECOND", c.ConnectPerSecond, 1000},
		{"PACE_FACTOR", c.PaceFactor, 1_000_000},
	} {
		check(n.value >= 1 && n.value <= n.most, n.name, "is %d: it must be between 1 and %d", n.value, n.most)
	}
	check(c.TraceRatio >= 0 && c.TraceRatio <= 1, "OTEL_TRACES_SAMPLER_ARG", "is %g: it must be between 0 and 1", c.TraceRatio)
	check(c.ShutdownTimeout >= time.Second, "SHUTDOWN_TIMEOUT", "is %s: it must be a second or more", c.ShutdownTimeout)
	wrong = append(wrong, c.validateAddresses()...)
	wrong = append(wrong, c.validateSecrets()...)
	return append(wrong, c.validateSimulation()...)
}

func (c Config) validateAddresses() []Mistake {
	var wrong []Mistake
	for _, a := range []struct{ name, value string }{
		{"HTTP_ADDR", c.HTTPAddr}, {"METRICS_ADDR", c.MetricsAddr}, {"WHATSAPP_ENDPOINT", c.Endpoint},
	} {
		if _, _, err := net.SplitHostPort(a.value); a.value != "" && err != nil {
			wrong = append(wrong, mistake(a.name, fmt.Sprintf("is %q: it must be host:port", a.value)))
		}
	}
	for _, p := range c.TrustedProxies {
		_, asPrefix := netip.ParsePrefix(p)
		if _, err := netip.ParseAddr(p); err != nil && asPrefix != nil {
			wrong = append(wrong, mistake("TRUSTED_PROXIES", fmt.Sprintf("holds %q, which is no address and no CIDR", p)))
		}
	}
	if _, err := c.egressAllow(); err != nil {
		wrong = append(wrong, mistake("EGRESS_ALLOW_CIDRS", err.Error()))
	}
	for _, a := range []struct{ name, value, like string }{
		{"PUBLIC_URL", c.PublicURL, "https://chasqui.example.com"}, {"OTEL_EXPORTER_OTLP_ENDPOINT", c.TraceEndpoint, "http://collector:4318"},
	} {
		if u, err := url.Parse(a.value); a.value != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https")) {
			wrong = append(wrong, mistake(a.name, "must be an address like "+a.like))
		}
	}
	return wrong
}

func (c Config) validateSecrets() []Mistake {
	var wrong []Mistake
	for _, s := range []struct {
		name    string
		value   wa.Secret
		schemes []string
	}{
		{"DATABASE_URL", c.DatabaseURL, []string{"postgres", "postgresql"}},
		{"REDIS_URL", c.RedisURL, []string{"redis", "rediss", "unix"}},
	} {
		u, err := url.Parse(s.value.Reveal())
		if !s.value.IsZero() && (err != nil || !slices.Contains(s.schemes, u.Scheme)) {
			wrong = append(wrong, mistake(s.name, "must be a URL that starts with "+strings.Join(s.schemes, ":// or ")+"://"))
		}
	}
	if c.MasterKey.IsZero() {
		return wrong
	}
	key, err := base64.StdEncoding.DecodeString(c.MasterKey.Reveal())
	switch {
	case err != nil || len(key) != masterKeyLen:
		wrong = append(wrong, mistake("CHASQUI_MASTER_KEY", "must be base64 of exactly 32 bytes: openssl rand -base64 32"))
	case c.Env == Prod && tooFew(key):
		wrong = append(wrong, mistake("CHASQUI_MASTER_KEY", "is not random: openssl rand -base64 32"))
	}
	return wrong
}

// tooFew reports that a key is made of a few repeated bytes. Of 32 random ones
// hardly any two are the same.
func tooFew(key []byte) bool {
	seen := map[byte]bool{}
	for _, b := range key {
		seen[b] = true
	}
	return len(seen) < 16
}

// validateSimulation keeps production from believing a WhatsApp that is none.
func (c Config) validateSimulation() []Mistake {
	var wrong []Mistake
	if c.Env == Prod {
		for _, s := range []struct {
			name string
			set  bool
		}{
			{"WHATSAPP_ENDPOINT", c.Endpoint != ""},
			{"WHATSAPP_ROOT_KEY", c.RootKey != ""},
			{"WHATSAPP_CA_FILE", c.CAFile != ""},
			{"PACE_FACTOR", c.PaceFactor > 1},
		} {
			if s.set {
				wrong = append(wrong, mistake(s.name, "is only for CHASQUI_ENV=dev or test"))
			}
		}
	}
	if key, err := hex.DecodeString(c.RootKey); c.RootKey != "" && (err != nil || len(key) != 32) {
		wrong = append(wrong, mistake("WHATSAPP_ROOT_KEY", "must be 64 hexadecimal digits"))
	}
	return wrong
}

// egressAllow reads the networks that customers' addresses may lead to.
func (c Config) egressAllow() ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, text := range c.EgressAllow {
		p, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("holds %q, which is no network like 10.1.0.0/16", text)
		}
		out = append(out, p)
	}
	return out, nil
}

// Pepper is what API keys are hashed under, drawn from the master key.
func (c Config) Pepper() ([]byte, error) {
	key, err := c.master()
	if err != nil {
		return nil, err
	}
	return hkdf.Key(sha256.New, key, nil, "chasqui api key pepper", 32)
}

func (c Config) master() ([]byte, error) {
	key, err := base64.StdEncoding.DecodeString(c.MasterKey.Reveal())
	if err != nil || len(key) != masterKeyLen {
		return nil, errors.New("CHASQUI_MASTER_KEY is missing or not base64 of 32 bytes")
	}
	return key, nil
}

// Mistake is a setting that is wrong.
type Mistake struct{ Setting, What string }

func (m Mistake) Error() string { return m.Setting + " " + m.What }

func mistake(name, what string) Mistake { return Mistake{name, what} }
