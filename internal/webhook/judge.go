package webhook

import (
	"fmt"
	"net/http"
	"time"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// What a receiver can say in the header webhook-delivery.
const (
	sayAbort   = "abort-message"
	sayDisable = "disable"
)

// failingAfter is the failed attempt at one message that makes an endpoint
// "failing"; disableAfter is how long it may fail at everything.
const (
	failingAfter = 4
	disableAfter = 120 * time.Hour
)

// judge turns an answer into what is written of it.
func judge(e wa.Endpoint, d store.Due, a answer) store.HookOutcome {
	out := store.HookOutcome{Attempt: a.Attempt, Result: wa.DeliveryGivenUp}
	tries := a.Number - d.Base
	switch {
	case a.good():
		out.Result = wa.DeliveryDone
	case a.Error == wa.AttemptUnreadable, a.control == sayAbort, e.Callback && a.unwanted():
	default:
		var again bool
		if out.After, again = Next(e, tries, a.Attempt, a.asked); again {
			out.Result = wa.DeliveryPending
		}
	}
	return out
}

// unwanted reports whether the receiver wants nothing more.
func (a answer) unwanted() bool { return a.Status == http.StatusGone || a.control == sayDisable }

// verdict is what the attempts of a while mean for the endpoint itself.
type verdict struct {
	disable   string // why to switch it off; "" leaves it on
	failing   bool   // tell that it is failing
	recovered bool   // tell that it works again
}

// ofHost weighs an answer from a message's own address. Its host stays on
// whatever one message's address says, and however long it has been away: nobody
// could switch it on again.
func (v *verdict) ofHost(l *store.HookLine, d store.Due, a answer, now time.Time) {
	if a.good() || !a.unwanted() {
		v.weigh(l, d, a, now)
	}
	v.disable = ""
}

// weigh takes in one outcome, in the order of the answers.
func (v *verdict) weigh(l *store.HookLine, d store.Due, a answer, now time.Time) {
	if a.Error == wa.AttemptUnreadable {
		return // ours, not the endpoint's
	}
	if a.good() {
		v.recovered = v.recovered || l.FailingTold
		v.failing = false
		l.LastSuccessAt, l.FailingSince, l.FailingTold = &now, nil, false
	} else {
		l.LastFailureAt = &now
		if l.FailingSince == nil {
			l.FailingSince = &now
		}
		if a.Number-d.Base >= failingAfter && !l.FailingTold {
			v.failing, l.FailingTold = true, true
		}
	}
	switch {
	case a.Status == http.StatusGone:
		v.disable = "the receiver answered 410 Gone"
	case a.control == sayDisable:
		v.disable = "the receiver asked for it (webhook-delivery: disable)"
	case l.FailingSince != nil && now.Sub(*l.FailingSince) >= disableAfter:
		v.disable = fmt.Sprintf("every attempt failed since %s", l.FailingSince.UTC().Format(time.RFC3339))
	}
}

// quiet are events whose own failure is told to nobody, or one dead endpoint
// would talk about another for ever.
func quiet(t wa.EventType) bool {
	switch t {
	case wa.EndpointFailing, wa.EndpointDisabled, wa.EndpointRecovered, wa.DeliveryExhausted, wa.WebhookTest:
		return true
	}
	return false
}
