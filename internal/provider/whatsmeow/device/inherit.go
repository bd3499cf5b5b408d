package device

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"go.mau.fi/whatsmeow/proto/waAdv"
	wmstore "go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/util/keys"

	"chasqui/internal/store"
)

// inherit takes a device over that was linked when the library's own store kept
// the keys, and opens it. NotFound when there is none.
func (c *Container) inherit(ctx context.Context, o Owner, jid types.JID) (store.Device, error) {
	row := store.Device{Org: o.Org, Client: o.Client, Epoch: o.Epoch, ID: uuid.New(), JID: jid.String()}
	k := c.keeper(o, row)
	box, err := k.box(ctx) // before the transaction, which must not wait for keys
	if err != nil {
		return row, err
	}
	err = c.opts.DB.TakeOverDevice(ctx, row, func(old store.LegacyDevice) ([]byte, []store.DeviceValue, error) {
		d, err := deviceOfOld(old)
		if err != nil {
			return nil, nil, err
		}
		plain, err := encodeDevice(d)
		if err != nil {
			return nil, nil, err
		}
		sealed, err := box.Seal(devicePlace(row), plain)
		if err != nil {
			return nil, nil, err
		}
		values, err := k.valuesOfOld(box, old)
		return sealed, values, err
	})
	if err != nil {
		return row, err
	}
	c.opts.Log.Infof("Took over the keys of a device from the former store")
	return c.opts.DB.OpenDevice(ctx, o.Org, o.Client, o.Epoch, row.JID)
}

func deviceOfOld(old store.LegacyDevice) (*wmstore.Device, error) {
	if len(old.Noise) != 32 || len(old.Identity) != 32 || len(old.SignedPreKey) != 32 || len(old.SignedPreKeySign) != 64 {
		return nil, errNoDevice
	}
	d := &wmstore.Device{
		RegistrationID: uint32(old.Registration),
		NoiseKey:       keyPair(old.Noise), IdentityKey: keyPair(old.Identity), AdvSecretKey: old.AdvSecret,
		SignedPreKey: &keys.PreKey{
			KeyPair: *keyPair(old.SignedPreKey), KeyID: uint32(old.SignedPreKeyID),
			Signature: (*[64]byte)(old.SignedPreKeySign),
		},
		Account: &waAdv.ADVSignedDeviceIdentity{
			Details: old.Details, AccountSignature: old.AccountSign, AccountSignatureKey: old.AccountKey, DeviceSignature: old.DeviceSign,
		},
		Platform: old.Platform, BusinessName: old.BusinessName, PushName: old.PushName,
		LIDMigrationTimestamp: old.LIDMigrationAt, CompanionMetaNonce: old.Nonce,
	}
	if old.FacebookUUID != nil {
		d.FacebookUUID = *old.FacebookUUID
	}
	if old.LID == "" {
		return d, nil
	}
	var err error
	if d.LID, err = types.ParseJID(old.LID); err != nil {
		return nil, errNoDevice
	}
	return d, nil
}

// valuesOfOld seals the rows of the library's tables as values.
func (k *keeper) valuesOfOld(box Box, old store.LegacyDevice) (values []store.DeviceValue, err error) {
	changes := map[slot]item{}
	for table, rows := range old.Rows {
		read, known := ofOld[table]
		if !known {
			return nil, fmt.Errorf("nobody knows what to do with %s", table)
		}
		for _, r := range rows {
			s, it, err := read(r)
			if err != nil {
				return nil, err
			}
			changes[s] = it
		}
	}
	for s, it := range changes {
		v, err := k.sealed(box, s, it)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// ofOld says for each of the library's tables which value a row becomes.
var ofOld = map[string]func(store.LegacyRow) (slot, item, error){
	"identity_keys": func(r store.LegacyRow) (slot, item, error) {
		return slot{kindIdentity, text(r, 0)}, item{plain: r.Bytes[0]}, nil
	},
	"pre_keys": func(r store.LegacyRow) (slot, item, error) {
		return preKeySlot(uint32(number(r, 0))), item{plain: r.Bytes[0], mark: r.Bools[0]}, nil
	},
	"sessions": func(r store.LegacyRow) (slot, item, error) {
		return slot{kindSession, text(r, 0)}, item{plain: r.Bytes[0]}, nil
	},
	"sender_keys": func(r store.LegacyRow) (slot, item, error) {
		return senderKeySlot(text(r, 0), text(r, 1)), item{plain: r.Bytes[0]}, nil
	},
	"app_state_sync_keys": func(r store.LegacyRow) (slot, item, error) {
		return packed(slot{kindAppKey, string(r.Bytes[0])}, appKey{Data: r.Bytes[1], Fingerprint: r.Bytes[2], At: number(r, 0)})
	},
	"app_state_version": func(r store.LegacyRow) (slot, item, error) {
		return slot{kindAppState, text(r, 0)}, item{plain: appStateOf(uint64(number(r, 0)), r.Bytes[0])}, nil
	},
	"app_state_mutation_macs": func(r store.LegacyRow) (slot, item, error) {
		return macSlot(text(r, 0), r.Bytes[0]), item{plain: r.Bytes[1]}, nil
	},
	"contacts": func(r store.LegacyRow) (slot, item, error) {
		return packed(slot{kindContact, text(r, 0)}, person{
			FirstName: text(r, 1), FullName: text(r, 2), PushName: text(r, 3), BusinessName: text(r, 4), RedactedPhone: text(r, 5),
		})
	},
	"chat_settings": func(r store.LegacyRow) (slot, item, error) {
		return packed(slot{kindChat, text(r, 0)}, chat{MutedUntil: number(r, 0), Pinned: r.Bools[0], Archived: r.Bools[1]})
	},
	"message_secrets": func(r store.LegacyRow) (slot, item, error) {
		return slot{kindSecret, text(r, 0) + "\x00" + text(r, 1) + "\x00" + text(r, 2)}, item{plain: r.Bytes[0]}, nil
	},
	"privacy_tokens": func(r store.LegacyRow) (slot, item, error) {
		s, it, err := packed(slot{kindToken, text(r, 0)}, token{Token: r.Bytes[0], At: number(r, 0), SentAt: r.Ints[1]})
		it.at = time.Unix(number(r, 0), 0)
		return s, it, err
	},
	"nct_salt": func(r store.LegacyRow) (slot, item, error) { return saltSlot, item{plain: r.Bytes[0]}, nil },
	"event_buffer": func(r store.LegacyRow) (slot, item, error) {
		it := item{at: time.UnixMilli(number(r, 1)), spent: r.Bytes[1] == nil}
		if !it.spent {
			it.plain = inboundOf(time.Unix(number(r, 0), 0), r.Bytes[1])
		}
		return slot{kindInbound, string(r.Bytes[0])}, it, nil
	},
}

func text(r store.LegacyRow, i int) string {
	if r.Texts[i] == nil {
		return ""
	}
	return *r.Texts[i]
}

func number(r store.LegacyRow, i int) int64 {
	if r.Ints[i] == nil {
		return 0
	}
	return *r.Ints[i]
}

func packed(s slot, v any) (slot, item, error) {
	raw, err := json.Marshal(v)
	return s, item{plain: raw}, err
}
