package account_test

import (
	"sync"
	"testing"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// A refresh token is good once. Right after, it is answered the same; later it
// ends the session, for whoever holds which token.
func TestRefreshTokensTurn(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.enterAsBob()
	d.clock.move(time.Minute)
	one, err := d.s.Refresh(t.Context(), g.Refresh, from)
	if err != nil || one.Refresh.Reveal() == g.Refresh.Reveal() {
		t.Fatalf("%+v, %v", one, err)
	}
	d.clock.move(9 * time.Second)
	again, err := d.s.Refresh(t.Context(), g.Refresh, from)
	if err != nil || again.Refresh.Reveal() != one.Refresh.Reveal() {
		t.Fatalf("the same token within the grace: %v", err)
	}
	two, err := d.s.Refresh(t.Context(), one.Refresh, from)
	if err != nil {
		t.Fatal(err)
	}
	by := d.actor(two)
	// One that lies two turns back has no grace, however young.
	_, err = d.s.Refresh(t.Context(), g.Refresh, wa.Caller{IP: "198.51.100.66"})
	d.refused("the token before the last", err, wa.Unauthorized)
	_, err = d.s.Refresh(t.Context(), two.Refresh, from)
	d.refused("the newest token of a family that was stolen from", err, wa.Unauthorized)
	_, err = d.s.Authenticate(t.Context(), two.Access)
	d.refused("its access token", err, wa.Unauthorized)
	if d.audited(wa.AuditRefreshReused) != 1 {
		t.Error("the reuse is not in the log")
	}
	if by.Session.IsZero() {
		t.Error("an actor without session")
	}
}

func TestTheGraceEnds(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.enterAsBob()
	one, err := d.s.Refresh(t.Context(), g.Refresh, from)
	if err != nil {
		t.Fatal(err)
	}
	d.clock.move(11 * time.Second)
	_, err = d.s.Refresh(t.Context(), g.Refresh, from)
	d.refused("after the grace", err, wa.Unauthorized)
	_, err = d.s.Refresh(t.Context(), one.Refresh, from)
	d.refused("the family", err, wa.Unauthorized)
}

// Many tabs with one token all go on with the same next one.
func TestManyTabsRefreshAtOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.enterAsBob()
	var mu sync.Mutex
	next := map[string]int{}
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			got, err := d.s.Refresh(t.Context(), g.Refresh, from)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			next[got.Refresh.Reveal()]++
		})
	}
	wg.Wait()
	if len(next) != 1 {
		t.Errorf("%d different tokens", len(next))
	}
}

func TestRefreshTokensThatOpenNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	g := d.enterAsBob()
	text := g.Refresh.Reveal()
	for name, token := range map[string]string{
		"none": "", "the access token": g.Access.Reveal(), "cut": text[:len(text)-1], "another family": "sr_chq_" + "AAAAAAAAAAAAAAAAAAAAAA" + text[29:], "another type": "sk_" + text,
	} {
		_, err := d.s.Refresh(t.Context(), wa.NewSecret(token), from)
		d.refused(name, err, wa.Unauthorized)
	}
	if _, err := d.s.Refresh(t.Context(), g.Refresh, from); err != nil {
		t.Errorf("the good one, after all that: %v", err)
	}
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(d *desk, by wa.Actor, g account.Granted) error{
		"signing out": func(d *desk, by wa.Actor, _ account.Granted) error { return d.s.SignOut(t.Context(), by, wa.Secret{}) },
		"signing out by cookie": func(d *desk, _ wa.Actor, g account.Granted) error {
			return d.s.SignOut(t.Context(), wa.Actor{}, g.Refresh)
		},
		"ending it": func(d *desk, by wa.Actor, _ account.Granted) error {
			return d.s.EndSession(t.Context(), by, by.Session)
		},
		"an admin": func(d *desk, by wa.Actor, _ account.Granted) error {
			return d.s.ExpelUser(t.Context(), d.admin, by.User)
		},
		"being disabled": func(d *desk, by wa.Actor, _ account.Granted) error {
			off := wa.UserDisabled
			_, err := d.s.ChangeUser(t.Context(), d.admin, by.User, account.UserChange{Status: &off})
			return err
		},
		"a new password elsewhere": func(d *desk, by wa.Actor, _ account.Granted) error {
			other := d.actor(d.enter(by.Name, goodPassword))
			return d.s.ChangePassword(t.Context(), other, wa.NewSecret(goodPassword), wa.NewSecret(otherPassword))
		},
		"two idle weeks": func(d *desk, _ wa.Actor, _ account.Granted) error {
			d.clock.move(account.SessionIdle + time.Hour)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			by, g := d.hire("bob@example.com", wa.Agent)
			other := d.process()
			if _, err := other.Authenticate(t.Context(), g.Access); err != nil {
				t.Fatal(err)
			}
			if err := end(d, by, g); err != nil {
				t.Fatal(err)
			}
			// Another process learns of it within seconds.
			d.clock.move(4 * time.Second)
			for _, s := range []*account.Service{d.s, other} {
				_, err := s.Authenticate(t.Context(), g.Access)
				d.refused("the access token", err, wa.Unauthorized)
			}
			_, err := d.s.Refresh(t.Context(), g.Refresh, from)
			d.refused("the refresh token", err, wa.Unauthorized)
		})
	}
}

