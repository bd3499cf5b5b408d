package store

import (
	"context"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Bounds of what is looked at in one statement.
const (
	readDepth  = 1000 // of a conversation's newest messages, for those that came in
	readWindow = 200  // of a number's receipts, for those of one conversation
)

// Read is what a client has to tell one person: that their messages were read.
type Read struct {
	Messages []wa.MessageID
	WireIDs  []string // of the messages, in the order in which they came
	Phone    wa.Phone
	LID      string
	At       time.Time // when the last of them was read
	Attempts int       // how often this was tried, this time included
}

// ReadInbound notes that the newest so many messages that came in a
// conversation were read, those that were not before, and, with tell, that
// whoever wrote them is to be told. It gives the number of those to tell. Only
// people are told, who are not the client itself: what somebody read in a group
// is of no use to its members.
func (tx *Tx) ReadInbound(ctx context.Context, org wa.OrgID, id wa.ChatID, newest int, tell bool) (int, error) {
	n, err := tx.moved(ctx, "note what was read", `
		WITH newest AS MATERIALIZED (
			SELECT m.id, m.created_at, m.direction, m.type FROM messages m
			WHERE m.org_id = $1 AND m.chat_id = $2 ORDER BY m.created_at DESC, m.id DESC LIMIT `+strconv.Itoa(readDepth)+`
		), seen AS (
			UPDATE messages SET read_at = now()
			WHERE org_id = $1 AND read_at IS NULL AND id IN (
				SELECT n.id FROM newest n WHERE n.direction = 'inbound' AND n.type <> 'undecryptable'
				ORDER BY n.created_at DESC, n.id DESC LIMIT $3)
			RETURNING id, client_id
		)
		INSERT INTO read_receipts (message_id, org_id, client_id)
		SELECT s.id, $1, s.client_id FROM seen s
		WHERE $4 AND EXISTS (
			SELECT FROM chats h JOIN clients c ON c.id = h.client_id JOIN contacts p ON p.id = h.contact_id
			WHERE h.org_id = $1 AND h.id = $2 AND h.kind = 'direct' AND c.send_read_receipts
			  AND (p.phone = c.phone OR p.lid = c.lid) IS NOT TRUE)
		ON CONFLICT (message_id) DO NOTHING`, org, id, newest, tell)
	return int(n), err
}

// ClaimRead takes what a client has to tell next: of the conversation that was
// read first, at most so many messages. It is for the owner of that epoch, and
// not while the client is paused or held. What is taken comes back after retry,
// unless Told ends it before. NotFound means that there is nothing to tell now.
//
// The client stands in a range, as if there were many: then the index is walked
// in its order from the start, instead of sorting all that the client has.
func (tx *Tx) ClaimRead(ctx context.Context, org wa.OrgID, client wa.ClientID, epoch int64, most int, retry time.Duration) (r Read, err error) {
	type line struct {
		id   wa.MessageID
		wire string
	}
	lines, err := collect(ctx, tx, "claim read receipts", func(row pgx.CollectableRow) (l line, err error) {
		err = row.Scan(&l.id, &l.wire, &r.Phone, &r.LID, &r.At, &r.Attempts)
		return l, err
	}, `
		WITH own AS (
			SELECT id FROM clients
			WHERE org_id = $1 AND id = $2 AND epoch = $3 AND NOT paused AND send_read_receipts AND deleted_at IS NULL
			  AND `+goes+` FOR SHARE
		), first AS MATERIALIZED (
			SELECT w.message_id, w.read_at, m.chat_id, m.wire_id, m.created_at FROM (
				SELECT message_id, read_at FROM read_receipts
				WHERE org_id = $1 AND (client_id, read_at) >= ($2, '-infinity') AND (client_id, read_at) <= ($2, 'infinity')
				  AND not_before <= now()
				ORDER BY client_id, read_at, message_id LIMIT `+strconv.Itoa(readWindow)+`) w
			JOIN messages m ON m.id = w.message_id
		), due AS MATERIALIZED (
			SELECT f.message_id, f.chat_id, f.wire_id, f.created_at FROM first f
			WHERE f.chat_id = (SELECT o.chat_id FROM first o ORDER BY o.read_at, o.message_id LIMIT 1)
			ORDER BY f.created_at, f.message_id LIMIT $4
		), taken AS (
			UPDATE read_receipts r SET attempts = attempts + 1, not_before = now() + $5::interval
			FROM due d
			WHERE r.org_id = $1 AND r.message_id = d.message_id AND r.message_id = ANY (ARRAY(SELECT o.message_id FROM due o))
			  AND r.not_before <= now() AND EXISTS (SELECT FROM own)
			RETURNING d.message_id, d.wire_id, d.chat_id, d.created_at, r.read_at, r.attempts
		)
		SELECT t.message_id, t.wire_id, coalesce(p.phone, ''), coalesce(p.lid, ''), max(t.read_at) OVER (), max(t.attempts) OVER ()
		FROM taken t JOIN chats h ON h.id = t.chat_id JOIN contacts p ON p.id = h.contact_id
		ORDER BY t.created_at, t.message_id`, org, client, epoch, most, retry)
	if err == nil && len(lines) == 0 {
		err = wrap(pgx.ErrNoRows, "claim read receipts")
	}
	for _, l := range lines {
		r.Messages, r.WireIDs = append(r.Messages, l.id), append(r.WireIDs, l.wire)
	}
	return r, err
}

// Told forgets receipts that need not be sent any more, whoever owns the client
// by now: that somebody was told is a fact.
func (tx *Tx) Told(ctx context.Context, org wa.OrgID, ids []wa.MessageID) error {
	_, err := tx.moved(ctx, "forget read receipts", `
		DELETE FROM read_receipts WHERE org_id = $1 AND message_id = ANY ($2::uuid[])`, org, uuidTexts(ids))
	return err
}

// Untold puts back what was taken and did not leave, to be taken again after
// retry. It does not count as tried.
func (tx *Tx) Untold(ctx context.Context, org wa.OrgID, ids []wa.MessageID, retry time.Duration) error {
	_, err := tx.moved(ctx, "put read receipts back", `
		UPDATE read_receipts SET attempts = greatest(0, attempts - 1), not_before = now() + $3::interval
		WHERE org_id = $1 AND message_id = ANY ($2::uuid[])`, org, uuidTexts(ids), retry)
	return err
}

// DropReads forgets what a client has not told yet, and tells how much that was.
func (tx *Tx) DropReads(ctx context.Context, org wa.OrgID, client wa.ClientID) (int64, error) {
	return tx.moved(ctx, "drop read receipts", `DELETE FROM read_receipts WHERE org_id = $1 AND client_id = $2`, org, client)
}

// SweepReads forgets what was read longer than age ago, whoever's it is, at most
// limit, and tells how much that was.
func (tx *Tx) SweepReads(ctx context.Context, age time.Duration, limit int) (int64, error) {
	return tx.moved(ctx, "sweep read receipts", `
		DELETE FROM read_receipts WHERE message_id = ANY (ARRAY(
			SELECT message_id FROM read_receipts WHERE read_at < now() - $1::interval ORDER BY read_at LIMIT $2))`, age, limit)
}

// SetSendReadReceipts sets whether a client tells people that it read what they
// wrote.
func (tx *Tx) SetSendReadReceipts(ctx context.Context, org wa.OrgID, id wa.ClientID, send bool) error {
	return tx.exactly(ctx, "set read receipts", `
		UPDATE clients SET send_read_receipts = $3, version = version + 1, updated_at = now()
		WHERE org_id = $1 AND id = $2 AND deleted_at IS NULL`, org, id, send)
}
