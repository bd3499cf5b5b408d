package account

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"chasqui/internal/wa"
)

// Bounds of a password, in characters.
const (
	MinPassword = 12
	MaxPassword = 128
)

// maxHashing is how many passwords are hashed at the same time: each takes a
// core and 19 MiB, and a flood of sign-ins must not take the machine.
const maxHashing = 4

// hashWait is how long a sign-in waits for its turn.
const hashWait = 5 * time.Second

// nobodysHash is what the password of somebody who does not exist is compared
// with, so that the answer takes as long. It is the hash of 256 random bits
// that were thrown away.
const nobodysHash = "$argon2id$v=19$m=19456,t=2,p=1$q6QK1/78RA/mNrGfnHqTCw$Vuss0V0JDIp2oYf+ZAJYZyuB6DmcTnZmuPCaWJjHEdg"

//go:embed common.txt
var commonText string

// common are words that passwords are made of again and again.
var common = strings.Fields(commonText)

// checkPassword says what is wrong with a new password. What it is made of
// besides is its owner's business.
func checkPassword(password, email string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		return wa.InvalidField("password", "must be UTF-8 without the NUL character")
	case n < MinPassword || n > MaxPassword:
		return wa.InvalidField("password", "must have %d to %d characters", MinPassword, MaxPassword)
	case guessable(password, email):
		return wa.InvalidField("password", "is one of those that are tried first: several unrelated words are better")
	}
	return nil
}

// guessable reports passwords that any list begins with: few different
// characters, a run along the keyboard, or a common word, or the own address,
// with digits and signs around it.
func guessable(password, email string) bool {
	low := strings.ToLower(password)
	distinct := map[rune]bool{}
	for _, r := range low {
		distinct[r] = true
	}
	local, domain, _ := strings.Cut(email, "@")
	if len(distinct) < 5 || low == email || isRun(low) {
		return true
	}
	rest := low
	for _, word := range append([]string{local, strings.Split(domain, ".")[0]}, common...) {
		if len(word) >= 4 {
			rest = strings.ReplaceAll(rest, word, "")
		}
	}
	// What is left when the common words are taken out must be worth guessing.
	rest = strings.TrimFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) })
	return utf8.RuneCountInString(rest) < 4 && len(rest) < len(low) && onlyFiller(low)
}

// onlyFiller reports whether a text without its letters is short or made of the
// usual digits: "password1234!" is, "password" and ten random digits are not.
func onlyFiller(low string) bool {
	digits := strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return -1
		}
		return r
	}, low)
	return utf8.RuneCountInString(digits) < 8 || isRun(digits)
}

// runs are what fingers do by themselves.
var runs = []string{
	"abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertyuiopasdfghjklzxcvbnm", "1q2w3e4r5t6y7u8i9o0p",
	"qazwsxedcrfvtgbyhnujmikolp", "!@#$%^&*()", "1qaz2wsx3edc4rfv5tgb6yhn",
}

// isRun reports whether a text is part of such a run, forwards or backwards,
// however often it is begun anew.
func isRun(text string) bool {
	if text == "" {
		return false
	}
	steps := 0
	letters := []rune(text)
	for i := 1; i < len(letters); i++ {
		pair := string(letters[i-1 : i+1])
		back := string([]rune{letters[i], letters[i-1]})
		for _, run := range runs {
			if strings.Contains(run, pair) || strings.Contains(run, back) || letters[i] == letters[i-1] {
				steps++
				break
			}
		}
	}
	return steps*5 >= (len(letters)-1)*4
}

// turnToHash waits for a place among those who hash.
func (s *Service) turnToHash(ctx context.Context) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case s.hashing <- struct{}{}:
		return func() { <-s.hashing }, nil
	case <-ctx.Done():
		return nil, &wa.Error{Code: wa.Unavailable, Message: "too many people sign in at this moment", RetryAfter: hashWait, Err: ctx.Err()}
	}
}

// hash makes what is kept of a password that somebody has chosen.
func (s *Service) hash(ctx context.Context, password wa.Secret) (string, error) {
	if s.opt.Breached.Has(password.Reveal()) {
		return "", wa.InvalidField("password", "was stolen somewhere and is on the lists of those that are tried: choose another one, here and wherever you use it")
	}
	return s.hashed(ctx, password)
}

// hashed makes what is kept of a password.
func (s *Service) hashed(ctx context.Context, password wa.Secret) (string, error) {
	release, err := s.turnToHash(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	h, err := argon2id.CreateHash(password.Reveal(), passwordCost)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return h, nil
}

// matches compares a password with what is kept; stale tells that it was kept
// at another cost. Without a hash it takes as long and is never right.
func (s *Service) matches(ctx context.Context, password wa.Secret, hash string) (right, stale bool, err error) {
	nobody := hash == ""
	if nobody {
		hash = nobodysHash
	}
	text := password.Reveal()
	if len(text) > 4*MaxPassword {
		text = "" // no password is that long, and a hash of megabytes takes its time
	}
	release, err := s.turnToHash(ctx)
	if err != nil {
		return false, false, err
	}
	defer release()
	right, cost, err := argon2id.CheckHash(text, hash)
	if err != nil {
		return false, false, fmt.Errorf("compare password: %w", err)
	}
	stale = cost.Memory != passwordCost.Memory || cost.Iterations != passwordCost.Iterations || cost.Parallelism != passwordCost.Parallelism
	return right && !nobody, stale, nil
}
