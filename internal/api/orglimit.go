package api

import (
	"context"
	"time"

	"chasqui/internal/message"
	"chasqui/internal/store"
	"chasqui/internal/wa"
	"chasqui/internal/webhook"
)

// OrgLimit is one bound on what an org may have or do.
type OrgLimit struct {
	Name       string `json:"name" enum:"requests,caller_requests,batches,pairings,invitations,requests_at_once,streams_at_once,waiting,waiting_bulk,batch_messages,webhooks,callback_hosts,api_keys" doc:"requests: of the whole organisation; caller_requests: of one API key or person, unless the key has a rate of its own; …_at_once: in each api process; waiting: urgent and normal messages of one client that have not left, waiting_bulk: bulk ones"`
	Most       int    `json:"most,omitempty" doc:"Absent: there is no limit"`
	PerSeconds int    `json:"per_seconds,omitempty" doc:"So many in that time; absent of what is counted at a moment"`
	Used       *int   `json:"used,omitempty" doc:"How many there are now; absent of what is not counted"`
	SetBy      string `json:"set_by" enum:"operator,program" doc:"operator: whoever runs the installation can change it; program: it is the same everywhere"`
}

const (
	byOperator = "operator"
	byProgram  = "program"
)

type orgLimitsOut struct {
	Body struct {
		Data []OrgLimit `json:"data" nullable:"false"`
	} `nameHint:"OrgLimitList"`
}

// orgLimits lists what the actor's org is held to. How fast its numbers send is
// a limit of each number.
func (a *api) orgLimits(ctx context.Context, by wa.Actor, _ *nothing) (*orgLimitsOut, error) {
	used, err := a.usedOf(ctx, by.Org)
	out := &orgLimitsOut{}
	out.Body.Data = append(a.orgRates(), a.orgCounts(used)...)
	return out, err
}

func (a *api) orgRates() []OrgLimit {
	l := a.Limits
	rates := []struct {
		name string
		rate wa.Rate
	}{{"requests", l.Org}, {"caller_requests", l.Caller}, {"batches", l.Batches}, {"pairings", l.Pairing}, {"invitations", l.Invitations}}
	var all []OrgLimit
	for _, r := range rates {
		all = append(all, OrgLimit{Name: r.name, Most: r.rate.Count, PerSeconds: int(r.rate.Per / time.Second), SetBy: byOperator})
	}
	return all
}

func (a *api) orgCounts(used orgUse) []OrgLimit {
	return []OrgLimit{
		{Name: "requests_at_once", Most: a.Limits.Requests, SetBy: byOperator},
		{Name: "streams_at_once", Most: a.Limits.Streams, SetBy: byOperator},
		{Name: "waiting", Most: message.MaxWaiting, SetBy: byProgram},
		{Name: "waiting_bulk", Most: message.MaxWaitingBulk, SetBy: byProgram},
		{Name: "batch_messages", Most: wa.MaxBatch, SetBy: byProgram},
		{Name: "webhooks", Most: webhook.MaxEndpoints, Used: &used.webhooks, SetBy: byProgram},
		{Name: "callback_hosts", Most: webhook.MaxCallbackHosts, Used: &used.hosts, SetBy: byProgram},
		{Name: "api_keys", Most: wa.MaxKeys, Used: &used.keys, SetBy: byProgram},
	}
}

// orgUse is how much an org has of what is counted.
type orgUse struct{ webhooks, hosts, keys int }

func (a *api) usedOf(ctx context.Context, org wa.OrgID) (u orgUse, err error) {
	err = a.DB.InOrg(ctx, org, func(tx *store.Tx) error {
		if u.webhooks, err = tx.CountEndpoints(ctx, org); err != nil {
			return err
		}
		if u.keys, err = tx.CountKeys(ctx, org); err != nil {
			return err
		}
		hosts, err := tx.CallbackEndpoints(ctx, org)
		u.hosts = len(hosts)
		return err
	})
	return u, err
}
