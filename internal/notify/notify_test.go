package notify_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime/quotedprintable"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chasqui/internal/notify"
	"chasqui/internal/wa"
)

// post is a mail server that takes what it is given.
type post struct {
	addr  string
	roots *x509.CertPool
	got   chan delivered
	// breaks has the next mail taken without a word of it: the connection is gone.
	breaks atomic.Bool
}

type delivered struct {
	encrypted      bool
	user, password string
	from, to       string
	data           string
}

// newPost listens; it offers STARTTLS, or nothing at all.
func newPost(t *testing.T, offers bool) *post {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	p := &post{roots: x509.NewCertPool(), got: make(chan delivered, 1)}
	p.roots.AddCert(cert)
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	p.addr = l.Addr().String()
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.talk(c, config, offers)
		}
	}()
	return p
}

// talk speaks as much SMTP as a mail takes.
func (p *post) talk(c net.Conn, config *tls.Config, offers bool) {
	defer func() { _ = c.Close() }()
	var d delivered
	r := bufio.NewReader(c)
	say := func(s string) { _, _ = fmt.Fprintf(c, "%s\r\n", s) }
	say("220 localhost")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimSpace(line)
		verb, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(verb) {
		case "EHLO":
			say("250-localhost")
			if offers && !d.encrypted {
				say("250-STARTTLS")
			}
			say("250 AUTH PLAIN LOGIN")
		case "STARTTLS":
			say("220 go ahead")
			secure := tls.Server(c, config)
			c, r, d.encrypted = secure, bufio.NewReader(secure), true
		case "AUTH":
			raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			if f := strings.Split(string(raw), "\x00"); len(f) == 3 {
				d.user, d.password = f[1], f[2]
			}
			say("235 welcome")
		case "MAIL":
			d.from = rest
			say("250 ok")
		case "RCPT":
			d.to = rest
			if strings.Contains(rest, "unknown@") {
				say("550 no mailbox for " + rest)
				continue
			}
			say("250 ok")
		case "DATA":
			say("354 go ahead")
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				d.data += line
			}
			if p.breaks.CompareAndSwap(true, false) {
				p.got <- d
				return
			}
			say("250 taken")
			p.got <- d
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

var letter = wa.Letter{To: "ana@example.com", Subject: "Grüße", Body: "Follow this link:\n\nhttps://chasqui.example/invitation#token=abc\n"}

func TestAMailIsSent(t *testing.T) {
	t.Parallel()
	p := newPost(t, true)
	m, err := notify.New(notify.Options{
		Server: wa.NewSecret("smtp://postman:s%40cr%C3%A9t@localhost:" + p.addr[strings.LastIndex(p.addr, ":")+1:]), From: "chasqui <no-reply@example.com>",
		TLS: &tls.Config{RootCAs: p.roots, ServerName: "localhost"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Mail(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	d := <-p.got
	if !d.encrypted || d.user != "postman" || d.password != "s@crét" || !strings.Contains(d.from, "<no-reply@example.com>") || !strings.Contains(d.to, "<ana@example.com>") {
		t.Errorf("%+v", d)
	}
	head, body, _ := strings.Cut(d.data, "\r\n\r\n")
	text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
	if err != nil || !strings.Contains(string(text), "#token=abc") {
		t.Errorf("body %q, %v", text, err)
	}
	for _, want := range []string{"Auto-Submitted: auto-generated", "Message-ID: ", "Subject: =?UTF-8?q?Gr=C3=BC=C3=9Fe?="} {
		if !strings.Contains(head, want) {
			t.Errorf("head lacks %s:\n%s", want, head)
		}
	}
}

// A server that does not encrypt gets no mail, unless the operator says so.
func TestEncryptionIsNotOptional(t *testing.T) {
	t.Parallel()
	p := newPost(t, false)
	at := "localhost:" + p.addr[strings.LastIndex(p.addr, ":")+1:]
	send := func(server string) error {
		m, err := notify.New(notify.Options{Server: wa.NewSecret(server), From: "no-reply@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		return m.Mail(t.Context(), letter)
	}
	if err := send("smtp://" + at); err == nil {
		t.Error("a mail went in the clear")
	}
	if err := send("smtp://" + at + "?tls=none"); err != nil {
		t.Error(err)
	}
	if d := <-p.got; d.encrypted {
		t.Errorf("%+v", d)
	}
}

func TestAddressesOfServers(t *testing.T) {
	t.Parallel()
	for server, good := range map[string]bool{
		"smtp://mail.example.com": true, "smtps://u:p@mail.example.com": true, "smtp://mail.example.com:2525?tls=none": true,
		"": false, "mail.example.com": false, "http://mail.example.com": false, "smtp://": false, "smtp://mail.example.com?tls=maybe": false,
		"smtp://u:secret@mail.example.com:x": false,
	} {
		_, err := notify.New(notify.Options{Server: wa.NewSecret(server), From: "a@example.com"})
		if (err == nil) != good || (err != nil && (!errors.Is(err, notify.ErrServer) || strings.Contains(err.Error(), "secret"))) {
			t.Errorf("%q: %v", server, err)
		}
	}
	if _, err := notify.New(notify.Options{Server: wa.NewSecret("smtp://mail.example.com"), From: "nobody"}); err == nil {
		t.Error("a sender that is none")
	}
}

// What a server says of somebody is not for the log.
func TestRefusalsNameNobody(t *testing.T) {
	t.Parallel()
	p := newPost(t, false)
	m, err := notify.New(notify.Options{Server: wa.NewSecret("smtp://localhost:" + p.addr[strings.LastIndex(p.addr, ":")+1:] + "?tls=none"), From: "a@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	err = m.Mail(t.Context(), wa.Letter{To: "unknown@example.com", Subject: "x", Body: "y"})
	if err == nil || !strings.Contains(err.Error(), "no mailbox") || strings.Contains(err.Error(), "unknown@") {
		t.Errorf("%v", err)
	}
}

// Who is written to cannot write headers.
func TestNoHeadersFromOutside(t *testing.T) {
	t.Parallel()
	p := newPost(t, false)
	m, err := notify.New(notify.Options{Server: wa.NewSecret("smtp://localhost:" + p.addr[strings.LastIndex(p.addr, ":")+1:] + "?tls=none"), From: "a@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Mail(t.Context(), wa.Letter{To: "a@example.com>\r\nBcc: <b@example.com", Subject: "x"}); err == nil {
		t.Error("an address with a header in it was taken")
	}
	if err := m.Mail(t.Context(), wa.Letter{To: "a@example.com", Subject: "Acme\r\nBcc: b@example.com", Body: "x"}); err != nil {
		t.Fatal(err)
	}
	if d := <-p.got; strings.Contains(d.data, "\nBcc:") {
		t.Errorf("a header was written:\n%s", d.data)
	}
}

// The connection breaks after the server has taken a mail and before it says so:
// the letter is sent again, and comes under the same Message-ID, of the sender's
// domain. Other letters come under others.
func TestALetterThatComesTwiceIsTheSame(t *testing.T) {
	t.Parallel()
	p := newPost(t, false)
	m, err := notify.New(notify.Options{
		Server: wa.NewSecret("smtp://localhost:" + p.addr[strings.LastIndex(p.addr, ":")+1:] + "?tls=none"), From: "chasqui <no-reply@mail.example.com>",
	})
	if err != nil {
		t.Fatal(err)
	}
	send := func(id string, want bool) string {
		t.Helper()
		l := letter
		l.ID = id
		if err := m.Mail(t.Context(), l); (err == nil) != want {
			t.Fatalf("sending: %v", err)
		}
		_, rest, _ := strings.Cut((<-p.got).data, "Message-ID: ")
		name, _, _ := strings.Cut(rest, "\r\n")
		return name
	}
	const id = "0190a1b2-0000-7000-8000-000000000001"
	p.breaks.Store(true)
	first, second := send(id, false), send(id, true)
	if first != second || first != "<"+id+"@mail.example.com>" {
		t.Errorf("it came as %s and as %s", first, second)
	}
	if other := send("0190a1b2-0000-7000-8000-000000000002", true); other == first {
		t.Error("another letter came under the same")
	}
	if one, two := send("", true), send("", true); one == two {
		t.Error("two letters without an id came under the same")
	}
}
