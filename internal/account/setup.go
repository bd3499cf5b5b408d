package account

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"fmt"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// SetUp is what an installation's first org and its admin are called.
type SetUp struct {
	Org, Name, Email string
	Password         wa.Secret
}

// SetUpNeeded reports whether the installation has no org yet.
func (s *Service) SetUpNeeded(ctx context.Context) (needed bool, err error) {
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		some, err := tx.AnyOrg(ctx)
		needed = !some
		return err
	})
	return needed, err
}

// SetUpLink is where, below an address, the first org is made. Whoever reads the logs of the api,
// or can run its command line, may do that. The token follows from the pepper
// and from how many orgs there have been, so every process knows it and none
// keeps it. It opens nothing once there is an org, nor when that is erased: then
// it is another link.
func (s *Service) SetUpLink(ctx context.Context, base string) (link wa.Secret, err error) {
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		token, err := s.setUpToken(ctx, tx)
		link = wa.NewSecret(trimSlash(base) + "/set-up#token=" + token.Reveal())
		return err
	})
	return link, err
}

func (s *Service) setUpToken(ctx context.Context, tx *store.Tx) (wa.Secret, error) {
	orgs, err := tx.OrgsEver(ctx)
	if err != nil {
		return wa.Secret{}, err
	}
	purpose := "chasqui first set-up"
	if orgs > 0 {
		purpose = fmt.Sprintf("chasqui set-up after %d organisations", orgs)
	}
	return wa.NewSecret(base64.RawURLEncoding.EncodeToString(derive(s.pepper, purpose))), nil
}

// SetUp makes the first org with its admin, and lets them in. Once there is an
// org it is NotFound, whatever the token; before, another token is Forbidden.
func (s *Service) SetUp(ctx context.Context, token wa.Secret, u SetUp, from wa.Caller) (Granted, error) {
	if err := s.db.InTx(ctx, func(tx *store.Tx) error { return s.checkSetUp(ctx, tx, token) }); err != nil {
		return Granted{}, s.refusedSetUp(ctx, err, from)
	}
	org, m, err := s.first(ctx, u)
	if err != nil {
		return Granted{}, err
	}
	var g Granted
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.HoldOrgs(ctx); err != nil {
			return err
		}
		if err := s.checkSetUp(ctx, tx, token); err != nil {
			return err
		}
		if err := insertFirst(ctx, tx, org, m, from); err != nil {
			return err
		}
		g, err = s.begin(ctx, tx, m, proof{wa.ByPassword, false, s.now()}, from)
		return err
	})
	return g, err
}

// checkSetUp is NotFound once there is an org, and Forbidden to another token
// than the one that opens now.
func (s *Service) checkSetUp(ctx context.Context, tx *store.Tx, token wa.Secret) error {
	if some, err := tx.AnyOrg(ctx); err != nil {
		return err
	} else if some {
		return wa.Errorf(wa.NotFound, "this installation is set up: sign in, or ask to be invited")
	}
	want, err := s.setUpToken(ctx, tx)
	if err != nil {
		return err
	}
	if !hmac.Equal(linkHash(token), linkHash(want)) { // of hashes, so that not even the length is told
		return &wa.Error{
			Code: wa.Forbidden, Reason: "setup_token",
			Message: "this is not the link that makes the first organisation now: chasqui setup-link shows it",
		}
	}
	return nil
}

// refusedSetUp writes down that somebody came without the token, and gives the
// refusal.
func (s *Service) refusedSetUp(ctx context.Context, refusal error, from wa.Caller) error {
	if wa.CodeOf(refusal) != wa.Forbidden {
		return refusal
	}
	if err := s.db.InTx(ctx, func(tx *store.Tx) error {
		return tx.Audit(wa.Actor{Name: nobodyKnown, From: from}, wa.AuditSetUpRefused, "", nil, nil)
	}); err != nil {
		return err
	}
	return refusal
}

// first reads what the first org and its admin are to be, and tidies it up.
func (s *Service) first(ctx context.Context, u SetUp) (o wa.Org, m store.Member, err error) {
	o = wa.Org{ID: wa.NewOrgID(), TimeZone: "UTC", CreatedAt: s.now()} // as the table begins
	m.User = wa.User{ID: wa.NewUserID(), OrgID: o.ID, Role: wa.Admin, Status: wa.UserActive, CreatedAt: o.CreatedAt}
	m.SessionVersion = 1
	if o.Name, err = wa.CleanName("organisation", u.Org); err != nil || o.Name == "" {
		return o, m, orEmpty(err, "organisation")
	}
	if m.Name, err = wa.CleanName("name", u.Name); err != nil || m.Name == "" {
		return o, m, orEmpty(err, "name")
	}
	if m.Email, err = wa.ParseEmail(u.Email); err != nil {
		return o, m, err
	}
	if err := checkPassword(u.Password.Reveal(), m.Email); err != nil {
		return o, m, err
	}
	m.PasswordHash, err = s.hash(ctx, u.Password)
	return o, m, err
}

func orEmpty(err error, field string) error {
	if err != nil {
		return err
	}
	return wa.InvalidField(field, "must not be empty")
}

// insertFirst makes an org and its admin, who did it themselves.
func insertFirst(ctx context.Context, tx *store.Tx, org wa.Org, m store.Member, from wa.Caller) error {
	if err := tx.InsertOrg(ctx, org); err != nil {
		return err
	}
	if err := tx.InsertUser(ctx, m.User, m.PasswordHash); err != nil {
		return err
	}
	by := actorOf(m, from)
	if err := tx.Audit(by, wa.AuditOrgCreated, org.ID.String(), nil, org); err != nil {
		return err
	}
	return tx.Audit(by, wa.AuditUserCreated, m.ID.String(), nil, map[string]any{"role": m.Role})
}
