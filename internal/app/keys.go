package app

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// pepperLabel is what the pepper of API keys is drawn by. It is as old as the
// first key: another one would make all of them worthless.
const pepperLabel = "chasqui api key pepper"

const (
	unlockAtOnce = 3 * time.Second // for how long a start waits for the database
	unlockEvery  = time.Second
)

// newKeyring makes the keyring of a program that keeps nothing else open on db.
func newKeyring(cfg Config, db *store.DB) (*seal.Keyring, error) {
	masters, err := cfg.masters()
	if err != nil {
		return nil, err
	}
	return seal.New(masters, db, seal.Options{})
}

// openKeys prepares the keyring. It has connections of its own, because it is
// asked within transactions: those that wait for a key must not hold the last
// connection that could bring it. A master key that is not the database's ends
// the program before it does anything.
func (k *Kit) openKeys(ctx context.Context) error {
	db, err := store.Open(ctx, store.Options{URL: k.Config.DatabaseURL.Reveal(), MaxConns: 2, Name: k.Name + " keys"})
	if err != nil {
		return err
	}
	k.onClose(func() error { db.Close(); return nil })
	if k.Keys, err = newKeyring(k.Config, db); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, unlockAtOnce)
	defer cancel()
	err = k.unlock(ctx)
	if hopeless(err) {
		return err
	}
	if err != nil {
		k.Log.WarnContext(ctx, "the keys are not there yet; nothing is served meanwhile", "error", err)
	}
	return nil
}

// hopeless reports what no waiting mends: the master key is another one, or what
// everything else is drawn from is lost.
func hopeless(err error) bool {
	return errors.Is(err, seal.ErrWrongMaster) || errors.Is(err, seal.ErrLostSecret) || errors.Is(err, seal.ErrKeyLost) || errors.Is(err, errBreached)
}

// unlock makes sure that the master key is the right one, and makes what needs
// it. It is called until it succeeds, by one at a time.
func (k *Kit) unlock(ctx context.Context) error {
	if err := k.DB.Current(ctx); err != nil { // in a schema of before there is nothing to look at
		return err
	}
	if err := k.Keys.Check(ctx); err != nil {
		return err
	}
	pepper, err := k.Keys.Derive(ctx, pepperLabel)
	if err != nil {
		return err
	}
	if k.Accounts, err = k.newAccounts(pepper); err != nil {
		return err
	}
	close(k.unlocked)
	return nil
}

// Pepper is what the hashes of an installation's API keys are made with.
func Pepper(ctx context.Context, cfg Config, db *store.DB) ([]byte, error) {
	keys, err := newKeyring(cfg, db)
	if err != nil {
		return nil, err
	}
	return keys.Derive(ctx, pepperLabel)
}

func (k *Kit) isUnlocked() bool { return isDone(k.unlocked) }

// keys is the part that waits for the database when it was away at the start.
// A master key that turns out to be wrong ends the program.
func (k *Kit) keys() Part {
	return Part{Name: "keys", Run: func(ctx context.Context) error {
		for !k.isUnlocked() {
			if err := k.unlock(ctx); hopeless(err) {
				return err
			}
			select {
			case <-ctx.Done():
				return nil
			case <-k.unlocked:
			case <-time.After(unlockEvery):
			}
		}
		<-ctx.Done()
		return nil
	}}
}

// unlockedHandler is a handler that is made once the keys are there, and says
// that it is not yet until then.
func (k *Kit) unlockedHandler(create func() (http.Handler, error)) (http.Handler, error) {
	if k.isUnlocked() {
		return create()
	}
	var made atomic.Pointer[http.Handler]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if made.Load() == nil && k.isUnlocked() {
			h, err := create()
			if err != nil {
				k.Log.ErrorContext(r.Context(), "cannot serve", "error", err)
				notYet(w)
				return
			}
			made.CompareAndSwap(nil, &h) // whoever was first made the same
		}
		if h := made.Load(); h != nil {
			(*h).ServeHTTP(w, r)
			return
		}
		notYet(w)
	}), nil
}

func notYet(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Retry-After", "2")
	w.WriteHeader(http.StatusServiceUnavailable)
	// The asker has gone when this fails.
	_, _ = w.Write([]byte(`{"type":"about:blank","title":"Service Unavailable","status":503,"code":"` + string(wa.Unavailable) +
		`","detail":"the database is away; nothing was stored"}`))
}
