package queue

import (
	"context"
	"time"

	"chasqui/internal/wa"
)

// Board is what tickets need of the process that sends. No answer of it is
// more than a hint: whether a message leaves is decided in Postgres.
type Board interface {
	// Ring wakes the client's line if this process holds it; false otherwise.
	Ring(client wa.ClientID, lane wa.Lane) bool
	// Await waits for the outcome of a message that this process delivers, until
	// ctx ends. It must also answer, sooner or later, for a message whose outcome
	// came before the question, or its ticket returns until the line is empty. A
	// message that is not of this client has none.
	Await(ctx context.Context, client wa.ClientID, m wa.MessageID) (status wa.Status, code, wireID string, ok bool)
	// Forecast tells when the client's next message leaves and why not sooner. A
	// zero time without a reason means that nothing waits.
	Forecast(client wa.ClientID) (at time.Time, why wa.Wait)
	// Kick has the client's row read again; false if this process does not hold it.
	Kick(client wa.ClientID) bool
	// Assign looks for clients without an owner now.
	Assign(client wa.ClientID)
	// Backlog counts what waits in the client's lines.
	Backlog(ctx context.Context, client wa.ClientID) (left int, err error)
	// Owner gives the slot of the worker that holds the client; false if nobody does.
	Owner(ctx context.Context, client wa.ClientID) (slot int, ok bool)
}
