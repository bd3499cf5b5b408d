package store

import (
	"context"
	"time"

	"chasqui/internal/wa"
)

// DueDeliveries is the part of a turn that reads.
func (tx *Tx) DueDeliveries(ctx context.Context, org wa.OrgID, id wa.EndpointID, ahead time.Duration, flying []wa.DeliveryID, most int) ([]Due, error) {
	return collect(ctx, tx, "list due deliveries", scanDue, dueDeliveries, org, id, ahead, deliveryUUIDs(flying), most)
}

// SettleDeliveries is the part of a turn that writes.
func (tx *Tx) SettleDeliveries(ctx context.Context, org wa.OrgID, id wa.EndpointID, ahead time.Duration, outcomes []HookOutcome) error {
	args, err := settling(HookTurn{Org: org, Endpoint: id, Ahead: ahead, Outcomes: outcomes})
	if err == nil {
		_, err = tx.moved(ctx, "settle deliveries", settleDeliveries, args...)
	}
	return err
}

// The statements of a turn, and what is said before them.
const (
	SettleDeliveries = settleDeliveries
	DueDeliveries    = dueDeliveries
	OneByOne         = oneByOne
)

// Settling gives the arguments of SettleDeliveries.
var Settling = settling
