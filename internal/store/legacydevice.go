package store

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// LegacyDevice is a device as the library's own store kept it, unsealed. Rows
// have the columns in the order of the statements below.
type LegacyDevice struct {
	Noise, Identity, SignedPreKey, SignedPreKeySign         []byte
	AdvSecret, Details, AccountSign, AccountKey, DeviceSign []byte
	LID, Platform, BusinessName, PushName, Nonce            string
	FacebookUUID                                            *uuid.UUID
	Registration, SignedPreKeyID, LIDMigrationAt            int64
	Rows                                                    map[string][]LegacyRow // by table
	Pairs                                                   []LID
}

// LegacyRow is a row of one of the library's tables: texts, bytes, numbers and
// truths, as far as the table has them.
type LegacyRow struct {
	Texts []*string
	Bytes [][]byte
	Ints  []*int64
	Bools []bool
}

// legacyTables are the library's tables that belong to a device.
var legacyTables = map[string]string{ //nolint:gosec // names of tables, no keys
	"identity_keys":           `SELECT ARRAY[their_id], ARRAY[identity], '{}'::bigint[], '{}'::boolean[] FROM whatsmeow.whatsmeow_identity_keys WHERE our_jid = $1`,
	"pre_keys":                `SELECT '{}'::text[], ARRAY[key], ARRAY[key_id::bigint], ARRAY[uploaded] FROM whatsmeow.whatsmeow_pre_keys WHERE jid = $1`,
	"sessions":                `SELECT ARRAY[their_id], ARRAY[session], '{}'::bigint[], '{}'::boolean[] FROM whatsmeow.whatsmeow_sessions WHERE our_jid = $1`,
	"sender_keys":             `SELECT ARRAY[chat_id, sender_id], ARRAY[sender_key], '{}'::bigint[], '{}'::boolean[] FROM whatsmeow.whatsmeow_sender_keys WHERE our_jid = $1`,
	"app_state_sync_keys":     `SELECT '{}'::text[], ARRAY[key_id, key_data, fingerprint], ARRAY[timestamp], '{}'::boolean[] FROM whatsmeow.whatsmeow_app_state_sync_keys WHERE jid = $1`,
	"app_state_version":       `SELECT ARRAY[name], ARRAY[hash], ARRAY[version], '{}'::boolean[] FROM whatsmeow.whatsmeow_app_state_version WHERE jid = $1`,
	"app_state_mutation_macs": `SELECT ARRAY[name], ARRAY[index_mac, value_mac], ARRAY[version], '{}'::boolean[] FROM whatsmeow.whatsmeow_app_state_mutation_macs WHERE jid = $1 ORDER BY version`,
	"contacts":                `SELECT ARRAY[their_jid, first_name, full_name, push_name, business_name, redacted_phone], '{}'::bytea[], '{}'::bigint[], '{}'::boolean[] FROM whatsmeow.whatsmeow_contacts WHERE our_jid = $1`,
	"chat_settings":           `SELECT ARRAY[chat_jid], '{}'::bytea[], ARRAY[muted_until], ARRAY[pinned, archived] FROM whatsmeow.whatsmeow_chat_settings WHERE our_jid = $1`,
	"message_secrets":         `SELECT ARRAY[chat_jid, sender_jid, message_id], ARRAY[key], '{}'::bigint[], '{}'::boolean[] FROM whatsmeow.whatsmeow_message_secrets WHERE our_jid = $1`,
	"privacy_tokens":          `SELECT ARRAY[their_jid], ARRAY[token], ARRAY[timestamp, sender_timestamp], '{}'::boolean[] FROM whatsmeow.whatsmeow_privacy_tokens WHERE our_jid = $1`,
	"nct_salt":                `SELECT '{}'::text[], ARRAY[salt], '{}'::bigint[], '{}'::boolean[] FROM whatsmeow.whatsmeow_nct_salt WHERE our_jid = $1`,
	"event_buffer":            `SELECT '{}'::text[], ARRAY[ciphertext_hash, plaintext], ARRAY[server_timestamp, insert_timestamp], '{}'::boolean[] FROM whatsmeow.whatsmeow_event_buffer WHERE our_jid = $1`,
}

// TakeOverDevice moves a device from the library's own tables into ours, in one
// transaction: seal makes of it what is kept. A worker of an older version that
// still has it finds it gone. NotFound when it is not there; ErrTaken when the
// client has another owner.
func (db *DB) TakeOverDevice(ctx context.Context, d Device, seal func(LegacyDevice) ([]byte, []DeviceValue, error)) error {
	return db.InOrg(ctx, d.Org, func(tx *Tx) error {
		old, err := tx.legacyDevice(ctx, d.JID)
		if err != nil {
			return err
		}
		sealed, values, err := seal(old)
		if err != nil {
			return err
		}
		d.Sealed = sealed
		if err := tx.keepTaken(ctx, d, values, old.Pairs); err != nil {
			return err
		}
		_, err = tx.moved(ctx, "drop old device", `
			WITH tokens AS (DELETE FROM whatsmeow.whatsmeow_privacy_tokens WHERE our_jid = $1)
			DELETE FROM whatsmeow.whatsmeow_device WHERE jid = $1`, d.JID)
		return err
	})
}

