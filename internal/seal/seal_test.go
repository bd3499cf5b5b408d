package seal_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"chasqui/internal/seal"
	"chasqui/internal/wa"
)

func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

func ring(t testing.TB, s seal.Source, masters ...[]byte) *seal.Keyring {
	t.Helper()
	k, err := seal.New(masters, s, seal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func box(t testing.TB, k *seal.Keyring, org wa.OrgID) *seal.Box {
	t.Helper()
	b, err := k.For(t.Context(), org)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustSeal(t testing.TB, b *seal.Box, place, plain string) []byte {
	t.Helper()
	sealed, err := b.Seal(place, []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealedTextsOpenInTheirPlaceOnly(t *testing.T) {
	t.Parallel()
	k := ring(t, newMemory(), key(7))
	org := wa.NewOrgID()
	b, other := box(t, k, org), box(t, k, wa.NewOrgID())
	place := seal.Place("table", "column", "row", org.UUID())
	sealed := mustSeal(t, b, place, "secret")
	if plain, err := b.Open(place, sealed); err != nil || string(plain) != "secret" {
		t.Errorf("opened %q, %v", plain, err)
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another row":     func() ([]byte, error) { return b.Open(seal.Place("table", "column", "row2", org.UUID()), sealed) },
		"another key":     func() ([]byte, error) { return other.Open(place, sealed) },
		"changed":         func() ([]byte, error) { return b.Open(place, changed) },
		"empty":           func() ([]byte, error) { return b.Open(place, nil) },
		"too short":       func() ([]byte, error) { return b.Open(place, sealed[:5]) },
		"another version": func() ([]byte, error) { return b.Open(place, append([]byte{9}, sealed[1:]...)) },
		"as the first":    func() ([]byte, error) { return b.Open(place, append([]byte{1}, sealed[1:]...)) },
	} {
		if plain, err := open(); !errors.Is(err, seal.ErrBroken) {
			t.Errorf("%s: opened %q, %v", name, plain, err)
		}
	}
	if bytes.Equal(sealed, mustSeal(t, b, place, "secret")) {
		t.Error("the same text is sealed the same twice")
	}
}

// Any text opens where it was sealed, and a text that was moved to another
// table, column, row or org does not.
func TestMovedTextsDoNotOpen(t *testing.T) {
	t.Parallel()
	k := ring(t, newMemory(), key(7))
	orgs := []wa.OrgID{wa.NewOrgID(), wa.NewOrgID()}
	boxes := []*seal.Box{box(t, k, orgs[0]), box(t, k, orgs[1])}
	rapid.Check(t, func(rt *rapid.T) {
		where := func(name string) (int, string) {
			org := rapid.IntRange(0, 1).Draw(rt, name+" org")
			word := rapid.SampledFrom([]string{"a", "b", "aa"})
			row := seal.Row(word.Draw(rt, name+" row"), word.Draw(rt, name+" row"))
			return org, seal.Place(word.Draw(rt, name+" table"), word.Draw(rt, name+" column"), row, orgs[org].UUID())
		}
		from, home := where("from")
		to, away := where("to")
		plain := rapid.SliceOfN(rapid.Byte(), 0, 100).Draw(rt, "plain")
		sealed, err := boxes[from].Seal(home, plain)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := boxes[to].Open(away, sealed)
		if home == away && (err != nil || !bytes.Equal(got, plain)) {
			rt.Fatalf("not opened at home: %v", err)
		}
		if home != away && err == nil {
			rt.Fatalf("sealed for %s, opened in %s", home, away)
		}
	})
}

func TestRowsOfCompoundKeysAreApart(t *testing.T) {
	t.Parallel()
	if seal.Row("a", "bc") == seal.Row("ab", "c") || seal.Row("1:a", "b") == seal.Row("1", "a1:b") {
		t.Error("two keys give one row")
	}
	if got := seal.Row("id"); got != "id" {
		t.Errorf("a plain key gives %q", got)
	}
}

// FuzzOpen: whatever stands in a column, opening it neither panics nor gives a
// text that nobody sealed.
func FuzzOpen(f *testing.F) {
	k := ring(f, newMemory(), key(7), key(8))
	org := wa.NewOrgID()
	b, err := k.For(f.Context(), org)
	if err != nil {
		f.Fatal(err)
	}
	place := seal.Place("t", "c", "r", org.UUID())
	sealed := mustSeal(f, b, place, "secret")
	old, err := sealOld(key(7), place, "secret")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{nil, {1}, {2}, {2, 1, 0, 0, 0}, sealed, old, sealed[:len(sealed)-1], append([]byte{1}, sealed...)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		plain, err := b.Open(place, text)
		if err == nil && !bytes.Equal(text, sealed) && !bytes.Equal(text, old) {
			t.Errorf("%x opens as %q", text, plain)
		}
		if err != nil && !errors.Is(err, seal.ErrBroken) {
			t.Errorf("%x: %v", text, err)
		}
	})
}

func TestWrongMasterKeyIsRefused(t *testing.T) {
	t.Parallel()
	s, org := newMemory(), wa.NewOrgID()
	place := seal.Place("t", "c", "r", org.UUID())
	sealed := mustSeal(t, box(t, ring(t, s, key(1)), org), place, "secret")
	before := s.written
	for name, k := range map[string]*seal.Keyring{"another": ring(t, s, key(2)), "two others": ring(t, s, key(3), key(4))} {
		if err := k.Check(t.Context()); !errors.Is(err, seal.ErrWrongMaster) || !strings.Contains(err.Error(), "CHASQUI_MASTER_KEY") {
			t.Errorf("%s: check says %v", name, err)
		}
		if _, err := k.For(t.Context(), wa.NewOrgID()); !errors.Is(err, seal.ErrWrongMaster) {
			t.Errorf("%s: a box is given: %v", name, err)
		}
		if _, err := k.Secret(t.Context(), "new"); !errors.Is(err, seal.ErrWrongMaster) {
			t.Errorf("%s: a secret is given: %v", name, err)
		}
	}
	if s.written != before {
		t.Error("a wrong master key wrote something")
	}
	for name, k := range map[string]*seal.Keyring{"again": ring(t, s, key(1)), "with a new one": ring(t, s, key(2), key(1))} {
		if plain, err := box(t, k, org).Open(place, sealed); err != nil || string(plain) != "secret" {
			t.Errorf("%s: opened %q, %v", name, plain, err)
		}
	}
	s.masters[0].Canary[20] ^= 1
	if err := ring(t, s, key(1)).Check(t.Context()); !errors.Is(err, seal.ErrWrongMaster) {
		t.Errorf("a canary that was changed: %v", err)
	}
}

// A data key that is gone is not replaced while there are texts under it.
func TestALostDataKeyIsNotReplaced(t *testing.T) {
	t.Parallel()
	s, org := newMemory(), wa.NewOrgID()
	k := ring(t, s, key(1))
	box(t, k, org)
	if _, err := k.Secret(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	s.sealed = map[wa.OrgID]bool{org: true}
	clear(s.keys)
	for _, id := range []wa.OrgID{org, {}} {
		if _, err := ring(t, s, key(1)).For(t.Context(), id); !errors.Is(err, seal.ErrKeyLost) {
			t.Errorf("a box of %s is given: %v", id, err)
		}
	}
	if len(s.keys) != 0 {
		t.Error("another key was made")
	}
	box(t, ring(t, s, key(1)), wa.NewOrgID())
}

// What was sealed before there were data keys tells the master key, too.
func TestMasterKeyOfBeforeDataKeys(t *testing.T) {
	t.Parallel()
	s, org := newMemory(), wa.NewOrgID()
	column := wa.SealedColumn{Table: "webhook_secrets", Column: "sealed", Key: []string{"id::uuid"}}
	place := seal.Place("webhook_secrets", "sealed", "row", org.UUID())
	sealed, err := sealOld(key(1), place, "secret")
	if err != nil {
		t.Fatal(err)
	}
	s.old, s.older = &wa.SealedText{Org: org, Column: column, Key: []string{"row"}, Sealed: sealed}, true
	if err := ring(t, s, key(2)).Check(t.Context()); !errors.Is(err, seal.ErrWrongMaster) || s.written != 0 {
		t.Fatalf("another master key: %v, %d written", err, s.written)
	}
	k := ring(t, s, key(2), key(1))
	if plain, err := box(t, k, org).Open(place, sealed); err != nil || string(plain) != "secret" {
		t.Errorf("opened %q, %v", plain, err)
	}
	// What was drawn from that master key stays.
	got, err := k.Derive(t.Context(), "chasqui api key pepper")
	want, err2 := drawn(key(1), "chasqui api key pepper")
	if err != nil || err2 != nil || !bytes.Equal(got, want) {
		t.Errorf("drawn %x (%v), want %x (%v)", got, err, want, err2)
	}
}

func TestSecretsAreTheSameForEverybody(t *testing.T) {
	t.Parallel()
	s := newMemory()
	a, b := ring(t, s, key(1)), ring(t, s, key(1))
	one, err1 := a.Secret(t.Context(), "x")
	two, err2 := b.Secret(t.Context(), "x")
	other, err3 := b.Secret(t.Context(), "y")
	if err := errors.Join(err1, err2, err3); err != nil || len(one) != 32 || !bytes.Equal(one, two) || bytes.Equal(one, other) {
		t.Errorf("%x, %x, %x: %v", one, two, other, err)
	}
	d, err1 := a.Derive(t.Context(), "l")
	e, err2 := b.Derive(t.Context(), "l")
	f, err3 := b.Derive(t.Context(), "m")
	if err := errors.Join(err1, err2, err3); err != nil || !bytes.Equal(d, e) || bytes.Equal(e, f) {
		t.Errorf("%x, %x, %x: %v", d, e, f, err)
	}
	g, err := ring(t, newMemory(), key(1)).Derive(t.Context(), "l")
	if err != nil || bytes.Equal(d, g) {
		t.Errorf("two installations draw the same: %v", err)
	}
}

// After the first time an org's box costs nothing; every now and then one
// question is asked for all orgs together.
func TestBoxesAreRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newMemory()
		k := ring(t, s, key(1))
		orgs := []wa.OrgID{wa.NewOrgID(), wa.NewOrgID(), wa.NewOrgID()}
		for _, org := range orgs {
			box(t, k, org)
		}
		asked := s.asked.Load()
		for range 100 {
			for _, org := range orgs {
				box(t, k, org)
			}
		}
		if n := s.asked.Load() - asked; n != 0 {
			t.Errorf("%d questions for known boxes", n)
		}
		time.Sleep(25 * time.Second)
		for _, org := range orgs {
			box(t, k, org)
		}
		synctest.Wait()
		if n := s.asked.Load() - asked; n != 1 {
			t.Errorf("%d questions after a while, want 1", n)
		}
	})
}

// Who cannot ask stops in time: otherwise a rotation could not count on it.
func TestNothingIsSealedWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, org := newMemory(), wa.NewOrgID()
		k := ring(t, s, key(1))
		box(t, k, org)
		s.away.Store(true)
		time.Sleep(50 * time.Second)
		box(t, k, org)
		synctest.Wait()
		time.Sleep(15 * time.Second)
		if _, err := k.For(t.Context(), org); wa.CodeOf(err) != wa.Unavailable {
			t.Errorf("after a minute without an answer: %v", err)
		}
		s.away.Store(false)
		box(t, k, org)
	})
}
