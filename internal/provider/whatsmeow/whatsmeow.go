// Package whatsmeow reaches WhatsApp as a linked device of a phone, through the library of the same name. It is the only
// package that knows the library: what comes out of it is chasqui's own nouns.
//
// A Provider is shared by all numbers of a process; a session is one number. The library is used with four habits that
// the rest of the design leans on: messages are acknowledged only after the sink has stored them, every decrypted
// message is buffered until then, reconnecting is left to the caller, and Signal sessions are changed by one hand at a
// time (lock.go).
package whatsmeow

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"go.mau.fi/whatsmeow/store/sqlstore"

	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

// Options configure a Provider. DB and Log are required.
type Options struct {
	// DB holds the library's own tables. Its search_path points to their
	// schema already.
	DB  *sql.DB
	Log *slog.Logger
	// Debug lets the library's debug lines through. They never hold messages.
	Debug bool

	// Endpoint (host:port), when set, is dialled in place of every host of
	// WhatsApp's; RootKey (hex) is then the key that signs its certificate,
	// and CAFile or CAPEM the authority of its TLS certificate.
	Endpoint string
	RootKey  string
	CAFile   string
	CAPEM    []byte

	// WebVersion ("2.3000.x") replaces the built-in client version.
	WebVersion string

	// The times below have defaults; tests shorten them.
	SendTimeout  time.Duration // wait for the server's word on a message: 20 s
	LoginTimeout time.Duration // from dialling to being online: 60 s
	FirstCode    time.Duration // how long the first QR code is shown: 60 s
	NextCode     time.Duration // how long each later one is shown: 20 s
	Redelivery   time.Duration // least time between reconnects that fetch messages we could not store: 60 s
}

func (o *Options) setDefaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	set(&o.SendTimeout, 20*time.Second)
	set(&o.LoginTimeout, 60*time.Second)
	set(&o.FirstCode, 60*time.Second)
	set(&o.NextCode, 20*time.Second)
	set(&o.Redelivery, 60*time.Second)
}

// Provider makes sessions that share one device store and one transport.
type Provider struct {
	ctx      context.Context
	opts     Options
	devices  *sqlstore.Container
	http     *http.Client
	registry *registry
	bare     bool // measurements only: leave the Signal sessions unguarded
}

var _ provider.Provider = (*Provider)(nil)

// New prepares the provider. The device store must have been upgraded before
// (see Upgrade). The sessions outlive ctx: they end with their Close.
func New(ctx context.Context, opts Options) (*Provider, error) {
	if opts.DB == nil || opts.Log == nil {
		return nil, errors.New("whatsmeow: DB and Log are required")
	}
	opts.setDefaults()
	quiet()
	if err := setWebVersion(opts.WebVersion); err != nil {
		return nil, err
	}
	if err := setRootKey(opts.RootKey); err != nil {
		return nil, err
	}
	transport, err := newTransport(opts)
	if err != nil {
		return nil, err
	}
	return &Provider{
		ctx:      context.WithoutCancel(ctx),
		opts:     opts,
		devices:  sqlstore.NewWithDB(opts.DB, "postgres", newLog(opts.Log, opts.Debug)),
		http:     &http.Client{Transport: transport},
		registry: newRegistry(),
	}, nil
}

// Upgrade brings the library's tables to the newest version. It has no lock of
// its own: only the migration step may call it.
func Upgrade(ctx context.Context, db *sql.DB) error {
	if err := sqlstore.NewWithDB(db, "postgres", nil).Upgrade(ctx); err != nil {
		return fmt.Errorf("upgrade the device store: %w", err)
	}
	return nil
}

// Supports reports whether content of a kind can be sent.
func (p *Provider) Supports(kind string) bool { return kind == wa.KindText }

// Open prepares a number's session; nothing is read or dialled yet.
func (p *Provider) Open(_ context.Context, n provider.Number, sink provider.Sink) (provider.Session, error) {
	if sink == nil {
		return nil, errors.New("whatsmeow: a session needs a sink")
	}
	return newSession(p, n, sink), nil
}
