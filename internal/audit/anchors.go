package audit

import (
	"context"
	"crypto/hmac"
	"fmt"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// AnchorReport is what became of verifying the anchors of all logs.
type AnchorReport struct {
	Count  int64
	Newest time.Time // zero when there is none
	// Gap is the longest time without an anchor, Before its end. More than an hour
	// or two means that no scheduler ran, or that anchors were cut off.
	Gap    time.Duration
	Before time.Time
	Broken *AnchorFinding
}

// AnchorFinding is the first anchor that is not as it should be.
type AnchorFinding struct {
	Number int64
	Org    wa.OrgID
	Finding
}

// VerifyAnchors checks the signatures of all anchors and that none is missing.
func (s *Service) VerifyAnchors(ctx context.Context) (r AnchorReport, err error) {
	key, err := s.opt.Key(ctx)
	if err != nil {
		return r, fmt.Errorf("get the key of anchors: %w", err)
	}
	var last store.AuditAnchor
	for {
		var chunk []store.AuditAnchor
		err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
			chunk, err = tx.Anchors(ctx, last.Number, chainChunk)
			return err
		})
		if err != nil || len(chunk) == 0 {
			return r, err
		}
		for _, a := range chunk {
			if r.Broken = judge(key, last, a); r.Broken != nil {
				return r, nil
			}
			if gap := a.At.Sub(last.At); last.Number > 0 && gap > r.Gap {
				r.Gap, r.Before = gap, a.At
			}
			r.Count, r.Newest, last = r.Count+1, a.At, a
		}
	}
}

func judge(key []byte, last, a store.AuditAnchor) *AnchorFinding {
	switch {
	case a.Number != last.Number+1:
		return &AnchorFinding{last.Number + 1, a.Org, Finding{a.Seq, Forged, fmt.Sprintf("anchors %d to %d were taken away", last.Number+1, a.Number-1)}}
	case !hmac.Equal(a.Mac, sign(key, last.Mac, a)):
		return &AnchorFinding{a.Number, a.Org, Finding{a.Seq, Forged, fmt.Sprintf("anchor %d is not signed by us", a.Number)}}
	}
	return nil
}

// Logs lists every log that there is or was; the zero org stands for the
// installation's own.
func (s *Service) Logs(ctx context.Context) (orgs []wa.OrgID, err error) {
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		orgs, err = tx.AuditedOrgs(ctx)
		return err
	})
	return orgs, err
}
