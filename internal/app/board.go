package app

import (
	"context"
	"time"

	"chasqui/internal/fleet"
	"chasqui/internal/message"
	"chasqui/internal/queue"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// board answers the tickets' questions from what this worker holds, and from
// Postgres where memory cannot know.
type board struct {
	*fleet.Worker
	db       *store.DB
	messages *message.Service
}

var _ queue.Board = board{}

// Await answers from the row when the outcome came before the question. A
// message that is not the client's is nobody's to wait for.
func (b board) Await(ctx context.Context, client wa.ClientID, id wa.MessageID) (status wa.Status, code, wireID string, ok bool) {
	var fate store.Fate
	err := b.db.InTx(ctx, func(tx *store.Tx) (err error) {
		fate, err = tx.Fate(ctx, client, id)
		return err
	})
	if err == nil && fate.Status.Final() {
		return fate.Status, fate.Code, fate.WireID, true
	}
	if wa.CodeOf(err) == wa.NotFound {
		return "", "", "", false
	}
	out, ok := b.messages.Await(ctx, id)
	return out.Status, string(out.Code), out.WireID, ok
}

// Backlog counts what waits in the client's lines.
func (b board) Backlog(ctx context.Context, client wa.ClientID) (left int, err error) {
	err = b.db.InTx(ctx, func(tx *store.Tx) error {
		waiting, bulk, err := tx.Backlog(ctx, client, message.MaxWaiting, message.MaxWaitingBulk)
		left = waiting + bulk
		return err
	})
	return left, err
}

// ownerWithin bounds the look for another worker.
const ownerWithin = 2 * time.Second

// Owner gives the slot of the live worker that holds the client.
func (b board) Owner(ctx context.Context, client wa.ClientID) (slot int, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, ownerWithin)
	defer cancel()
	err := b.db.InTx(ctx, func(tx *store.Tx) (err error) {
		slot, err = tx.OwnerSlot(ctx, client)
		return err
	})
	return slot, err == nil
}
