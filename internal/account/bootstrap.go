package account

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/mail"
	"strings"

	"github.com/alexedwards/argon2id"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// Bootstrapped is what a first org's people need. The secrets are shown once.
type Bootstrapped struct {
	OrgID    wa.OrgID
	Email    string
	Password wa.Secret
	APIKey   wa.Secret
}

// passwordCost follows the usual advice for Argon2id: 19 MiB, two passes.
var passwordCost = &argon2id.Params{Memory: 19 * 1024, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}

// Bootstrap makes an org with an admin and a key that may do everything. An
// e-mail address that is in use is a Conflict and nothing is made.
func (s *Service) Bootstrap(ctx context.Context, name, email string) (Bootstrapped, error) {
	name, email = strings.TrimSpace(name), strings.ToLower(strings.TrimSpace(email))
	if name == "" {
		return Bootstrapped{}, wa.InvalidField("org", "must not be empty")
	}
	if _, err := mail.ParseAddress(email); err != nil {
		return Bootstrapped{}, wa.InvalidField("email", "is not an e-mail address")
	}
	password := wa.NewSecret(rand.Text())
	hash, err := argon2id.CreateHash(password.Reveal(), passwordCost)
	if err != nil {
		return Bootstrapped{}, fmt.Errorf("hash password: %w", err)
	}
	text, public := wa.NewKeyText()
	org := wa.Org{ID: wa.NewOrgID(), Name: name}
	user := wa.User{ID: wa.NewUserID(), OrgID: org.ID, Email: email, Role: wa.Admin}
	key := wa.APIKey{
		ID: wa.NewKeyID(), OrgID: org.ID, PublicID: public, Hash: wa.HashKey(s.pepper, text), Name: "first key",
		Scopes: []wa.Permission{wa.Everything},
	}
	err = s.db.InTx(ctx, func(tx *store.Tx) error {
		if err := tx.InsertOrg(ctx, org); err != nil {
			return err
		}
		if err := tx.InsertUser(ctx, user, hash); err != nil {
			return err
		}
		if err := tx.Audit(wa.Actor{Org: org.ID, Name: "system"}, wa.AuditOrgCreated, org.ID.String(), nil, org); err != nil {
			return err
		}
		if err := tx.Audit(operator(org.ID), wa.AuditUserCreated, user.ID.String(), nil, map[string]any{"role": user.Role}); err != nil {
			return err
		}
		if err := tx.Audit(operator(org.ID), wa.AuditKeyMade, key.ID.String(), nil, key); err != nil {
			return err
		}
		return tx.InsertKey(ctx, key)
	})
	if wa.CodeOf(err) == wa.Conflict {
		return Bootstrapped{}, &wa.Error{Code: wa.Conflict, Field: "email", Message: "this e-mail address is in use", Err: err}
	}
	return Bootstrapped{OrgID: org.ID, Email: email, Password: password, APIKey: text}, err
}
