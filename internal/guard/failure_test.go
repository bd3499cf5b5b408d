package guard_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"chasqui/internal/guard"
	"chasqui/internal/provider"
	"chasqui/internal/wa"
)

func fail(class provider.Class, code wa.FailCode, after time.Duration) *provider.Failure {
	return &provider.Failure{Class: class, Code: code, After: after}
}

func failed(code wa.FailCode) *wa.Failure { return &wa.Failure{Code: code} }

func TestSettle(t *testing.T) {
	t.Parallel()
	later := func(d time.Duration) guard.Outcome {
		return guard.Outcome{Signal: wa.Delay, NotBefore: epoch.Add(d)}
	}
	rejected := func(code wa.FailCode) guard.Outcome {
		return guard.Outcome{Signal: wa.Reject, Failure: failed(code)}
	}
	unknown := guard.Outcome{NotBefore: epoch.Add(10 * time.Second)}
	cooled := func(d time.Duration) guard.Outcome { return guard.Outcome{Signal: wa.Requeue, CoolDown: d} }
	restricted := func(o guard.Outcome, d time.Duration) guard.Outcome {
		o.RestrictNewContacts, o.RestrictUntil = true, epoch.Add(d)
		return o
	}
	try := func(attempt int) guard.Tries { return guard.Tries{Attempt: attempt, First: epoch.Add(-time.Minute)} }
	const hour = time.Hour
	for _, c := range []struct {
		name string
		f    *provider.Failure
		t    guard.Tries
		want guard.Outcome
	}{
		{"taken", nil, try(1), guard.Outcome{Signal: wa.Accept}},
		{"not sent", fail(provider.NotSent, wa.FailNotConnected, 0), try(1), guard.Outcome{Signal: wa.Requeue}},
		{"not sent, many times", fail(provider.NotSent, wa.FailNotConnected, 0), try(1000), guard.Outcome{Signal: wa.Requeue}},
		{"lasting", fail(provider.Lasting, wa.FailNotOnWhatsApp, 0), try(1), rejected(wa.FailNotOnWhatsApp)},
		{"lasting without a code", fail(provider.Lasting, "", 0), try(1), rejected(wa.FailProviderRejected)},

		{"passing 1", fail(provider.Passing, wa.FailProviderUnavailable, 0), try(1), later(5 * time.Second)},
		{"passing 2", fail(provider.Passing, wa.FailProviderUnavailable, 0), try(2), later(30 * time.Second)},
		{"passing 3", fail(provider.Passing, wa.FailProviderUnavailable, 0), try(3), later(2 * time.Minute)},
		{"passing 4", fail(provider.Passing, wa.FailProviderUnavailable, 0), try(4), later(10 * time.Minute)},
		{"passing 5", fail(provider.Passing, wa.FailProviderUnavailable, 0), try(5), rejected(wa.FailProviderUnavailable)},
		{"passing, try unknown", fail(provider.Passing, wa.FailProviderUnavailable, 0), try(0), later(5 * time.Second)},
		{"passing, as told", fail(provider.Passing, wa.FailProviderUnavailable, 42*time.Second), try(3), later(42 * time.Second)},
		{"keys refused once", fail(provider.Passing, wa.FailSessionInvalid, 10*time.Second), try(1), later(10 * time.Second)},
		{"keys refused twice", fail(provider.Passing, wa.FailSessionInvalid, 10*time.Second), try(2), rejected(wa.FailSessionInvalid)},
		{"token missing twice", fail(provider.Passing, wa.FailPrivacyToken, 0), try(2), rejected(wa.FailPrivacyToken)},

		{"ambiguous 1", fail(provider.Ambiguous, wa.FailUnconfirmed, 0), try(1), unknown},
		{"ambiguous 2", fail(provider.Ambiguous, wa.FailUnconfirmed, 0), try(2), unknown},
		{"ambiguous 3", fail(provider.Ambiguous, wa.FailInternal, 0), try(3), rejected(wa.FailUnconfirmed)},
		{"ambiguous, just young enough", fail(provider.Ambiguous, "", 0), guard.Tries{Attempt: 1, First: epoch.Add(-6*hour + 1)}, unknown},
		{"ambiguous, too old", fail(provider.Ambiguous, "", 0), guard.Tries{Attempt: 1, First: epoch.Add(-6 * hour)}, rejected(wa.FailUnconfirmed)},
		{"a class we do not know", fail("new", "", 0), try(1), unknown},

		{"blocked 1", fail(provider.Blocked, wa.FailRateLimited, 0), guard.Tries{Attempt: 1, Blocked: 1}, cooled(time.Minute)},
		{"blocked, streak unknown", fail(provider.Blocked, wa.FailRateLimited, 0), try(1), cooled(time.Minute)},
		{"blocked 2", fail(provider.Blocked, wa.FailRateLimited, 0), guard.Tries{Blocked: 2}, cooled(2 * time.Minute)},
		{"blocked 4", fail(provider.Blocked, wa.FailRateLimited, 0), guard.Tries{Blocked: 4}, cooled(8 * time.Minute)},
		{"blocked 5", fail(provider.Blocked, wa.FailRateLimited, 0), guard.Tries{Blocked: 5}, cooled(15 * time.Minute)},
		{"blocked for ever", fail(provider.Blocked, wa.FailRateLimited, 0), guard.Tries{Blocked: 1 << 40}, cooled(15 * time.Minute)},
		{"blocked, as told", fail(provider.Blocked, wa.FailTempBanned, hour), guard.Tries{Blocked: 1}, cooled(hour)},

		{"no new chats", fail(provider.Blocked, wa.FailNewContact, 0), try(1), restricted(later(24*hour), 24*hour)},
		{"no new chats, as told", fail(provider.Passing, wa.FailNewContact, hour), try(9), restricted(later(hour), hour)},
		{"no new chats, lasting", fail(provider.Lasting, wa.FailNewContact, hour), try(1), restricted(rejected(wa.FailNewContact), hour)},
	} {
		got := guard.Settle(c.f, c.t, epoch)
		if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(wa.Failure{}, "Title", "Detail", "Retryable")); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", c.name, diff)
		}
	}
}

