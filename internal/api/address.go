package api

import (
	"net/netip"

	"github.com/gin-gonic/gin"

	"chasqui/internal/wa"
)

// Networks of IPv6 that callers are counted by: the one that a single customer
// has all to itself, and the one that a provider hands out at most. Whoever has
// the wider has 65,536 of the narrower, so all of it together may ask for so many
// times as much and no more.
const (
	narrowBits = 64
	wideBits   = 48
	wideTimes  = 16
)

// askAddress takes one from a limit of the caller's address, and of the wider
// network that it is in.
func (a *api) askAddress(c *gin.Context, f flow, rate wa.Rate) *Problem {
	if p := a.ask(c, f, rate, address(c), false); p != nil {
		return p
	}
	wide := wideNetwork(c)
	if wide == "" {
		return nil
	}
	rate.Count *= wideTimes
	return a.ask(c, f, rate, wide, false)
}

// address is whom an unknown caller counts as: an IPv4 address, or a narrow
// network of IPv6.
func address(c *gin.Context) string {
	ip, err := netip.ParseAddr(c.ClientIP())
	if err != nil {
		return "unknown"
	}
	if ip = ip.Unmap(); ip.Is4() {
		return ip.String()
	}
	return network(ip, narrowBits)
}

// wideNetwork is the wide network of an IPv6 address; "" for others.
func wideNetwork(c *gin.Context) string {
	ip, err := netip.ParseAddr(c.ClientIP())
	if err != nil || ip.Unmap().Is4() {
		return ""
	}
	return network(ip, wideBits)
}

func network(ip netip.Addr, bits int) string {
	n, err := ip.WithZone("").Prefix(bits)
	if err != nil {
		return ip.String()
	}
	return n.String()
}
