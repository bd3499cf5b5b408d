package account_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// stands lists the tables in which a text stands anywhere.
func (d *desk) stands(text string) (where []string) {
	d.t.Helper()
	c, err := pgx.Connect(d.t.Context(), d.url)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = c.Close(d.t.Context()) }()
	if _, err := c.Exec(d.t.Context(), `SET app.system = 'on'`); err != nil {
		d.t.Fatal(err)
	}
	rows, err := c.Query(d.t.Context(), `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' ORDER BY 1`)
	if err != nil {
		d.t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		d.t.Fatal(err)
	}
	for _, table := range tables {
		var n int
		if err := c.QueryRow(d.t.Context(), `SELECT count(*) FROM `+table+` r WHERE r::text ILIKE '%' || $1 || '%'`, text).Scan(&n); err != nil {
			d.t.Fatal(err)
		}
		if n > 0 {
			where = append(where, table)
		}
	}
	return where
}

// Whoever is deleted is nowhere any more; the audit log has their id, and what
// they made stays.
func TestWhoIsDeletedIsNowhere(t *testing.T) {
	t.Parallel()
	for name, remove := range map[string]func(d *desk, them wa.Actor) error{
		"by an admin":     func(d *desk, them wa.Actor) error { return d.s.DeleteUser(t.Context(), d.admin, them.User) },
		"by themselves":   func(d *desk, them wa.Actor) error { return d.s.Leave(t.Context(), them) },
		"by the operator": func(d *desk, _ wa.Actor) error { return d.s.DeleteAddress(t.Context(), "Zoe.Zimt@example.com") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			them, granted := d.hire("zoe.zimt@example.com", wa.Admin)
			if _, _, err := d.s.MakeKey(t.Context(), them, wa.APIKey{Name: "CRM", Scopes: []wa.Permission{wa.ReadClients}}); err != nil {
				t.Fatal(err)
			}
			if _, err := d.s.Invite(t.Context(), them, "new@example.com", wa.Agent); err != nil {
				t.Fatal(err)
			}
			invited := d.token()
			if where := d.stands("zoe.zimt"); len(where) < 3 {
				t.Fatalf("before, they stand in %v only: the look is blind", where)
			}
			if err := remove(d, them); err != nil {
				t.Fatal(err)
			}
			if where := d.stands("zoe.zimt"); len(where) > 0 {
				t.Errorf("they still stand in %v", where)
			}
			if where := strings.Join(d.stands(them.User.String()), " "); !strings.Contains(where, "audit_log") || !strings.Contains(where, "api_keys") {
				t.Errorf("their id stands in %q", where)
			}
			if d.audited(wa.AuditUserDeleted) != 1 {
				t.Error("it is not in the log")
			}
			_, err := d.s.Authenticate(t.Context(), granted.Access)
			d.refused("their token", err, wa.Unauthorized)
			_, err = d.s.SignIn(t.Context(), "zoe.zimt@example.com", wa.NewSecret(goodPassword), from)
			d.refused("their password", err, wa.Unauthorized)
			_, err = d.s.Accept(t.Context(), invited, "New", wa.NewSecret(goodPassword), from)
			d.refused("an invitation of theirs", err, wa.Invalid)
			d.hire("zoe.zimt@example.com", wa.Viewer) // the address is free again
		})
	}
}

// The log names people by the addresses they have now, and those who are gone by
// nothing but their ids.
func TestLinesNameWhoIsStillThere(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	them, _ := d.hire("zoe.zimt@example.com", wa.Admin)
	if _, err := d.s.Rename(t.Context(), them, "Zoe"); err != nil {
		t.Fatal(err)
	}
	name := func() string {
		p, err := store.ParsePage("", store.MaxPage)
		if err != nil {
			t.Fatal(err)
		}
		var rows []wa.AuditEntry
		d.inOrg(func(tx *store.Tx) error {
			rows, err = tx.AuditEntries(t.Context(), d.org, store.AuditFilter{Action: wa.AuditUserChanged, Actor: them.User.String()}, p)
			return err
		})
		if len(rows) != 1 {
			t.Fatalf("%d lines", len(rows))
		}
		return rows[0].ActorName
	}
	if got := name(); got != "zoe.zimt@example.com" {
		t.Errorf("the line is by %q", got)
	}
	if err := d.s.DeleteUser(t.Context(), d.admin, them.User); err != nil {
		t.Fatal(err)
	}
	if got := name(); got != "" {
		t.Errorf("the line is still by %q", got)
	}
}

func TestWhoMayDeleteWhom(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	manager, _ := d.hire("m@example.com", wa.Manager)
	agent, _ := d.hire("a@example.com", wa.Agent)
	d.refused("the last admin by themselves", d.s.Leave(t.Context(), d.admin), wa.Conflict)
	d.refused("the last admin by the operator", d.s.DeleteAddress(t.Context(), "ana@example.com"), wa.Conflict)
	d.refused("oneself as another", d.s.DeleteUser(t.Context(), d.admin, d.admin.User), wa.Forbidden)
	d.refused("by a manager", d.s.DeleteUser(t.Context(), manager, agent.User), wa.Forbidden)
	d.refused("nobody", d.s.DeleteUser(t.Context(), d.admin, wa.NewUserID()), wa.NotFound)
	stale := agent
	stale.Fresh = false
	d.refused("without a recent proof", d.s.Leave(t.Context(), stale), wa.Forbidden)
	key := wa.Actor{Org: d.org, Key: wa.NewKeyID(), Scopes: []wa.Permission{wa.Everything}}
	if err := d.s.Leave(t.Context(), key); err == nil {
		t.Error("a key left")
	}
}

// Two admins who delete each other, or leave, at the same moment: one stays.
func TestTheLastAdminIsNotDeleted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	admins := []wa.Actor{d.admin}
	for _, email := range []string{"b@example.com", "c@example.com"} {
		by, _ := d.hire(email, wa.Admin)
		admins = append(admins, by)
	}
	var wg sync.WaitGroup
	for i, by := range admins {
		wg.Go(func() { _ = d.s.DeleteUser(t.Context(), by, admins[(i+1)%len(admins)].User) })
		wg.Go(func() { _ = d.s.Leave(t.Context(), by) })
	}
	wg.Wait()
	d.oneAdminIsLeft(t)
}