// Whatever a send ends with, the message can follow the outcome from sending.
func TestEveryOutcomeCanBeFollowed(t *testing.T) {
	t.Parallel()
	for _, class := range []provider.Class{provider.NotSent, provider.Passing, provider.Lasting, provider.Ambiguous, provider.Blocked} {
		for _, code := range wa.FailCodes() {
			for attempt := range 8 {
				out := guard.Settle(fail(class, code, 0), guard.Tries{Attempt: attempt, First: epoch}, epoch)
				if out.Signal == "" {
					if !out.NotBefore.After(epoch) {
						t.Errorf("%s %s %d stays in sending and nobody comes back", class, code, attempt)
					}
					continue
				}
				if _, ok := wa.Sending.Next(out.Signal); !ok {
					t.Errorf("%s %s %d gives %s, which leads nowhere from sending", class, code, attempt, out.Signal)
				}
				if (out.Signal == wa.Reject) != (out.Failure != nil) {
					t.Errorf("%s %s %d: signal %s with failure %v", class, code, attempt, out.Signal, out.Failure)
				}
			}
		}
	}
}

func TestARejectedMessageKeepsWhatTheNetworkSaid(t *testing.T) {
	t.Parallel()
	f := fail(provider.Lasting, wa.FailProviderRejected, 0)
	f.Provider = wa.ProviderError{Name: wa.ProviderWhatsmeow, Code: "487"}
	got := guard.Settle(f, guard.Tries{Attempt: 1}, epoch).Failure
	if got.Provider == nil || got.Provider.Code != "487" || got.Title == "" {
		t.Errorf("failure is %+v", got)
	}
	if got := guard.Settle(fail(provider.Lasting, wa.FailInternal, 0), guard.Tries{}, epoch).Failure; got.Provider != nil {
		t.Errorf("the network said nothing, yet %+v", got.Provider)
	}
}
