package queue

import (
	"slices"

	"chasqui/internal/wa"
)

// Names that the tests share with the package.
const (
	TripAfter = tripAfter
	TripRest  = tripRest
	CalmFor   = calmFor
)

// Trip is the switch that stops the ringing.
type Trip = trip

// Allows and Note are its two questions.
var (
	Allows = (*trip).allows
	Note   = (*trip).note
)

// Calm holds back a library's warnings.
type Calm = calm

// Pass is its question; IsFailure and RetryDelay are asynq's.
var (
	Pass       = (*calm).pass
	IsFailure  = isFailure
	RetryDelay = retryDelay
)

// Sent is a job as it goes to Redis.
type Sent struct {
	Queue, ID string
	Kind      string
	Payload   string
}

// Send gives the form of a job in Redis.
func Send(job wa.Job) (Sent, error) {
	b, err := address(job)
	if err != nil {
		return Sent{}, err
	}
	t, err := b.task(nil)
	if err != nil {
		return Sent{}, err
	}
	return Sent{Queue: b.queue, ID: b.id, Kind: t.Type(), Payload: string(t.Payload())}, nil
}

// Finder names the reconciler that finds a kind's work without its bell.
func Finder(kind string) string { return policies[kind].finder }

// Kinds lists the kinds that have a policy, sorted.
func Kinds() []string {
	var kinds []string
	for k := range policies {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	return kinds
}

// Handled lists the kinds that a worker handles.
func Handled() []string {
	var kinds []string
	for k := range (&handlers{}).mux() {
		kinds = append(kinds, k)
	}
	for k := range (hookHandlers{}).mux() {
		kinds = append(kinds, k)
	}
	return kinds
}