func (tx *Tx) legacyDevice(ctx context.Context, jid string) (d LegacyDevice, err error) {
	there, err := one(ctx, tx, "look for old devices", pgx.RowTo[bool], `
		SELECT coalesce(has_table_privilege(to_regclass('whatsmeow.whatsmeow_device'), 'SELECT'), false)`)
	if err != nil || !there {
		return d, errorsOr(err, wrap(pgx.ErrNoRows, "find old device"))
	}
	d, err = one(ctx, tx, "find old device", scanLegacy, `
		SELECT noise_key, identity_key, signed_pre_key, signed_pre_key_sig, adv_key, adv_details, adv_account_sig, adv_account_sig_key, adv_device_sig,
		       coalesce(lid, ''), platform, business_name, push_name, companion_meta_nonce, facebook_uuid, registration_id, signed_pre_key_id, lid_migration_ts
		FROM whatsmeow.whatsmeow_device WHERE jid = $1 FOR UPDATE`, jid)
	if err != nil {
		return d, err
	}
	d.Rows = map[string][]LegacyRow{}
	for table, sql := range legacyTables {
		if d.Rows[table], err = collect(ctx, tx, "read old "+table, pgx.RowToStructByPos[LegacyRow], sql, jid); err != nil {
			return d, err
		}
	}
	// The pairs are everybody's: this device's are those of people it knows.
	d.Pairs, err = collect(ctx, tx, "read old pairs", pgx.RowToStructByPos[LID], `
		SELECT m.lid, m.pn FROM whatsmeow.whatsmeow_lid_map m
		WHERE m.lid IN (SELECT split_part(split_part(split_part(p.address, '@', 1), ':', 1), '_', 1) FROM (`+legacyPeople+`) p)
		   OR m.pn IN (SELECT split_part(split_part(p.address, '@', 1), ':', 1) FROM (`+legacyPeople+`) p)
		ORDER BY m.lid`, jid)
	return d, err
}

const legacyPeople = `
	SELECT their_id AS address FROM whatsmeow.whatsmeow_sessions WHERE our_jid = $1
	UNION SELECT their_jid FROM whatsmeow.whatsmeow_contacts WHERE our_jid = $1
	UNION SELECT their_jid FROM whatsmeow.whatsmeow_privacy_tokens WHERE our_jid = $1
	UNION SELECT $1`

func errorsOr(err, other error) error {
	if err != nil {
		return err
	}
	return other
}

func scanLegacy(r pgx.CollectableRow) (d LegacyDevice, err error) {
	return d, r.Scan(&d.Noise, &d.Identity, &d.SignedPreKey, &d.SignedPreKeySign, &d.AdvSecret, &d.Details, &d.AccountSign, &d.AccountKey, &d.DeviceSign,
		&d.LID, &d.Platform, &d.BusinessName, &d.PushName, &d.Nonce, &d.FacebookUUID, &d.Registration, &d.SignedPreKeyID, &d.LIDMigrationAt)
}

// keepTaken writes what was taken over.
func (tx *Tx) keepTaken(ctx context.Context, d Device, values []DeviceValue, pairs []LID) error {
	n, err := tx.moved(ctx, "insert device", `
		INSERT INTO devices (org_id, id, client_id, jid, epoch, sealed)
		SELECT $1, $5, $2, $3, $4, $6
		WHERE EXISTS (SELECT FROM clients c WHERE c.org_id = $1 AND c.id = $2 AND c.epoch = $4 AND c.deleted_at IS NULL)`,
		d.Org, d.Client, d.JID, d.Epoch, d.ID, d.Sealed)
	if err != nil {
		return err
	}
	if n == 0 {
		return ErrTaken
	}
	d.Opened = 1
	for len(values) > 0 {
		part := values[:min(len(values), 2000)]
		values = values[len(part):]
		if _, err := tx.moved(ctx, "insert device values", putOver, append([]any{d.Org, d.ID, d.Opened}, columnsOf(part)...)...); err != nil {
			return err
		}
	}
	lids, phones := make([]string, len(pairs)), make([]string, len(pairs))
	for i, p := range pairs {
		lids[i], phones[i] = p.LID, p.Phone
	}
	for _, sql := range []string{dropLIDs, putLIDs} {
		if _, err := tx.moved(ctx, "keep hidden addresses", sql, d.Org, lids, phones); err != nil {
			return err
		}
	}
	return nil
}
