package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"chasqui/internal/audit"
	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// anchorSecret names the secret that anchors are made with. It is kept sealed
// under the master key and outlives it.
const anchorSecret = "audit anchors"

// newAudit makes the verb that watches over the audit logs.
func newAudit(db *store.DB, keys *seal.Keyring, o audit.Options) *audit.Service {
	o.Key = func(ctx context.Context) ([]byte, error) { return keys.Secret(ctx, anchorSecret) }
	return audit.New(db, o)
}

// openAudit prepares the verb; alerts are mailed where there is a mail server.
func (k *Kit) openAudit() {
	o := audit.Options{Log: k.Log}
	if !k.Config.SMTPServer.IsZero() {
		o.Notify = audit.ByMail(k.DB, k.postLetter)
	}
	k.Audit = newAudit(k.DB, k.Keys, o)
}

// watch is the part that writes down what the API counts.
func (k *Kit) watch() Part {
	return Part{Name: "watch", Run: func(ctx context.Context) error { k.Audit.Run(ctx); return nil }}
}

type verifyAudit struct {
	Org string `help:"Id of the org (org_…); all of them, and the installation's own log, when left out."`
}

// staleAnchor is from when on a missing anchor is told of: they are made every
// hour at least, while a scheduler runs.
const staleAnchor = 2 * time.Hour

// errTampered makes the exit status 3: whoever runs this every night can tell it
// from a database that did not answer.
var errTampered = errors.New("the audit log was tampered with, see above")

// Run reads the logs from their first line to their last.
func (c verifyAudit) Run(ctx context.Context, con *console) error {
	cfg, err := Load(con.environ, "DATABASE_URL", "CHASQUI_MASTER_KEY")
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, store.Options{URL: cfg.DatabaseURL.Reveal(), MaxConns: 2, Name: "verify-audit", Timeout: 10 * time.Minute})
	if err != nil {
		return err
	}
	defer db.Close()
	keys, err := newKeyring(cfg, db)
	if err != nil {
		return err
	}
	if err := keys.Check(ctx); err != nil {
		return err
	}
	s := newAudit(db, keys, audit.Options{})
	anchored, err := con.verifyAnchors(ctx, s)
	if err != nil {
		return err
	}
	orgs, err := c.orgs(ctx, s)
	if err != nil {
		return err
	}
	whole, err := con.verifyLogs(ctx, s, orgs)
	if err == nil && !(anchored && whole) {
		return errTampered
	}
	return err
}

func (c verifyAudit) orgs(ctx context.Context, s *audit.Service) ([]wa.OrgID, error) {
	if c.Org == "" {
		return s.Logs(ctx)
	}
	var org wa.OrgID
	if err := org.UnmarshalText([]byte(c.Org)); err != nil {
		return nil, plain(err)
	}
	return []wa.OrgID{org}, nil
}

func (con *console) say(format string, args ...any) {
	_, _ = fmt.Fprintf(con.out, format+"\n", args...) // the exit status tells, when nothing can be written
}

// verifyAnchors tells how the anchors stand; false when they are not ours.
func (con *console) verifyAnchors(ctx context.Context, s *audit.Service) (bool, error) {
	r, err := s.VerifyAnchors(ctx)
	switch {
	case err != nil:
		return false, err
	case r.Broken != nil:
		con.say("anchors: BROKEN at anchor %d, of %s: %s", r.Broken.Number, audit.LogName(r.Broken.Org), r.Broken.Finding)
		return false, nil
	case r.Count == 0:
		con.say("anchors: none yet; the scheduler makes them")
		return true, nil
	}
	con.say("anchors: %d, all ours, the newest of %s", r.Count, r.Newest.UTC().Format(time.RFC3339))
	if age := time.Since(r.Newest); age > staleAnchor {
		con.say("  NOTE: the newest is %s old: no scheduler runs, or anchors were cut off", age.Round(time.Minute))
	}
	if r.Gap > staleAnchor {
		con.say("  NOTE: there was none for %s before %s: no scheduler ran, or anchors were cut off", r.Gap.Round(time.Minute), r.Before.UTC().Format(time.RFC3339))
	}
	return true, nil
}

// verifyLogs tells how each log stands; false when one is not as it was written.
func (con *console) verifyLogs(ctx context.Context, s *audit.Service, orgs []wa.OrgID) (bool, error) {
	whole := true
	for _, org := range orgs {
		r, err := s.Verify(ctx, org)
		if err != nil {
			return false, err
		}
		if r.Broken != nil {
			whole = false
			con.say("%s: BROKEN at %s", audit.LogName(org), r.Broken)
			continue
		}
		con.say("%s: %d lines, as they were written; %d since the last anchor", audit.LogName(org), r.Lines, r.Unanchored)
		if r.Forgotten > 0 {
			con.say("  %d before them were forgotten by retention, when they were old enough", r.Forgotten)
		}
	}
	return whole, nil
}
