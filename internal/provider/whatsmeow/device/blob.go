package device

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"go.mau.fi/whatsmeow/proto/waAdv"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"
	"google.golang.org/protobuf/proto"
)

// blob is what a device is, as it is sealed. Its address stands beside it.
type blob struct {
	LID                string    `json:"lid"`
	Registration       uint32    `json:"registration"`
	Noise              []byte    `json:"noise"`    // private; 32 bytes
	Identity           []byte    `json:"identity"` // private; 32 bytes
	SignedPreKey       []byte    `json:"signed_pre_key"`
	SignedPreKeyID     uint32    `json:"signed_pre_key_id"`
	SignedPreKeySign   []byte    `json:"signed_pre_key_sign"` // 64 bytes
	AdvSecret          []byte    `json:"adv_secret"`
	Account            []byte    `json:"account"` // as the phone signed it
	Platform           string    `json:"platform"`
	BusinessName       string    `json:"business_name"`
	PushName           string    `json:"push_name"`
	FacebookUUID       uuid.UUID `json:"facebook_uuid"`
	LIDMigrationAt     int64     `json:"lid_migration_at"`
	CompanionMetaNonce string    `json:"companion_meta_nonce"`
}

func encodeDevice(d *wmstore.Device) ([]byte, error) {
	account, err := proto.Marshal(d.Account)
	if err != nil {
		return nil, fmt.Errorf("encode account of device: %w", err)
	}
	raw, err := json.Marshal(blob{
		LID: d.LID.String(), Registration: d.RegistrationID, Noise: d.NoiseKey.Priv[:], Identity: d.IdentityKey.Priv[:],
		SignedPreKey: d.SignedPreKey.Priv[:], SignedPreKeyID: d.SignedPreKey.KeyID, SignedPreKeySign: d.SignedPreKey.Signature[:],
		AdvSecret: d.AdvSecretKey, Account: account, Platform: d.Platform, BusinessName: d.BusinessName, PushName: d.PushName,
		FacebookUUID: d.FacebookUUID, LIDMigrationAt: d.LIDMigrationTimestamp, CompanionMetaNonce: d.CompanionMetaNonce,
	})
	if err != nil {
		return nil, fmt.Errorf("encode device: %w", err)
	}
	return raw, nil
}

var errNoDevice = errors.New("what was kept is no device")

func decodeDevice(raw []byte) (*wmstore.Device, error) {
	var b blob
	if err := json.Unmarshal(raw, &b); err != nil {
		return nil, errNoDevice // the error would quote what it found
	}
	if len(b.Noise) != 32 || len(b.Identity) != 32 || len(b.SignedPreKey) != 32 || len(b.SignedPreKeySign) != 64 {
		return nil, errNoDevice
	}
	account := &waAdv.ADVSignedDeviceIdentity{}
	if err := proto.Unmarshal(b.Account, account); err != nil {
		return nil, errNoDevice
	}
	d := &wmstore.Device{
		RegistrationID: b.Registration, NoiseKey: keyPair(b.Noise), IdentityKey: keyPair(b.Identity), AdvSecretKey: b.AdvSecret, Account: account,
		Platform: b.Platform, BusinessName: b.BusinessName, PushName: b.PushName, FacebookUUID: b.FacebookUUID,
		LIDMigrationTimestamp: b.LIDMigrationAt, CompanionMetaNonce: b.CompanionMetaNonce,
		SignedPreKey: &keys.PreKey{KeyPair: *keyPair(b.SignedPreKey), KeyID: b.SignedPreKeyID, Signature: (*[64]byte)(b.SignedPreKeySign)},
	}
	if b.LID == "" {
		return d, nil
	}
	var err error
	if d.LID, err = types.ParseJID(b.LID); err != nil {
		return nil, errNoDevice
	}
	return d, nil
}

// keyPair needs 32 bytes.
func keyPair(priv []byte) *keys.KeyPair { return keys.NewKeyPairFromPrivateKey([32]byte(priv)) }
