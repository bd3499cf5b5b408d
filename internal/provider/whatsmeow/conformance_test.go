package whatsmeow_test

import (
	"context"
	"testing"

	"chasqui/internal/provider/providertest"
	"chasqui/internal/whatsim"
)

func TestConformance(t *testing.T) {
	onBoth(t, checkConformance)
}

func checkConformance(t *testing.T, w *world) {
	n := w.pair("15550195001")
	providertest.Run(t, providertest.Line{
		Provider: w.p, Session: n.s, To: to("15550195002"),
		Arrived: func(ctx context.Context, id string) error {
			_, err := w.sim.WaitMessages(ctx, whatsim.Query{To: "15550195002", From: n.phone, ID: id}, 1)
			return err
		},
	})
}
