package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"

	"chasqui/internal/wa"
)

// Claimed is a message taken from its line, with all that sending it needs.
type Claimed struct {
	wa.Message
	Group      string // set when it goes to a group
	Crashes    int
	FirstClaim time.Time
	ClaimEpoch int64
	Quoted     *QuotedRow
}

// QuotedRow is the message that another one answers.
type QuotedRow struct {
	WireID    string
	Direction wa.Direction
	Phone     wa.Phone
	LID       string
	Text      string
}

const claimedColumns = messageColumns + `, coalesce(h.group_id, ''), m.crashes, m.first_claim, m.claim_epoch,
	q.wire_id, q.direction, qp.phone, qp.lid, q.content`

const claimedTables = ` m JOIN clients c ON c.id = m.client_id LEFT JOIN contacts p ON p.id = m.contact_id
	JOIN chats h ON h.id = m.chat_id
	LEFT JOIN messages q ON q.id = m.reply_to AND q.org_id = m.org_id LEFT JOIN contacts qp ON qp.id = q.contact_id `

// mayLeave is what a queued message n of client $2 is taken by: it has not
// expired, and nothing of its conversation is in flight.
const (
	mayLeave = waits + ` AND NOT EXISTS (SELECT ` + inTheWay + `)`
	waits    = `n.client_id = $2 AND n.status = 'queued' AND (n.expires_at IS NULL OR n.expires_at > now())`
	inTheWay = `FROM messages u WHERE u.client_id = $2 AND u.chat_id = n.chat_id AND u.status = 'sending'`
)

// inLanes narrows n to the lanes of $3. One lane is named as such: then the
// index gives its head, while it would have to sort what is in any of several.
func inLanes(lanes []wa.Lane) string {
	if len(lanes) == 1 {
		return "n.lane = ($3::smallint[])[1]"
	}
	return "n.lane = ANY($3)"
}

// Claim takes the next message of the given lanes out of a client's line, for
// the owner of that epoch. The client's row is locked for the moment, so that a
// claim and a change of owner cannot cross. One message is in flight per
// client; one whose outcome is unknown stops only its own conversation. With
// onlyKnown, messages to people who never wrote are passed over. NotFound means
// that there is nothing to take.
//
// A row that somebody else has locked is waited for, not passed over: who locks
// it may roll back, and then the next one would have gone first.
func (tx *Tx) Claim(ctx context.Context, org wa.OrgID, client wa.ClientID, epoch int64, lanes []wa.Lane, onlyKnown bool) (Claimed, error) {
	return tx.ClaimBeside(ctx, org, client, epoch, lanes, onlyKnown, wa.MessageID{})
}

// ClaimBeside is Claim while one message of the client is under way, for whoever
// sends that one and will send this one when its outcome is known. The two are
// never of one conversation: if that is whose turn it is, there is nothing to
// take yet.
func (tx *Tx) ClaimBeside(ctx context.Context, org wa.OrgID, client wa.ClientID, epoch int64, lanes []wa.Lane, onlyKnown bool, underWay wa.MessageID) (Claimed, error) {
	return one(ctx, tx, "claim message", scanClaimed, `
		WITH own AS (
			SELECT id FROM clients
			WHERE org_id = $1 AND id = $2 AND epoch = $4 AND NOT paused AND deleted_at IS NULL
			  AND `+goes+` FOR SHARE
		), taken AS (
			UPDATE messages SET status = 'sending', attempts = attempts + 1, claim_epoch = $4, claimed_at = now(),
			       first_claim = coalesce(first_claim, now()), updated_at = now(),
			       berth = coalesce((SELECT 1 - f.berth FROM messages f WHERE (f.org_id = $1) IS TRUE AND f.id = $6), 0)
			WHERE id = (
				SELECT n.id FROM messages n
				WHERE `+waits+` AND NOT EXISTS (SELECT `+inTheWay+` AND u.id IS DISTINCT FROM $6) AND `+inLanes(lanes)+`
				  AND (NOT $5 OR EXISTS (SELECT FROM chats k WHERE k.id = n.chat_id AND k.last_inbound_at IS NOT NULL))
				ORDER BY n.lane, n.seq LIMIT 1 FOR UPDATE)
			  AND chat_id IS DISTINCT FROM (SELECT f.chat_id FROM messages f WHERE (f.org_id = $1) IS TRUE AND f.id = $6)
			  AND EXISTS (SELECT FROM own)
			  AND NOT EXISTS (
				SELECT FROM messages f WHERE f.client_id = $2 AND f.status = 'sending' AND NOT f.unconfirmed AND f.id IS DISTINCT FROM $6)
			RETURNING *
		)
		SELECT `+claimedColumns+` FROM taken`+claimedTables, org, client, laneNumbers(lanes), epoch, onlyKnown, optionalUUID(underWay))
}

