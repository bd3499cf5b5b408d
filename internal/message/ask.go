package message

import (
	"context"
	"slices"

	"chasqui/internal/store"
	"chasqui/internal/telemetry"
	"chasqui/internal/wa"
)

// ask is a caller who waits for a message to be taken in.
type ask struct {
	ctx    context.Context
	client wa.ClientID
	draft  wa.Draft
	to     wa.Address
	key    wa.IdempotencyKey
	out    Accepted
	err    error
	again  bool // somebody else holds its key: another try will tell
	over   bool
	done   chan struct{}
}

// end gives the caller the answer; err is one of the transaction.
func (a *ask) end(err error) {
	if err != nil {
		a.err = err
	}
	a.over = true
	close(a.done)
}

// admit makes messages of those who are not refused, and gives them.
func admit(ctx context.Context, tx *store.Tx, org wa.OrgID, ins map[wa.ClientID]*intake, asks []*ask) ([]*ask, error) {
	asks, err := eachOf(asks, func(a *ask) (err error) {
		if ins[a.client] == nil {
			return errNoClient()
		}
		a.out, err = ins[a.client].judge(ctx, a.draft, a.to)
		a.out.Trace = telemetry.Link(a.ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	messages := make([]*wa.Message, len(asks))
	for i, a := range asks {
		messages[i] = &a.out.Message
	}
	known, err := findChats(ctx, tx, org, messages)
	if err != nil {
		return nil, err
	}
	return eachOf(asks, func(a *ask) error { return ins[a.client].address(ctx, &a.out.Message, known) })
}

func clientsOf(asks []*ask) []wa.ClientID {
	var ids []wa.ClientID
	for _, a := range asks {
		if !slices.Contains(ids, a.client) {
			ids = append(ids, a.client)
		}
	}
	return ids
}

// eachOf gives those who were not refused. An error that is not a refusal is
// everybody's.
func eachOf(asks []*ask, do func(*ask) error) ([]*ask, error) {
	var left []*ask
	for _, a := range asks {
		if a.err = do(a); broken(a.err) {
			return nil, a.err
		}
		if a.err == nil {
			left = append(left, a)
		}
	}
	return left, nil
}

// broken tells an error of the transaction from a refusal.
func broken(err error) bool {
	return err != nil && (wa.CodeOf(err) == wa.Internal || wa.CodeOf(err) == wa.Unavailable)
}

func messagesOf(asks []*ask) []wa.Message {
	messages := make([]wa.Message, len(asks))
	for i, a := range asks {
		messages[i] = a.out.Message
	}
	return messages
}
