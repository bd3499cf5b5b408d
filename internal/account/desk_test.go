package account_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// desk is where people of one org come in: with a clock of its own, a letter
// box, and an admin.
type desk struct {
	t     testing.TB
	db    *store.DB
	url   string
	opt   account.Options
	s     *account.Service
	clock *clock
	mails chan wa.Letter
	codes chan string
	org   wa.OrgID
	admin wa.Actor
	key   string // the admin's password
}

// Passwords that nobody would guess.
const (
	goodPassword  = "seven green kettles hum"
	otherPassword = "a lamp beside the harbour"
)

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Mail puts a letter into the box.
func (d *desk) Mail(ctx context.Context, l wa.Letter) error {
	select {
	case d.mails <- l:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// plainBox keeps secrets bound to their place, and hides nothing.
type plainBox struct{}

func (plainBox) Seal(place string, plain []byte) ([]byte, error) {
	return append([]byte(place+"="), plain...), nil
}

func (plainBox) Open(place string, sealed []byte) ([]byte, error) {
	plain, ok := bytes.CutPrefix(sealed, []byte(place+"="))
	if !ok {
		return nil, errors.New("sealed elsewhere")
	}
	return plain, nil
}

func newDesk(t testing.TB, tune ...func(*account.Options)) *desk {
	t.Helper()
	url := testkit.DatabaseURL(t)
	d := &desk{
		t: t, db: testkit.OpenDB(t, url), url: url, clock: &clock{at: time.Now().Truncate(time.Second)}, mails: make(chan wa.Letter, 20), codes: make(chan string, 20),
	}
	d.opt = account.Options{
		PublicURL: "https://chasqui.example", Now: d.clock.now, Mail: d,
		Boxes: func(context.Context, wa.OrgID) (account.Box, error) { return plainBox{}, nil },
		Send: func(_ context.Context, _ wa.OrgID, _ wa.ClientID, _ wa.Phone, text string) error {
			d.codes <- text
			return nil
		},
	}
	for _, change := range tune {
		change(&d.opt)
	}
	d.s = d.process()
	made, err := d.s.Bootstrap(t.Context(), "Acme", "ana@example.com")
	if err != nil {
		t.Fatal(err)
	}
	d.org, d.key = made.OrgID, made.Password.Reveal()
	d.admin = d.actor(d.enter("ana@example.com", made.Password.Reveal()))
	return d
}

// process is another process on the same database, at the same clock.
func (d *desk) process() *account.Service {
	d.t.Helper()
	s := account.New(d.db, testkit.Pepper, d.opt)
	ctx, cancel := context.WithCancel(context.WithoutCancel(d.t.Context()))
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Run(ctx) }()
	d.t.Cleanup(func() { cancel(); <-ended })
	return s
}

var from = wa.Caller{IP: "203.0.113.9", Agent: "a browser", Request: "req_1"}

// enter signs in by password, and must get in.
func (d *desk) enter(email, password string) account.Granted {
	d.t.Helper()
	e, err := d.s.SignIn(d.t.Context(), email, wa.NewSecret(password), from)
	if err != nil || e.Granted == nil {
		d.t.Fatalf("sign in as %s: %+v, %v", email, e, err)
	}
	return *e.Granted
}

// enterAdmin signs the admin in anew.
func (d *desk) enterAdmin() account.Granted { return d.enter("ana@example.com", d.key) }

// actor is who comes with an access token.
func (d *desk) actor(g account.Granted) wa.Actor {
	d.t.Helper()
	by, err := d.s.Authenticate(d.t.Context(), g.Access)
	if err != nil {
		d.t.Fatal(err)
	}
	by.From = from
	return by
}

// hire invites somebody in a role, who accepts.
func (d *desk) hire(email string, role wa.Role) (wa.Actor, account.Granted) {
	d.t.Helper()
	if _, err := d.s.Invite(d.t.Context(), d.admin, email, role); err != nil {
		d.t.Fatal(err)
	}
	g, err := d.s.Accept(d.t.Context(), d.token(), "Somebody", wa.NewSecret(goodPassword), from)
	if err != nil {
		d.t.Fatal(err)
	}
	return d.actor(g), g
}

// letter is the next mail.
func (d *desk) letter() wa.Letter {
	d.t.Helper()
	select {
	case l := <-d.mails:
		return l
	case <-time.After(20 * time.Second):
		d.t.Fatal("no mail came")
		return wa.Letter{}
	}
}

// token is that of the link in the next mail.
func (d *desk) token() wa.Secret {
	d.t.Helper()
	_, after, ok := strings.Cut(d.letter().Body, "#token=")
	if !ok {
		d.t.Fatal("the mail has no link")
	}
	token, _, _ := strings.Cut(after, "\n")
	return wa.NewSecret(token)
}

// audited counts what the org's log says of an action.
func (d *desk) audited(action wa.AuditAction) (n int) {
	d.t.Helper()
	p, err := store.ParsePage("", store.MaxPage)
	if err != nil {
		d.t.Fatal(err)
	}
	d.inOrg(func(tx *store.Tx) error {
		entries, err := tx.AuditEntries(d.t.Context(), d.org, store.AuditFilter{Action: action}, p)
		n = len(entries)
		return err
	})
	return n
}

func (d *desk) inOrg(fn func(*store.Tx) error) {
	d.t.Helper()
	if err := d.db.InOrg(d.t.Context(), d.org, fn); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) refused(what string, err error, code wa.Code) {
	d.t.Helper()
	if wa.CodeOf(err) != code || err == nil {
		d.t.Errorf("%s: %v, want %s", what, err, code)
	}
}
