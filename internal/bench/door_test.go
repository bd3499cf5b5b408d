package bench_test

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/account"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// measureDoors checks API keys, and asks for a row as an org does, beside the
// bare query.
func measureDoors(ctx context.Context, b *bench) error {
	url, err := b.database(ctx)
	if err != nil {
		return err
	}
	p := &platform{b: b, url: url}
	defer p.close()
	if err := store.Migrate(ctx, url); err != nil {
		return err
	}
	db, err := store.Open(ctx, store.Options{URL: url, MaxConns: 4, Name: "bench"})
	if err != nil {
		return err
	}
	defer db.Close()
	org, keys, err := manyKeys(ctx, db, size(50, 900, 900))
	if err != nil {
		return err
	}
	if err := measureKeys(ctx, b, db, keys); err != nil {
		return err
	}
	return p.sql(ctx, func(c *pgx.Conn) error { return measureIsolation(ctx, b, db, c, org) })
}

var doorPepper = []byte("a pepper of thirty-two bytes....")

func manyKeys(ctx context.Context, db *store.DB, n int) (org wa.OrgID, keys []wa.Secret, err error) {
	accounts := account.New(db, doorPepper)
	org = wa.NewOrgID()
	if err := db.InTx(ctx, func(tx *store.Tx) error { return tx.InsertOrg(ctx, wa.Org{ID: org, Name: "doors"}) }); err != nil {
		return org, nil, err
	}
	for i := range n {
		_, text, err := accounts.CreateKey(ctx, org, fmt.Sprint("key ", i), []wa.Permission{wa.ReadClients})
		if err != nil {
			return org, nil, err
		}
		keys = append(keys, text)
	}
	return org, keys, nil
}

// measureKeys has every key checked by a process that does not remember it, and
// then by one that does.
func measureKeys(ctx context.Context, b *bench, db *store.DB, keys []wa.Secret) error {
	var missed, known []time.Duration
	for range size(2, 10, 20) {
		accounts := account.New(db, doorPepper)
		for _, took := range []*[]time.Duration{&missed, &known} {
			for _, k := range keys {
				began := time.Now()
				if _, err := accounts.Authenticate(ctx, k); err != nil {
					return err
				}
				*took = append(*took, time.Since(began))
			}
		}
	}
	b.report(figure{Name: "key check, not remembered, p99", Ours: ms(percentile(missed, .99)), Unit: "ms", N: len(missed)}.within(1))
	b.report(figure{Name: "key check, not remembered, p50", Ours: ms(percentile(missed, .5)), Unit: "ms", N: len(missed)})
	b.report(figure{Name: "key check, remembered, p99", Ours: ms(percentile(known, .99)), Unit: "ms", N: len(known)}.within(1))
	return nil
}

// measureIsolation reads a client behind row-level security in a transaction of
// its org, and bare: one statement by somebody whom no policy binds.
func measureIsolation(ctx context.Context, b *bench, db *store.DB, c *pgx.Conn, org wa.OrgID) error {
	id := wa.NewClientID()
	if err := db.InOrg(ctx, org, func(tx *store.Tx) error {
		_, err := tx.InsertClient(ctx, wa.Client{ID: id, OrgID: org, Name: "c", Provider: wa.ProviderWhatsmeow, Limits: wa.DefaultLimits()})
		return err
	}); err != nil {
		return err
	}
	var ours, bare []time.Duration
	for range size(100, 5000, 10_000) {
		began := time.Now()
		if err := db.InOrg(ctx, org, func(tx *store.Tx) error { _, err := tx.Client(ctx, org, id); return err }); err != nil {
			return err
		}
		ours = append(ours, time.Since(began))
		began = time.Now()
		rows, err := c.Query(ctx, "SELECT * FROM clients WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL", org.UUID(), id.UUID())
		if err != nil {
			return err
		}
		for rows.Next() {
		}
		if rows.Close(); rows.Err() != nil {
			return rows.Err()
		}
		bare = append(bare, time.Since(began))
	}
	for _, p := range []float64{.5, .99} {
		b.report(figure{Name: fmt.Sprintf("cost of isolation, a row by its id, p%g", p*100), Ours: ms(percentile(ours, p)), Unit: "ms", N: len(ours)}.beside(ms(percentile(bare, p))))
	}
	return nil
}
