package bench_test

import (
	"context"
	"fmt"
	"os"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// measureStore compares the platform's session store with the library's own:
// the same loop over the library's SendMessage, and nothing else.
func measureStore(ctx context.Context, b *bench) error {
	p, err := b.newPlatform(ctx, "")
	if err != nil {
		return err
	}
	defer p.close()
	client, err := p.bareClient(ctx)
	if err != nil {
		return err
	}
	people, n := 20, size(60, 1000, 1000)
	run := func(job bareJob, number, prefix string, count int) (rate, statements float64, err error) {
		job.Kind, job.Numbers, job.Count, job.Prefix = "send", []string{number}, count, prefix
		for i := range people {
			job.To = append(job.To, recipient(i))
		}
		proc, err := p.startBareWA(job)
		if err != nil {
			return 0, 0, err
		}
		r, err := proc.hear()
		if err != nil {
			return 0, 0, err
		}
		if err := proc.stop(); err != nil {
			return 0, 0, err
		}
		times, err := p.timesOf(ctx, number, prefix+" ")
		return sentRate(times), r.Statements / float64(count), err
	}
	own, stock := bareJob{Org: p.org, Client: client}, bareJob{}
	var ours, bare, oursAsked, bareAsked []float64
	for round := range size(1, 5, 7) {
		if round == 0 {
			for job, number := range map[*bareJob]string{&own: bareNumber(1), &stock: bareNumber(0)} {
				if _, _, err := run(*job, number, "warm", people); err != nil {
					return err
				}
			}
			if err := p.quiet(ctx); err != nil {
				return err
			}
		}
		rate, asked, err := run(own, bareNumber(1), fmt.Sprintf("ours %d", round), n)
		if err != nil {
			return err
		}
		ours, oursAsked = append(ours, rate), append(oursAsked, asked)
		if rate, asked, err = run(stock, bareNumber(0), fmt.Sprintf("bare %d", round), n); err != nil {
			return err
		}
		bare, bareAsked = append(bare, rate), append(bareAsked, asked)
		fmt.Fprintf(os.Stderr, "bench: store: %.0f/s, %.1f statements; the library's %.0f/s, %.1f statements\n", ours[round], oursAsked[round], rate, asked)
	}
	f := figure{Name: "session store, sends/s, ours / stock", Ours: median(ours), Unit: "messages/s", N: n * len(ours)}
	b.report(f.beside(median(bare)).atLeast(0.95))
	f = figure{Name: "session store, statements for each message sent", Ours: median(oursAsked), Unit: "statements", N: n * len(ours)}
	b.report(f.beside(median(bareAsked)).atMost(1))
	return nil
}

// bareClient makes a client that no worker will take.
func (p *platform) bareClient(ctx context.Context) (wa.ClientID, error) {
	db, err := store.Open(ctx, store.Options{URL: p.url, MaxConns: 1, Name: "bench"})
	if err != nil {
		return wa.ClientID{}, err
	}
	defer db.Close()
	c := wa.Client{ID: wa.NewClientID(), OrgID: p.org, Name: "bare", Provider: wa.ProviderWhatsmeow, Limits: wa.DefaultLimits()}
	return c.ID, db.InOrg(ctx, p.org, func(tx *store.Tx) error {
		_, err := tx.InsertClient(ctx, c)
		return err
	})
}
