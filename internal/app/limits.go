package app

import (
	"time"

	"chasqui/internal/api"
	"chasqui/internal/cache"
)

// statementsWithin bounds one statement, by program; the others have the store's
// own bound. Nobody waits for the scheduler, and somebody waits for the api.
var statementsWithin = map[string]time.Duration{"api": 5 * time.Second, "scheduler": time.Minute} //nolint:gochecknoglobals // a table

// limits are the bounds of the settings, counted over all api processes.
func (k *Kit) limits() (api.Limits, error) {
	c := k.Config
	counter, err := cache.NewLimiter(cache.Options{URL: c.RedisURL.Reveal(), Log: k.Log})
	if err != nil {
		return api.Limits{}, err
	}
	k.onClose(counter.Close)
	return api.Limits{
		Counter: counter, Stranger: c.RateStranger, Caller: c.RateCaller, Org: c.RateOrg, SignIn: c.RateSignIn, Refresh: c.RateRefresh,
		Reset: c.RateReset, Invitations: c.RateInvitations, Pairing: c.RatePairing, Batches: c.RateBatches,
		Requests: c.OrgRequests, Streams: c.OrgStreams,
		Linger: lingerFor,
	}, nil
}

// lingerFor is how long whoever asks for too much waits for the answer: short
// enough for programs that wait as they are told, and nobody else's.
const lingerFor = 100 * time.Millisecond
