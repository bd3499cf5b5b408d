package account_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

func role(r wa.Role) account.UserChange { return account.UserChange{Role: &r} }

func status(s wa.UserStatus) account.UserChange { return account.UserChange{Status: &s} }

// TestWhoMayChangeWhom walks everybody against everybody.
func TestWhoMayChangeWhom(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	people := map[wa.Role]wa.Actor{}
	for _, r := range wa.Roles() {
		people[r], _ = d.hire(string(r)+"@example.com", r)
	}
	for _, by := range wa.Roles() {
		for _, target := range wa.Roles() {
			for _, to := range wa.Roles() {
				other, _ := d.hire("x"+string(by)+string(target)+string(to)+"@example.com", target)
				_, err := d.s.ChangeUser(t.Context(), people[by], other.User, role(to))
				leads := target.Leads() || to.Leads()
				want := by == wa.Admin || (by == wa.Manager && !leads)
				if (err == nil) != want || (err != nil && wa.CodeOf(err) != wa.Forbidden) {
					t.Errorf("%s makes a %s a %s: %v", by, target, to, err)
				}
			}
			_, err := d.s.Invite(t.Context(), people[by], "y"+string(by)+string(target)+"@example.com", target)
			if want := by == wa.Admin || (by == wa.Manager && !target.Leads()); (err == nil) != want {
				t.Errorf("%s invites a %s: %v", by, target, err)
			} else if err == nil {
				d.letter()
			}
		}
		for _, to := range wa.Roles() {
			if to == by {
				continue
			}
			_, err := d.s.ChangeUser(t.Context(), people[by], people[by].User, role(to))
			d.refused(string(by)+" makes themselves "+string(to), err, wa.Forbidden)
		}
		_, err := d.s.ChangeUser(t.Context(), people[by], people[by].User, status(wa.UserDisabled))
		d.refused(string(by)+" disables themselves", err, wa.Forbidden)
	}
}

// An org is never without an admin, however many try at the same moment.
func TestTheLastAdminStays(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]account.UserChange{"demoting": role(wa.Viewer), "disabling": status(wa.UserDisabled)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			admins := []wa.Actor{d.admin}
			for _, email := range []string{"b@example.com", "c@example.com", "d@example.com"} {
				by, _ := d.hire(email, wa.Admin)
				admins = append(admins, by)
			}
			// Each takes all others out, at the same moment: whoever is still in takes
			// out everybody else who is, so exactly one stays. The first ones in each
			// other's way would leave nobody.
			var wg sync.WaitGroup
			for i, by := range admins {
				wg.Go(func() {
					for n := 1; n < len(admins); n++ {
						_, err := d.s.ChangeUser(t.Context(), by, admins[(i+n)%len(admins)].User, change)
						// Who was taken out before their turn is nobody to take others out.
						if c := wa.CodeOf(err); err != nil && c != wa.Conflict && c != wa.Forbidden && c != wa.Unauthorized {
							t.Errorf("%v", err)
						}
					}
				})
			}
			wg.Wait()
			d.oneAdminIsLeft(t)
		})
	}
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	accept := func(token wa.Secret) error {
		_, err := d.s.Accept(t.Context(), token, "Somebody", wa.NewSecret(goodPassword), from)
		return err
	}
	if _, err := d.s.Invite(t.Context(), d.admin, "bob@example.com", wa.Agent); err != nil {
		t.Fatal(err)
	}
	first := d.token()
	second, err := d.s.Invite(t.Context(), d.admin, "Bob@Example.com", wa.Viewer)
	if err != nil || !second.Mailed || !second.Link.IsZero() {
		t.Fatalf("%+v, %v", second, err)
	}
	if d.audited(wa.AuditInvitationRevoked) != 1 {
		t.Error("the one that was replaced is not in the log")
	}
	token := d.token()
	d.refused("one that was replaced", accept(first), wa.Invalid)
	d.refused("no token", accept(wa.Secret{}), wa.Invalid)
	if err := accept(token); err != nil {
		t.Fatal(err)
	}
	d.refused("twice", accept(token), wa.Invalid)
	_, err = d.s.Invite(t.Context(), d.admin, "bob@example.com", wa.Agent)
	d.refused("one of the team", err, wa.Conflict)

	third, err := d.s.Invite(t.Context(), d.admin, "eve@example.com", wa.Agent)
	if err != nil {
		t.Fatal(err)
	}
	token = d.token()
	manager, _ := d.hire("m@example.com", wa.Manager)
	lead, err := d.s.Invite(t.Context(), d.admin, "lead@example.com", wa.Admin)
	if err != nil {
		t.Fatal(err)
	}
	d.letter()
	_, err = d.s.Invite(t.Context(), manager, "lead@example.com", wa.Agent)
	d.refused("a manager replaces an admin's", err, wa.Forbidden)
	d.refused("a manager revokes an admin's", d.s.RevokeInvitation(t.Context(), manager, lead.ID), wa.Forbidden)
	if err := d.s.RevokeInvitation(t.Context(), manager, third.ID); err != nil {
		t.Fatal(err)
	}
	d.refused("revoked", accept(token), wa.Invalid)
	d.refused("revoked twice", d.s.RevokeInvitation(t.Context(), d.admin, third.ID), wa.Conflict)

	if _, err := d.s.Invite(t.Context(), d.admin, "late@example.com", wa.Agent); err != nil {
		t.Fatal(err)
	}
	token = d.token()
	d.clock.move(account.InvitationLife + time.Second)
	d.refused("after a week", accept(token), wa.Invalid)
}

