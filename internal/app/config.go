package app

import (
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"chasqui/internal/wa"
	"chasqui/internal/webhook"
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
	MasterKey wa.Secret `env:"CHASQUI_MASTER_KEY" help:"Base64 of 32 random bytes (openssl rand -base64 32). Secrets and the hashes of API keys are kept under it: losing it makes all of them worthless. While it is rotated, the new one and the old one, separated by a comma."`

	DatabaseURL   wa.Secret `env:"DATABASE_URL" help:"Postgres 15 or newer, by a direct connection (no transaction pooler)."`
	MigrateURL    wa.Secret `env:"MIGRATE_DATABASE_URL" help:"The same database by the login that owns its tables, for chasqui migrate only. With it DATABASE_URL may be a login that works with rows and can change no table (docs/operations.md). Without it DATABASE_URL is used."`
	DatabaseConns int32     `env:"DATABASE_MAX_CONNS" envDefault:"16" help:"Connections that a process may open to the database. It has two more for the keys that secrets are sealed with."`
	RedisURL      wa.Secret `env:"REDIS_URL" help:"Redis 7 or newer, with maxmemory-policy noeviction. It holds wake-ups only and may be lost."`

	HTTPAddr       string   `env:"HTTP_ADDR" envDefault:":3002" help:"Where the api listens."`
	MetricsAddr    string   `env:"METRICS_ADDR" envDefault:"127.0.0.1:9102" help:"Where every program serves /metrics, /livez, /readyz and /debug/pprof. Keep it private."`
	PublicURL      string   `env:"PUBLIC_URL" help:"The address under which users reach the platform."`
	TrustedProxies []string `env:"TRUSTED_PROXIES" help:"Addresses or CIDRs, separated by commas, whose X-Forwarded-For is believed."`
	CORSOrigins    []string `env:"CORS_ORIGINS" help:"Origins like https://app.example.com, separated by commas, whose pages may read the API's answers; never with cookies. None unless named."`
	QueuesWritable bool     `env:"QUEUES_WRITABLE" envDefault:"false" help:"Lets operators change things on /admin/queues, which only shows otherwise."`

	RateStranger    wa.Rate `env:"RATE_UNAUTHENTICATED" envDefault:"100/15m" help:"Requests of one address (IPv6: one /64) without valid credentials: so many at once, and as many in that time; off for no limit. The same form in all RATE_ settings."`
	RateCaller      wa.Rate `env:"RATE_CALLER" envDefault:"60000/1m" help:"Requests of one API key or person, unless the key has a rate of its own."`
	RateOrg         wa.Rate `env:"RATE_ORG" envDefault:"120000/1m" help:"Requests of one org."`
	RateSignIn      wa.Rate `env:"RATE_SIGN_IN" envDefault:"60/15m" help:"Attempts to sign in from one address, and proofs of one person who is in. While Redis is away each api process allows a quarter."`
	RateRefresh     wa.Rate `env:"RATE_REFRESH" envDefault:"600/15m" help:"Renewals of tokens from one address."`
	RateReset       wa.Rate `env:"RATE_PASSWORD_RESET" envDefault:"10/15m" help:"Requests about forgotten passwords from one address. While Redis is away each api process allows a quarter."`
	RateInvitations wa.Rate `env:"RATE_INVITATIONS" envDefault:"50/1h" help:"Invitations of one org. While Redis is away each api process allows a quarter."`
	RatePairing     wa.Rate `env:"RATE_PAIRING" envDefault:"120/1h" help:"Pairings that one org starts."`
	RateBatches     wa.Rate `env:"RATE_BATCHES" envDefault:"600/1m" help:"Batches of messages of one org."`
	OrgRequests     int     `env:"ORG_REQUESTS" envDefault:"200" help:"Requests of one org under way at once in an api process; streams and long polls are not among them."`
	OrgStreams      int     `env:"ORG_STREAMS" envDefault:"200" help:"Streams and long polls of one org at once in an api process."`

	WorkerCapacity     int `env:"WORKER_CAPACITY" envDefault:"1000" help:"How many numbers a worker holds at most."`
	ConnectConcurrency int `env:"CONNECT_CONCURRENCY" envDefault:"10" help:"How many numbers of a worker connect at the same time."`
	ConnectPerSecond   int `env:"CONNECT_PER_SECOND" envDefault:"5" help:"How many numbers of a worker begin to connect each second."`

	WorkerWebhooks bool     `env:"WORKER_WEBHOOKS" envDefault:"true" help:"Whether a worker delivers webhooks too. At least one worker must."`
	CallbackDays   int      `env:"CALLBACK_HOST_DAYS" envDefault:"90" help:"A host that the callback_url of no message has named for so many days, and of which no delivery is kept any more, is taken out and does not count for the organisation's 200 any more. 72 to 3,650."`
	EgressAllow    []string `env:"EGRESS_ALLOW_CIDRS" help:"Networks, separated by commas, that customers' addresses (webhooks) may lead to besides the public internet."`

	OrgGrace time.Duration `env:"ORG_DELETION_GRACE" envDefault:"168h" help:"For how long the deletion of an organisation can be taken back before everything of it is erased: 0 for not at all, at most 2160h."`

	AuditDays int `env:"AUDIT_RETENTION_DAYS" envDefault:"730" help:"For how many days audit logs are kept, the installation's own and those of organisations, that were deleted too: 90 to 3650, or 0 for ever. An organisation may keep its own for less long, not below 90."`

	BreachedList string `env:"BREACHED_PASSWORDS" help:"A file with passwords that nobody may choose, one a line, as they are or as their SHA-1 in hexadecimal, as public lists of stolen ones have them. The api keeps 8 bytes of each in memory."`

	SMTPServer wa.Secret `env:"SMTP_URL" help:"Mail server for invitations and new passwords: smtp://user:password@host:587 (it must offer STARTTLS) or smtps://user:password@host:465. Without it links are shown to whoever may hand them on."`
	MailFrom   string    `env:"MAIL_FROM" help:"Sender of mails, such as chasqui <no-reply@example.com>. Needed with SMTP_URL."`

	WebVersion string `env:"WHATSAPP_WEB_VERSION" help:"Version of WhatsApp's web client to claim (2.3000.…), when WhatsApp refuses the built-in one as outdated."`
	Endpoint   string `env:"WHATSAPP_ENDPOINT" help:"host:port of a simulated WhatsApp. Only in dev and test."`
	RootKey    string `env:"WHATSAPP_ROOT_KEY" help:"Hexadecimal key by which the simulated WhatsApp is known. Only in dev and test."`
	CAFile     string `env:"WHATSAPP_CA_FILE" help:"File with the certificate authority of the simulated WhatsApp. Only in dev and test."`
	PhonesURL  string `env:"POCKET_PHONE_URL" help:"Where the simulated phones have their page, for the dashboard to link to. Only in dev and test."`
	PaceFactor int    `env:"PACE_FACTOR" envDefault:"1" help:"Makes pacing that many times faster. Only in dev and test."`

	LogLevel        slog.Level    `env:"LOG_LEVEL" envDefault:"INFO" help:"DEBUG, INFO, WARN or ERROR."`
	LogFormat       string        `env:"LOG_FORMAT" envDefault:"json" help:"json, or text for people."`
	TraceEndpoint   string        `env:"OTEL_EXPORTER_OTLP_ENDPOINT" help:"URL of an OpenTelemetry receiver, such as http://collector:4318, that gets traces by OTLP over HTTP. Without it nothing is traced."`
	TraceRatio      float64       `env:"OTEL_TRACES_SAMPLER_ARG" envDefault:"0.1" help:"Which share of the requests is traced, from 0 to 1; the header traceparent of a request decides before it."`
	ShutdownTimeout time.Duration `env:"SHUTDOWN_TIMEOUT" envDefault:"20s" help:"A shutdown that takes longer is cut short; what was under way is resolved by the next owner."`
}

