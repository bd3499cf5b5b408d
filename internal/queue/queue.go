// Package queue is Redis and asynq, kept in their place: bells that are rung
// after commit, the tasks by which operators see what waits, and the page that
// shows them. Postgres is the queue; a bell that is lost, doubled or late costs
// time at most. What a bell sets in motion belongs to message and fleet, which
// it reaches through Board.
package queue

import (
	"fmt"
	"regexp"
)

// MaxSlot is the highest worker slot there can be: with two queues each the
// operator's page stays quick.
const MaxSlot = 99

// assignQueue is where clients without an owner are announced; every worker
// listens to it.
const assignQueue = "wa:assign"

// slotQueue is where a worker hears of its clients' work: "wa:w03".
func slotQueue(slot int) string { return fmt.Sprintf("wa:w%02d", slot) }

// urgentQueue is the same for what must not wait: "wa:w03:urgent".
func urgentQueue(slot int) string { return slotQueue(slot) + ":urgent" }

// ourQueue tells our queues from whatever else may be in a Redis, so that
// metrics have a bounded set of names.
var ourQueue = regexp.MustCompile(`^(wa:(assign|w[0-9]{2}(:urgent)?)|webhook(:slow)?)$`)
