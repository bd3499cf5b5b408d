package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/egress"
	"chasqui/internal/notify"
	"chasqui/internal/seal"
	"chasqui/internal/wa"
)

// newAccounts makes what lets people and keys in.
func (k *Kit) newAccounts(pepper []byte) (*account.Service, error) {
	allow, err := k.Config.egressAllow()
	if err != nil {
		return nil, err
	}
	o, err := k.Config.accountOptions(k.Keys)
	if err != nil {
		return nil, err
	}
	o.Log, o.Send = k.Log, k.sendCode
	o.Out = egress.New(egress.Options{Allow: allow, AllowHTTP: k.Config.Env != Prod})
	if o.Breached, err = k.breached(); err != nil {
		return nil, err
	}
	return account.New(k.DB, pepper, o), nil
}

// accountOptions are those that the programs and the commands share.
func (c Config) accountOptions(keys *seal.Keyring) (account.Options, error) {
	o := account.Options{
		PublicURL: c.PublicURL, Grace: c.OrgGrace,
		Boxes: func(ctx context.Context, org wa.OrgID) (account.Box, error) { return keys.For(ctx, org) },
	}
	if c.SMTPServer.IsZero() {
		return o, nil
	}
	mailer, err := c.mailer()
	o.Mail = mailer
	return o, err
}

// errBreached is a list that cannot be read: without it people would choose what
// it was given to refuse.
var errBreached = errors.New("BREACHED_PASSWORDS cannot be read")

// breached reads the list of passwords that nobody may choose. Only the api lets
// people choose.
func (k *Kit) breached() (*account.Breached, error) {
	path := k.Config.BreachedList
	if path == "" || k.Name != "api" {
		return nil, nil //nolint:nilnil // no list is a list without passwords
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errBreached, err)
	}
	defer f.Close()
	b, err := account.ReadBreached(f)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errBreached, path, err)
	}
	k.Log.Info("passwords that nobody may choose are known", "list", b.String())
	return b, nil
}

// codeWorth is how long a one-time code is worth sending.
const codeWorth = 2 * time.Minute

// sendCode sends a one-time code before everything else that waits.
func (k *Kit) sendCode(ctx context.Context, org wa.OrgID, client wa.ClientID, to wa.Phone, text string) error {
	by := wa.Actor{Org: org, Name: "system", Scopes: []wa.Permission{wa.Everything}}
	typing, end := false, time.Now().Add(codeWorth)
	_, err := k.Messages.Accept(ctx, by, client, wa.Draft{
		To: string(to), Type: wa.KindText, Text: &wa.Text{Body: text}, Lane: wa.Urgent, Typing: &typing, ExpiresAt: &end, Origin: wa.FromSignIn,
	}, wa.IdempotencyKey{})
	return err
}

// postLetter has a letter sent by whichever api comes to it first.
func (k *Kit) postLetter(ctx context.Context, org wa.OrgID, l wa.Letter) error {
	if !k.isUnlocked() {
		return wa.Errorf(wa.Unavailable, "the keys are not there yet")
	}
	return k.Accounts.Post(ctx, org, l)
}

// people is the part that sends mails and forgets what is over of sign-ins.
func (k *Kit) people() Part {
	return Part{Name: "people", Run: func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return nil
		case <-k.unlocked:
			return k.Accounts.Run(ctx)
		}
	}}
}

func (c Config) mailer() (*notify.Mailer, error) {
	return notify.New(notify.Options{Server: c.SMTPServer, From: c.MailFrom})
}

func (c Config) validateMail() []Mistake {
	if c.SMTPServer.IsZero() {
		return nil
	}
	if c.MailFrom == "" {
		return []Mistake{mistake("MAIL_FROM", "is needed with SMTP_URL")}
	}
	if _, err := c.mailer(); err != nil {
		return []Mistake{mistake("SMTP_URL", "or MAIL_FROM cannot be used: "+err.Error())}
	}
	return nil
}
