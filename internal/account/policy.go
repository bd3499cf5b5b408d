package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// OrgSettings are an org, its rules for signing in, and what else it has set.
type OrgSettings struct {
	wa.Org
	SignIn   wa.SignInPolicy `json:"sign_in"`
	Settings wa.OrgOptions   `json:"settings"`
	Grace    int             `json:"deletion_grace_seconds" doc:"For how long a deletion of the organisation can be taken back; the operator sets it"`
}

// Settings reads the actor's org.
func (s *Service) Settings(ctx context.Context, by wa.Actor) (o OrgSettings, err error) {
	o.Grace = int(s.opt.Grace.Seconds())
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if o.Org, err = tx.Org(ctx, by.Org); err != nil {
			return err
		}
		if o.Settings, err = tx.OrgSettings(ctx, by.Org); err != nil {
			return err
		}
		p, err := tx.SignInPolicy(ctx, by.Org)
		o.SignIn = p.SignInPolicy
		return err
	})
	return o, err
}

// OrgChange is what may be changed of an org; nil leaves it.
type OrgChange struct {
	Name              *string
	SecondFactorRoles *[]wa.Role
	OIDCIssuer        *string // "" takes the provider away
	OIDCClientID      *string
	OIDCSecret        *wa.Secret
	CodeClient        *wa.ClientID // the zero id: none
	Settings          wa.OrgOptionsChange
}

// ChangeOrg changes the actor's org. How people sign in, and what ends or leaves
// for good, is changed only by who proved a moment ago who they are.
func (s *Service) ChangeOrg(ctx context.Context, by wa.Actor, c OrgChange) (OrgSettings, error) {
	if c.signIn() || c.Settings.NeedsProof() {
		if err := needsFresh(by); err != nil {
			return OrgSettings{}, err
		}
	}
	if err := s.checkProvider(ctx, c); err != nil {
		return OrgSettings{}, err
	}
	err := s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if err := tx.LockOrg(ctx, by.Org); err != nil {
			return err
		}
		by, err := s.asNow(ctx, tx, by, wa.WriteOrg)
		if err != nil {
			return err
		}
		if err := renameOrg(ctx, tx, by, c.Name); err != nil {
			return err
		}
		if err := setOrg(ctx, tx, by, c.Settings); err != nil || !c.signIn() {
			return err
		}
		before, err := tx.SignInPolicy(ctx, by.Org)
		if err != nil {
			return err
		}
		after, err := s.changedPolicy(ctx, tx, by, before, c)
		if err != nil {
			return err
		}
		if err := tx.SetSignInPolicy(ctx, by.Org, after); err != nil {
			return err
		}
		if after.OIDCIssuer != before.OIDCIssuer {
			if err := tx.UnlinkSubjects(ctx, by.Org); err != nil {
				return err
			}
		}
		return tx.Audit(by, wa.AuditSSOChanged, by.Org.String(), before.SignInPolicy, after.SignInPolicy)
	})
	s.forgetSeats()
	if err != nil {
		return OrgSettings{}, err
	}
	return s.Settings(ctx, by)
}

func (c OrgChange) signIn() bool {
	return c.SecondFactorRoles != nil || c.OIDCIssuer != nil || c.OIDCClientID != nil || c.OIDCSecret != nil || c.CodeClient != nil
}

func renameOrg(ctx context.Context, tx *store.Tx, by wa.Actor, to *string) error {
	if to == nil {
		return nil
	}
	name, err := wa.CleanName("name", *to)
	if err != nil {
		return err
	}
	if name == "" {
		return wa.InvalidField("name", "must not be empty")
	}
	before, err := tx.Org(ctx, by.Org)
	if err != nil || before.Name == name {
		return err
	}
	if err := tx.RenameOrg(ctx, by.Org, name); err != nil {
		return err
	}
	return tx.Audit(by, wa.AuditOrgChanged, by.Org.String(), map[string]string{"name": before.Name}, map[string]string{"name": name})
}

// checkProvider looks at a provider's address before any lock is taken.
func (s *Service) checkProvider(ctx context.Context, c OrgChange) error {
	if c.OIDCIssuer == nil || *c.OIDCIssuer == "" {
		return nil
	}
	if s.opt.Out == nil {
		return wa.Errorf(wa.Unsupported, "this installation cannot reach OpenID providers")
	}
	if err := s.opt.Out.CheckURL(ctx, *c.OIDCIssuer, false); err != nil {
		var bad *wa.Error
		if errors.As(err, &bad) {
			moved := *bad
			moved.Field = "sign_in.oidc_issuer"
			return &moved
		}
		return err
	}
	return nil
}

// changedPolicy applies a change to an org's rules.
func (s *Service) changedPolicy(ctx context.Context, tx *store.Tx, by wa.Actor, p store.PolicyRow, c OrgChange) (store.PolicyRow, error) {
	if c.SecondFactorRoles != nil {
		p.SecondFactorRoles = slices.Compact(slices.Sorted(slices.Values(*c.SecondFactorRoles)))
		for _, role := range p.SecondFactorRoles {
			if !role.Valid() {
				return p, wa.InvalidField("sign_in.second_factor_roles", "%q is not a role", role)
			}
		}
	}
	if c.OIDCIssuer != nil && *c.OIDCIssuer != p.OIDCIssuer {
		// Its secret is not for the next one to have.
		p.OIDCIssuer, p.SealedSecret, p.OIDCSecretSet = strings.TrimSpace(*c.OIDCIssuer), nil, false
		if p.OIDCIssuer == "" {
			p.OIDCClientID = ""
		}
	}
	if c.OIDCClientID != nil {
		p.OIDCClientID = strings.TrimSpace(*c.OIDCClientID)
	}
	if p.OIDCIssuer != "" && p.OIDCClientID == "" {
		return p, wa.InvalidField("sign_in.oidc_client_id", "is needed with an issuer")
	}
	if c.OIDCSecret != nil {
		sealed, err := s.sealProviderSecret(ctx, by.Org, *c.OIDCSecret)
		if err != nil {
			return p, err
		}
		p.SealedSecret, p.OIDCSecretSet = sealed, len(sealed) > 0
	}
	if c.CodeClient != nil {
		p.CodeClient = *c.CodeClient
		if _, err := tx.Client(ctx, by.Org, p.CodeClient); !p.CodeClient.IsZero() && err != nil {
			if wa.CodeOf(err) == wa.NotFound {
				return p, wa.InvalidField("sign_in.code_client", "is not one of your clients")
			}
			return p, err
		}
	}
	return p, nil
}

func providerPlace(org wa.OrgID) string {
	return seal.Place("sign_in_policies", "oidc_secret", org.UUID(), org.UUID())
}

func (s *Service) sealProviderSecret(ctx context.Context, org wa.OrgID, secret wa.Secret) ([]byte, error) {
	if secret.IsZero() {
		return nil, nil
	}
	box, err := s.box(ctx, org)
	if err != nil {
		return nil, err
	}
	return box.Seal(providerPlace(org), []byte(secret.Reveal()))
}

func (s *Service) providerSecret(ctx context.Context, org wa.OrgID, p store.PolicyRow) (string, error) {
	if len(p.SealedSecret) == 0 {
		return "", nil
	}
	box, err := s.box(ctx, org)
	if err != nil {
		return "", err
	}
	raw, err := box.Open(providerPlace(org), p.SealedSecret)
	if err != nil {
		return "", fmt.Errorf("open the OpenID provider's secret: %w", err)
	}
	return string(raw), nil
}
