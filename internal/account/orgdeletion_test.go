package account_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// graceDesk is a desk whose org can be kept for two days.
func graceDesk(t *testing.T) *desk {
	t.Helper()
	return newDesk(t, func(o *account.Options) { o.Grace = 48 * time.Hour })
}

// endpoint makes a webhook of the org.
func (d *desk) endpoint(url string) wa.EndpointID {
	d.t.Helper()
	e := store.EndpointRow{Endpoint: wa.Endpoint{ID: wa.NewEndpointID(), OrgID: d.org, URL: url}}
	e.Normalize()
	d.inOrg(func(tx *store.Tx) error {
		return tx.InsertEndpoint(d.t.Context(), e, store.SealedSecret{ID: wa.NewSecretID(), Sealed: []byte("sealed")})
	})
	return e.ID
}

// works tells whether a webhook is on.
func (d *desk) works(id wa.EndpointID) (on bool) {
	d.t.Helper()
	d.inOrg(func(tx *store.Tx) error {
		e, err := tx.Endpoint(d.t.Context(), d.org, id)
		on = e.Enabled
		return err
	})
	return on
}

// stops are the reasons for which the org is stopped.
func (d *desk) stops() (why []string) {
	d.t.Helper()
	d.inOrg(func(tx *store.Tx) error {
		all, err := tx.OrgHalts(d.t.Context(), d.org)
		for _, h := range all {
			why = append(why, h.Reason)
		}
		return err
	})
	return why
}

// From the moment it is asked for, an org is closed but for those who can take
// that back; then it is as it was.
func TestAnOrgIsClosedAndKept(t *testing.T) {
	t.Parallel()
	d := graceDesk(t)
	_, text, err := d.s.MakeKey(t.Context(), d.admin, wa.APIKey{Name: "CRM", Scopes: []wa.Permission{wa.ReadClients}})
	if err != nil {
		t.Fatal(err)
	}
	boss, granted := d.hire("zoe@example.com", wa.Admin)
	if _, err := d.s.Invite(t.Context(), d.admin, "new@example.com", wa.Agent); err != nil {
		t.Fatal(err)
	}
	invited := d.token()
	on, off := d.endpoint("https://example.com/on"), d.endpoint("https://example.com/off")
	d.inOrg(func(tx *store.Tx) error { _, err := tx.DisableEndpoint(t.Context(), d.org, off, "by hand"); return err })
	other := d.process() // remembers nothing yet
	if _, err := other.Authenticate(t.Context(), text); err != nil {
		t.Fatal(err)
	}

	ends, err := d.s.DeleteOrg(t.Context(), d.admin, " Acme ")
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(ends.DueAt); left < 47*time.Hour || left > 49*time.Hour || ends.By != d.admin.User.String() {
		t.Errorf("%+v", ends)
	}
	for range 2 {
		l := d.letter()
		if !strings.Contains(l.Body, "ana@example.com has asked to delete the organisation Acme") || !strings.Contains(l.Body, "https://chasqui.example") {
			t.Errorf("the mail to %s: %s", l.To, l.Body)
		}
	}
	d.clock.move(4 * time.Second) // what is remembered of keys and people has run out
	for name, s := range map[string]*account.Service{"here": d.s, "in another process": other} {
		_, err = s.Authenticate(t.Context(), text)
		d.refused("a key, "+name, err, wa.Unauthorized)
		if by, err := s.Authenticate(t.Context(), granted.Access); err != nil || !by.Leaving {
			t.Errorf("a person, %s: %v, leaving %v", name, err, by.Leaving)
		}
	}
	_, err = d.s.Accept(t.Context(), invited, "New", wa.NewSecret(goodPassword), from)
	d.refused("an invitation", err, wa.Invalid)
	_, err = d.s.Invite(t.Context(), boss, "late@example.com", wa.Agent)
	d.refused("inviting", err, wa.Conflict)
	if why := d.stops(); len(why) != 1 || why[0] != wa.EndedByDeletion || d.works(on) {
		t.Errorf("stops %v, the webhook is on: %v", why, d.works(on))
	}
	if again, err := d.s.DeleteOrg(t.Context(), boss, "Acme"); err != nil || !again.DueAt.Equal(ends.DueAt) {
		t.Errorf("asked for again: %+v, %v", again, err)
	}

	if err := d.s.KeepOrg(t.Context(), boss); err != nil {
		t.Fatal(err)
	}
	if l := d.letter(); !strings.Contains(l.Body, "zoe@example.com has taken the deletion of the organisation Acme back") {
		t.Errorf("%+v", l)
	}
	if err := d.s.KeepOrg(t.Context(), boss); err != nil {
		t.Errorf("kept twice: %v", err)
	}
	if len(d.stops()) > 0 || !d.works(on) || d.works(off) {
		t.Errorf("stops %v, webhooks %v and %v", d.stops(), d.works(on), d.works(off))
	}
	d.clock.move(6 * time.Second)
	for _, s := range []*account.Service{d.s, other} {
		if _, err := s.Authenticate(t.Context(), text); err != nil {
			t.Errorf("the key after all: %v", err)
		}
	}
	if d.audited(wa.AuditOrgLeaving) != 1 || d.audited(wa.AuditOrgKept) != 1 {
		t.Error("it is not in the log, once each")
	}
}

