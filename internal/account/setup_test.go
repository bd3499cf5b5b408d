package account_test

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// fresh is an installation without any org, and the token of its link.
func fresh(t *testing.T) (*store.DB, *account.Service, wa.Secret) {
	t.Helper()
	db := testkit.DB(t)
	s := account.New(db, testkit.Pepper)
	return db, s, tokenOf(t, s)
}

// tokenOf is the token of the link as it is told now.
func tokenOf(t *testing.T, s *account.Service) wa.Secret {
	t.Helper()
	link, err := s.SetUpLink(t.Context(), "https://chasqui.example/")
	_, token, ok := strings.Cut(link.Reveal(), "https://chasqui.example/set-up#token=")
	if err != nil || !ok || len(token) < 40 {
		t.Fatalf("the link is %q, %v", link.Reveal(), err)
	}
	return wa.NewSecret(token)
}

var first = account.SetUp{Org: " Acme ", Name: "Ana", Email: " Ana@Example.com", Password: wa.NewSecret(goodPassword)}

// installationLog lists what the log that belongs to no org says was done.
func installationLog(t *testing.T, db *store.DB) (lines []wa.AuditEntry) {
	t.Helper()
	return logOf(t, db, wa.OrgID{})
}

// logOf lists what an org's log says was done, newest first.
func logOf(t *testing.T, db *store.DB, org wa.OrgID) (lines []wa.AuditEntry) {
	t.Helper()
	err := db.InTx(t.Context(), func(tx *store.Tx) error {
		p, err := store.ParsePage("", store.MaxPage)
		if err != nil {
			return err
		}
		lines, err = tx.AuditEntries(t.Context(), org, store.AuditFilter{}, p)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

// The first org is made once, by who holds the link, and its admin is in.
func TestSetUp(t *testing.T) {
	t.Parallel()
	db, s, token := fresh(t)
	if needed, err := s.SetUpNeeded(t.Context()); err != nil || !needed {
		t.Fatalf("needed: %v, %v", needed, err)
	}
	other := tokenOf(t, account.New(db, []byte("another pepper")))
	for name, wrong := range map[string]wa.Secret{
		"none": {}, "a guess": wa.NewSecret("x"), "cut": wa.NewSecret(token.Reveal()[1:]), "longer": wa.NewSecret(token.Reveal() + "A"),
		"of another installation": other,
	} {
		if _, err := s.SetUp(t.Context(), wrong, first, from); wa.CodeOf(err) != wa.Forbidden {
			t.Errorf("%s: %v", name, err)
		}
	}
	if lines := installationLog(t, db); len(lines) != 5 || lines[0].Action != wa.AuditSetUpRefused || lines[0].From.IP != from.IP {
		t.Errorf("%d lines of what was refused: %+v", len(lines), lines)
	}
	g, err := s.SetUp(t.Context(), token, first, from)
	if err != nil {
		t.Fatal(err)
	}
	by, err := s.Authenticate(t.Context(), g.Access)
	if err != nil || by.Role != wa.Admin || by.Name != "ana@example.com" || !by.Fresh {
		t.Errorf("the admin is %+v, %v", by, err)
	}
	o, err := s.Settings(t.Context(), by)
	if err != nil || o.Name != "Acme" || o.Settings.SessionHours != 2160 || o.Settings.RetentionDays.Deliveries != 30 || o.Settings.TimeZone != "UTC" {
		t.Errorf("the org is %+v, %v", o, err)
	}
	if e, err := s.SignIn(t.Context(), "ana@example.com", wa.NewSecret(goodPassword), from); err != nil || e.Granted == nil {
		t.Errorf("signing in afterwards: %+v, %v", e, err)
	}
	for name, x := range map[string]wa.Secret{"the same link": token, "another": wa.NewSecret("x")} {
		if _, err := s.SetUp(t.Context(), x, account.SetUp{Org: "Evil", Name: "Eve", Email: "eve@example.com", Password: wa.NewSecret(goodPassword)}, from); wa.CodeOf(err) != wa.NotFound {
			t.Errorf("%s again: %v", name, err)
		}
	}
	if needed, err := s.SetUpNeeded(t.Context()); err != nil || needed {
		t.Errorf("afterwards needed: %v, %v", needed, err)
	}
	lines := logOf(t, db, by.Org)
	slices.Reverse(lines)
	for i, action := range []wa.AuditAction{wa.AuditOrgCreated, wa.AuditUserCreated, wa.AuditSignedIn} {
		if len(lines) <= i || lines[i].Action != action || lines[i].From.IP != from.IP {
			t.Fatalf("line %d is not %s: %+v", i, action, lines)
		}
	}
}

// Whoever kept a link cannot use it again when the org that it made is erased:
// the link that is told then is another, each time.
func TestSetUpAfterTheLastOrgIsErased(t *testing.T) {
	t.Parallel()
	db, s, _ := fresh(t)
	var old []wa.Secret
	for n := range 3 {
		token := tokenOf(t, s)
		for _, kept := range old {
			if _, err := s.SetUp(t.Context(), kept, first, from); wa.CodeOf(err) != wa.Forbidden {
				t.Fatalf("after %d erasures an old link: %v", n, err)
			}
		}
		if len(installationLog(t, db)) < len(old) {
			t.Error("nobody noted who came with an old link")
		}
		g, err := s.SetUp(t.Context(), token, first, from)
		if err != nil {
			t.Fatalf("after %d erasures the link of now: %v", n, err)
		}
		by, err := s.Authenticate(t.Context(), g.Access)
		if err != nil {
			t.Fatal(err)
		}
		eraseOrg(t, db, by.Org)
		old = append(old, token)
	}
}

// eraseOrg erases an org at once, as the scheduler does when its time has come.
func eraseOrg(t *testing.T, db *store.DB, org wa.OrgID) {
	t.Helper()
	err := db.InOrg(t.Context(), org, func(tx *store.Tx) error {
		if _, err := tx.AskDeletion(t.Context(), org, "", 0, false); err != nil {
			return err
		}
		if _, err := tx.BeginErasing(t.Context(), org, 0); err != nil {
			return err
		}
		for _, e := range store.OrgErasures() {
			if _, err := tx.EraseSome(t.Context(), org, e, 1000); err != nil {
				return err
			}
		}
		return tx.EraseOrg(t.Context(), org)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Who may run the installation is in its own log.
func TestOperatorsAreWrittenDown(t *testing.T) {
	t.Parallel()
	db, s, _ := fresh(t)
	if _, _, err := s.CreateOperator(t.Context(), "olga"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.RenewOperator(t.Context(), "olga"); err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeOperator(t.Context(), "olga"); err != nil {
		t.Fatal(err)
	}
	lines := installationLog(t, db)
	slices.Reverse(lines)
	var done []wa.AuditAction
	for _, l := range lines {
		done = append(done, l.Action)
	}
	if want := []wa.AuditAction{wa.AuditOperatorMade, wa.AuditOperatorRenewed, wa.AuditOperatorRevoked}; !slices.Equal(done, want) {
		t.Errorf("%v, want %v", done, want)
	}
}

// What cannot be an org or an admin makes neither, and says why.
func TestSetUpIsParticular(t *testing.T) {
	t.Parallel()
	_, s, token := fresh(t)
	for field, change := range map[string]func(*account.SetUp){
		"organisation": func(u *account.SetUp) { u.Org = "  " },
		"name":         func(u *account.SetUp) { u.Name = "A\x07" },
		"email":        func(u *account.SetUp) { u.Email = "ana" },
		"password":     func(u *account.SetUp) { u.Password = wa.NewSecret("password1234") },
	} {
		u := first
		change(&u)
		_, err := s.SetUp(t.Context(), token, u, from)
		if wa.CodeOf(err) != wa.Invalid || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
	if needed, err := s.SetUpNeeded(t.Context()); err != nil || !needed {
		t.Errorf("an org was made all the same: %v", err)
	}
}

// Many use the link at the same moment: there is one org.
func TestSetUpHappensOnce(t *testing.T) {
	t.Parallel()
	db, s, token := fresh(t)
	var mu sync.Mutex
	var wg sync.WaitGroup
	made := 0
	for n := range 4 {
		wg.Go(func() {
			u := first
			u.Email = string(rune('a'+n)) + "@example.com"
			_, err := s.SetUp(t.Context(), token, u, from)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made++
			} else if wa.CodeOf(err) != wa.NotFound {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var orgs []wa.OrgID
	err := db.InTx(t.Context(), func(tx *store.Tx) (err error) {
		orgs, err = tx.OrgIDs(t.Context())
		return err
	})
	if err != nil || made != 1 || len(orgs) != 1 {
		t.Errorf("%d were let in, %d orgs, %v", made, len(orgs), err)
	}
}
