package app

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"chasqui/internal/wa"
)

// masterKeyLen is the master key's length in bytes.
const masterKeyLen = 32

// masters reads the master keys, the one to be used first.
func (c Config) masters() (keys [][]byte, err error) {
	for _, text := range strings.FieldsFunc(c.MasterKey.Reveal(), betweenKeys) {
		key, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(key) != masterKeyLen {
			return nil, errors.New("must be base64 of exactly 32 bytes: openssl rand -base64 32")
		}
		if slices.ContainsFunc(keys, func(k []byte) bool { return bytes.Equal(k, key) }) {
			return nil, errors.New("holds the same key twice")
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("is not set")
	}
	return keys, nil
}

func betweenKeys(r rune) bool { return r == ',' || unicode.IsSpace(r) }

// validateSecrets judges the settings that are secrets, without repeating them.
func (c Config) validateSecrets() []Mistake {
	var wrong []Mistake
	for _, s := range []struct {
		name    string
		value   wa.Secret
		schemes []string
	}{
		{"DATABASE_URL", c.DatabaseURL, []string{"postgres", "postgresql"}},
		{"MIGRATE_DATABASE_URL", c.MigrateURL, []string{"postgres", "postgresql"}},
		{"REDIS_URL", c.RedisURL, []string{"redis", "rediss", "unix"}},
	} {
		u, err := url.Parse(s.value.Reveal())
		if !s.value.IsZero() && (err != nil || !slices.Contains(s.schemes, u.Scheme)) {
			wrong = append(wrong, mistake(s.name, "must be a URL that starts with "+strings.Join(s.schemes, ":// or ")+"://"))
		}
		if err == nil && c.Env == Prod && guessable(u.User) {
			wrong = append(wrong, mistake(s.name, fmt.Sprintf("holds a password that can be guessed: production wants %d characters or more, at random: openssl rand -hex 24", passwordLeast)))
		}
	}
	if c.MasterKey.IsZero() {
		return wrong
	}
	keys, err := c.masters()
	switch {
	case err != nil:
		wrong = append(wrong, mistake("CHASQUI_MASTER_KEY", err.Error()))
	case c.Env == Prod && slices.ContainsFunc(keys, tooFew):
		wrong = append(wrong, mistake("CHASQUI_MASTER_KEY", "is not random: openssl rand -base64 32"))
	}
	return wrong
}

// passwordLeast is the least length of a password in production.
const passwordLeast = 12

// guessable reports that a password is short, made of few characters, or what
// everybody begins with. That there is none is the server's affair: it may know
// us by a certificate or a socket.
func guessable(user *url.Userinfo) bool {
	password, given := user.Password()
	if !given {
		return false
	}
	seen := map[rune]bool{}
	for _, r := range password {
		seen[r] = true
	}
	word := strings.ToLower(password)
	return len(password) < passwordLeast || len(seen) < 6 || word == strings.ToLower(user.Username()) ||
		slices.ContainsFunc([]string{"password", "passwort", "changeme", "change-me", "chasqui", "postgres", "example"}, func(begin string) bool {
			return strings.HasPrefix(word, begin) && len(word) < 2*passwordLeast
		})
}

// tooFew reports that a key is made of a few repeated bytes. Of 32 random ones
// hardly any two are the same.
func tooFew(key []byte) bool {
	seen := map[byte]bool{}
	for _, b := range key {
		seen[b] = true
	}
	return len(seen) < 16
}
