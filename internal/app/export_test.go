package app

import (
	"context"
	"runtime/debug"
	"time"

	"chasqui/internal/audit"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Forget runs the scheduler's job once.
func Forget(ctx context.Context, k *Kit) error { return (&scheduler{k: k}).forget(ctx) }

// OpenAudit is the verb over the audit logs as the programs have it, with another
// clock.
func OpenAudit(environ []string, db *store.DB, now func() time.Time) (*audit.Service, error) {
	cfg, err := Load(environ, "DATABASE_URL", "CHASQUI_MASTER_KEY")
	if err != nil {
		return nil, err
	}
	keys, err := newKeyring(cfg, db)
	if err != nil {
		return nil, err
	}
	return newAudit(db, keys, audit.Options{Now: now}), nil
}

// ForgetAudit runs the scheduler's job once, where logs are kept for days.
func ForgetAudit(ctx context.Context, s *audit.Service, days int) error {
	k := &Kit{Audit: s}
	k.Config.AuditDays = days
	return (&scheduler{k: k}).forgetAudit(ctx)
}

// EraseOrgs runs the scheduler's job once, without any waiting.
func EraseOrgs(ctx context.Context, k *Kit, batch int) error {
	e := usualErasing()
	e.Settle, e.Last, e.Batch, e.Walked = 0, 0, batch, map[wa.OrgID]int64{}
	return e.run(ctx, k.DB, k.Fleet, k.Log)
}

// ModulesOf lists the modules that a bill of materials has of a program.
func ModulesOf(info *debug.BuildInfo) (urls []string) {
	for _, p := range goParts(info) {
		urls = append(urls, p.PURL)
	}
	return urls
}
