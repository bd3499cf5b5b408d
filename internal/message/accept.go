package message

import (
	"context"
	"errors"
	"slices"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Accepted is a message that is durably ours, and its place in line. Replayed
// marks the answer to a request that was answered before.
type Accepted struct {
	wa.Message
	Queue    wa.QueuePlace `json:"queue"`
	Replayed bool          `json:"-"`
}

// errRehearsal undoes the transaction of a dry run.
var errRehearsal = errors.New("rehearsal")

// Accept takes a message for a client. When it returns without error the
// message is committed; otherwise nothing is stored. The client may be offline
// or unpaired: the message then waits.
func (s *Service) Accept(ctx context.Context, by wa.Actor, client wa.ClientID, d wa.Draft, key wa.IdempotencyKey) (Accepted, error) {
	if err := d.Validate(s.opt.Now()); err != nil {
		return Accepted{}, err
	}
	if err := s.buckets.take(by.Org, 1, s.opt.Now()); err != nil {
		return Accepted{}, err
	}
	var out Accepted
	err := s.db.Once(ctx, by.Org, key, &out, &out.Replayed, func(tx *store.Tx) error {
		in, err := s.open(ctx, tx, by.Org, client, []wa.Draft{d})
		if err != nil {
			return err
		}
		if out, err = in.take(ctx, d, 0); err != nil {
			return err
		}
		in.ring()
		return in.write()
	})
	if err == nil && !out.Replayed {
		acceptedTotal.WithLabelValues(d.Lane.String()).Inc()
	}
	return out, err
}

// Rehearse does everything that Accept does and then forgets it. The message in
// the answer has no id.
func (s *Service) Rehearse(ctx context.Context, by wa.Actor, client wa.ClientID, d wa.Draft) (Accepted, error) {
	if err := d.Validate(s.opt.Now()); err != nil {
		return Accepted{}, err
	}
	var out Accepted
	err := s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		in, err := s.open(ctx, tx, by.Org, client, []wa.Draft{d})
		if err != nil {
			return err
		}
		if out, err = in.take(ctx, d, 0); err != nil {
			return err
		}
		return errRehearsal
	})
	if errors.Is(err, errRehearsal) {
		err = nil
	}
	out.ID, out.WireID = wa.MessageID{}, ""
	return out, err
}

// BatchResult tells what became of each message of a batch.
type BatchResult struct {
	Accepted int         `json:"accepted"`
	Rejected int         `json:"rejected"`
	Items    []BatchItem `json:"items"`
	Replayed bool        `json:"-"`
}

// BatchItem is one message of a batch. Error is nil when it was accepted.
type BatchItem struct {
	Index     int          `json:"index"`
	ID        wa.MessageID `json:"id,omitzero"`
	Status    wa.Status    `json:"status,omitempty"`
	ClientRef string       `json:"client_ref,omitempty"`
	Error     error        `json:"-"`
	// Refusal is Error in a form that can be stored with the batch's answer.
	Refusal []*wa.Error `json:"refusal,omitempty"`
}

// AcceptBatch takes up to wa.MaxBatch messages in one transaction and in the
// order given. Bad ones are refused one by one; the others are accepted.
func (s *Service) AcceptBatch(ctx context.Context, by wa.Actor, client wa.ClientID, drafts []wa.Draft, key wa.IdempotencyKey) (BatchResult, error) {
	if len(drafts) == 0 || len(drafts) > wa.MaxBatch {
		return BatchResult{}, wa.InvalidField("messages", "must hold 1 to %d messages", wa.MaxBatch)
	}
	if err := s.buckets.take(by.Org, len(drafts), s.opt.Now()); err != nil {
		return BatchResult{}, err
	}
	var out BatchResult
	err := s.db.Once(ctx, by.Org, key, &out, &out.Replayed, func(tx *store.Tx) error {
		out = BatchResult{}
		in, err := s.open(ctx, tx, by.Org, client, drafts)
		if err != nil {
			return err
		}
		for i, d := range drafts {
			if err := out.take(ctx, in, i, d); err != nil {
				return err
			}
		}
		in.ring()
		return in.write()
	})
	for i, item := range out.Items {
		if err == nil && !out.Replayed && len(item.Refusal) == 0 {
			acceptedTotal.WithLabelValues(drafts[i].Lane.String()).Inc()
		}
	}
	for i := range out.Items {
		out.Items[i].Error = joined(out.Items[i].Refusal)
	}
	return out, err
}

func (r *BatchResult) take(ctx context.Context, in *intake, i int, d wa.Draft) error {
	item := BatchItem{Index: i, ClientRef: d.ClientRef}
	err := d.Validate(in.now)
	var a Accepted
	if err == nil {
		a, err = in.take(ctx, d, i)
	}
	if err != nil && wa.CodeOf(err) != wa.Internal && wa.CodeOf(err) != wa.Unavailable {
		item.Refusal = flatten(err)
		r.Rejected++
	} else if err != nil {
		return err
	} else {
		item.ID, item.Status = a.ID, a.Status
		r.Accepted++
	}
	r.Items = append(r.Items, item)
	return nil
}

// flatten lists the Errors joined in err.
func flatten(err error) []*wa.Error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var all []*wa.Error
		for _, e := range many.Unwrap() {
			all = append(all, flatten(e)...)
		}
		return all
	}
	var e *wa.Error
	if errors.As(err, &e) {
		clean := *e
		clean.Err = nil
		return []*wa.Error{&clean}
	}
	return nil
}

func joined(refusal []*wa.Error) error {
	errs := make([]error, len(refusal))
	for i, e := range refusal {
		errs[i] = e
	}
	return errors.Join(slices.Clone(errs)...)
}