// What a person may do changes at once in their own process, and within
// seconds in every other.
func TestAChangedRoleIsFelt(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	by, g := d.hire("bob@example.com", wa.Manager)
	other := d.process()
	if got, err := other.Authenticate(t.Context(), g.Access); err != nil || got.Role != wa.Manager {
		t.Fatalf("%+v, %v", got, err)
	}
	viewer := wa.Viewer
	if _, err := d.s.ChangeUser(t.Context(), d.admin, by.User, account.UserChange{Role: &viewer}); err != nil {
		t.Fatal(err)
	}
	if got, err := d.s.Authenticate(t.Context(), g.Access); err != nil || got.Role != wa.Viewer {
		t.Errorf("here: %+v, %v", got, err)
	}
	d.clock.move(4 * time.Second)
	if got, err := other.Authenticate(t.Context(), g.Access); err != nil || got.Role != wa.Viewer {
		t.Errorf("there: %+v, %v", got, err)
	}
}

func TestOwnSessions(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	by, _ := d.hire("bob@example.com", wa.Agent)
	second := d.actor(d.enter(by.Name, goodPassword))
	d.enter(by.Name, goodPassword)
	list := func() []wa.Session {
		p, err := store.ParsePage("", 10)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := d.s.Sessions(t.Context(), second, p)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	rows := list()
	current := 0
	for _, s := range rows {
		if s.Current {
			current++
			if s.ID != second.Session || s.IP != from.IP || s.Agent != from.Agent {
				t.Errorf("%+v", s)
			}
		}
	}
	if len(rows) != 3 || current != 1 {
		t.Errorf("%d sessions, %d current", len(rows), current)
	}
	d.refused("somebody else's session", d.s.EndSession(t.Context(), second, d.admin.Session), wa.NotFound)
	if err := d.s.EndOtherSessions(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if rows := list(); len(rows) != 1 || rows[0].ID != second.Session {
		t.Errorf("left: %+v", rows)
	}
	key := wa.Actor{Org: d.org, Scopes: []wa.Permission{wa.Everything}}
	d.refused("a key's sessions", d.s.EndOtherSessions(t.Context(), key), wa.Forbidden)
}

// What is over is forgotten, and nothing else.
func TestSweep(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	by, g := d.hire("bob@example.com", wa.Agent)
	if _, err := d.s.ResetLink(t.Context(), "bob@example.com"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.s.SignIn(t.Context(), "nobody@example.com", wa.NewSecret(goodPassword), from); wa.CodeOf(err) != wa.Unauthorized {
		t.Fatal(err)
	}
	sweep := func() {
		t.Helper()
		if err := d.db.InTx(t.Context(), func(tx *store.Tx) error { return tx.SweepPeople(t.Context(), d.clock.now()) }); err != nil {
			t.Fatal(err)
		}
	}
	left := func() (kept, good bool) {
		err := d.db.InTx(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Seat(t.Context(), d.org, by.Session)
			kept = err == nil
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.s.Refresh(t.Context(), g.Refresh, from)
		return kept, err == nil
	}
	sweep()
	if kept, good := left(); !kept || !good {
		t.Errorf("a fresh session: kept %t, good %t", kept, good)
	}
	d.clock.move(account.SessionLife + 8*24*time.Hour)
	sweep()
	if kept, good := left(); kept || good {
		t.Errorf("a session of long ago: kept %t, good %t", kept, good)
	}
}
