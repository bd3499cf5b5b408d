package account_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Somebody is invited, accepts, signs in, and is who they are.
func TestFromAnInvitationToASession(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	by, _ := d.hire("bob@example.com", wa.Agent)
	if by.Org != d.org || by.Role != wa.Agent || by.Name != "bob@example.com" || !by.Fresh || by.FactorDue || !by.May(wa.SendMessages) || by.May(wa.ReadUsers) {
		t.Errorf("bob is %+v", by)
	}
	again := d.actor(d.enter(" BOB@example.com", goodPassword))
	if again.User != by.User || again.Session == by.Session {
		t.Errorf("bob comes again as %+v", again)
	}
	u, err := d.s.User(t.Context(), d.admin, by.User)
	if err != nil || u.Name != "Somebody" || u.LastSignInAt == nil || u.Status != wa.UserActive {
		t.Errorf("%+v, %v", u, err)
	}
	if n := d.audited(wa.AuditSignedIn); n != 3 {
		t.Errorf("%d sign-ins in the log", n)
	}
	if d.audited(wa.AuditInvited) != 1 || d.audited(wa.AuditInvitationUsed) != 1 {
		t.Error("the invitation is not in the log")
	}
}

// What does not fit gets one answer, whoever it is.
func TestWrongSignInsAreAllTheSame(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	by, _ := d.hire("bob@example.com", wa.Agent)
	off := wa.UserDisabled
	if _, err := d.s.ChangeUser(t.Context(), d.admin, by.User, account.UserChange{Status: &off}); err != nil {
		t.Fatal(err)
	}
	var first string
	for _, c := range []struct{ email, password string }{
		{"ana@example.com", otherPassword},
		{"nobody@example.com", goodPassword},
		{"bob@example.com", goodPassword},
		{"", ""},
		{"no address", "x"},
		{"ana@example.com", strings.Repeat("x", 1<<20)},
		{"ana@example.com\x00", "x"},
	} {
		_, err := d.s.SignIn(t.Context(), c.email, wa.NewSecret(c.password), from)
		d.refused(c.email, err, wa.Unauthorized)
		if first == "" {
			first = fmt.Sprint(err)
		}
		if fmt.Sprint(err) != first {
			t.Errorf("%q: %v, but before: %s", c.email, err, first)
		}
	}
	if n := d.audited(wa.AuditSignInFailed); n != 3 {
		t.Errorf("%d failures in the org's log", n)
	}
}

// Each failure after the third makes the next attempt wait longer, the tenth
// locks for a quarter of an hour; it is the same for an address that nobody has.
func TestAttemptsAreSlowedDownAndLockedOut(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.hire("bob@example.com", wa.Agent)
	var waits [2][]time.Duration
	for i, email := range []string{"bob@example.com", "nobody@example.com"} {
		for n := 0; n < 10; {
			_, err := d.s.SignIn(t.Context(), email, wa.NewSecret(otherPassword), from)
			if wa.CodeOf(err) == wa.Unauthorized {
				n++
				continue
			}
			wait := retryAfter(t, err)
			waits[i] = append(waits[i], wait)
			d.clock.move(wait)
		}
		_, err := d.s.SignIn(t.Context(), email, wa.NewSecret(goodPassword), from)
		waits[i] = append(waits[i], retryAfter(t, err))
	}
	want := []time.Duration{1, 2, 4, 8, 16, 30, 30, 15 * 60}
	for i := range want {
		want[i] *= time.Second
	}
	if !slices.Equal(waits[0], want) || !slices.Equal(waits[1], want) {
		t.Errorf("somebody waits %v,\nnobody waits   %v,\nwant %v", waits[0], waits[1], want)
	}
	if d.audited(wa.AuditSignInLocked) != 1 {
		t.Error("the lock is not in the log")
	}
	d.clock.move(15 * time.Minute)
	d.enter("bob@example.com", goodPassword)
}

