// Package notify tells people: by mail, through the operator's SMTP server.
// What is said, and when, belongs to whoever has something to say.
package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"chasqui/internal/wa"
)

// sendWithin bounds one conversation with the server.
const sendWithin = 20 * time.Second

// Mailer sends mails. It is safe for concurrent use.
type Mailer struct {
	from string
	home string // the sender's domain
	host string
	opts []gomail.Option
	now  func() time.Time
}

// Options open a Mailer.
type Options struct {
	// Server is smtp://user:password@host:587, which must offer STARTTLS, or
	// smtps://…:465, which is encrypted from the first byte. smtp://…?tls=none
	// sends in the clear.
	Server wa.Secret
	From   string      // "chasqui <no-reply@example.com>"
	TLS    *tls.Config // for tests: roots of their own
}

// ErrServer tells of a server's address that cannot be read. It does not hold
// the address, which has a password in it.
var ErrServer = errors.New("must be an address like smtp://user:password@mail.example.com:587 or smtps://…:465")

// New reads the settings; it connects to nothing.
func New(o Options) (*Mailer, error) {
	from, err := mail.ParseAddress(o.From)
	if err != nil {
		return nil, fmt.Errorf("the sender is not an address like chasqui <no-reply@example.com>: %w", err)
	}
	u, err := url.Parse(o.Server.Reveal())
	if err != nil || u.Hostname() == "" || (u.Scheme != "smtp" && u.Scheme != "smtps") || (u.Query().Has("tls") && u.Query().Get("tls") != "none") {
		return nil, ErrServer
	}
	opts, err := optionsOf(u)
	if err != nil {
		return nil, err
	}
	if o.TLS != nil {
		opts = append(opts, gomail.WithTLSConfig(o.TLS))
	}
	home := from.Address[strings.LastIndex(from.Address, "@")+1:]
	m := &Mailer{from: o.From, home: home, host: u.Hostname(), opts: opts, now: time.Now}
	_, err = gomail.NewClient(m.host, opts...) // what cannot be used is said now
	if err != nil {
		return nil, fmt.Errorf("use the mail server: %w", err)
	}
	return m, nil
}

func optionsOf(u *url.URL) ([]gomail.Option, error) {
	opts := []gomail.Option{gomail.WithTimeout(sendWithin), gomail.WithTLSPolicy(gomail.TLSMandatory)}
	port := "587"
	switch {
	case u.Scheme == "smtps":
		port = "465"
		opts = append(opts, gomail.WithSSL())
	case u.Query().Get("tls") == "none":
		port = "25"
		opts = append(opts, gomail.WithTLSPolicy(gomail.NoTLS))
	}
	if u.Port() != "" {
		port = u.Port()
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, ErrServer
	}
	opts = append(opts, gomail.WithPort(n))
	if password, set := u.User.Password(); set {
		auth := gomail.SMTPAuthAutoDiscover
		if u.Query().Get("tls") == "none" {
			auth = gomail.SMTPAuthPlainNoEnc
		}
		opts = append(opts, gomail.WithSMTPAuth(auth), gomail.WithUsername(u.User.Username()), gomail.WithPassword(password))
	}
	return opts, nil
}

// Mail sends one letter as plain text and returns when the server has it.
func (m *Mailer) Mail(ctx context.Context, l wa.Letter) error {
	msg := gomail.NewMsg()
	if err := errors.Join(msg.From(m.from), msg.To(l.To)); err != nil {
		return fmt.Errorf("address the mail: %w", err)
	}
	msg.Subject(l.Subject)
	msg.SetDateWithValue(m.now())
	m.name(msg, l)
	msg.SetBodyString(gomail.TypeTextPlain, l.Body)
	// No robot answers this, and none should.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	client, err := gomail.NewClient(m.host, m.opts...)
	if err != nil {
		return fmt.Errorf("use the mail server: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		// Servers repeat whom they refuse; logs need not.
		return errors.New("send mail: " + strings.ReplaceAll(err.Error(), l.To, "***"))
	}
	return nil
}

// name gives a mail the id of its letter. A letter that was sent before comes
// under the id of then: mailboxes that know it show it once.
func (m *Mailer) name(msg *gomail.Msg, l wa.Letter) {
	if l.ID == "" {
		msg.SetMessageID()
		return
	}
	msg.SetMessageIDWithValue(l.ID + "@" + m.home)
}