// Required names the settings without which no program serves anything.
var Required = []string{"CHASQUI_MASTER_KEY", "DATABASE_URL", "REDIS_URL"}

// maxOrgGrace is the longest time in which a deletion can be taken back.
const maxOrgGrace = 90 * 24 * time.Hour

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
		{"ORG_REQUESTS", c.OrgRequests, 100_000},
		{"ORG_STREAMS", c.OrgStreams, 100_000},
	} {
		check(n.value >= 1 && n.value <= n.most, n.name, "is %d: it must be between 1 and %d", n.value, n.most)
	}
	least := int(webhook.LeastKeepHosts / (24 * time.Hour))
	check(c.CallbackDays >= least && c.CallbackDays <= 3650, "CALLBACK_HOST_DAYS", "is %d: it must be between %d and 3650", c.CallbackDays, least)
	check(c.AuditDays == 0 || c.AuditDays >= wa.MinRetentionAudit && c.AuditDays <= wa.MaxRetentionDays,
		"AUDIT_RETENTION_DAYS", "is %d: it must be 0 or between %d and %d", c.AuditDays, wa.MinRetentionAudit, wa.MaxRetentionDays)
	check(c.TraceRatio >= 0 && c.TraceRatio <= 1, "OTEL_TRACES_SAMPLER_ARG", "is %g: it must be between 0 and 1", c.TraceRatio)
	check(c.OrgGrace >= 0 && c.OrgGrace <= maxOrgGrace, "ORG_DELETION_GRACE", "is %s: it must be between 0 and %s", c.OrgGrace, maxOrgGrace)
	check(c.ShutdownTimeout >= time.Second, "SHUTDOWN_TIMEOUT", "is %s: it must be a second or more", c.ShutdownTimeout)
	wrong = append(wrong, c.validateAddresses()...)
	wrong = append(wrong, c.validateSecrets()...)
	wrong = append(wrong, c.validateMail()...)
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
	for _, o := range c.CORSOrigins {
		if u, err := url.Parse(o); err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.Scheme+"://"+u.Host != o {
			wrong = append(wrong, mistake("CORS_ORIGINS", fmt.Sprintf("holds %q: an origin is like https://app.example.com, with nothing after it", o)))
		}
	}
	if _, err := c.egressAllow(); err != nil {
		wrong = append(wrong, mistake("EGRESS_ALLOW_CIDRS", err.Error()))
	}
	for _, a := range []struct{ name, value, like string }{
		{"PUBLIC_URL", c.PublicURL, "https://chasqui.example.com"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", c.TraceEndpoint, "http://collector:4318"},
		{"POCKET_PHONE_URL", c.PhonesURL, "http://127.0.0.1:3811"},
	} {
		if u, err := url.Parse(a.value); a.value != "" && (err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https")) {
			wrong = append(wrong, mistake(a.name, "must be an address like "+a.like))
		}
	}
	return wrong
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
			{"POCKET_PHONE_URL", c.PhonesURL != ""},
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

// Mistake is a setting that is wrong.
type Mistake struct{ Setting, What string }

func (m Mistake) Error() string { return m.Setting + " " + m.What }

func mistake(name, what string) Mistake { return Mistake{name, what} }
