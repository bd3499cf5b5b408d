// Package e2e_test runs the whole platform, or all of it but the HTTP edge,
// against the simulated WhatsApp and checks what the phones read.
package e2e_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"chasqui/internal/fleet"
	"chasqui/internal/message"
	"chasqui/internal/store"
	"chasqui/internal/testkit"
	"chasqui/internal/wa"
	"chasqui/internal/whatsim"
)

const patience = 60 * time.Second

// platform is a database, a simulated WhatsApp and the services of one org.
type platform struct {
	t        *testing.T
	url      string
	db       *store.DB
	sim      *whatsim.Server
	org      wa.Org
	by       wa.Actor
	messages *message.Service
	fleet    *fleet.Service
	log      *slog.Logger
}

func newPlatform(t *testing.T, opts whatsim.Options) *platform {
	t.Helper()
	url := testkit.DatabaseURL(t)
	if err := store.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	sim, err := whatsim.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	p := &platform{t: t, url: url, db: testkit.OpenDB(t, url), sim: sim, log: quiet(t)}
	p.org, _ = testkit.Org(t, p.db)
	p.by = testkit.Actor(p.org.ID)
	p.messages = message.New(p.db, message.Options{Log: p.log})
	p.fleet = fleet.New(p.db)
	return p
}

func quiet(t *testing.T) *slog.Logger {
	if os.Getenv("VERBOSE") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("test", t.Name())
}

// client makes a client without pacing and links it with a phone by QR.
func (p *platform) client(phone string) wa.Client {
	p.t.Helper()
	c := p.unpaired()
	p.pair(c, phone)
	return p.await(c.ID, wa.ClientConnected)
}

func (p *platform) unpaired() wa.Client {
	p.t.Helper()
	c, err := p.fleet.Create(p.t.Context(), p.by, fleet.Draft{Name: "test", Provider: wa.ProviderWhatsmeow}, wa.IdempotencyKey{})
	p.must(err)
	off := c.Limits
	off.Enabled = false
	c, err = p.fleet.SetLimits(p.t.Context(), p.by, c.ID, off, "a test")
	p.must(err)
	return c
}

func (p *platform) pair(c wa.Client, phone string) {
	p.t.Helper()
	_, err := p.fleet.Pair(p.t.Context(), p.by, c.ID, wa.PairQR, "")
	p.must(err)
	code := p.code(c.ID)
	_, err = p.sim.Scan(p.t.Context(), code, phone)
	p.must(err)
}

// code waits for the code that the phone shall read.
func (p *platform) code(id wa.ClientID) string {
	p.t.Helper()
	var code string
	testkit.Eventually(p.t, patience, "a pairing code", func() bool {
		pairing, err := p.fleet.Pairing(p.t.Context(), p.by, id)
		if err != nil {
			return false
		}
		if pairing.Error != "" {
			p.t.Fatalf("pairing failed: %s", pairing.Error)
		}
		code = pairing.Code
		return code != ""
	})
	return code
}

func (p *platform) await(id wa.ClientID, status wa.ClientStatus) (c wa.Client) {
	p.t.Helper()
	defer func() {
		if p.t.Failed() {
			p.t.Logf("client is %s: %s", c.Status, c.StatusReason)
		}
	}()
	testkit.Eventually(p.t, patience, "client "+string(status), func() bool {
		c = p.read(id)
		return c.Status == status
	})
	return c
}

func (p *platform) read(id wa.ClientID) (c wa.Client) {
	p.t.Helper()
	p.must(p.db.InOrg(p.t.Context(), p.org.ID, func(tx *store.Tx) (err error) {
		c, err = tx.Client(p.t.Context(), p.org.ID, id)
		return err
	}))
	return c
}

func (p *platform) send(client wa.ClientID, to, body string, lane wa.Lane) wa.MessageID {
	p.t.Helper()
	a, err := p.messages.Accept(p.t.Context(), p.by, client, wa.Draft{To: "+" + to, Type: wa.KindText, Text: &wa.Text{Body: body}, Lane: lane}, wa.IdempotencyKey{})
	p.must(err)
	return a.ID
}

func (p *platform) message(id wa.MessageID) (m wa.Message) {
	p.t.Helper()
	p.must(p.db.InOrg(p.t.Context(), p.org.ID, func(tx *store.Tx) (err error) {
		m, err = tx.Message(p.t.Context(), p.org.ID, id)
		return err
	}))
	return m
}

func (p *platform) timeline(id wa.MessageID) (lines []string) {
	p.t.Helper()
	p.must(p.db.InOrg(p.t.Context(), p.org.ID, func(tx *store.Tx) error {
		steps, err := tx.Timeline(p.t.Context(), p.org.ID, id)
		for _, s := range steps {
			lines = append(lines, fmt.Sprintf("%s %s: %s", s.At.Format("15:04:05.000"), s.Status, s.Note))
		}
		return err
	}))
	return lines
}

func (p *platform) awaitMessage(id wa.MessageID, status wa.Status) (m wa.Message) {
	p.t.Helper()
	defer func() {
		if p.t.Failed() {
			p.t.Logf("message is %s: %v", m.Status, p.timeline(id))
		}
	}()
	testkit.Eventually(p.t, patience, "message "+string(status), func() bool {
		m = p.message(id)
		return m.Status == status
	})
	return m
}

func (p *platform) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// inbox waits for n visible messages on a phone.
func (p *platform) inbox(q whatsim.Query, n int) []whatsim.Message {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	got, err := p.sim.WaitMessages(ctx, q, n)
	if err != nil {
		p.t.Fatalf("%d of %d messages arrived: %v", len(got), n, err)
	}
	return got
}
