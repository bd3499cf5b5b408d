package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"chasqui/internal/message"
	"chasqui/internal/wa"
)

type batchIn struct {
	Client ref[wa.ClientID] `path:"client"`
	Once
	Body struct {
		Messages []Draft `json:"messages" minItems:"1" maxItems:"1000" nullable:"false" readable:"one by one"`
	} `nameHint:"Batch"`
}

// batchItem tells what became of one message of a batch.
type batchItem struct {
	Index     int          `json:"index"`
	ID        wa.MessageID `json:"id,omitzero"`
	Status    wa.Status    `json:"status,omitempty"`
	ClientRef string       `json:"client_ref,omitempty"`
	Error     *refusal     `json:"error,omitempty"`
}

// refusal is why one message of a batch was not accepted.
type refusal struct {
	Code    string       `json:"code"`
	Message string       `json:"message"`
	Errors  []FieldError `json:"errors,omitempty" nullable:"false"`
}

type batchOut struct {
	Replayed string `header:"Idempotent-Replayed"`
	Body     struct {
		Accepted int         `json:"accepted"`
		Rejected int         `json:"rejected"`
		Items    []batchItem `json:"items" nullable:"false"`
	} `nameHint:"BatchResult"`
}

// sendBatch takes the good messages of a batch and says of each other one what
// is wrong with it. When none is good, nothing was accepted and the answer is a
// problem.
func (a *api) sendBatch(ctx context.Context, by wa.Actor, in *batchIn) (*batchOut, error) {
	drafts := make([]wa.Draft, len(in.Body.Messages))
	for i, m := range in.Body.Messages {
		d, err := a.draftOf(ctx, by, in.Client.ID, m)
		if d.Unreadable = err; err != nil && wa.CodeOf(err) != wa.Invalid {
			return nil, err
		}
		drafts[i] = d
	}
	got, err := a.Messages.AcceptBatch(ctx, by, in.Client.ID, drafts, in.key("messages/batch", in.Client.ID, in.Body))
	if err != nil {
		return nil, err
	}
	if got.Accepted == 0 {
		return nil, allRefused(got)
	}
	a.countSent(by, in.Client.ID, got.Accepted, got.Replayed)
	out := &batchOut{Replayed: replayed(got.Replayed)}
	out.Body.Accepted, out.Body.Rejected = got.Accepted, got.Rejected
	out.Body.Items = make([]batchItem, len(got.Items))
	for i, item := range got.Items {
		out.Body.Items[i] = batchItem{Index: item.Index, ID: item.ID, Status: item.Status, ClientRef: item.ClientRef, Error: refused(item)}
	}
	return out, nil
}

func refused(item message.BatchItem) *refusal {
	if item.Error == nil {
		return nil
	}
	p := problemFrom(inItem(item.Index, item.Error), "body")
	return &refusal{Code: p.Code, Message: p.Detail, Errors: p.Errors}
}

// maxListed bounds how many refusals one problem spells out.
const maxListed = 100

// allRefused is the problem of a batch without a good message. It is of the
// kind that all of them share, such as a full line, or else plainly invalid.
func allRefused(got message.BatchResult) error {
	p := problemFrom(inItem(0, got.Items[0].Error), "body")
	for _, item := range got.Items {
		if problemFrom(item.Error, "body").Code != p.Code {
			p = problemOf(http.StatusUnprocessableEntity, "")
		}
	}
	p.Detail, p.Errors = "none of the messages can be accepted", nil
	for _, item := range got.Items[:min(len(got.Items), maxListed)] {
		p.Errors = append(p.Errors, problemFrom(inItem(item.Index, item.Error), "body").Errors...)
	}
	return p
}

// inItem puts a failure's fields below the message they are of.
func inItem(i int, err error) error {
	known := flatten(err)
	for k, e := range known {
		known[k] = flatten(wa.Under("messages["+strconv.Itoa(i)+"]", e))[0]
	}
	return joined(err, known)
}

// joined is err again, made of the failures that were found in it; an err that
// holds none stays as it is.
func joined(err error, known []*wa.Error) error {
	if len(known) == 0 {
		return err
	}
	all := make([]error, len(known))
	for i, e := range known {
		all[i] = e
	}
	return errors.Join(all...)
}
