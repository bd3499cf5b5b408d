package store_test

import (
	"strings"
	"testing"

	"chasqui/internal/store"
)

// TestNeedle asks Postgres itself what a needle finds.
func TestNeedle(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, c := range []struct {
		text, words string
		found       bool
	}{
		{"Olá, amanhã às 10h?", "ola amanha", true},
		{"ola amanha", "OLÁ AMANHÃ", true},
		{"Ola\u0301 decomposed", "olá", true},
		{"olá composed", "ola\u0301", true},
		{"JOSÉ", "jose", true},
		{"Łódź, Ærø, straße", "lodz", true},
		{"Łódź, Ærø, straße", "ærø", true},
		{"Ξενοδοχείο", "ξενοδοχειο", true},
		{"ПРИВЕТ Ёлка", "привет елка", true},
		{"한국어 메시지", "메시지", true},
		{"がんばって", "がん", true},
		{"नमस्ते दुनिया", "दुनिया", true},
		{"order #42 (100%)", "#42 (100%)", true},
		{"a.c", "a.c", true},
		{"abc", "a.c", false},
		{`back\slash [x] ^$ *+? {1} a|b`, `back\slash [x] ^$ *+? {1} a|b`, true},
		{"nothing of it", `\d .* [a-z]`, false},
		{"one two three", "three one", true},
		{"one two three", "three four", false},
		{"one two", "twofold", false},
		{"smile 😀 please", "😀", true},
		{"under_score", "r_s", true},
		{"whatever", "\u0301", true}, // nothing is asked for
	} {
		n := store.WordsOf(c.words)
		if got := get[bool](s, `SELECT $1::text ~ ALL ($2::text[])`, c.text, append([]string{}, n...)); got != c.found {
			t.Errorf("%q in %q: %v (%q)", c.words, c.text, got, n)
		}
	}
}

func TestNamesOf(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"+55 (11) 98765-4321": "5511987654321", "98765 43": "9876543", "4321": "4321", "0176 123": "176123", "00": "00",
	} {
		if n := store.NamesOf(text); len(n) != 1 || n[0] != want {
			t.Errorf("%q is looked for as %q", text, n)
		}
	}
	if n := store.NamesOf("Ana 2"); len(n) != 2 {
		t.Errorf("a name with a number is looked for as %q", n)
	}
	if n := store.NamesOf("  "); n != nil {
		t.Errorf("nothing is looked for as %q", n)
	}
}

// What somebody asks for is bounded, however long it is.
func TestNeedlesAreBounded(t *testing.T) {
	t.Parallel()
	if n := store.WordsOf("again AGAIN agáin"); len(n) != 1 {
		t.Errorf("one word is looked for as %q", n)
	}
	if n := store.WordsOf("a b c d e f g h i j k"); len(n) != 8 {
		t.Errorf("%d words are looked for", len(n))
	}
	if long, longer := store.WordsOf(strings.Repeat("x", 64)), store.WordsOf(strings.Repeat("x", 1000)); long[0] != longer[0] {
		t.Error("a long word is not cut")
	}
}

func BenchmarkWordsOf(b *testing.B) {
	for b.Loop() {
		store.WordsOf("onde está o meu pedido")
	}
}
