package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"chasqui/internal/store"
	"chasqui/internal/wa"
)

// How many recovery codes there are, and how many random bytes one has.
const (
	recoveryCodes   = 10
	recoveryCodeLen = 10
)

var recoveryAlphabet = base32.NewEncoding("ABCDEFGHJKLMNPQRSTUVWXYZ23456789").WithPadding(base32.NoPadding)

// newRecoveryCodes makes codes of 16 letters and digits, 80 random bits each,
// and what is kept of them.
func (s *Service) newRecoveryCodes(user wa.UserID) (codes []wa.Secret, hashes [][]byte) {
	for range recoveryCodes {
		raw := make([]byte, recoveryCodeLen)
		rand.Read(raw)
		text := recoveryAlphabet.EncodeToString(raw)
		codes = append(codes, wa.NewSecret(text[:4]+"-"+text[4:8]+"-"+text[8:12]+"-"+text[12:]))
		hashes = append(hashes, s.codeHash(user, text))
	}
	return codes, hashes
}

// codeHash is what is kept of a code of one person. The key keeps short ones
// from being guessed by whoever sees the table.
func (s *Service) codeHash(user wa.UserID, code string) []byte {
	mac := hmac.New(sha256.New, derive(s.pepper, "chasqui codes"))
	mac.Write([]byte(user.UUID() + "|" + code))
	return mac.Sum(nil)
}

// NewRecoveryCodes replaces the actor's recovery codes.
func (s *Service) NewRecoveryCodes(ctx context.Context, by wa.Actor) ([]wa.Secret, error) {
	m, err := s.self(ctx, by)
	if err != nil {
		return nil, err
	}
	if err := needsFresh(by); err != nil {
		return nil, err
	}
	if !m.SecondFactor {
		return nil, wa.Errorf(wa.Conflict, "there is no second factor to recover")
	}
	codes, hashes := s.newRecoveryCodes(by.User)
	err = s.db.InOrg(ctx, by.Org, func(tx *store.Tx) error {
		if err := tx.ReplaceRecoveryCodes(ctx, by.Org, by.User, hashes); err != nil {
			return err
		}
		return tx.Audit(by, wa.AuditRecoveryCodes, by.User.String(), nil, nil)
	})
	if err != nil {
		return nil, err
	}
	return codes, nil
}

// proveRecovery uses a recovery code up.
func (s *Service) proveRecovery(ctx context.Context, tx *store.Tx, m store.Member, code wa.Secret, from wa.Caller) (bool, error) {
	text := strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code.Reveal()))
	took, err := tx.TakeRecoveryCode(ctx, m.OrgID, m.ID, s.codeHash(m.ID, text), s.now())
	if err != nil || !took {
		return false, err
	}
	left, err := tx.CountRecoveryCodes(ctx, m.OrgID, m.ID)
	if err != nil {
		return false, err
	}
	return true, tx.Audit(actorOf(m, from), wa.AuditRecoveryUsed, m.ID.String(), nil, map[string]int{"left": left})
}
