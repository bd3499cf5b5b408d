package egress_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"chasqui/internal/egress"
)

func TestWhichAddressesMayBeReached(t *testing.T) {
	t.Parallel()
	refused := strings.Fields(`
		0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.1.2.3 127.255.255.254
		169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1 192.168.0.1 192.168.255.255
		198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.7 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
		:: ::1 ::2 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:8.8.8.8 ::127.0.0.1 ::ffff:0:127.0.0.1
		64:ff9b::1 64:ff9b::7f00:1 64:ff9b:1::1 100::1 100:0:0:1::1 2001::1 2001:0:4136:e378::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1
		2002::1 2002:7f00:1::1 2002:a00:1::1 2620:4f:8000::1 3fff::1 5f00::1 fc00::1 fd00::1 fdff:ffff::1 fe80::1 fe80::1%eth0 fec0::1
		ff00::1 ff02::1 ff0e::1 4000::1 8000::1 e000::1`)
	allowed := strings.Fields(`
		1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 93.184.216.34 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 172.15.255.255 172.32.0.1
		192.167.255.255 192.169.0.1 198.17.255.255 198.20.0.1 223.255.255.255 2606:4700::1111 2a00:1450::1 2001:4860:4860::8888 2400:cb00::1`)
	if len(refused)+len(allowed) < 60 {
		t.Fatalf("only %d addresses", len(refused)+len(allowed))
	}
	g := egress.New(egress.Options{})
	for _, ip := range refused {
		if err := g.Check(netip.MustParseAddr(ip)); !errors.Is(err, egress.ErrForbidden) {
			t.Errorf("%s: %v", ip, err)
		}
	}
	for _, ip := range allowed {
		if err := g.Check(netip.MustParseAddr(ip)); err != nil {
			t.Errorf("%s: %v", ip, err)
		}
	}
}

func TestOperatorsAllowNetworks(t *testing.T) {
	t.Parallel()
	g := egress.New(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}})
	for ip, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "fd00:1::7": true, "10.2.0.1": false, "fd00:2::1": false, "127.0.0.1": false,
	} {
		if err := g.Check(netip.MustParseAddr(ip)); (err == nil) != want {
			t.Errorf("%s: %v", ip, err)
		}
	}
}

func TestWhichURLsMayBeKept(t *testing.T) {
	t.Parallel()
	g := egress.New(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, Resolver: names(t, map[string][]string{
		"good.test.": {"8.8.8.8"}, "bad.test.": {"8.8.8.8", "10.0.0.1"}, "inside.test.": {"10.1.0.1"},
	}, nil)})
	for url, want := range map[string]bool{
		"https://good.test/hook": true, "https://good.test:8443/hook?x=1": true, "https://inside.test/": true, "https://8.8.8.8/": true,
		"https://unknown.test/": true, // it may be there when it is needed
		"http://good.test/":     false, "https://bad.test/": false, "https://10.0.0.1/": false, "https://[::1]/": false, "https://good.test:22/": false,
		"https://good.test:0/": false, "https://good.test:99999/": false, "https://u:p@good.test/": false, "https://good.test/#x": false,
		"ftp://good.test/": false, "https:///x": false, "good.test": false, "https://127.1/": false, "https://0x7f000001/": false,
		"https://2130706433/": false, "https://017700000001/": false, "javascript:alert(1)": false, "https://good.test/a b": false, "": false,
	} {
		if err := g.CheckURL(t.Context(), url, false); (err == nil) != want {
			t.Errorf("%q: %v", url, err)
		}
	}
	if err := g.CheckURL(t.Context(), "http://good.test/", true); err != nil {
		t.Errorf("plain http where the org allows it: %v", err)
	}
}

// TestNamesThatChangeTheirMeaning asks a resolver that answers with a public
// address when the URL is kept and with an inner one when it is dialled.
func TestNamesThatChangeTheirMeaning(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { connections.Add(1) }))
	defer inner.Close()
	_, port, err := net.SplitHostPort(inner.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int32
	g := egress.New(egress.Options{Resolver: names(t, nil, func(string) []string {
		if asked.Add(1) == 1 {
			return []string{"8.8.8.8"}
		}
		return []string{"127.0.0.1"}
	})})
	url := "http://rebind.test:" + port + "/"
	if err := g.CheckURL(t.Context(), url, true); err != nil {
		t.Fatalf("when it is kept: %v", err)
	}
	res, err := get(t.Context(), g, url)
	if err == nil {
		res.Body.Close()
	}
	if !errors.Is(err, egress.ErrForbidden) || connections.Load() != 0 {
		t.Errorf("when it is dialled: %v, %d connections", err, connections.Load())
	}
}

func TestRedirectsAreAnswers(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:1/inside", http.StatusFound))
	defer s.Close()
	g := egress.New(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	res, err := get(t.Context(), g, s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusFound {
		t.Errorf("status %d", res.StatusCode)
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	g := egress.New(egress.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	res, err := get(t.Context(), g, s.URL)
	if err == nil {
		res.Body.Close()
		t.Error("a certificate that nobody vouches for is believed")
	}
}

func get(ctx context.Context, g *egress.Guard, url string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	return g.Client().Do(req)
}

// names is a resolver that asks a DNS server of ours: for fixed names, or for
// whatever answer says.
func names(t *testing.T, fixed map[string][]string, answer func(name string) []string) *net.Resolver {
	t.Helper()
	if answer == nil {
		answer = func(name string) []string { return fixed[name] }
	}
	var lc net.ListenConfig
	conn, err := lc.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if out := reply(buf[:n], answer); out != nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// reply answers one question for an IPv4 address; there are no others.
func reply(question []byte, answer func(string) []string) []byte {
	var m dnsmessage.Message
	if m.Unpack(question) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	m.Response, m.RecursionAvailable, m.Additionals = true, true, nil
	if q.Type == dnsmessage.TypeA {
		for _, ip := range answer(q.Name.String()) {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1},
				Body:   &dnsmessage.AResource{A: netip.MustParseAddr(ip).As4()},
			})
		}
		if len(m.Answers) == 0 {
			m.RCode = dnsmessage.RCodeNameError
		}
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}
