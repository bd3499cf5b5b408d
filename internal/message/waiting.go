package message

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"chasqui/internal/wa"
)

// waitingFor is what the line of a timeline says to programs.
type waitingFor struct {
	BlockedBy *wa.Wait `json:"blocked_by"`
	Position  int      `json:"position,omitempty"`
}

// Waiting is what a message waits for at this moment: the last line of its
// timeline, which is made when it is asked for and kept nowhere. Nil when it
// waits for nothing any more.
func (s *Service) Waiting(ctx context.Context, by wa.Actor, m wa.Message) (*wa.Step, error) {
	if !slices.Contains([]wa.Status{wa.Queued, wa.Scheduled, wa.RetryWait}, m.Status) {
		return nil, nil //nolint:nilnil // there is nothing to tell, and that is no error
	}
	c, place, err := s.stand(ctx, by, m)
	if err != nil {
		return nil, err
	}
	return waitingStep(c, m, place, s.opt.Now().UTC())
}

func waitingStep(c wa.Client, m wa.Message, place wa.QueuePlace, now time.Time) (*wa.Step, error) {
	data, err := json.Marshal(waitingFor{place.BlockedBy, place.Position})
	if err != nil {
		return nil, fmt.Errorf("encode a wait: %w", err)
	}
	why := wa.NoWait
	if place.BlockedBy != nil {
		why = *place.BlockedBy
	}
	note, until := explained(c, why), expected(c, why, place)
	switch ahead := place.Position - 1; {
	case why == wa.NoWait && ahead > 0:
		note = "waiting: behind " + others(ahead)
	case ahead > 0:
		note += "; " + others(ahead) + " go first"
	case isCap(why) && until != nil:
		note += ", next at " + until.UTC().Format(time.TimeOnly) + " UTC"
	}
	return &wa.Step{At: now, Status: m.Status, Note: note, Until: until, Data: data}, nil
}

// others counts messages in words: "12 others".
func others(n int) string {
	switch {
	case n == 1:
		return "1 other"
	case n >= MaxWaitingBulk:
		return strconv.Itoa(MaxWaitingBulk) + " others or more"
	}
	return strconv.Itoa(n) + " others"
}

// explained is a reason to wait in words.
func explained(c wa.Client, why wa.Wait) string {
	switch why {
	case wa.NoWait:
		return "waiting: next in line"
	case wa.WaitScheduled:
		return "waiting: for its time"
	case wa.WaitRetry:
		return "waiting: for the next try"
	case wa.WaitOffline:
		return "waiting: the number is offline"
	case wa.WaitUnpaired:
		return "waiting: the number is not linked to a phone"
	case wa.WaitRestricted:
		return "waiting: WhatsApp banned the number for a time"
	case wa.WaitPaused:
		return "held: the number is paused"
	case wa.WaitStopped:
		return "held: by the kill switch (" + string(c.Stopped) + ")"
	case wa.WaitMinuteCap:
		return "held: limit of the minute"
	case wa.WaitHourCap:
		return "held: hourly limit"
	case wa.WaitDayCap:
		return "held: daily limit"
	}
	return "held: " + string(why)
}

func isCap(why wa.Wait) bool {
	return why == wa.WaitMinuteCap || why == wa.WaitHourCap || why == wa.WaitDayCap
}

// expected is when a wait is expected to end; nil when that is up to somebody.
func expected(c wa.Client, why wa.Wait, place wa.QueuePlace) *time.Time {
	if why == wa.WaitRestricted {
		return c.Until
	}
	return place.EstimatedSendAt
}
