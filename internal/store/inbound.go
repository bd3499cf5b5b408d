package store

import (
	"context"
	"time"

	"chasqui/internal/wa"
)

// InsertInbound keeps a message that came in, once: false means that it is
// known already. content is nil when its type is not read yet.
func (tx *Tx) InsertInbound(ctx context.Context, m wa.Message, at time.Time, quotedID string) (bool, error) {
	content, err := jsonText(m.Content())
	if err != nil {
		return false, err
	}
	n, err := tx.moved(ctx, "insert inbound message", `
		INSERT INTO messages (id, org_id, client_id, chat_id, contact_id, direction, origin, type, content, status, lane,
			wire_id, reply_to, mentions, sent_at, created_at)
		VALUES ($1, $2, $3, $4, $5, 'inbound', $6, $7, $8, 'received', 1, $9,
			(SELECT id FROM messages WHERE client_id = $3 AND wire_id = nullif($10, '') LIMIT 1), $11, NULL, $12)
		ON CONFLICT (client_id, wire_id, chat_id) DO NOTHING`,
		m.ID, m.OrgID, m.ClientID, m.ChatID, optionalUUID(m.From.ContactID), m.Origin, m.Type, content, m.WireID, quotedID, m.Mentions, at)
	return n == 1, err
}

// InsertFromPhone keeps a message that the client's own phone sent, once: false
// means that it is known already.
func (tx *Tx) InsertFromPhone(ctx context.Context, m wa.Message, at time.Time) (bool, error) {
	content, err := jsonText(m.Content())
	if err != nil {
		return false, err
	}
	n, err := tx.moved(ctx, "insert message from phone", `
		INSERT INTO messages (id, org_id, client_id, chat_id, contact_id, direction, origin, type, content, status, lane, wire_id, sent_at, created_at)
		VALUES ($1, $2, $3, $4, $5, 'outbound', 'phone', $6, $7, 'sent', 1, $8, $9, $9)
		ON CONFLICT (client_id, wire_id, chat_id) DO NOTHING`,
		m.ID, m.OrgID, m.ClientID, m.ChatID, optionalUUID(m.To.ContactID), m.Type, content, m.WireID, at)
	return n == 1, err
}

// FillInbound puts the content into a message that could not be read when it
// came, and gives it as it is kept: under the id that people know it by. False:
// it was not waiting for one.
func (tx *Tx) FillInbound(ctx context.Context, m wa.Message, quotedID string) (wa.Message, bool, error) {
	content, err := jsonText(m.Content())
	if err != nil {
		return m, false, err
	}
	filled, err := collect(ctx, tx, "fill inbound message", scanMessage, `
		WITH filled AS (
			UPDATE messages SET type = $4, content = $5, mentions = $6, error = NULL, updated_at = now(),
			       reply_to = (SELECT id FROM messages WHERE client_id = $2 AND wire_id = nullif($7, '') LIMIT 1)
			WHERE org_id = $1 AND client_id = $2 AND wire_id = $3 AND chat_id = $8 AND direction = 'inbound' AND type = 'undecryptable'
			RETURNING *)
		SELECT `+messageColumns+` FROM filled`+messageTables,
		m.OrgID, m.ClientID, m.WireID, m.Type, content, m.Mentions, quotedID, m.ChatID)
	if err != nil || len(filled) == 0 {
		return m, false, err
	}
	return filled[0], true, nil
}

// KnowsWireID reports whether a client has a message of ours under a wire id,
// as it has when its own phone is told what we sent.
func (tx *Tx) KnowsWireID(ctx context.Context, org wa.OrgID, client wa.ClientID, wireID string) (bool, error) {
	n, err := tx.moved(ctx, "find wire id", `
		SELECT FROM messages WHERE org_id = $1 AND client_id = $2 AND wire_id = $3 LIMIT 1`, org, client, wireID)
	return n > 0, err
}
