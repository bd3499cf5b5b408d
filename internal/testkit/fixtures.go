package testkit

import (
	"testing"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Org makes an org with a key that may do everything.
func Org(t testing.TB, db *store.DB) (wa.Org, wa.Secret) {
	t.Helper()
	org := wa.Org{ID: wa.NewOrgID(), Name: "Org " + Random(4)}
	err := db.InTx(t.Context(), func(tx *store.Tx) error { return tx.InsertOrg(t.Context(), org) })
	if err != nil {
		t.Fatal(err)
	}
	return org, Key(t, db, org.ID, wa.Everything)
}

// Key makes an API key with some scopes.
func Key(t testing.TB, db *store.DB, org wa.OrgID, scopes ...wa.Permission) wa.Secret {
	t.Helper()
	text, public := wa.NewKeyText()
	k := wa.APIKey{ID: wa.NewKeyID(), OrgID: org, PublicID: public, Hash: wa.HashKey(Pepper, text), Name: "test", Scopes: scopes}
	err := db.InTx(t.Context(), func(tx *store.Tx) error { return tx.InsertKey(t.Context(), k) })
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Actor may do everything in an org.
func Actor(org wa.OrgID) wa.Actor {
	return wa.Actor{Org: org, Name: "test", Scopes: []wa.Permission{wa.Everything}}
}

// Client makes a client that nobody has paired yet.
func Client(t testing.TB, db *store.DB, org wa.OrgID) wa.Client {
	t.Helper()
	c := wa.Client{
		ID: wa.NewClientID(), OrgID: org, Name: "Client " + Random(4), Provider: wa.ProviderWhatsmeow,
		Limits: wa.DefaultLimits(), Device: wa.Device{OS: "Chrome (Linux)", Platform: "chrome", Version: "140.0.0"},
	}
	err := db.InOrg(t.Context(), org, func(tx *store.Tx) (err error) {
		c, err = tx.InsertClient(t.Context(), c)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
