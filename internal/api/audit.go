package api

import (
	"context"
	"encoding/hex"
	"time"

	"chasqui/internal/audit"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// AuditNarrow is what the audit log can be narrowed by.
type AuditNarrow struct {
	Action string    `query:"action" maxLength:"100" doc:"Such as client.paired"`
	Actor  string    `query:"actor" maxLength:"100" doc:"Id of a person, key or operator"`
	Target string    `query:"target" maxLength:"300" doc:"Id of what it was done to"`
	Since  time.Time `query:"since" doc:"At this time or later"`
	Until  time.Time `query:"until" doc:"Before this time"`
}

func (n AuditNarrow) filter() store.AuditFilter {
	return store.AuditFilter{Action: wa.AuditAction(n.Action), Actor: n.Actor, Target: n.Target, Since: n.Since, Until: n.Until}
}

// auditLine is one line as the API shows it.
type auditLine struct {
	wa.AuditEntry
	IP      string `json:"ip,omitempty" doc:"Where the request came from"`
	Agent   string `json:"user_agent,omitempty"`
	Request string `json:"request_id,omitempty"`
	Hash    string `json:"hash" doc:"Hexadecimal; covers this line and, through the lines before it, the whole log"`
}

func showAudit(e wa.AuditEntry) auditLine {
	return auditLine{AuditEntry: e, IP: e.From.IP, Agent: e.From.Agent, Request: e.From.Request, Hash: hex.EncodeToString(e.Hash)}
}

type auditIn struct {
	Paged
	AuditNarrow
}

func (a *api) auditLog(ctx context.Context, by wa.Actor, in *auditIn) (*listOut[auditLine], error) {
	p, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.Audit.Search(ctx, by, in.filter(), p)
	if err != nil {
		return nil, err
	}
	lines := make([]auditLine, len(rows))
	for i, e := range rows {
		lines[i] = showAudit(e)
	}
	return listed(p, lines, func(l auditLine) (time.Time, string) { return l.At, l.ID.UUID() }), nil
}

// exportAudit streams lines as CSV.
func (a *api) exportAudit(ctx context.Context, by wa.Actor, in *struct{ AuditNarrow }) (*exportOut, error) {
	if err := holds(ctx); err != nil {
		return nil, err
	}
	write, err := a.Audit.Export(ctx, by, in.filter(), func(read func() error) error { return a.inTurn(ctx, by.Org, read) })
	if err != nil {
		return nil, err
	}
	return a.table(ctx, "audit.csv", write), nil
}

// newAudit stands in where nobody handed one in.
func (d Deps) newAudit() *audit.Service {
	if d.Audit != nil {
		return d.Audit
	}
	return audit.New(d.DB, audit.Options{Log: d.Log})
}
