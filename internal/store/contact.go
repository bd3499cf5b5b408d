package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

const contactColumns = `id, org_id, coalesce(phone, ''), coalesce(lid, ''), name, push_name, created_at, updated_at`

// Contact reads one contact.
func (tx *Tx) Contact(ctx context.Context, org wa.OrgID, id wa.ContactID) (wa.Contact, error) {
	return one(ctx, tx, "find contact", scanContact, `
		SELECT `+contactColumns+` FROM contacts WHERE org_id = $1 AND id = $2 AND erased_at IS NULL`, org, id)
}

// personTries bounds how often Person looks again because somebody else learned
// of the same person at the same moment.
const personTries = 5

// Person finds or makes the one contact behind a phone number, a LID, or both,
// and learns what is new: that two contacts are the same person, that a person
// changed numbers, that a number has a new owner. It reports whether anything
// was learned of a known contact.
func (tx *Tx) Person(ctx context.Context, org wa.OrgID, phone wa.Phone, lid string) (c wa.Contact, learned bool, err error) {
	if phone == "" && lid == "" {
		return c, false, &wa.Error{Code: wa.Invalid, Message: "a person has a phone number or a LID"}
	}
	byPhone, byLID, err := tx.findPerson(ctx, org, phone, lid)
	switch {
	case err != nil:
		return c, false, err
	case byLID != nil && (phone == "" || byLID.Phone == phone):
		return *byLID, false, nil
	case byPhone != nil && lid == "":
		return *byPhone, false, nil
	}
	for range personTries {
		err = tx.attempt(ctx, func(tx *Tx) (err error) {
			c, learned, err = tx.settlePerson(ctx, org, phone, lid)
			return err
		})
		if wa.CodeOf(err) != wa.Conflict {
			return c, learned, err
		}
	}
	return c, false, &wa.Error{Code: wa.Unavailable, Message: "this person is being changed by others", RetryAfter: time.Second, Err: err}
}

// settlePerson is one look at what is known. It is a Conflict when somebody
// else wrote the same address in the meantime.
func (tx *Tx) settlePerson(ctx context.Context, org wa.OrgID, phone wa.Phone, lid string) (c wa.Contact, learned bool, err error) {
	byPhone, byLID, err := tx.findPerson(ctx, org, phone, lid)
	switch {
	case err != nil:
		return c, false, err
	case byPhone == nil && byLID == nil:
		c, err = tx.newPerson(ctx, org, phone, lid)
		return c, false, err
	case byPhone == nil:
		return tx.identify(ctx, *byLID, phone, lid)
	case byLID != nil && byPhone.ID == byLID.ID:
		return *byPhone, false, nil // learned by somebody else since we looked
	case byPhone.LID == "" && byLID != nil:
		return tx.merge(ctx, *byPhone, *byLID)
	case byPhone.LID == "" || lid == "":
		return tx.identify(ctx, *byPhone, phone, lid)
	}
	return tx.reassign(ctx, *byPhone, byLID, phone, lid)
}

// findPerson locks what is known by either address; both may be the same.
func (tx *Tx) findPerson(ctx context.Context, org wa.OrgID, phone wa.Phone, lid string) (byPhone, byLID *wa.Contact, err error) {
	found, err := collect(ctx, tx, "find person", scanContact, `
		SELECT `+contactColumns+` FROM contacts
		WHERE org_id = $1 AND (phone = nullif($2, '') OR lid = nullif($3, ''))
		ORDER BY id FOR UPDATE`, org, phone, lid)
	for i := range found {
		if phone != "" && found[i].Phone == phone {
			byPhone = &found[i]
		}
		if lid != "" && found[i].LID == lid {
			byLID = &found[i]
		}
	}
	return byPhone, byLID, err
}

