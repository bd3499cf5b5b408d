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
	"errors"
	"log/slog"
	"net/http"
	"time"

	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/provider"
	"chasqui/internal/provider/whatsmeow/device"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Box seals and opens what is kept of an org's devices.
type Box = device.Box

// Options configure a Provider. DB, Box and Log are required.
type Options struct {
	DB *store.DB
	// Box gives an org's box. It is asked again and again, and must be quick.
	Box func(context.Context, wa.OrgID) (Box, error)
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
	PasskeyWait  time.Duration // how long a person may take with a passkey: 10 min
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
	set(&o.PasskeyWait, 10*time.Minute)
	set(&o.Redelivery, 60*time.Second)
}

// devices keeps the keys of numbers. Measurements and tests put the library's
// own store in its place.
type devices interface {
	// Load opens a device; nil when there is none.
	Load(ctx context.Context, o device.Owner, jid types.JID) (*wmstore.Device, error)
	// Fresh makes a device that is not linked yet.
	Fresh(o device.Owner) *wmstore.Device
}

// Provider makes sessions that share one device store and one transport.
type Provider struct {
	ctx      context.Context
	opts     Options
	devices  devices
	http     *http.Client
	registry *registry
	bare     bool // measurements only: leave the Signal sessions unguarded
}

var _ provider.Provider = (*Provider)(nil)

// New prepares the provider. The sessions outlive ctx: they end with their
// Close.
func New(ctx context.Context, opts Options) (*Provider, error) {
	if opts.DB == nil || opts.Box == nil || opts.Log == nil {
		return nil, errors.New("whatsmeow: DB, Box and Log are required")
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
		devices:  device.New(device.Options{DB: opts.DB, Box: opts.Box, Log: newLog(opts.Log, opts.Debug)}),
		http:     &http.Client{Transport: transport},
		registry: newRegistry(),
	}, nil
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
