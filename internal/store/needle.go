package store

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Needle finds words in a text whatever their case and accents: one regular
// expression for each word, all of which must match. The zero Needle finds
// everything.
//
// It is a filter and no condition on an index, on purpose: row-level security
// lets Postgres look into an index only by operators that are leakproof, and
// none of those that find text within text is. See Slice for what bounds it.
type Needle []string

// Bounds of what is searched for. Longer words are cut, further ones left out.
const (
	maxWords = 8
	maxWord  = 64
)

// WordsOf makes a needle of words.
func WordsOf(text string) Needle {
	var n Needle
	all := spellings()
	for _, word := range strings.Fields(text) {
		if p := pattern(word, all); p != "" && len(n) < maxWords && !slices.Contains(n, p) {
			n = append(n, p)
		}
	}
	return n
}

// NamesOf makes a needle of a name or a number. Numbers are looked for by their
// digits, however they are written; zeros in front are how a country dials and
// no part of them.
func NamesOf(text string) Needle {
	if digits := digitsOf(text); digits != "" && !strings.ContainsFunc(text, unicode.IsLetter) {
		return Needle{cmp.Or(strings.TrimLeft(digits, "0"), digits)}
	}
	return WordsOf(text)
}

func digitsOf(text string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
	return digits[:min(len(digits), maxWord)]
}

// marks are what may stand between a letter and the next: accents that are
// characters of their own.
const marks = `[\u0300-\u036f]*`

// pattern is a regular expression of Postgres for a word; "" for one that is
// nothing but accents.
func pattern(word string, all map[rune][]rune) string {
	var p strings.Builder
	written := 0
	for _, r := range word {
		if isMark(r) || written == maxWord {
			continue
		}
		written++
		switch {
		case unicode.IsLetter(r):
			letter := bare(r)
			p.WriteString("[" + string(slices.Concat(folds(letter), all[letter])) + "]" + marks)
		case r <= unicode.MaxASCII && !unicode.IsDigit(r):
			p.WriteString(`\` + string(r)) // keeps it from meaning anything
		default:
			p.WriteRune(r)
		}
	}
	return p.String()
}

// isMark reports whether a character is an accent that belongs to the letter
// before it. The signs of scripts that are not about accents are none.
func isMark(r rune) bool { return r >= 0x300 && r <= 0x36F }

// bare is a letter without case and accent.
func bare(r rune) rune {
	parts := []rune(norm.NFD.String(string(r)))
	if slices.ContainsFunc(parts[1:], func(p rune) bool { return !isMark(p) }) {
		return r // it is not a letter with accents but made of several
	}
	r = unicode.ToLower(parts[0])
	// What some letters are written as where keyboards lack them.
	const special, usual = "øđðłħıŧ", "oddlhit"
	if i := slices.Index([]rune(special), r); i >= 0 {
		return rune(usual[i])
	}
	return r
}

// folds are the letter in all its cases.
func folds(letter rune) []rune {
	all := []rune{letter}
	for r := unicode.SimpleFold(letter); r != letter; r = unicode.SimpleFold(r) {
		all = append(all, r)
	}
	return all
}

// spellings are the ways to write bare letters with accents: those of the Latin,
// Greek and Cyrillic scripts.
func spellings() map[rune][]rune {
	all := map[rune][]rune{}
	for _, span := range [][2]rune{{0xC0, 0x24F}, {0x370, 0x52F}, {0x1E00, 0x1FFF}} {
		for r := span[0]; r <= span[1]; r++ {
			if !unicode.IsLetter(r) {
				continue
			}
			if letter := bare(r); unicode.ToLower(r) != letter {
				all[letter] = append(all[letter], r)
			}
		}
	}
	return all
}