func retryAfter(t *testing.T, err error) time.Duration {
	t.Helper()
	var e *wa.Error
	if wa.CodeOf(err) != wa.RateLimited || !asError(err, &e) {
		t.Fatalf("%v, want rate_limited", err)
	}
	return e.RetryAfter
}

// A crowd at the same moment is counted like a queue.
func TestACrowdOfGuessesIsCounted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	var mu sync.Mutex
	tried := 0
	var wg sync.WaitGroup
	for range 40 {
		wg.Go(func() {
			_, err := d.s.SignIn(t.Context(), "ana@example.com", wa.NewSecret(otherPassword), from)
			mu.Lock()
			defer mu.Unlock()
			if wa.CodeOf(err) == wa.Unauthorized {
				tried++
			}
		})
	}
	wg.Wait()
	if tried != 3 {
		t.Errorf("%d of 40 guesses were tried, want the three that need not wait", tried)
	}
}

// A crowd that takes every place to hash locks nobody out.
func TestAttemptsThatWereNotMadeAreNotCounted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.hire("bob@example.com", wa.Agent)
	for range 9 { // one more locks
		_, err := d.s.SignIn(t.Context(), "bob@example.com", wa.NewSecret(otherPassword), from)
		d.refused("a wrong password", err, wa.Unauthorized)
		d.clock.move(30 * time.Second)
	}
	release := d.s.FillHashing()
	_, err := d.s.SignIn(t.Context(), "bob@example.com", wa.NewSecret(goodPassword), from)
	d.refused("no place to hash", err, wa.Unavailable)
	release()
	if n := d.audited(wa.AuditSignInLocked); n != 0 || len(d.mails) != 0 {
		t.Errorf("%d locks, %d mails", n, len(d.mails))
	}
	d.clock.move(30 * time.Second)
	d.enter("bob@example.com", goodPassword)
}

// Who is locked out gets a link by mail, and an admin can help too.
func TestUnlocking(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	by, _ := d.hire("bob@example.com", wa.Agent)
	lock := func() {
		for n := 0; n < 10; {
			if _, err := d.s.SignIn(t.Context(), "bob@example.com", wa.NewSecret(otherPassword), from); wa.CodeOf(err) == wa.Unauthorized {
				n++
			} else {
				d.clock.move(30 * time.Second)
			}
		}
		u, err := d.s.User(t.Context(), d.admin, by.User)
		if err != nil || u.LockedUntil == nil {
			t.Fatalf("bob is not locked: %+v, %v", u, err)
		}
	}
	lock()
	token := d.token()
	if err := d.s.Unlock(t.Context(), token, from); err != nil {
		t.Fatal(err)
	}
	d.refused("the link again", d.s.Unlock(t.Context(), token, from), wa.Invalid)
	d.enter("bob@example.com", goodPassword)
	lock()
	if err := d.s.UnlockUser(t.Context(), d.admin, by.User); err != nil {
		t.Fatal(err)
	}
	d.enter("bob@example.com", goodPassword)
	u, err := d.s.User(t.Context(), d.admin, by.User)
	if err != nil || u.LockedUntil != nil {
		t.Errorf("%+v, %v", u, err)
	}
	if n := d.audited(wa.AuditUserUnlocked); n != 2 {
		t.Errorf("%d of two unlocks are in the log", n)
	}
}

