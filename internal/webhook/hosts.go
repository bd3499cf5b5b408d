package webhook

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

const (
	// UsualKeepHosts is for how long a host is kept that no message names.
	UsualKeepHosts = 90 * 24 * time.Hour
	// LeastKeepHosts is longer than a message can wait to be sent (70 days), so
	// that no message that has still to leave loses its host. That it was named is
	// written down once a day.
	LeastKeepHosts = 2*wa.MaxSchedule + 2*24*time.Hour
	// hostOrgs is how many orgs are looked at in one transaction.
	hostOrgs = 100
)

// SweepHosts takes out the hosts of callback_urls that no message has named for
// long and that have nothing to be told or shown any more. Every org keeps the
// one that was named last, which holds the secret. An org that fails does not
// keep the others from it.
func (s *Service) SweepHosts(ctx context.Context) error {
	var failed error
	for after := (wa.OrgID{}); ; {
		var orgs []wa.OrgID
		err := s.db.InTx(ctx, func(tx *store.Tx) (err error) {
			orgs, err = tx.UnnamedHostOrgs(ctx, after, s.opt.KeepHosts, hostOrgs)
			return err
		})
		if err != nil || len(orgs) == 0 {
			return errors.Join(failed, err)
		}
		for _, org := range orgs {
			failed = errors.Join(failed, s.sweepHosts(ctx, org))
		}
		after = orgs[len(orgs)-1]
	}
}

func (s *Service) sweepHosts(ctx context.Context, org wa.OrgID) error {
	var gone int64
	err := s.db.InOrg(ctx, org, func(tx *store.Tx) (err error) {
		gone, err = tx.DropUnnamedHosts(ctx, org, s.opt.KeepHosts)
		return err
	})
	if err == nil && gone > 0 {
		s.opt.Log.InfoContext(ctx, "hosts that no message names any more are taken out", slog.String("org", org.String()), slog.Int64("hosts", gone))
	}
	return err
}

// Recall has the host of a message's own address be there again, for a message
// that is to be sent again after long. One without such an address needs nothing.
func (s *Service) Recall(ctx context.Context, by wa.Actor, id wa.MessageID) error {
	var m wa.Message
	err := s.inOrg(ctx, by, func(tx *store.Tx) (err error) {
		m, err = tx.Message(ctx, by.Org, id)
		return err
	})
	if err != nil || m.CallbackID.IsZero() {
		return err
	}
	u, err := url.Parse(m.CallbackURL)
	if err != nil { // it was read when the message came
		return nil
	}
	to, err := s.callbackEndpoint(ctx, hostOf(by.Org, u))
	if err != nil || to == m.CallbackID {
		return err
	}
	return s.inOrg(ctx, by, func(tx *store.Tx) error { return tx.MoveCallback(ctx, by.Org, id, to) })
}
