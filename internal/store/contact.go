package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

const contactColumns = `id, org_id, coalesce(phone, ''), coalesce(lid, ''), name, push_name, created_at, updated_at`

// Contact reads one contact.
func (tx *Tx) Contact(ctx context.Context, org wa.OrgID, id wa.ContactID) (wa.Contact, error) {
	return one(ctx, tx, "find contact", scanContact, `SELECT `+contactColumns+` FROM contacts WHERE org_id = $1 AND id = $2`, org, id)
}

// Person finds or makes the one contact behind a phone number, a LID, or both,
// and learns what is new: that two contacts are the same person, that a person
// changed numbers, that a number has a new owner. It reports whether anything
// was learned of a known contact.
func (tx *Tx) Person(ctx context.Context, org wa.OrgID, phone wa.Phone, lid string) (c wa.Contact, learned bool, err error) {
	found, err := collect(ctx, tx, "find person", scanContact, `
		SELECT `+contactColumns+` FROM contacts
		WHERE org_id = $1 AND (phone = nullif($2, '') OR lid = nullif($3, ''))
		ORDER BY id FOR UPDATE`, org, phone, lid)
	if err != nil {
		return c, false, err
	}
	byPhone, byLID := split(found, phone, lid)
	switch {
	case byPhone == nil && byLID == nil:
		c, err = tx.newPerson(ctx, org, phone, lid)
		return c, false, err
	case byPhone == nil:
		return tx.identify(ctx, *byLID, phone, lid)
	case byLID != nil && byPhone.ID == byLID.ID:
		return *byPhone, false, nil
	case byPhone.LID == "" && byLID != nil:
		return tx.merge(ctx, *byPhone, *byLID)
	case byPhone.LID == "" || lid == "":
		return tx.identify(ctx, *byPhone, phone, lid)
	}
	return tx.reassign(ctx, *byPhone, byLID, phone, lid)
}

func split(found []wa.Contact, phone wa.Phone, lid string) (byPhone, byLID *wa.Contact) {
	for i := range found {
		if phone != "" && found[i].Phone == phone {
			byPhone = &found[i]
		}
		if lid != "" && found[i].LID == lid {
			byLID = &found[i]
		}
	}
	return byPhone, byLID
}

func (tx *Tx) newPerson(ctx context.Context, org wa.OrgID, phone wa.Phone, lid string) (wa.Contact, error) {
	if _, err := tx.moved(ctx, "insert contact", `
		INSERT INTO contacts (id, org_id, phone, lid) VALUES ($1, $2, nullif($3, ''), nullif($4, ''))
		ON CONFLICT DO NOTHING`, wa.NewContactID(), org, phone, lid); err != nil {
		return wa.Contact{}, err
	}
	return one(ctx, tx, "read contact", scanContact, `
		SELECT `+contactColumns+` FROM contacts
		WHERE org_id = $1 AND (phone = nullif($2, '') OR lid = nullif($3, '')) ORDER BY id LIMIT 1`, org, phone, lid)
}

// identify adds to a contact what was not known of it.
func (tx *Tx) identify(ctx context.Context, c wa.Contact, phone wa.Phone, lid string) (wa.Contact, bool, error) {
	if (phone == "" || c.Phone == phone) && (lid == "" || c.LID == lid) {
		return c, false, nil
	}
	updated, err := one(ctx, tx, "identify contact", scanContact, `
		UPDATE contacts SET phone = coalesce(nullif($3, ''), phone), lid = coalesce(nullif($4, ''), lid), updated_at = now()
		WHERE org_id = $1 AND id = $2 RETURNING `+contactColumns, c.OrgID, c.ID, phone, lid)
	return updated, true, err
}

// merge makes one contact of two that turned out to be one person. The one
// known by phone stays; everything of the other moves to it.
func (tx *Tx) merge(ctx context.Context, keep, drop wa.Contact) (wa.Contact, bool, error) {
	statements := []string{
		// Conversations that both have become one; the others just change hands.
		`UPDATE messages m SET chat_id = k.id FROM chats d JOIN chats k ON k.client_id = d.client_id AND k.contact_id = $2
		 WHERE d.org_id = $1 AND d.contact_id = $3 AND m.chat_id = d.id`,
		`DELETE FROM chats d USING chats k
		 WHERE d.org_id = $1 AND d.contact_id = $3 AND k.client_id = d.client_id AND k.contact_id = $2`,
		`UPDATE chats SET contact_id = $2 WHERE org_id = $1 AND contact_id = $3`,
		`UPDATE messages SET contact_id = $2 WHERE org_id = $1 AND contact_id = $3`,
		`DELETE FROM contacts WHERE org_id = $1 AND id = $3 AND $2::uuid IS NOT NULL`,
	}
	for _, s := range statements {
		if _, err := tx.moved(ctx, "merge contacts", s, keep.OrgID, keep.ID, drop.ID); err != nil {
			return wa.Contact{}, false, err
		}
	}
	return tx.identify(ctx, keep, "", drop.LID)
}

// reassign gives a number to the person who has it now: its former owner keeps
// the LID only.
func (tx *Tx) reassign(ctx context.Context, former wa.Contact, owner *wa.Contact, phone wa.Phone, lid string) (wa.Contact, bool, error) {
	if _, err := tx.moved(ctx, "release number", `
		UPDATE contacts SET phone = NULL, updated_at = now() WHERE org_id = $1 AND id = $2`, former.OrgID, former.ID); err != nil {
		return wa.Contact{}, false, err
	}
	if owner == nil {
		c, err := tx.newPerson(ctx, former.OrgID, phone, lid)
		return c, true, err
	}
	return tx.identify(ctx, *owner, phone, lid)
}

// NameContact notes the names that became known; it reports whether one is new.
func (tx *Tx) NameContact(ctx context.Context, org wa.OrgID, id wa.ContactID, name, pushName string) (bool, error) {
	n, err := tx.moved(ctx, "name contact", `
		UPDATE contacts SET name = coalesce(nullif($3, ''), name), push_name = coalesce(nullif($4, ''), push_name), updated_at = now()
		WHERE org_id = $1 AND id = $2
		  AND (coalesce(nullif($3, ''), name), coalesce(nullif($4, ''), push_name)) IS DISTINCT FROM (name, push_name)`,
		org, id, name, pushName)
	return n == 1, err
}

func scanContact(r pgx.CollectableRow) (c wa.Contact, err error) {
	err = r.Scan(&c.ID, &c.OrgID, &c.Phone, &c.LID, &c.Name, &c.PushName, &c.CreatedAt, &c.UpdatedAt)
	return c, err
}
