package message

import (
	"context"
	"errors"

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
	to, err := d.Read(s.opt.Now())
	if err != nil {
		return Accepted{}, err
	}
	if err := s.buckets.take(by.Org, 1, s.opt.Now()); err != nil {
		return Accepted{}, err
	}
	ctx, span := s.opt.Trace.Within(ctx, "accept")
	defer span.End()
	out, err := s.takeIn(ctx, by.Org, &ask{ctx: ctx, client: client, draft: d, to: to, key: key, done: make(chan struct{})})
	if err == nil && !out.Replayed {
		acceptedTotal.WithLabelValues(d.Lane.String()).Inc()
	}
	return out, err
}

// Rehearse does everything that Accept does and then forgets it. The message in
// the answer has no id.
func (s *Service) Rehearse(ctx context.Context, by wa.Actor, client wa.ClientID, d wa.Draft) (Accepted, error) {
	to, err := d.Read(s.opt.Now())
	if err != nil {
		return Accepted{}, err
	}
	var out Accepted
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		in, err := s.openOne(ctx, tx, by.Org, 1, client)
		if err != nil {
			return err
		}
		if out, err = in.judge(ctx, d, to); err != nil {
			return err
		}
		known, err := findChats(ctx, tx, by.Org, []*wa.Message{&out.Message})
		if err != nil {
			return err
		}
		if err := in.address(ctx, &out.Message, known); err != nil {
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
	var in *intake
	err := s.db.Once(ctx, by.Org, key, &out, &out.Replayed, func(tx *store.Tx) (err error) {
		out, in, err = s.takeBatch(ctx, tx, by.Org, client, drafts)
		return err
	})
	if err == nil && in != nil {
		s.tallies.grown(client, in.grown)
	}
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

func (s *Service) takeBatch(ctx context.Context, tx *store.Tx, org wa.OrgID, client wa.ClientID, drafts []wa.Draft) (BatchResult, *intake, error) {
	in, err := s.openOne(ctx, tx, org, len(drafts), client)
	if err != nil {
		return BatchResult{}, nil, err
	}
	asks := make([]*ask, len(drafts))
	for i, d := range drafts {
		asks[i] = &ask{ctx: ctx, client: client, draft: d}
	}
	valid, err := eachOf(asks, func(a *ask) (err error) {
		a.to, err = a.draft.Read(in.now)
		return err
	})
	if err == nil {
		valid, err = admit(ctx, tx, org, map[wa.ClientID]*intake{client: in}, valid)
	}
	if err != nil {
		return BatchResult{}, nil, err
	}
	out := BatchResult{Items: make([]BatchItem, 0, len(drafts))}
	for i, a := range asks {
		out.add(BatchItem{Index: i, ClientRef: a.draft.ClientRef, ID: a.out.ID, Status: a.out.Status, Refusal: flatten(a.err)})
	}
	messages := messagesOf(valid)
	s.ring(in, messages)
	return out, in, tx.InsertOutbound(org, messages)
}

func (r *BatchResult) add(item BatchItem) {
	if len(item.Refusal) > 0 {
		r.Rejected++
		item.ID, item.Status = wa.MessageID{}, ""
	} else {
		r.Accepted++
	}
	r.Items = append(r.Items, item)
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
	return errors.Join(errs...)
}