// Head reads, without taking it, the message that a claim of these lanes would
// take now.
func (tx *Tx) Head(ctx context.Context, org wa.OrgID, client wa.ClientID, lanes []wa.Lane) (Claimed, error) {
	return one(ctx, tx, "read head of line", scanClaimed, `
		SELECT `+claimedColumns+` FROM (
			SELECT * FROM messages n
			WHERE n.org_id = $1 AND `+mayLeave+` AND `+inLanes(lanes)+`
			ORDER BY n.lane, n.seq LIMIT 1)`+claimedTables, org, client, laneNumbers(lanes))
}

// InFlight lists a client's messages whose sending has begun and not ended,
// oldest first.
func (tx *Tx) InFlight(ctx context.Context, org wa.OrgID, client wa.ClientID) ([]Claimed, error) {
	return collect(ctx, tx, "list messages in flight", scanClaimed, `
		SELECT `+claimedColumns+` FROM messages`+claimedTables+`
		WHERE m.org_id = $1 AND m.client_id = $2 AND m.status = 'sending' ORDER BY m.seq`, org, client)
}

// Reclaim takes a message in flight over for the owner of an epoch, to send it
// once more with the same id. False: it moved on, or the client has another
// owner.
func (tx *Tx) Reclaim(ctx context.Context, org wa.OrgID, client wa.ClientID, id wa.MessageID, epoch int64) (bool, error) {
	n, err := tx.moved(ctx, "reclaim message", `
		WITH own AS (
			SELECT id FROM clients WHERE org_id = $1 AND id = $2 AND epoch = $4 AND NOT paused AND deleted_at IS NULL
			  AND `+goes+` FOR SHARE)
		UPDATE messages SET claim_epoch = $4, claimed_at = now(), attempts = attempts + 1, updated_at = now()
		WHERE org_id = $1 AND client_id = $2 AND id = $3 AND status = 'sending' AND EXISTS (SELECT FROM own)`, org, client, id, epoch)
	return n == 1, err
}

// MarkUnconfirmed records that a sending ended without an answer: the rest of
// the line goes on, this message's conversation waits.
func (tx *Tx) MarkUnconfirmed(ctx context.Context, org wa.OrgID, id wa.MessageID) (bool, error) {
	n, err := tx.moved(ctx, "mark message unconfirmed", `
		UPDATE messages SET unconfirmed = true, updated_at = now()
		WHERE org_id = $1 AND id = $2 AND status = 'sending'`, org, id)
	return n == 1, err
}

// Requeue puts a message back where it stood: nothing of it left the machine.
func (tx *Tx) Requeue(ctx context.Context, org wa.OrgID, id wa.MessageID) (bool, error) {
	n, err := tx.moved(ctx, "requeue message", `
		UPDATE messages SET status = 'queued', attempts = greatest(0, attempts - 1), unconfirmed = false, updated_at = now()
		WHERE org_id = $1 AND id = $2 AND status = ANY($3)`, org, id, statusTexts(wa.Requeue.Move().From))
	return n == 1, err
}

