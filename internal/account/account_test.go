package account_test

import (
	"strings"
	"testing"
	"time"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
)

// Every key that opens nothing gets the same answer, whatever is wrong with it.
func TestWhatOpensAndWhatDoesNot(t *testing.T) {
	t.Parallel()
	db := testkit.DB(t)
	s := account.New(db, testkit.Pepper)
	org, key := testkit.Org(t, db)
	by, err := s.Authenticate(t.Context(), key)
	if err != nil || by.Org != org.ID || !by.May(wa.SendMessages) {
		t.Fatalf("a good key gives %+v, %v", by, err)
	}
	stranger, _ := wa.NewKeyText()
	text := key.Reveal()
	for name, bad := range map[string]wa.Secret{
		"never made":      stranger,
		"empty":           wa.NewSecret(""),
		"one letter off":  wa.NewSecret(strings.Replace(text, text[20:21], "!", 1)),
		"of another type": wa.NewSecret("sk_live_" + text),
	} {
		if _, err := s.Authenticate(t.Context(), bad); wa.CodeOf(err) != wa.Unauthorized {
			t.Errorf("%s: %v, want unauthorized", name, err)
		}
	}
	if _, err := account.New(db, []byte("another pepper")).Authenticate(t.Context(), key); wa.CodeOf(err) != wa.Unauthorized {
		t.Errorf("under another pepper: %v, want unauthorized", err)
	}
}

// A revoked key opens nothing within five seconds, also where it was just used.
func TestARevokedKeyCloses(t *testing.T) {
	t.Parallel()
	db := testkit.DB(t)
	s := account.New(db, testkit.Pepper)
	org, key := testkit.Org(t, db)
	by, err := s.Authenticate(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	revoked := false
	err = db.InOrg(t.Context(), org.ID, func(tx *store.Tx) (err error) {
		revoked, err = tx.RevokeKey(t.Context(), org.ID, by.Key)
		return err
	})
	if err != nil || !revoked {
		t.Fatalf("revoked: %v, %v", revoked, err)
	}
	testkit.Eventually(t, 5*time.Second, "the key to close", func() bool {
		_, err := s.Authenticate(t.Context(), key)
		return wa.CodeOf(err) == wa.Unauthorized
	})
}

// The first org's key works, an address in use is a conflict, and nothing is
// made then.
func TestBootstrap(t *testing.T) {
	t.Parallel()
	db := testkit.DB(t)
	s := account.New(db, testkit.Pepper)
	first, err := s.Bootstrap(t.Context(), "Acme", " Ana@Example.com ")
	if err != nil || first.Email != "ana@example.com" || first.Password.IsZero() {
		t.Fatalf("%+v, %v", first, err)
	}
	if by, err := s.Authenticate(t.Context(), first.APIKey); err != nil || by.Org != first.OrgID {
		t.Errorf("the first key gives %+v, %v", by, err)
	}
	for _, c := range []struct {
		org, email, field string
		code              wa.Code
	}{
		{"Second", "ana@example.com", "email", wa.Conflict},
		{" ", "b@example.com", "org", wa.Invalid},
		{"Second", "no address", "email", wa.Invalid},
	} {
		_, err := s.Bootstrap(t.Context(), c.org, c.email)
		if wa.CodeOf(err) != c.code {
			t.Errorf("%q, %q: %v, want %s", c.org, c.email, err, c.code)
		}
	}
	err = db.InTx(t.Context(), func(tx *store.Tx) error {
		_, err := tx.OrgByName(t.Context(), "Second")
		return err
	})
	if wa.CodeOf(err) != wa.NotFound {
		t.Errorf("a refused org is there: %v", err)
	}
}

// Half a key is none: who knows only its public part leaves no trace of use.
func TestOnlyTheWholeKeyCountsAsUse(t *testing.T) {
	t.Parallel()
	db := testkit.DB(t)
	s, wrong := account.New(db, testkit.Pepper), account.New(db, []byte("another pepper"))
	org, key := testkit.Org(t, db)
	_, operator, err := s.CreateOperator(t.Context(), "olga")
	if err != nil {
		t.Fatal(err)
	}
	used := func() (n int) {
		p, err := store.ParsePage("", 10)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := s.Keys(t.Context(), wa.Actor{Org: org.ID}, p)
		if err != nil || len(keys) != 1 {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		all, err := s.Operators(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("%d operators, %v", len(all), err)
		}
		for _, at := range []*time.Time{keys[0].LastUsedAt, all[0].LastUsedAt} {
			if at != nil {
				n++
			}
		}
		return n
	}
	for n, s := range []*account.Service{wrong, s} {
		_, keyErr := s.Authenticate(t.Context(), key)
		_, operatorErr := s.AuthenticateOperator(t.Context(), operator)
		if good := n == 1; (keyErr == nil) != good || (operatorErr == nil) != good {
			t.Fatalf("%v, %v", keyErr, operatorErr)
		}
		if got := used(); got != 2*n {
			t.Errorf("%d noted as used, want %d", got, 2*n)
		}
	}
}
