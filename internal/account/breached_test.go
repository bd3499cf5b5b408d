package account_test

import (
	"crypto/sha1"
	"fmt"
	"strings"
	"testing"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// listed are a password as it is, one as its SHA-1 with a count, one in small
// letters without, and lines that are nothing.
const listed = "twelve good monkeys\r\n\n" +
	"35317FA5CF9BA55EC3C7E2B4C7F0ABCCD8E4C81B:17\n" + // nobody's
	"7de15a80b1ca2d0d8f36ee4c5e6d0ac1c0e8a4ff\n"

func TestBreachedPasswords(t *testing.T) {
	t.Parallel()
	b, err := account.ReadBreached(strings.NewReader(listed + sha1Of("a lamp beside the harbour") + ":5\n" + strings.ToLower(sha1Of("quiet rivers in june")) + "\n"))
	if err != nil || b.String() != "5 passwords" {
		t.Fatalf("%s, %v", b, err)
	}
	for password, want := range map[string]bool{
		"twelve good monkeys": true, "a lamp beside the harbour": true, "quiet rivers in june": true,
		"Twelve good monkeys": false, "": false, "seven green kettles hum": false,
	} {
		if b.Has(password) != want {
			t.Errorf("%q is on the list: %t", password, !want)
		}
	}
	if (*account.Breached)(nil).Has("twelve good monkeys") {
		t.Error("no list has a password")
	}
	if _, err := account.ReadBreached(strings.NewReader(strings.Repeat("x", 1<<20))); err == nil {
		t.Error("a line without an end is read")
	}
}

func sha1Of(password string) string {
	return fmt.Sprintf("%X", sha1.Sum([]byte(password)))
}

// Nobody may choose a password of the list, wherever one is chosen; who has one
// from before still gets in.
func TestBreachedPasswordsAreRefused(t *testing.T) {
	t.Parallel()
	b, err := account.ReadBreached(strings.NewReader(otherPassword + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, func(o *account.Options) { o.Breached = b })
	by, _ := d.hire("bob@example.com", wa.Agent)
	d.refused("changing to it", d.s.ChangePassword(t.Context(), by, wa.NewSecret(goodPassword), wa.NewSecret(otherPassword)), wa.Invalid)
	link, err := d.s.ResetLink(t.Context(), "bob@example.com")
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.s.Reset(t.Context(), wa.NewSecret(after(t, link.Reveal())), wa.NewSecret(otherPassword), from)
	d.refused("resetting to it", err, wa.Invalid)
	if _, err := d.s.Invite(t.Context(), d.admin, "eve@example.com", wa.Agent); err != nil {
		t.Fatal(err)
	}
	_, err = d.s.Accept(t.Context(), d.token(), "Eve", wa.NewSecret(otherPassword), from)
	d.refused("beginning with it", err, wa.Invalid)
	d.inOrg(func(tx *store.Tx) error { // from before, and kept at another cost
		m, err := tx.Member(t.Context(), d.org, by.User)
		if err != nil {
			return err
		}
		return tx.Rehash(t.Context(), d.org, by.User, m.PasswordHash, cheapHash(t, otherPassword))
	})
	d.enter("bob@example.com", otherPassword)
}