// Who is not trusted any more leaves no way in behind.
func TestInvitationsOfSomebodyDemoted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	bob, _ := d.hire("bob@example.com", wa.Admin)
	if _, err := d.s.Invite(t.Context(), bob, "second@example.com", wa.Admin); err != nil {
		t.Fatal(err)
	}
	token := d.token()
	if _, err := d.s.ChangeUser(t.Context(), d.admin, bob.User, role(wa.Viewer)); err != nil {
		t.Fatal(err)
	}
	_, err := d.s.Accept(t.Context(), token, "Bob again", wa.NewSecret(goodPassword), from)
	d.refused("the invitation of somebody demoted", err, wa.Invalid)
}

// Whether another org has somebody is told to nobody but themselves.
func TestInvitingSomebodyOfAnotherOrg(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if _, err := d.s.Bootstrap(t.Context(), "Others", "otto@example.com"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.s.Invite(t.Context(), d.admin, "otto@example.com", wa.Agent); err != nil {
		t.Errorf("the inviter is told: %v", err)
	}
	_, err := d.s.Accept(t.Context(), d.token(), "Otto", wa.NewSecret(goodPassword), from)
	d.refused("otto has an account", err, wa.Conflict)
}

// Many accept one invitation at once: it makes one person.
func TestAnInvitationIsUsedOnce(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if _, err := d.s.Invite(t.Context(), d.admin, "bob@example.com", wa.Agent); err != nil {
		t.Fatal(err)
	}
	token := d.token()
	var mu sync.Mutex
	in := 0
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			_, err := d.s.Accept(t.Context(), token, "Bob", wa.NewSecret(goodPassword), from)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				in++
			} else if wa.CodeOf(err) != wa.Invalid {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if in != 1 {
		t.Errorf("%d came in", in)
	}
}

func TestForgottenPasswords(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	by, g := d.hire("bob@example.com", wa.Agent)
	for _, email := range []string{"nobody@example.com", "", "x\x00", " BOB@example.com "} {
		if err := d.s.Forgot(t.Context(), email, from); err != nil {
			t.Errorf("%q: %v", email, err)
		}
	}
	l := d.letter()
	if l.To != "bob@example.com" || len(d.mails) != 0 {
		t.Fatalf("%+v, and %d more", l, len(d.mails))
	}
	if err := d.s.Forgot(t.Context(), "bob@example.com", from); err != nil { // too soon: no other mail
		t.Fatal(err)
	}
	if err := d.s.Forgot(t.Context(), "ana@example.com", from); err != nil {
		t.Fatal(err)
	}
	if l := d.letter(); l.To != "ana@example.com" {
		t.Fatalf("a second letter within two minutes: %+v", l)
	}
	d.clock.move(2 * time.Minute)
	if err := d.s.Forgot(t.Context(), "bob@example.com", from); err != nil {
		t.Fatal(err)
	}
	_, firstLink, _ := strings.Cut(l.Body, "#token=")
	firstLink, _, _ = strings.Cut(firstLink, "\n")
	token, newer := wa.NewSecret(firstLink), d.token()
	_, err := d.s.Reset(t.Context(), token, wa.NewSecret("password1234"), from)
	d.refused("a common password", err, wa.Invalid)
	e, err := d.s.Reset(t.Context(), token, wa.NewSecret(otherPassword), from)
	if err != nil || e.Granted == nil {
		t.Fatalf("%+v, %v", e, err)
	}
	_, err = d.s.Reset(t.Context(), token, wa.NewSecret(goodPassword), from)
	d.refused("the link again", err, wa.Invalid)
	_, err = d.s.Reset(t.Context(), newer, wa.NewSecret(goodPassword), from)
	d.refused("the other link", err, wa.Invalid)
	_, err = d.s.Refresh(t.Context(), g.Refresh, from)
	d.refused("the session of before", err, wa.Unauthorized)
	_, err = d.s.SignIn(t.Context(), "bob@example.com", wa.NewSecret(goodPassword), from)
	d.refused("the old password", err, wa.Unauthorized)
	d.enter("bob@example.com", otherPassword)

	if err := d.s.Forgot(t.Context(), "bob@example.com", from); err != nil {
		t.Fatal(err)
	}
	token = d.token()
	d.clock.move(time.Hour + time.Second)
	_, err = d.s.Reset(t.Context(), token, wa.NewSecret(goodPassword), from)
	d.refused("after an hour", err, wa.Invalid)

	if _, err := d.s.ChangeUser(t.Context(), d.admin, by.User, status(wa.UserDisabled)); err != nil {
		t.Fatal(err)
	}
	link, err := d.s.ResetLink(t.Context(), "bob@example.com")
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.s.Reset(t.Context(), wa.NewSecret(after(t, link.Reveal())), wa.NewSecret("quite another thing 9"), from)
	d.refused("somebody disabled", err, wa.Unauthorized)
	// Each letter, and the link that an operator was shown; the new password of who
	// is disabled counts, it only lets nobody in.
	if asked, reset := d.audited(wa.AuditPasswordAsked), d.audited(wa.AuditPasswordReset); asked != 5 || reset != 2 {
		t.Errorf("in the log are %d wishes and %d resets", asked, reset)
	}
}

// An old proof makes nobody a leader and none less: a stolen session could make
// itself an admin, who comes in fresh.
func TestLeadersAreMadeFresh(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	agent, _ := d.hire("agent@example.com", wa.Agent)
	manager, _ := d.hire("manager@example.com", wa.Manager)
	lead, err := d.s.Invite(t.Context(), d.admin, "lead@example.com", wa.Admin)
	if err != nil {
		t.Fatal(err)
	}
	d.letter()
	stale := d.admin
	stale.Fresh = false
	invite := func(r wa.Role) error {
		_, err := d.s.Invite(t.Context(), stale, string(r)+"2@example.com", r)
		return err
	}
	change := func(id wa.UserID, c account.UserChange) error {
		_, err := d.s.ChangeUser(t.Context(), stale, id, c)
		return err
	}
	for what, err := range map[string]error{
		"invite an admin":       invite(wa.Admin),
		"invite a manager":      invite(wa.Manager),
		"raise an agent":        change(agent.User, role(wa.Admin)),
		"lower a manager":       change(manager.User, role(wa.Viewer)),
		"disable a manager":     change(manager.User, status(wa.UserDisabled)),
		"revoke an admin's way": d.s.RevokeInvitation(t.Context(), stale, lead.ID),
	} {
		var e *wa.Error
		if !asError(err, &e) || e.Reason != "step_up_required" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := invite(wa.Agent); err != nil {
		t.Errorf("an agent needs no proof: %v", err)
	}
	if err := change(agent.User, role(wa.Viewer)); err != nil {
		t.Errorf("nor does a viewer: %v", err)
	}
}

// Who was demoted a moment ago has no moment left to hand power on: no process
// goes by what it remembers of them.
func TestSomebodyDemotedHasNoMomentLeft(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	bob, _ := d.hire("bob@example.com", wa.Admin)
	agent, _ := d.hire("agent@example.com", wa.Agent)
	k, _, err := d.s.MakeKey(t.Context(), bob, wa.APIKey{Name: "k", Scopes: []wa.Permission{wa.ReadClients}})
	if err != nil {
		t.Fatal(err)
	}
	try := func(after string, code wa.Code) {
		_, err := d.s.Invite(t.Context(), bob, "eve@example.com", wa.Admin)
		d.refused(after+": invite", err, code)
		_, err = d.s.ChangeUser(t.Context(), bob, agent.User, role(wa.Admin))
		d.refused(after+": make an admin", err, code)
		d.refused(after+": reset", d.s.ResetFactors(t.Context(), bob, agent.User), code)
		_, _, err = d.s.MakeKey(t.Context(), bob, wa.APIKey{Name: "k", Scopes: []wa.Permission{wa.ReadClients}})
		d.refused(after+": make a key", err, code)
		_, _, err = d.s.RotateKey(t.Context(), bob, k.ID, nil)
		d.refused(after+": rotate a key", err, code)
		_, err = d.s.ChangeKey(t.Context(), bob, k.ID, func(k *wa.APIKey) { k.Scopes = []wa.Permission{wa.ReadMessages} })
		d.refused(after+": widen a key", err, code)
		_, err = d.s.ChangeOrg(t.Context(), bob, account.OrgChange{SecondFactorRoles: &[]wa.Role{}})
		d.refused(after+": change how people sign in", err, code)
		d.refused(after+": delete somebody", d.s.DeleteUser(t.Context(), bob, agent.User), code)
	}
	if _, err := d.s.ChangeUser(t.Context(), d.admin, bob.User, role(wa.Manager)); err != nil {
		t.Fatal(err)
	}
	try("demoted", wa.Forbidden)
	if err := d.s.ExpelUser(t.Context(), d.admin, bob.User); err != nil {
		t.Fatal(err)
	}
	try("signed out", wa.Unauthorized)
	d.refused("signed out: assign", d.s.Assign(t.Context(), bob, agent.User, account.Assignment{OwnChats: true}), wa.Unauthorized)
	client := testkit.Client(t, d.db, d.org)
	d.refused("signed out: set agents", d.s.SetAgents(t.Context(), bob, client.ID, []wa.UserID{agent.User}), wa.Unauthorized)
}

// oneAdminIsLeft checks that of all who were taken out at once one stayed.
func (d *desk) oneAdminIsLeft(t *testing.T) {
	t.Helper()
	left := 0
	d.inOrg(func(tx *store.Tx) error {
		p, err := store.ParsePage("", 50)
		if err != nil {
			return err
		}
		rows, err := tx.Users(t.Context(), d.org, store.UserFilter{Role: wa.Admin, Status: wa.UserActive}, p)
		left = len(rows)
		return err
	})
	if left != 1 {
		t.Errorf("%d admins are left", left)
	}
}