// Who reads somebody's mail may not guess their second factor for ever.
func TestTheMailedLinkForgivesNoSecondFactor(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	by, _ := d.hire("bob@example.com", wa.Agent)
	code, _ := d.withApp(by)
	for n := 0; n < 10; {
		if _, err := d.s.SignIn(t.Context(), "bob@example.com", wa.NewSecret(otherPassword), from); wa.CodeOf(err) == wa.Unauthorized {
			n++
		} else {
			d.clock.move(30 * time.Second)
		}
	}
	token := d.token()
	d.clock.move(15 * time.Minute)
	q := d.asked("bob@example.com")
	for range 3 {
		_, err := d.s.SecondFactor(t.Context(), q.Token, account.TOTP, wa.NewSecret("no code"), from)
		d.refused("a wrong code", err, wa.Unauthorized)
	}
	if err := d.s.Unlock(t.Context(), token, from); err != nil {
		t.Fatal(err)
	}
	_, err := d.s.SecondFactor(t.Context(), q.Token, account.TOTP, code(), from)
	d.refused("a fourth code at once", err, wa.RateLimited)
	if err := d.s.UnlockUser(t.Context(), d.admin, by.User); err != nil {
		t.Fatal(err)
	}
	if _, err := d.s.SecondFactor(t.Context(), q.Token, account.TOTP, code(), from); err != nil {
		t.Errorf("after an admin helped: %v", err)
	}
}

func TestPasswordsThatAreRefused(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if _, err := d.s.Invite(t.Context(), d.admin, "robert.tables@example.com", wa.Viewer); err != nil {
		t.Fatal(err)
	}
	token := d.token()
	for _, p := range []string{
		"", "short", "elevenchars", strings.Repeat("long ", 26), "password1234", "Password123!!", "qwertyuiop12", "123456789012", "aaaaaaaaaaaaaa", "abcdefghijklmnop",
		"robert.tables@example.com", "iloveyou2024", "welcome-2025!", "1q2w3e4r5t6y", "example robert.tables", "nul\x00nul nul nul", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"adminadmin12", "WhatsApp2026!",
	} {
		_, err := d.s.Accept(t.Context(), token, "Robert", wa.NewSecret(p), from)
		d.refused(fmt.Sprintf("%q", p), err, wa.Invalid)
	}
	if _, err := d.s.Accept(t.Context(), token, "Robert", wa.NewSecret("ünï çödé pässwörter"), from); err != nil {
		t.Errorf("a good one: %v", err)
	}
}

// A password that was kept at another cost is kept at ours once it was right.
func TestRehash(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	by, _ := d.hire("bob@example.com", wa.Agent)
	// "seven green kettles hum" at 8 MiB, one pass.
	cheap := cheapHash(t, goodPassword)
	hashNow := func() (h string) {
		d.inOrg(func(tx *store.Tx) error {
			m, err := tx.Member(t.Context(), d.org, by.User)
			h = m.PasswordHash
			return err
		})
		return h
	}
	before := hashNow()
	d.inOrg(func(tx *store.Tx) error { return tx.Rehash(t.Context(), d.org, by.User, before, cheap) })
	d.enter("bob@example.com", goodPassword)
	if h := hashNow(); h == cheap || !strings.Contains(h, "m=19456,t=2,p=1") {
		t.Errorf("kept as %s", h[:40])
	}
	d.enter("bob@example.com", goodPassword)
}

// The time of an answer does not tell whether an address is known.
func TestTimingOfSignIn(t *testing.T) {
	d := newDesk(t)
	d.hire("bob@example.com", wa.Agent)
	measure := func(email string) time.Duration {
		began := time.Now()
		_, err := d.s.SignIn(t.Context(), email, wa.NewSecret(otherPassword), from)
		took := time.Since(began)
		d.refused(email, err, wa.Unauthorized)
		d.clock.move(24*time.Hour + time.Minute) // nobody waits
		return took
	}
	var known, unknown []time.Duration
	within := func() (float64, bool) {
		k, u := median(known), median(unknown)
		off := float64(k-u) / float64(u)
		return off, off < 0.10 && off > -0.10
	}
	for round := 1; ; round++ {
		for range 15 {
			known = append(known, measure("bob@example.com"))
			unknown = append(unknown, measure("nobody@example.com"))
		}
		off, ok := within()
		if ok {
			return
		}
		if round == 6 { // a busy machine needs more than a few
			t.Fatalf("known %s, unknown %s: %.0f %% apart", median(known), median(unknown), 100*off)
		}
	}
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}
