package api

import (
	"context"

	"chasqui/internal/wa"
)

type auditActionsOut struct {
	Body struct {
		Data []wa.AuditAction `json:"data" nullable:"false" doc:"Such as client.paired"`
	} `nameHint:"AuditActions"`
}

// auditActions gives everything that the log can be narrowed by.
func (a *api) auditActions(context.Context, wa.Actor, *nothing) (*auditActionsOut, error) {
	out := &auditActionsOut{}
	out.Body.Data = wa.AuditActions()
	return out, nil
}
