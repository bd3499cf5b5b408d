package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"chasqui/internal/seal"
	"chasqui/internal/store"
	"chasqui/internal/wa"
)

const (
	secretPrefix = "whsec_"
	secretLength = 32
)

// newSecret makes a secret: as it is shown, once, and as it is kept.
func (s *Service) newSecret(org wa.OrgID) (wa.Secret, store.SealedSecret) {
	raw, id := seal.Random(secretLength), wa.NewSecretID()
	return wa.NewSecret(secretPrefix + encodeSecret(raw)),
		store.SealedSecret{ID: id, Sealed: s.seal.Seal(secretPlace(org, id), raw)}
}

func encodeSecret(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

func secretPlace(org wa.OrgID, id wa.SecretID) string {
	return seal.Place("webhook_secrets", "sealed", id.UUID(), org.UUID())
}

func headersPlace(org wa.OrgID, id wa.EndpointID) string {
	return seal.Place("webhook_endpoints", "headers", id.UUID(), org.UUID())
}

// key signs until its end; one without an end signs on.
type key struct {
	raw []byte
	end *time.Time
}

// keys opens the secrets that sign now, the newest first.
func (s *Service) keys(ctx context.Context, tx *store.Tx, org wa.OrgID, id wa.EndpointID) ([]key, error) {
	sealed, err := tx.Secrets(ctx, org, id, s.opt.Ahead())
	if err != nil {
		return nil, err
	}
	var keys []key
	for _, v := range sealed {
		raw, err := s.seal.Open(secretPlace(org, v.ID), v.Sealed)
		if err != nil {
			return nil, fmt.Errorf("open secret %s: %w", v.ID, err)
		}
		keys = append(keys, key{raw, v.ExpiresAt})
	}
	return keys, nil
}

// sign makes the webhook-signature header as Standard Webhooks has it: one
// signature per key, so that receivers may change keys in their own time.
func sign(keys []key, id string, at time.Time, body []byte) string {
	var signatures []string
	for _, k := range keys {
		if k.end != nil && !at.Before(*k.end) {
			continue
		}
		mac := hmac.New(sha256.New, k.raw)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return strings.Join(signatures, " ")
}
