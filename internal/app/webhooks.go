package app

import (
	"context"
	"fmt"
	"time"

	"chasqui/internal/egress"
	"chasqui/internal/queue"
	"chasqui/internal/store"
	"chasqui/internal/wa"
	"chasqui/internal/webhook"
)

// openWebhooks prepares the verb that every program shares.
func (k *Kit) openWebhooks() error {
	allow, err := k.Config.egressAllow()
	if err != nil {
		return err
	}
	out := egress.New(egress.Options{Allow: allow, AllowHTTP: k.Config.Env != Prod})
	k.Webhooks = webhook.New(k.DB, k.Keys, out, webhook.Options{
		Log: k.Log, Trace: k.trace, Version: Version, KeepHosts: time.Duration(k.Config.CallbackDays) * 24 * time.Hour,
	})
	return nil
}

// hooks are the parts that deliver webhooks, on a Redis client that is not the
// ringer's. What this process itself causes needs no bell.
func (k *Kit) hooks() ([]Part, error) {
	if !k.Config.WorkerWebhooks {
		return nil, nil
	}
	rdb, err := queue.OpenRedis(k.Config.RedisURL.Reveal(), false)
	if err != nil {
		return nil, err
	}
	k.onClose(rdb.Close)
	d := webhook.NewDispatcher(k.Webhooks)
	k.DB.OnRing(d.Local(k.ringer.Ring))
	return []Part{
		{Name: "webhooks", Run: func(ctx context.Context) error { d.Run(ctx); return nil }},
		{Name: "webhook bells", Run: func(ctx context.Context) error { return queue.ServeHooks(ctx, rdb, d, k.Log) }},
	}, nil
}

type orgAllowHTTP struct {
	Org    string `required:"" help:"Id of the org (org_…)."`
	Refuse bool   `help:"Refuse them again; what exists stays."`
}

// Run says so.
func (c orgAllowHTTP) Run(ctx context.Context, con *console) error {
	var org wa.OrgID
	if err := org.UnmarshalText([]byte(c.Org)); err != nil {
		return plain(err)
	}
	cfg, err := Load(con.environ, "DATABASE_URL")
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, store.Options{URL: cfg.DatabaseURL.Reveal(), MaxConns: 1, Name: "admin"})
	if err != nil {
		return err
	}
	defer db.Close()
	err = db.InOrg(ctx, org, func(tx *store.Tx) error {
		if err := tx.AllowHTTP(ctx, org, !c.Refuse); err != nil {
			return err
		}
		by := wa.Actor{Org: org, Name: "chasqui org allow-http"}
		return tx.Audit(by, wa.AuditOrgChanged, org.String(), map[string]bool{"allow_http": c.Refuse}, map[string]bool{"allow_http": !c.Refuse})
	})
	if err != nil {
		return plain(err)
	}
	_, err = fmt.Fprintf(con.out, "Plain http addresses of %s: %s\n", org, map[bool]string{true: "refused", false: "allowed"}[c.Refuse])
	return err
}
