package account_test

import (
	"testing"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/wa"
)

func (d *desk) set(c wa.OrgOptionsChange) {
	d.t.Helper()
	if _, err := d.s.ChangeOrg(d.t.Context(), d.admin, account.OrgChange{Settings: c}); err != nil {
		d.t.Fatal(err)
	}
}

// What an org sets is kept, in the log, and needs a recent proof where it hurts.
func TestOrgSettings(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.set(wa.OrgOptionsChange{
		AgentsSeeOwnChats: new(true), AgentsNewContacts: new(false), SessionHours: new(24), AllowHTTP: new(true), TimeZone: new("Asia/Jakarta"),
		RetentionDays: &wa.RetentionChange{Messages: new(90), Events: new(30), Deliveries: new(7), Audit: new(120)},
	})
	o, err := d.s.Settings(t.Context(), d.admin)
	s := o.Settings
	if err != nil || !s.AgentsSeeOwnChats || s.SessionHours != 24 || !s.AllowHTTP || s.TimeZone != "Asia/Jakarta" || o.TimeZone != "Asia/Jakarta" ||
		s.RetentionDays.Messages == nil || *s.RetentionDays.Messages != 90 || *s.RetentionDays.Events != 30 || s.RetentionDays.Deliveries != 7 ||
		s.AgentsNewContacts || s.RetentionDays.Audit == nil || *s.RetentionDays.Audit != 120 {
		t.Errorf("%+v, %v", o, err)
	}
	d.set(wa.OrgOptionsChange{TimeZone: new("Asia/Jakarta")}) // no change: no line
	if n := d.audited(wa.AuditOrgChanged); n != 1 {
		t.Errorf("%d lines in the log", n)
	}
	stale := d.admin
	stale.Fresh = false
	for name, c := range map[string]struct {
		change wa.OrgOptionsChange
		needs  bool
	}{
		"own chats":  {wa.OrgOptionsChange{AgentsSeeOwnChats: new(false)}, false},
		"new chats":  {wa.OrgOptionsChange{AgentsNewContacts: new(true)}, false},
		"a zone":     {wa.OrgOptionsChange{TimeZone: new("UTC")}, false},
		"hours":      {wa.OrgOptionsChange{SessionHours: new(48)}, true},
		"plain http": {wa.OrgOptionsChange{AllowHTTP: new(false)}, true},
		"retention":  {wa.OrgOptionsChange{RetentionDays: &wa.RetentionChange{Messages: new(7)}}, true},
	} {
		_, err := d.s.ChangeOrg(t.Context(), stale, account.OrgChange{Settings: c.change})
		if (err != nil) != c.needs || c.needs && wa.CodeOf(err) != wa.Forbidden {
			t.Errorf("%s by an old proof: %v", name, err)
		}
	}
	_, err = d.s.ChangeOrg(t.Context(), d.admin, account.OrgChange{Name: new("Renamed"), Settings: wa.OrgOptionsChange{SessionHours: new(-1)}})
	d.refused("hours below nothing", err, wa.Invalid)
	if o, err := d.s.Settings(t.Context(), d.admin); err != nil || o.Name != "Acme" {
		t.Errorf("half of a bad change stays: %+v, %v", o, err)
	}
}

// A session lasts no longer than its org lets it, one that began before neither.
func TestSessionHours(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, before := d.hire("bob@example.com", wa.Agent)
	d.set(wa.OrgOptionsChange{SessionHours: new(2)})
	after := d.enter("bob@example.com", goodPassword)
	if got := after.Until.Sub(d.clock.now()); got != 2*time.Hour {
		t.Errorf("a new session lasts %s", got)
	}
	refreshed := []wa.Secret{before.Refresh, after.Refresh}
	for _, step := range []time.Duration{time.Hour, time.Hour - time.Minute} {
		d.clock.move(step)
		for i, token := range refreshed {
			g, err := d.s.Refresh(t.Context(), token, from)
			if err != nil {
				t.Fatalf("within its time: %v", err)
			}
			refreshed[i] = g.Refresh
		}
	}
	d.clock.move(2 * time.Minute)
	for _, token := range refreshed {
		_, err := d.s.Refresh(t.Context(), token, from)
		d.refused("after two hours", err, wa.Unauthorized)
	}
}

// With own chats for all, agents are narrowed in every process within seconds;
// others are not.
func TestAgentsSeeOwnChats(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	_, bob := d.hire("bob@example.com", wa.Agent)
	_, eve := d.hire("eve@example.com", wa.Manager)
	other := d.process()
	narrowed := func(g account.Granted) bool {
		t.Helper()
		by, err := other.Authenticate(t.Context(), g.Access)
		if err != nil {
			t.Fatal(err)
		}
		return by.OwnChats
	}
	if narrowed(bob) || narrowed(eve) {
		t.Error("somebody is narrowed before")
	}
	d.set(wa.OrgOptionsChange{AgentsSeeOwnChats: new(true)})
	d.clock.move(4 * time.Second)
	if !narrowed(bob) || narrowed(eve) {
		t.Errorf("agent %v, manager %v", narrowed(bob), narrowed(eve))
	}
}
