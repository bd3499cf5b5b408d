package account

import (
	"context"
	"slices"
	"strings"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// CreateKey makes an API key for an org and gives its text, which is not kept.
// Scopes must be known permissions, and at least one. An org that is not there
// is NotFound.
func (s *Service) CreateKey(ctx context.Context, org wa.OrgID, name string, scopes []wa.Permission) (wa.APIKey, wa.Secret, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return wa.APIKey{}, wa.Secret{}, wa.InvalidField("name", "must not be empty")
	}
	if len(scopes) == 0 {
		return wa.APIKey{}, wa.Secret{}, wa.InvalidField("scope", "at least one is needed")
	}
	for _, scope := range scopes {
		if !slices.Contains(wa.Permissions(), scope) {
			return wa.APIKey{}, wa.Secret{}, wa.InvalidField("scope", "%q is not a permission", scope)
		}
	}
	text, public := wa.NewKeyText()
	key := wa.APIKey{ID: wa.NewKeyID(), OrgID: org, PublicID: public, Hash: wa.HashKey(s.pepper, text), Name: name, Scopes: scopes}
	err := s.db.InOrg(ctx, org, func(tx *store.Tx) error {
		if _, err := tx.Org(ctx, org); err != nil {
			return err
		}
		return tx.InsertKey(ctx, key)
	})
	return key, text, err
}
