package whatsmeow

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.mau.fi/libsignal/signalerror"
	wm "go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/socket"

	"chasqui/internal/provider"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

var (
	errUnsupported  = errors.New("this type of content cannot be sent")
	errNotPaired    = errors.New("the number is not linked to a phone")
	errNotOnline    = errors.New("the number is not online")
	errClosed       = errors.New("the session is closed")
	errPairing      = errors.New("the number is being paired")
	errNotOnNetwork = errors.New("the recipient has no account")
)

// attempt is what is known of a send that failed.
type attempt struct {
	// encrypted: the message was ready to leave when it failed, and may have.
	encrypted bool
	// lockedUntil: until then WhatsApp forbids this number new chats.
	lockedUntil time.Time
	now         time.Time
}

// rule is one row of the table of failures: the first that fits decides.
type rule struct {
	fits    func(error) bool
	failure provider.Failure
}

func is(targets ...error) func(error) bool {
	return func(err error) bool {
		for _, t := range targets {
			if errors.Is(err, t) {
				return true
			}
		}
		return false
	}
}

func says(text string) func(error) bool {
	return func(err error) bool { return strings.Contains(err.Error(), text) }
}

// early are failures from before anything left the machine.
var early = []rule{
	{is(errUnsupported), lasting(wa.FailContentUnsupported)},
	{is(errNotOnNetwork), lasting(wa.FailNotOnWhatsApp)},
	{says("no LID found for"), lasting(wa.FailNotOnWhatsApp)},
	{
		is(errNobody, wm.ErrRecipientADJID, wm.ErrUnknownServer, wm.ErrBroadcastListUnsupported, wm.ErrInvalidInlineBotID),
		lasting(wa.FailRecipientInvalid),
	},
	{is(wm.ErrNotInGroup, wm.ErrGroupNotFound), lasting(wa.FailGroupUnavailable)},
	{is(errNoCiphertext, wm.ErrNoSession, signalerror.ErrUntrustedIdentity), passing(wa.FailSessionInvalid, 10*time.Second)},
	{is(errGripLost), passing(wa.FailInternal, time.Second)},
	{is(store.ErrTaken), notSent(wa.FailNotConnected)},
	{is(wm.ErrNotLoggedIn, errNotPaired), notSent(wa.FailLoggedOut)},
	{is(wm.ErrNotConnected, errNotOnline, errClosed, errPairing, socket.ErrSocketClosed), notSent(wa.FailNotConnected)},
	{disconnected("info query"), notSent(wa.FailNotConnected)},
	{is(wm.ErrIQTimedOut), passing(wa.FailProviderUnavailable, 5*time.Second)},
	{is(context.Canceled), notSent(wa.FailNotConnected)},
	{is(context.DeadlineExceeded), passing(wa.FailProviderUnavailable, 5*time.Second)},
}

func lasting(code wa.FailCode) provider.Failure {
	return provider.Failure{Class: provider.Lasting, Code: code}
}

func passing(code wa.FailCode, after time.Duration) provider.Failure {
	return provider.Failure{Class: provider.Passing, Code: code, After: after}
}

func notSent(code wa.FailCode) provider.Failure {
	return provider.Failure{Class: provider.NotSent, Code: code}
}

func blocked(code wa.FailCode, after time.Duration) provider.Failure {
	return provider.Failure{Class: provider.Blocked, Code: code, After: after}
}

func disconnected(action string) func(error) bool {
	return func(err error) bool {
		var d *wm.DisconnectedError
		return errors.As(err, &d) && strings.HasPrefix(d.Action, action)
	}
}

// classify says what a failed send means.
func classify(err error, a attempt) *provider.Failure {
	f, name, code := decide(err, a)
	f.Provider = wa.ProviderError{Name: name, Code: code, Raw: scrub(err.Error())}
	f.Err = scrubbed{err}
	return &f
}

func decide(err error, a attempt) (f provider.Failure, name, code string) {
	if n, ok := serverCode(err); ok {
		return byServerCode(n, a), "server_error", strconv.Itoa(n)
	}
	if a.encrypted && !neverLeft(err) {
		return provider.Failure{Class: provider.Ambiguous, Code: wa.FailUnconfirmed}, "no_answer", ""
	}
	var iq *wm.IQError
	if errors.As(err, &iq) && !errors.Is(err, wm.ErrNotInGroup) && !errors.Is(err, wm.ErrGroupNotFound) {
		return byQueryCode(iq.Code), "query_error", strconv.Itoa(iq.Code)
	}
	for _, r := range early {
		if r.fits(err) {
			return r.failure, "library_error", ""
		}
	}
	return passing(wa.FailInternal, 5*time.Second), "library_error", ""
}

// neverLeft recognises failures from after encryption but before the first
// byte was written. A bare "not connected" is not among them: that one comes
// from repeating the message on a new connection.
func neverLeft(err error) bool {
	return says("failed to send message node")(err) && is(wm.ErrNotConnected, socket.ErrSocketClosed, errNoCiphertext)(err)
}

var serverSaid = regexp.MustCompile(regexp.QuoteMeta(wm.ErrServerReturnedError.Error()) + ` ([0-9]{1,6})`)

// serverCode finds the number in the server's refusal. The library has no type
// for it; the text is all there is.
func serverCode(err error) (int, bool) {
	if !errors.Is(err, wm.ErrServerReturnedError) {
		return 0, false
	}
	found := serverSaid.FindStringSubmatch(err.Error())
	if found == nil {
		return 0, true
	}
	n, convErr := strconv.Atoi(found[1])
	return n, convErr == nil
}

// byServerCode reads the number with which the server refused a message.
func byServerCode(n int, a attempt) provider.Failure {
	switch {
	case n == 463 && a.lockedUntil.After(a.now):
		return passing(wa.FailNewContact, a.lockedUntil.Sub(a.now)+time.Minute)
	case n == 463:
		return lasting(wa.FailPrivacyToken)
	case n == 479:
		return passing(wa.FailSessionInvalid, 10*time.Second)
	case n == 420 || n == 429:
		return blocked(wa.FailRateLimited, time.Minute)
	case n >= 500 && n < 600:
		return passing(wa.FailProviderUnavailable, 30*time.Second)
	}
	return lasting(wa.FailProviderRejected)
}

// byQueryCode reads the answer to a question that had to be asked before the
// message could be sent.
func byQueryCode(n int) provider.Failure {
	switch n {
	case 419, 423, 429:
		return blocked(wa.FailRateLimited, 5*time.Minute)
	case 400, 401, 403, 404, 405, 406, 410:
		return lasting(wa.FailProviderRejected)
	}
	return passing(wa.FailProviderUnavailable, 30*time.Second)
}
