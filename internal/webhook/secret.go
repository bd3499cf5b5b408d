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
func (s *Service) newSecret(ctx context.Context, org wa.OrgID) (wa.Secret, store.SealedSecret, error) {
	raw := seal.Random(secretLength)
	sealed, err := s.sealKey(ctx, org, key{raw: raw})
	return wa.NewSecret(secretPrefix + encodeSecret(raw)), sealed, err
}

// sealKey makes a row of a key.
func (s *Service) sealKey(ctx context.Context, org wa.OrgID, k key) (store.SealedSecret, error) {
	id := wa.NewSecretID()
	sealed, err := s.seal(ctx, org, secretPlace(org, id), k.raw)
	return store.SealedSecret{ID: id, Sealed: sealed, ExpiresAt: k.end}, err
}

func (s *Service) seal(ctx context.Context, org wa.OrgID, place string, plain []byte) ([]byte, error) {
	box, err := s.keys.For(ctx, org)
	if err != nil {
		return nil, err
	}
	return box.Seal(place, plain)
}

func (s *Service) open(ctx context.Context, org wa.OrgID, place string, sealed []byte) ([]byte, error) {
	box, err := s.keys.For(ctx, org)
	if err != nil {
		return nil, err
	}
	return box.Open(place, sealed)
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

// signing opens the secrets that sign now, the newest first.
func (s *Service) signing(ctx context.Context, tx *store.Tx, org wa.OrgID, id wa.EndpointID) ([]key, error) {
	sealed, err := tx.Secrets(ctx, org, id, s.opt.Ahead())
	if err != nil {
		return nil, err
	}
	return s.opened(ctx, org, sealed)
}

func (s *Service) opened(ctx context.Context, org wa.OrgID, sealed []store.SealedSecret) ([]key, error) {
	var keys []key
	for _, v := range sealed {
		raw, err := s.open(ctx, org, secretPlace(org, v.ID), v.Sealed)
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
