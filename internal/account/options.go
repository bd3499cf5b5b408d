package account

import (
	"context"
	"log/slog"
	"time"

	"chasqui/internal/egress"
	"chasqui/internal/wa"
)

// Options are what signing in needs besides the database. All of it may be
// absent: what needs it is Unsupported then.
type Options struct {
	PublicURL string   // the address that links lead to; "" makes links of the token alone
	Retired   [][]byte // peppers of before: access tokens under them are good until they run out
	Boxes     Boxes    // seals the seeds of authenticator apps and the secrets of OpenID providers
	Mail      Mailer   // nil: links are shown to whoever may hand them on
	Out       *egress.Guard
	Send      Messenger     // sends one-time codes
	Breached  *Breached     // passwords that nobody may choose, besides those that are known here; nil: none
	Grace     time.Duration // for how long the deletion of an org can be taken back
	Now       func() time.Time
	Log       *slog.Logger
}

// Box seals what one org keeps.
type Box interface {
	Seal(place string, plain []byte) ([]byte, error)
	Open(place string, sealed []byte) ([]byte, error)
}

// Boxes gives the box of an org.
type Boxes func(ctx context.Context, org wa.OrgID) (Box, error)

// Mailer sends mails to people.
type Mailer interface {
	Mail(ctx context.Context, l wa.Letter) error
}

// Messenger sends a text to a number through one of an org's clients.
type Messenger func(ctx context.Context, org wa.OrgID, client wa.ClientID, to wa.Phone, text string) error

// box is the org's, or Unsupported.
func (s *Service) box(ctx context.Context, org wa.OrgID) (Box, error) {
	if s.opt.Boxes == nil {
		return nil, wa.Errorf(wa.Unsupported, "this installation keeps no secrets of people")
	}
	return s.opt.Boxes(ctx, org)
}
