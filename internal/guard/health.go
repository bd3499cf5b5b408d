package guard

import (
	"fmt"
	"math"

	"chasqui/internal/wa"
)

// What the inputs of a score can cost. Together they are more than the 100 points
// there are: one bad thing is enough.
const (
	stateWeight       = 100
	restrictionWeight = 50
	restrictionCost   = 25 // each
	refusalWeight     = 20
	refusalCost       = 5 // each
	deliveredWeight   = 25
	failedWeight      = 25
	disconnectWeight  = 10
	disconnectFree    = 2 // a day: lines break
	disconnectCost    = 2 // each further one
)

// Below enoughMessages of a day their shares say nothing and are left out.
// Between a good share and a bad one the cost grows evenly.
const (
	enoughMessages = 20
	deliveredGood  = 0.95
	deliveredBad   = 0.60
	failedGood     = 0.02
	failedBad      = 0.20
)

// stateCosts is what a status costs of stateWeight. Being off because somebody
// wants it off costs nothing: it says nothing about the number.
var stateCosts = map[wa.ClientStatus]int{
	wa.ClientNew: 100, wa.ClientPairing: 100, wa.ClientLoggedOut: 100, wa.ClientBanned: 100, wa.ClientTempBanned: 80,
	wa.ClientStopped: 70, wa.ClientReplaced: 60, wa.ClientOutdated: 60, wa.ClientRestricted: 30, wa.ClientConnecting: 15, wa.ClientDegraded: 10,
}

// Health judges a client: 100 points less what the inputs cost, at least 0. The
// inputs are listed, so that everybody can add them up.
func Health(status wa.ClientStatus, c wa.Conduct) (score int, inputs []wa.HealthInput) {
	inputs = []wa.HealthInput{
		{
			Name: "state", Value: float64(stateCosts[status]) / stateWeight, Unit: "ratio", Weight: stateWeight, Cost: stateCosts[status],
			Note: "The client is " + string(status) + ".",
		},
		counted("restrictions", c.Restrictions, 0, restrictionCost, restrictionWeight, "restrictions and bans by WhatsApp in the last 7 days"),
		counted("refusals", c.Refusals, 0, refusalCost, refusalWeight, "times in the last 7 days WhatsApp refused the line"),
		counted("disconnects", c.Disconnects, disconnectFree, disconnectCost, disconnectWeight, "times in the last 24 hours the line broke"),
	}
	if c.Sent >= enoughMessages {
		inputs = append(inputs, shared("delivered", c.Delivered, c.Sent, deliveredGood, deliveredBad, deliveredWeight,
			"messages of the last 24 hours arrived, those of the last 10 minutes not counted"))
	}
	if c.Ended >= enoughMessages {
		inputs = append(inputs, shared("failed", c.Failed, c.Ended, failedGood, failedBad, failedWeight, "messages of the last 24 hours failed"))
	}
	score = 100
	for _, in := range inputs {
		score -= in.Cost
	}
	return max(0, score), inputs
}

// counted is an input that costs so much for each beyond the free ones.
func counted(name string, n, free, each, weight int, what string) wa.HealthInput {
	return wa.HealthInput{
		Name: name, Value: float64(n), Unit: "count", Weight: weight, Cost: min(weight, max(0, n-free)*each),
		Note: fmt.Sprintf("%d %s.", n, what),
	}
}

// shared is an input that costs nothing at a good share and all at a bad one.
func shared(name string, part, of int, good, bad float64, weight int, what string) wa.HealthInput {
	share := float64(part) / float64(of)
	worse := min(1, max(0, (share-good)/(bad-good)))
	return wa.HealthInput{
		Name: name, Value: math.Round(share*1000) / 1000, Unit: "ratio", Weight: weight, Cost: int(math.Round(worse * float64(weight))),
		Note: fmt.Sprintf("%d of %d %s.", part, of, what),
	}
}
