package store

import (
	"context"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Noun is a kind of thing that views hold some of.
type Noun string

// The nouns that a view can be asked about.
const (
	AClient  Noun = "client"
	AMessage Noun = "message"
	AChat    Noun = "chat"
	AContact Noun = "contact"
	AnEvent  Noun = "event"
)

// inView ask whether thing $2 of org $1 is there. Where $3 is true it must
// belong to the clients $4 and, unless $5 is NULL, to a chat of that person.
var inView = map[Noun]string{
	AClient: `
		SELECT 1 FROM clients WHERE org_id = $1 AND id = $2
		  AND (NOT $3 OR id = ANY ($4::uuid[])) AND ($5::uuid IS NULL OR true)`,
	AMessage: `
		SELECT 1 FROM messages m WHERE m.org_id = $1 AND m.id = $2 AND (NOT $3 OR m.client_id = ANY ($4::uuid[]))
		  AND ($5::uuid IS NULL OR EXISTS (SELECT FROM chats h WHERE h.id = m.chat_id AND h.assigned_to = $5))`,
	AChat: `
		SELECT 1 FROM chats WHERE org_id = $1 AND id = $2 AND (NOT $3 OR client_id = ANY ($4::uuid[]))
		  AND ($5::uuid IS NULL OR assigned_to = $5)`,
	AContact: `
		SELECT 1 FROM contacts p WHERE p.org_id = $1 AND p.id = $2 AND (NOT $3 OR EXISTS (
			SELECT FROM chats h WHERE h.contact_id = p.id AND h.client_id = ANY ($4::uuid[]) AND ($5::uuid IS NULL OR h.assigned_to = $5)))`,
	AnEvent: `
		SELECT 1 FROM events e WHERE e.org_id = $1 AND e.id = $2 AND (NOT $3 OR e.client_id = ANY ($4::uuid[]) OR ` + everybodysEvent + `)
		  AND ($5::uuid IS NULL OR ` + ownEvent + ` OR ` + everybodysEvent + `)`,
}

// everybodysEvent is an event e that everybody of the org may see, whatever is
// theirs: who shows a person that was erased must hear of it, and everybody must
// know whether there is anything to work on. Of a stop they hold a reason too,
// which readers see as far as they may.
const everybodysEvent = `(e.client_id IS NULL AND e.type IN ('contact.erased', 'org.deletion_asked', 'org.kept', 'org.stopped', 'org.released'))`

// ownEvent is an event e that somebody ($5) may see who sees only their own
// chats: of those, and how the client itself is.
const ownEvent = `(e.chat_id IS NULL AND e.type LIKE 'client.%'
			OR EXISTS (SELECT FROM chats h WHERE h.id = e.chat_id AND h.assigned_to = $5))`

// Sees is NotFound unless the view holds the thing. id is a bare uuid.
func (tx *Tx) Sees(ctx context.Context, v wa.View, what Noun, id string) error {
	_, err := one(ctx, tx, "find "+string(what), pgx.RowTo[int], inView[what], v.Org, id, v.Limited, viewed(v), viewer(v))
	return missing(err, string(what))
}

// viewed are the clients that a view is limited to; never NULL.
func viewed(v wa.View) []string { return append([]string{}, uuids(v.Clients)...) }

// viewer is the person whose chats a view is limited to, or NULL.
func viewer(v wa.View) *string {
	if v.Chats.IsZero() {
		return nil
	}
	text := v.Chats.UUID()
	return &text
}
