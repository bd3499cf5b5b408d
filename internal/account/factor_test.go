package account_test

import (
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func after(t *testing.T, link string) string {
	t.Helper()
	_, token, ok := strings.Cut(link, "#token=")
	if !ok {
		t.Fatalf("no token in the link")
	}
	return token
}

// withApp sets an authenticator app up for somebody; code gives what it shows.
func (d *desk) withApp(by wa.Actor) (code func() wa.Secret, recovery []wa.Secret) {
	d.t.Helper()
	app, err := d.s.StartTOTP(d.t.Context(), by)
	if err != nil {
		d.t.Fatal(err)
	}
	code = func() wa.Secret {
		c, err := totp.GenerateCode(app.Secret.Reveal(), d.clock.now())
		if err != nil {
			d.t.Fatal(err)
		}
		return wa.NewSecret(c)
	}
	recovery, err = d.s.ConfirmTOTP(d.t.Context(), by, code())
	if err != nil {
		d.t.Fatal(err)
	}
	d.clock.move(time.Minute)
	return code, recovery
}

// asked signs in and must be asked for a second factor.
func (d *desk) asked(email string) account.Challenge {
	d.t.Helper()
	e, err := d.s.SignIn(d.t.Context(), email, wa.NewSecret(goodPassword), from)
	if err != nil || e.Challenge == nil {
		d.t.Fatalf("%+v, %v", e, err)
	}
	return *e.Challenge
}

// One code at many doors at once opens one of them.
func TestACodeOpensOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	by, _ := d.hire("bob@example.com", wa.Agent)
	code, recovery := d.withApp(by)
	for _, name := range []account.Method{account.TOTP, account.RecoveryCode} {
		c := recovery[0]
		if name == account.TOTP {
			c = code() // of this moment: an hour later it is over
		}
		q := d.asked("bob@example.com")
		var mu sync.Mutex
		opened := 0
		var wg sync.WaitGroup
		for range 3 { // as many as need not wait
			wg.Go(func() {
				_, err := d.s.SecondFactor(t.Context(), q.Token, name, c, from)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					opened++
				} else if c := wa.CodeOf(err); c != wa.Unauthorized && c != wa.RateLimited {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if opened != 1 {
			t.Errorf("%s opened %d times", name, opened)
		}
		d.clock.move(time.Hour)
	}
}

// Clocks may differ by one step, and a step that was passed is gone.
func TestSteps(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	by, _ := d.hire("bob@example.com", wa.Agent)
	code, _ := d.withApp(by)
	at := func(shift time.Duration) wa.Secret {
		d.clock.move(shift)
		defer d.clock.move(-shift)
		return code()
	}
	d.clock.move(time.Hour)
	for _, step := range []struct {
		name string
		code wa.Secret
		good bool
	}{
		{"two steps ago", at(-60 * time.Second), false},
		{"two steps ahead", at(60 * time.Second), false},
		{"one step ahead", at(30 * time.Second), true},
		{"this step, after the next", at(0), false},
		{"one step ago, after the next", at(-30 * time.Second), false},
		{"letters", wa.NewSecret("abcdef"), false},
		{"nothing", wa.NewSecret(""), false},
	} {
		q := d.asked("bob@example.com")
		_, err := d.s.SecondFactor(t.Context(), q.Token, account.TOTP, step.code, from)
		if (err == nil) != step.good {
			t.Errorf("%s: %v", step.name, err)
		}
		if err := d.s.UnlockUser(t.Context(), d.admin, by.User); err != nil {
			t.Fatal(err)
		}
	}
}

// A challenge dies with the password it followed.
func TestChallengesEnd(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	by, _ := d.hire("bob@example.com", wa.Agent)
	code, _ := d.withApp(by)
	q := d.asked("bob@example.com")
	if err := d.s.ExpelUser(t.Context(), d.admin, by.User); err != nil {
		t.Fatal(err)
	}
	_, err := d.s.SecondFactor(t.Context(), q.Token, account.TOTP, code(), from)
	d.refused("after being signed out everywhere", err, wa.Unauthorized)
	link, err := d.s.ResetLink(t.Context(), "bob@example.com")
	if err != nil {
		t.Fatal(err)
	}
	e, err := d.s.Reset(t.Context(), wa.NewSecret(after(t, link.Reveal())), wa.NewSecret(otherPassword), from)
	if err != nil || e.Granted != nil || e.Challenge == nil {
		t.Errorf("a reset lets in without the second factor: %+v, %v", e, err)
	}
	access, err := d.s.Authenticate(t.Context(), q.Token)
	d.refused("a challenge as access token", err, wa.Unauthorized)
	if !access.User.IsZero() {
		t.Errorf("%+v", access)
	}
}

// Step-up: what it asks for, how long it lasts, and that every process knows.
func TestStepUp(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	by, g := d.hire("bob@example.com", wa.Agent)
	other := d.process()
	d.clock.move(9 * time.Minute)
	if got := d.actor(g); !got.Fresh {
		t.Error("nine minutes after signing in: not fresh")
	}
	d.clock.move(2 * time.Minute)
	stale := d.actor(g)
	if stale.Fresh {
		t.Error("eleven minutes after signing in: fresh")
	}
	_, err := d.s.StartTOTP(t.Context(), stale)
	d.refused("an app without a fresh password", err, wa.Forbidden)
	if _, err := other.Authenticate(t.Context(), g.Access); err != nil { // it remembers the stale session
		t.Fatal(err)
	}
	_, err = d.s.StepUp(t.Context(), stale, wa.NewSecret(otherPassword), "", wa.Secret{})
	d.refused("a wrong password", err, wa.Forbidden)
	up, err := d.s.StepUp(t.Context(), stale, wa.NewSecret(goodPassword), "", wa.Secret{})
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*account.Service{"here": d.s, "there": other} {
		got, err := s.Authenticate(t.Context(), up.Access)
		if err != nil || !got.Fresh || got.Session != by.Session {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	code, _ := d.withApp(d.actor(up))
	d.clock.move(11 * time.Minute)
	next, err := d.s.Refresh(t.Context(), g.Refresh, from)
	if err != nil {
		t.Fatal(err)
	}
	stale = d.actor(next)
	if stale.Fresh {
		t.Error("refreshing makes fresh")
	}
	c := code()
	if _, err := d.s.StepUp(t.Context(), stale, wa.Secret{}, account.TOTP, c); err != nil {
		t.Error(err)
	}
	_, err = d.s.StepUp(t.Context(), stale, wa.Secret{}, account.TOTP, c)
	d.refused("the same code again", err, wa.Forbidden)
	key := wa.Actor{Org: d.org, Scopes: []wa.Permission{wa.Everything}}
	_, err = d.s.StepUp(t.Context(), key, wa.NewSecret(goodPassword), "", wa.Secret{})
	d.refused("a key", err, wa.Forbidden)
}

// A code comes by WhatsApp to a confirmed number, and works once.
func TestCodesByWhatsApp(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	client := testkit.Client(t, d.db, d.org)
	by, _ := d.hire("bob@example.com", wa.Agent)
	d.withApp(by)
	phone := wa.Phone("+5511987654321")
	d.refused("before a client sends", d.s.StartPhone(t.Context(), by, phone), wa.Unsupported)
	if _, err := d.s.ChangeOrg(t.Context(), d.admin, account.OrgChange{CodeClient: &client.ID}); err != nil {
		t.Fatal(err)
	}
	sent := func() wa.Secret {
		c := regexp.MustCompile(`^\d{6}`).FindString(<-d.codes)
		if c == "" {
			t.Fatal("no code in the text")
		}
		return wa.NewSecret(c)
	}
	q := d.asked("bob@example.com")
	if len(q.Methods) != 2 {
		t.Errorf("%v", q.Methods)
	}
	d.refused("to no number", d.s.SendCode(t.Context(), q.Token), wa.Unsupported)
	if err := d.s.StartPhone(t.Context(), by, phone); err != nil {
		t.Fatal(err)
	}
	c := sent()
	d.refused("a wrong code", d.s.ConfirmPhone(t.Context(), by, wa.NewSecret("0"+c.Reveal()[:5])), wa.Invalid)
	if err := d.s.ConfirmPhone(t.Context(), by, c); err != nil {
		t.Fatal(err)
	}
	u, err := d.s.User(t.Context(), d.admin, by.User)
	if err != nil || u.Phone != "…4321" {
		t.Errorf("%+v, %v", u, err)
	}
	q = d.asked("bob@example.com")
	if len(q.Methods) != 3 {
		t.Errorf("%v", q.Methods)
	}
	if err := d.s.SendCode(t.Context(), q.Token); err != nil {
		t.Fatal(err)
	}
	d.refused("another at once", d.s.SendCode(t.Context(), q.Token), wa.RateLimited)
	c = sent()
	_, err = d.s.SecondFactor(t.Context(), q.Token, account.TOTP, c, from)
	d.refused("as another factor", err, wa.Unauthorized)
	if _, err := d.s.SecondFactor(t.Context(), q.Token, account.WhatsApp, c, from); err != nil {
		t.Error(err)
	}
	_, err = d.s.SecondFactor(t.Context(), q.Token, account.WhatsApp, c, from)
	d.refused("the same code again", err, wa.Unauthorized)
	d.clock.move(31 * time.Second)
	if err := d.s.SendCode(t.Context(), q.Token); err != nil {
		t.Fatal(err)
	}
	c = sent()
	d.clock.move(5*time.Minute + time.Second)
	_, err = d.s.SecondFactor(t.Context(), q.Token, account.WhatsApp, c, from)
	d.refused("after five minutes", err, wa.Unauthorized)
}

// With the second factor on, what came in without it is out.
func TestSwitchingItOnEndsTheOthers(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	by, g := d.hire("bob@example.com", wa.Agent)
	other := d.enter("bob@example.com", goodPassword)
	d.withApp(by)
	_, err := d.s.Authenticate(t.Context(), other.Access)
	d.refused("the other session", err, wa.Unauthorized)
	_, err = d.s.Refresh(t.Context(), other.Refresh, from)
	d.refused("refreshing it", err, wa.Unauthorized)
	if _, err := d.s.Authenticate(t.Context(), g.Access); err != nil {
		t.Errorf("the session that asked: %v", err)
	}
}

// A number and an org are sent only so many codes on a day, whoever asks.
func TestCodesAreFew(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	client := testkit.Client(t, d.db, d.org)
	if _, err := d.s.ChangeOrg(t.Context(), d.admin, account.OrgChange{CodeClient: &client.ID}); err != nil {
		t.Fatal(err)
	}
	bob, _ := d.hire("bob@example.com", wa.Agent)
	d.withApp(bob)
	eve, _ := d.hire("eve@example.com", wa.Agent)
	d.withApp(eve)
	phone := wa.Phone("+5511987654321")
	send := func(by wa.Actor, to wa.Phone) error {
		d.clock.move(31 * time.Second)
		err := d.s.StartPhone(t.Context(), by, to)
		if err == nil {
			<-d.codes
		}
		return err
	}
	d.clock.move(25*time.Hour - time.Duration(d.clock.now().UTC().Hour())*time.Hour) // early on a day
	for n := range 10 {
		if err := send([]wa.Actor{bob, eve}[n%2], phone); err != nil {
			t.Fatalf("code %d: %v", n+1, err)
		}
	}
	for _, by := range []wa.Actor{bob, eve} {
		if wait := retryAfter(t, send(by, phone)); wait < 20*time.Hour || wait > 24*time.Hour {
			t.Errorf("the next one may go in %s", wait)
		}
	}
	if err := send(bob, "+5511987654322"); err != nil {
		t.Errorf("to another number: %v", err)
	}
	d.inOrg(func(tx *store.Tx) error { // as if the whole team had asked
		for range 489 {
			if _, err := tx.CountCode(t.Context(), d.org, account.CodesOf(d.s, d.org), d.clock.now().UTC().Truncate(24*time.Hour)); err != nil {
				return err
			}
		}
		return nil
	})
	d.refused("one more than an org's", send(bob, "+5511987654323"), wa.RateLimited)
	d.clock.move(24 * time.Hour)
	if err := send(bob, phone); err != nil {
		t.Errorf("on the next day: %v", err)
	}
}
