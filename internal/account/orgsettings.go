package account

import (
	"context"
	"reflect"
	"strings"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// optionsAsked is what the audit log says that settings became, and why.
type optionsAsked struct {
	wa.OrgOptions
	Reason string `json:"reason,omitempty"`
}

// setOrg changes an org's settings in a transaction that holds the org's lock.
func setOrg(ctx context.Context, tx *store.Tx, by wa.Actor, c wa.OrgOptionsChange) error {
	before, err := tx.OrgSettings(ctx, by.Org)
	if err != nil {
		return err
	}
	after, err := c.Apply(before)
	if err != nil || reflect.DeepEqual(before, after) {
		return err
	}
	reason := strings.TrimSpace(c.NewClientLimitsReason)
	if after.NewClientLimits.Beyond(before.NewClientLimits) {
		if err := needsFresh(by); err != nil {
			return err
		}
		if reason == "" {
			return wa.InvalidField("settings.new_client_limits_reason", "is needed to go beyond the usual limits: say why")
		}
	}
	if err := tx.SetOrgSettings(ctx, by.Org, after); err != nil {
		return err
	}
	return tx.Audit(by, wa.AuditOrgChanged, by.Org.String(), before, optionsAsked{after, reason})
}
