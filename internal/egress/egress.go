// Package egress is the one way out to addresses that customers name. It looks
// at the address that is about to be dialled, after every name was resolved,
// follows no redirect, uses no proxy, and bounds time. What is sent belongs to
// its callers.
package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"code.dny.dev/ssrf"
)

// Options open a Guard.
type Options struct {
	Allow     []netip.Prefix // networks that may be reached besides the public internet
	AllowHTTP bool           // plain http is allowed to everybody
	Resolver  *net.Resolver  // nil means the system's
	Insecure  *tls.Config    // for tests: roots of their own
}

// Guard decides which addresses may be reached. It is safe for concurrent use.
type Guard struct {
	opt    Options
	public *ssrf.Guardian
}

// ErrForbidden tells of an address that may not be reached.
var ErrForbidden = errors.New("the address may not be reached")

// Bounds of a connection.
const (
	ConnectTimeout = 5 * time.Second
	TLSTimeout     = 5 * time.Second
	maxHeader      = 16 << 10
)

// New makes a guard.
func New(o Options) *Guard {
	return &Guard{opt: o, public: ssrf.New(ssrf.WithAnyPort())}
}

// Client makes an HTTP client that reaches only what the guard allows. Requests
// carry their own deadline; the answer to a redirect is the redirect.
func (g *Guard) Client() *http.Client {
	dialer := &net.Dialer{Timeout: ConnectTimeout, KeepAlive: 30 * time.Second, Resolver: g.opt.Resolver, Control: g.control}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            dialer.DialContext,
			TLSClientConfig:        g.opt.Insecure,
			TLSHandshakeTimeout:    TLSTimeout,
			ForceAttemptHTTP2:      true,
			DisableCompression:     true, // a small answer must not become a large one
			MaxIdleConns:           512,
			MaxIdleConnsPerHost:    16,
			IdleConnTimeout:        60 * time.Second,
			MaxResponseHeaderBytes: maxHeader,
		},
	}
}

// control is asked by the dialer about every address, with the IP in hand: what
// a name means now is what counts.
func (g *Guard) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s cannot be read", ErrForbidden, address)
	}
	if !portAllowed(int(at.Port())) {
		return fmt.Errorf("%w: port %d", ErrForbidden, at.Port())
	}
	return g.Check(at.Addr())
}

// Check reports whether an address may be reached.
func (g *Guard) Check(ip netip.Addr) error {
	if g.listed(ip) {
		return nil
	}
	network := "tcp6"
	if ip.Is4() {
		network = "tcp4"
	}
	if err := g.public.Safe(network, netip.AddrPortFrom(ip.WithZone(""), 443).String(), nil); err != nil {
		return fmt.Errorf("%w: %s is not on the public internet", ErrForbidden, ip)
	}
	return nil
}

// listed reports whether the operator allows an address. An IPv4 address that
// is written as IPv6 is the same address.
func (g *Guard) listed(ip netip.Addr) bool {
	plain := ip.Unmap().WithZone("")
	for _, p := range g.opt.Allow {
		if p.Contains(plain) {
			return true
		}
	}
	return false
}

// portAllowed keeps requests away from the ports of mail, names and the like.
func portAllowed(port int) bool { return port == 80 || port == 443 || port >= 1024 }

// resolveWithin bounds the look at a name while somebody waits.
const resolveWithin = 2 * time.Second

// resolve gives what a host means now; nothing when that cannot be known.
func (g *Guard) resolve(ctx context.Context, host string) []netip.Addr {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}
	}
	r := g.opt.Resolver
	if r == nil {
		r = net.DefaultResolver
	}
	ctx, cancel := context.WithTimeout(ctx, resolveWithin)
	defer cancel()
	ips, err := r.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil // it may be there when it is needed; the dialer asks again
	}
	return ips
}
