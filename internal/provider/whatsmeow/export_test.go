package whatsmeow

import (
	"context"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/proto/waWa6"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/store/sqlstore"
	"go.mau.fi/whatsmeow/types"

	"chasqui/internal/provider"
	"chasqui/internal/provider/whatsmeow/device"
	"chasqui/internal/wa"
)

// Bare makes a provider leave the library's stores as they are, to measure
// what the session lock costs and saves.
func Bare(p *Provider) { p.bare = true }

// UseStock makes a provider keep its devices in the library's own store, to
// compare ours with.
func UseStock(p *Provider, c *sqlstore.Container) { p.devices = stock{c} }

type stock struct{ c *sqlstore.Container }

// Load reads a device.
func (s stock) Load(ctx context.Context, _ device.Owner, jid types.JID) (*store.Device, error) {
	return s.c.GetDevice(ctx, jid)
}

// Fresh makes a device.
func (s stock) Fresh(device.Owner) *store.Device { return s.c.NewDevice() }

// What the tests of pure parts need to see.
var (
	Encode      = encode
	PayloadFor  = payloadOf
	ReadPayload = readPayload
	ClientSays  = clientPayload
	CodeName    = codeName
	Repaired    = repaired
	Scrub       = scrub
	CleanName   = cleanName
	CleanBody   = cleanBody
	CleanID     = cleanID
	CleanTime   = cleanTime
	SignalOf    = signalOf
	NewLog      = newLog
	NewRegistry = newRegistry
	NewLock     = newSessionLock
	Guard       = guard
	WithSending = withSending
)

// Errors that come from this package itself.
var (
	ErrUnsupported  = errUnsupported
	ErrNoCiphertext = errNoCiphertext
	ErrGripLost     = errGripLost
	ErrNotOnline    = errNotOnline
	ErrNotPaired    = errNotPaired
	ErrNobody       = errNobody
	ErrNotOnNetwork = errNotOnNetwork
)

// Classify is classify with its circumstances as arguments.
func Classify(err error, encrypted bool, lockedUntil, now time.Time) *provider.Failure {
	return classify(err, attempt{encrypted: encrypted, lockedUntil: lockedUntil, now: now})
}

// Decode gives what is understood of a message.
func Decode(m *waE2E.Message) (kind string, content wa.Content, quotedID string, mentions []types.JID, ok bool) {
	d, ok := decode(m)
	return d.kind, d.content, d.quotedID, d.mentions, ok
}

// Mark makes a sending whose recipient is the Signal user given.
func Mark(user string) (m *sending, aborted func() error) {
	var cause error
	m = &sending{abort: func(err error) { cause = err }, isRecipient: func(u string) bool { return u == user }}
	return m, func() error { return cause }
}

// End ends a sending.
func (s *sending) End() bool { return s.end() }

// PairingSays is what the device that is being paired says about itself.
func PairingSays(s provider.Session) *waWa6.ClientPayload {
	p, err := s.(*session).underWay()
	if err != nil {
		return nil
	}
	return p.line.cli.GetClientPayload()
}

// Get asks a registry.
func (r *registry) Get(phone wa.Phone, now time.Time) (present, known bool) { return r.get(phone, now) }

// Put tells a registry.
func (r *registry) Put(phone wa.Phone, present bool, now time.Time) { r.put(phone, present, now) }

// OnAway sets what is called when an inbound message must be asked for again.
func OnAway(l *sessionLock, away func()) { l.away = away }

// Hear has a session hear an event of the library.
func Hear(s provider.Session, evt any) { s.(*session).line.handle(evt) }
