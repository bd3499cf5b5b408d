package egress

import (
	"context"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"chasqui/internal/wa"
)

// CheckURL reports, as an error of the field "url", an address that we would
// not call: not http or https, plain http where that is not allowed, with a
// name and password, on a port of another service, or inside some network. A
// name that cannot be resolved now passes: it is looked at again when it is
// dialled.
func (g *Guard) CheckURL(ctx context.Context, text string, allowHTTP bool) error {
	u, err := g.parse(text, allowHTTP)
	if err != nil {
		return err
	}
	if err := g.checkHost(u.Hostname()); err != nil {
		return err
	}
	for _, ip := range g.resolve(ctx, u.Hostname()) {
		if g.Check(ip) != nil {
			return inside()
		}
	}
	return nil
}

// CheckForm is CheckURL as far as it goes without asking what a name means.
func (g *Guard) CheckForm(text string, allowHTTP bool) error {
	u, err := g.parse(text, allowHTTP)
	if err != nil {
		return err
	}
	return g.checkHost(u.Hostname())
}

func inside() error {
	return wa.InvalidField("url", "leads to an address that is not on the public internet")
}

func (g *Guard) parse(text string, allowHTTP bool) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return nil, wa.InvalidField("url", "is not an address like https://example.com/hook")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, wa.InvalidField("url", "must begin with https://")
	case u.Scheme == "http" && !allowHTTP && !g.opt.AllowHTTP:
		return nil, wa.InvalidField("url", "must begin with https://: plain http is not allowed here")
	case u.User != nil:
		return nil, wa.InvalidField("url", "must not hold a name and password: use headers")
	case u.Fragment != "":
		return nil, wa.InvalidField("url", "must not have a fragment")
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return nil, wa.InvalidField("url", "must not hold spaces or control characters")
	}
	if p := u.Port(); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil || n > 65535 || !portAllowed(n) {
			return nil, wa.InvalidField("url", "has a port that is not 80, 443 or 1024 and above")
		}
	}
	return u, nil
}

// checkHost looks at hosts that are addresses, however they are written.
func (g *Guard) checkHost(host string) error {
	if odd, ok := oddAddress(host); ok {
		return wa.InvalidField("url", "must not write an address as %s", odd)
	}
	if ip, err := netip.ParseAddr(host); err == nil && g.Check(ip) != nil {
		return inside()
	}
	return nil
}

// oddAddress finds hosts that some resolvers read as IPv4 though they are not
// written as four numbers: 127.1, 0x7f000001, 2130706433.
func oddAddress(host string) (string, bool) {
	if _, err := netip.ParseAddr(host); err == nil {
		return "", false
	}
	last := host[strings.LastIndexByte(strings.TrimSuffix(host, "."), '.')+1:]
	last = strings.TrimSuffix(last, ".")
	if _, err := strconv.ParseUint(last, 0, 64); err == nil {
		return host, true
	}
	return "", false
}