func (tx *Tx) newPerson(ctx context.Context, org wa.OrgID, phone wa.Phone, lid string) (wa.Contact, error) {
	made, err := collect(ctx, tx, "insert contact", scanContact, `
		INSERT INTO contacts (id, org_id, phone, lid) VALUES ($1, $2, nullif($3, ''), nullif($4, ''))
		ON CONFLICT DO NOTHING RETURNING `+contactColumns, wa.NewContactID(), org, phone, lid)
	if err != nil {
		return wa.Contact{}, err
	}
	if len(made) == 0 {
		return wa.Contact{}, &wa.Error{Code: wa.Conflict, Message: "somebody else made this contact"}
	}
	return made[0], nil
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

// mergeSteps move everything of contact $3 to contact $2 of org $1.
var mergeSteps = []string{
	// Nobody hangs a message on these conversations while they become one.
	`SELECT FROM chats WHERE org_id = $1 AND contact_id IN ($2, $3) ORDER BY id FOR UPDATE`,
	// What WhatsApp told under both addresses is one message. Of a pair, ours
	// stays; else the one in the conversation that stays.
	`WITH gone AS (
	 DELETE FROM messages m USING messages o, chats d, chats k
	 WHERE d.org_id = $1 AND d.contact_id = $3 AND k.contact_id = $2 AND k.client_id = d.client_id
	   AND m.client_id = d.client_id AND o.client_id = d.client_id AND m.wire_id = o.wire_id
	   AND ((m.chat_id = d.id AND o.chat_id = k.id AND (m.direction = 'inbound' OR o.direction = 'outbound'))
	     OR (m.chat_id = k.id AND o.chat_id = d.id AND m.direction = 'inbound' AND o.direction = 'outbound'))
	 RETURNING m.id, m.client_id, m.created_at
	 ), recount AS (
	 INSERT INTO message_figures_due (client_id, at, org_id, fewer)
	 SELECT DISTINCT client_id, date_bin('15 minutes', created_at, 'epoch'), $1::uuid, true FROM gone
	 ON CONFLICT (client_id, at) DO UPDATE SET fewer = true)
	 DELETE FROM message_events WHERE org_id = $1 AND message_id IN (SELECT id FROM gone)`,
	// Conversations that both have become one; the others just change hands.
	`UPDATE messages m SET chat_id = k.id FROM chats d JOIN chats k ON k.client_id = d.client_id AND k.contact_id = $2
	 WHERE d.org_id = $1 AND d.contact_id = $3 AND m.chat_id = d.id`,
	`UPDATE chats k SET unread = k.unread + d.unread, created_at = least(k.created_at, d.created_at),
	        last_message_at = greatest(k.last_message_at, d.last_message_at),
	        last_inbound_at = greatest(k.last_inbound_at, d.last_inbound_at),
	        assigned_to = coalesce(k.assigned_to, d.assigned_to)
	 FROM chats d WHERE d.org_id = $1 AND d.contact_id = $3 AND k.client_id = d.client_id AND k.contact_id = $2`,
	`DELETE FROM chats d USING chats k
	 WHERE d.org_id = $1 AND d.contact_id = $3 AND k.client_id = d.client_id AND k.contact_id = $2`,
	`UPDATE chats SET contact_id = $2 WHERE org_id = $1 AND contact_id = $3`,
	`UPDATE messages SET contact_id = $2 WHERE org_id = $1 AND contact_id = $3`,
	`UPDATE contacts k SET name = coalesce(nullif(k.name, ''), d.name), push_name = coalesce(nullif(k.push_name, ''), d.push_name)
	 FROM contacts d WHERE k.org_id = $1 AND k.id = $2 AND d.org_id = $1 AND d.id = $3`,
	`DELETE FROM contacts WHERE org_id = $1 AND id = $3 AND $2::uuid IS NOT NULL`,
}

// merge makes one contact of two that turned out to be one person. The one
// known by phone stays; everything of the other moves to it.
func (tx *Tx) merge(ctx context.Context, keep, drop wa.Contact) (wa.Contact, bool, error) {
	for _, step := range mergeSteps {
		if _, err := tx.moved(ctx, "merge contacts", step, keep.OrgID, keep.ID, drop.ID); err != nil {
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