// Delay puts a message off after a passing failure.
func (tx *Tx) Delay(ctx context.Context, org wa.OrgID, id wa.MessageID, until time.Time, crashed bool) (bool, error) {
	n, err := tx.moved(ctx, "delay message", `
		UPDATE messages SET status = 'retry_wait', not_before = $4, unconfirmed = false,
		       crashes = crashes + CASE WHEN $5 THEN 1 ELSE 0 END, updated_at = now()
		WHERE org_id = $1 AND id = $2 AND status = ANY($3)`, org, id, statusTexts(wa.Delay.Move().From), until, crashed)
	return n == 1, err
}

// Reject gives a message up.
func (tx *Tx) Reject(ctx context.Context, org wa.OrgID, id wa.MessageID, f wa.Failure) (bool, error) {
	raw, err := json.Marshal(f)
	if err != nil {
		return false, err
	}
	n, err := tx.moved(ctx, "reject message", `
		UPDATE messages SET status = 'failed', error_code = $4, error = $5, unconfirmed = false, updated_at = now()
		WHERE org_id = $1 AND id = $2 AND status = ANY($3)`, org, id, statusTexts(wa.Reject.Move().From), string(f.Code), raw)
	return n == 1, err
}

// Cancel withdraws a message that has not left; false when it is too late.
func (tx *Tx) Cancel(ctx context.Context, org wa.OrgID, id wa.MessageID) (bool, error) {
	n, err := tx.moved(ctx, "cancel message", `
		UPDATE messages SET status = 'cancelled', updated_at = now()
		WHERE org_id = $1 AND id = $2 AND status = ANY($3)`, org, id, statusTexts(wa.Cancel.Move().From))
	return n == 1, err
}

// Redrive puts a failed message back at the end of the line; false when it has
// not failed.
func (tx *Tx) Redrive(ctx context.Context, org wa.OrgID, id wa.MessageID, expires time.Time) (bool, error) {
	n, err := tx.moved(ctx, "redrive message", `
		UPDATE messages SET status = 'queued', seq = nextval('message_seq'), redrive = redrive + 1, attempts = 0, crashes = 0,
		       first_claim = NULL, error_code = NULL, error = NULL, expires_at = greatest(expires_at, $4), updated_at = now()
		WHERE org_id = $1 AND id = $2 AND status = ANY($3)`, org, id, statusTexts(wa.Redrive.Move().From), expires)
	return n == 1, err
}

// Receipt moves messages of a client forward. Repeated and late receipts move
// nothing. It gives the messages that moved. A receipt lifts a failed message
// only when it failed for want of an answer.
func (tx *Tx) Receipt(ctx context.Context, org wa.OrgID, client wa.ClientID, wireIDs []string, sig wa.Signal, at time.Time) ([]wa.Message, error) {
	move := sig.Move()
	var all []wa.Message
	// One by one: for a list of ids, a young table's plan goes through all that the
	// client ever sent.
	for _, wireID := range wireIDs {
		moved, err := collect(ctx, tx, "record receipt", scanMessage, `
			WITH moved AS (
				UPDATE messages SET status = $4, unconfirmed = false, error_code = NULL, error = NULL, not_before = NULL,
				       sent_at = coalesce(sent_at, $6), updated_at = now(),
				       -- WhatsApp's clock has whole seconds: nothing arrives before it was sent.
				       delivered_at = coalesce(delivered_at, greatest($6, sent_at)),
				       read_at = CASE WHEN $4 IN ('read', 'played') THEN coalesce(read_at, greatest($6, sent_at, delivered_at)) ELSE read_at END
				WHERE (org_id = $1) IS TRUE AND client_id = $2 AND wire_id = $3 AND direction = 'outbound' AND status = ANY($5)
				  AND (status <> 'failed' OR error_code = 'delivery_unconfirmed')
				RETURNING *)
			SELECT `+messageColumns+` FROM moved`+messageTables, org, client, wireID, string(move.To), statusTexts(move.From), at)
		if err != nil {
			return nil, err
		}
		all = append(all, moved...)
	}
	return all, nil
}