// A stop of before outlives a deletion that is taken back.
func TestAStopOutlivesADeletion(t *testing.T) {
	t.Parallel()
	d := graceDesk(t)
	d.inOrg(func(tx *store.Tx) error {
		_, err := tx.Halt(t.Context(), wa.Halt{OrgID: d.org, Reason: "an emergency", By: "ana"})
		return err
	})
	if _, err := d.s.DeleteOrgOf(t.Context(), d.org, "Acme"); err != nil {
		t.Fatal(err)
	}
	if err := d.s.KeepOrgOf(t.Context(), d.org); err != nil {
		t.Fatal(err)
	}
	if why := d.stops(); len(why) != 1 || why[0] != "an emergency" {
		t.Errorf("stops: %v", why)
	}
}

// Nobody deletes an org who may not at that moment, or who calls it otherwise;
// and what is being erased is not kept.
func TestWhoDeletesAnOrg(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for _, name := range []string{"", "acme", "Acme Ltd", "Acm"} {
		_, err := d.s.DeleteOrg(t.Context(), d.admin, name)
		var e *wa.Error
		if !errors.As(err, &e) || e.Code != wa.Invalid || e.Field != "name" {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, role := range []wa.Role{wa.Manager, wa.Agent, wa.Viewer} {
		them, _ := d.hire(string(role)+"@example.com", role)
		them.Role = wa.Admin // as they were remembered
		_, err := d.s.DeleteOrg(t.Context(), them, "Acme")
		d.refused("by a former admin, "+string(role), err, wa.Forbidden)
		d.refused("kept by a former admin, "+string(role), d.s.KeepOrg(t.Context(), them), wa.Forbidden)
	}
	theirs, _ := testkit.Org(t, d.db)
	if _, err := d.s.DeleteOrgOf(t.Context(), wa.NewOrgID(), theirs.Name); wa.CodeOf(err) != wa.NotFound {
		t.Errorf("an org that is not there: %v", err)
	}
	if _, err := d.s.DeleteOrg(t.Context(), d.admin, "Acme"); err != nil {
		t.Fatal(err)
	}
	begun := false
	d.inOrg(func(tx *store.Tx) (err error) {
		begun, err = tx.BeginErasing(t.Context(), d.org, 0)
		return err
	})
	if !begun {
		t.Fatal("without grace it is not due")
	}
	d.refused("kept by the operator", d.s.KeepOrgOf(t.Context(), d.org), wa.Conflict)
	_, err := d.s.SignIn(t.Context(), "ana@example.com", wa.NewSecret(d.key), from)
	d.refused("signing in", err, wa.Unauthorized)
}
