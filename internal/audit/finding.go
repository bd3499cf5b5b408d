package audit

import (
	"context"
	"fmt"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// noteFindings keeps what was found, and gives what was not known before, with
// an alert to its org for each.
func noteFindings(ctx context.Context, tx *store.Tx, r *round) (fresh []store.AuditFinding, err error) {
	for _, f := range r.found {
		f.Round = r.Round
		is, err := tx.FindAudit(ctx, f)
		if err != nil {
			return nil, err
		}
		if !is {
			continue
		}
		fresh = append(fresh, f)
		alert := brokenAlert(f)
		if err := tx.Audit(wa.Actor{Org: f.Org, Name: "system"}, wa.AuditAlert, alert.Subject, nil, alert); err != nil {
			return nil, err
		}
		if f.Org.IsZero() { // nobody gets the installation's events
			continue
		}
		if err := tx.Emit(f.Org, wa.ClientID{}, wa.SecurityAlert, alert); err != nil {
			return nil, err
		}
	}
	return fresh, nil
}

func brokenAlert(f store.AuditFinding) wa.EventAlert {
	return wa.EventAlert{
		Kind: wa.AlertBrokenLog, Subject: f.Org.String(), Count: 1, WindowSeconds: int((24 * time.Hour).Seconds()),
		Message: fmt.Sprintf("The audit log is not as it was written, from line %d on: somebody changed it in the database itself.", f.Seq),
	}
}

func (s *Service) tellFinding(ctx context.Context, f store.AuditFinding) error {
	alertsTotal.WithLabelValues(string(wa.AlertBrokenLog)).Inc()
	s.opt.Log.ErrorContext(ctx, "an audit log is broken: run chasqui verify-audit", "log", LogName(f.Org), "line", f.Seq, "what", f.What, "detail", f.Detail)
	if err := s.opt.Notify(ctx, f.Org, brokenAlert(f)); err != nil {
		return fmt.Errorf("tell admins of a broken audit log: %w", err)
	}
	return nil
}