// Payload gives what was sent under a wire id, or nil.
func (tx *Tx) Payload(ctx context.Context, org wa.OrgID, client wa.ClientID, wireID string) ([]byte, error) {
	found, err := collect(ctx, tx, "recall message", pgx.RowTo[[]byte], `
		SELECT payload FROM messages
		WHERE org_id = $1 AND client_id = $2 AND wire_id = $3 AND direction = 'outbound' AND payload IS NOT NULL LIMIT 1`, org, client, wireID)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// SentAges lists how long ago each of a client's last sendings was, so that its
// pace can be rebuilt on another machine's clock. What is in flight counts as
// now. At most limit, youngest first.
func (tx *Tx) SentAges(ctx context.Context, org wa.OrgID, client wa.ClientID, window time.Duration, limit int) ([]time.Duration, error) {
	return collect(ctx, tx, "list sendings", func(r pgx.CollectableRow) (time.Duration, error) {
		var seconds float64
		err := r.Scan(&seconds)
		return max(0, time.Duration(seconds*float64(time.Second))), err
	}, `
		SELECT age FROM (
			(SELECT extract(epoch FROM clock_timestamp() - sent_at)::float8 AS age FROM messages
			 WHERE org_id = $1 AND client_id = $2 AND direction = 'outbound' AND origin <> 'phone' AND sent_at > now() - $3::interval
			 ORDER BY sent_at DESC LIMIT $4)
			UNION ALL
			(SELECT extract(epoch FROM clock_timestamp() - sent_at)::float8 FROM erased_sends
			 WHERE org_id = $1 AND client_id = $2 AND sent_at > now() - $3::interval ORDER BY sent_at DESC LIMIT $4)
			UNION ALL
			SELECT 0::float8 FROM messages WHERE org_id = $1 AND client_id = $2 AND status = 'sending') x
		ORDER BY age LIMIT $4`, org, client, window, limit)
}

// Backlog counts a client's waiting messages: urgent and normal together, and
// bulk. It stops counting at the given limits.
func (tx *Tx) Backlog(ctx context.Context, client wa.ClientID, limit, bulkLimit int) (waiting, bulk int, err error) {
	counts, err := one(ctx, tx, "count backlog", func(r pgx.CollectableRow) (n [2]int, err error) {
		err = r.Scan(&n[0], &n[1])
		return n, err
	}, `
		SELECT (SELECT count(*) FROM (SELECT FROM messages WHERE client_id = $1 AND status = 'queued' AND lane < 2 LIMIT $2) a),
		       (SELECT count(*) FROM (SELECT FROM messages WHERE client_id = $1 AND status = 'queued' AND lane = 2 LIMIT $3) b)`,
		client, limit, bulkLimit)
	return counts[0], counts[1], err
}

// Used counts what a client sent in the last minute, hour and day.
func (tx *Tx) Used(ctx context.Context, client wa.ClientID) (minute, hour, day int, err error) {
	n, err := one(ctx, tx, "count sendings", func(r pgx.CollectableRow) (n [3]int, err error) {
		err = r.Scan(&n[0], &n[1], &n[2])
		return n, err
	}, `
		SELECT count(*) FILTER (WHERE sent_at > now() - interval '1 minute'),
		       count(*) FILTER (WHERE sent_at > now() - interval '1 hour'), count(*)
		FROM (
			SELECT sent_at FROM messages WHERE client_id = $1 AND direction = 'outbound' AND origin <> 'phone' AND sent_at > now() - interval '1 day'
			UNION ALL
			SELECT sent_at FROM erased_sends WHERE client_id = $1 AND sent_at > now() - interval '1 day') x`, client)
	return n[0], n[1], n[2], err
}

// LineCount is how full a client's line is, and what the client sent lately.
type LineCount struct {
	Waiting, Bulk     int // urgent and normal; bulk
	Minute, Hour, Day int
}

// LineCounts counts the lines of many clients at once, up to the limits.
func (tx *Tx) LineCounts(ctx context.Context, org wa.OrgID, clients []wa.ClientID, limit, bulkLimit int) (map[wa.ClientID]LineCount, error) {
	counts := make(map[wa.ClientID]LineCount, len(clients))
	_, err := collect(ctx, tx, "count lines", func(r pgx.CollectableRow) (n LineCount, err error) {
		var client wa.ClientID
		err = r.Scan(&client, &n.Waiting, &n.Bulk, &n.Minute, &n.Hour, &n.Day)
		counts[client] = n
		return n, err
	}, `
		SELECT u.client,
		       (SELECT count(*) FROM (SELECT FROM messages WHERE client_id = u.client AND status = 'queued' AND lane < 2 LIMIT $3) a),
		       (SELECT count(*) FROM (SELECT FROM messages WHERE client_id = u.client AND status = 'queued' AND lane = 2 LIMIT $4) b),
		       s.minute, s.hour, s.day
		FROM unnest($2::uuid[]) AS u(client), LATERAL (
			SELECT count(*) FILTER (WHERE sent_at > now() - interval '1 minute') AS minute,
			       count(*) FILTER (WHERE sent_at > now() - interval '1 hour') AS hour, count(*) AS day
			FROM (
				SELECT m.sent_at FROM messages m WHERE m.org_id = $1 AND m.client_id = u.client
				  AND m.direction = 'outbound' AND m.origin <> 'phone' AND m.sent_at > now() - interval '1 day'
				UNION ALL
				SELECT e.sent_at FROM erased_sends e WHERE e.org_id = $1 AND e.client_id = u.client AND e.sent_at > now() - interval '1 day') x) s`,
		org, uuidTexts(clients), limit, bulkLimit)
	return counts, err
}

// Ahead counts the messages that go before one in its client's line.
func (tx *Tx) Ahead(ctx context.Context, org wa.OrgID, id wa.MessageID, limit int) (int, error) {
	return one(ctx, tx, "count messages ahead", pgx.RowTo[int], `
		SELECT count(*) FROM (
			SELECT FROM messages m JOIN messages n ON n.client_id = m.client_id AND n.status = 'queued' AND (n.lane, n.seq) < (m.lane, m.seq)
			WHERE m.org_id = $1 AND m.id = $2 AND m.status = 'queued' LIMIT $3) a`, org, id, limit)
}

func laneNumbers(lanes []wa.Lane) []int16 {
	numbers := make([]int16, len(lanes))
	for i, l := range lanes {
		numbers[i] = int16(l)
	}
	return numbers
}

func scanClaimed(r pgx.CollectableRow) (Claimed, error) {
	var s messageScan
	var c Claimed
	var quotedWire, quotedDirection, quotedPhone, quotedLID *string
	var quotedContent []byte
	var first *time.Time
	var epoch *int64
	targets := append(s.targets(), &c.Group, &c.Crashes, &first, &epoch, &quotedWire, &quotedDirection, &quotedPhone, &quotedLID, &quotedContent)
	if err := r.Scan(targets...); err != nil {
		return c, err
	}
	m, err := s.message()
	c.Message = m
	if first != nil {
		c.FirstClaim = *first
	}
	if epoch != nil {
		c.ClaimEpoch = *epoch
	}
	if quotedWire != nil {
		c.Quoted = &QuotedRow{
			WireID: *quotedWire, Direction: wa.Direction(text(quotedDirection)), Phone: wa.Phone(text(quotedPhone)),
			LID: text(quotedLID), Text: plainText(quotedContent),
		}
	}
	return c, err
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// plainText reads the body out of a stored text; other content has none.
func plainText(content []byte) string {
	var t wa.Text
	if json.Unmarshal(content, &t) != nil {
		return ""
	}
	return t.Body
}
